"""Every layout of the registry is written in small and read: plainly, packed, and among broken files."""

import gzip
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmgsd_lite.data import describe, format_description, load_folder
from cmgsd_lite.data.dataset import RetrievalDataset
from cmgsd_lite.data.formats.files import video_id_of
from cmgsd_lite.data.formats.layouts import CAPTIONS as HOLDS_CAPTIONS
from cmgsd_lite.data.formats.layouts import LAYOUTS, layout_tables
from cmgsd_lite.errors import DataError
from tests.data import layouts
from tests.data.layouts import CAPTIONS, FEATURES, World, plain_features

TEXTS = {".json", ".jsonl", ".csv", ".tsv", ".txt", ".token"}
NAMES = [*FEATURES, *CAPTIONS]
DATA_PAGE = Path(__file__).parents[2] / "docs" / "DATA.md"


def written(folder: Path, name: str) -> World:
    """The world whose data lies in the folder in that layout; of captions, with plain features beside."""
    world = World(FEATURES[name].style if name in FEATURES else CAPTIONS[name].style)
    (FEATURES.get(name) or CAPTIONS[name]).build(folder, world)
    if name in CAPTIONS:
        plain_features(folder, world)
    return world


def nested(folder: Path) -> Path:
    """One folder deeper, twice."""
    (folder.parent / "up" / "inner").mkdir(parents=True)
    shutil.move(folder, folder.parent / "up" / "inner" / "data")
    return folder.parent / "up"


def gzipped(folder: Path) -> Path:
    """Every text file, and every other file at the top, is a .gz."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.suffix in TEXTS or path.parent == folder:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    return folder


def zipped(folder: Path) -> Path:
    """One zip of everything."""
    archive = folder.parent / "everything.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            opened.write(path, path.relative_to(folder).as_posix())
    return archive


def from_windows(folder: Path) -> Path:
    """CRLF and a byte order mark in text files; BigFile's programs write none."""
    for path in [path for path in folder.rglob("*") if path.suffix in TEXTS]:
        if "FeatureData" not in path.parts:
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    return folder


def among_broken(folder: Path) -> Path:
    """Damaged files and what stands in place of files among the good ones."""
    for name, content in {
        "vggish.npz": b"PK\x03\x04 cut",
        "more_train.json": b'{"a": ["cut',
        "rgb.pkl": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "old.csv": b'video_id,sentence\nx,"never closed\n',
        "s3d.pt": b"<!DOCTYPE html><html>",
        "ocr.mat": b"cut",
        "more.zip": b"PK\x03\x04 cut",
        "more.json.gz": b"\x1f\x8b cut",
        "more.tsv": b"v1\t1.5\t2.5\t3.5\t4.5\nv2\t1.5\n",
    }.items():
        (folder / name).write_bytes(content)
    return folder


def check_ids(data: RetrievalDataset, world: World, validation: bool) -> None:
    parts = {part: [video_id_of(v) for v in mine] for part, mine in world.parts.items()}
    assert sorted(data.test.video_ids) == sorted(parts["test"])
    got = {"train": data.train.video_ids, "val": data.validation.video_ids}
    if not validation:  # taken from training
        assert sorted(got["train"] + got["val"]) == sorted(parts["train"] + parts["val"])
        return
    assert {part: sorted(mine) for part, mine in got.items()} == {part: sorted(parts[part]) for part in got}


def expected(world: World, video: str, expert: str, tokens: int | None) -> np.ndarray:
    """What the fixtures put there."""
    if expert == "Audio_MSRVTT_new":
        features = world.features(video, 3, 8)
        return features[:0] if video == world.ids[1] else features
    features = np.atleast_2d(world.features(video, world.tokens(video) if tokens == -1 else tokens))
    return features + 1 if expert == "feats_3d" else features


def check(data: RetrievalDataset, name: str, world: World) -> None:
    layout: Any = FEATURES.get(name) or CAPTIONS[name]
    experts = FEATURES[name].experts if name in FEATURES else {"i3d": None}
    if name != "mmt-activitynet":  # it lists train and test alone, and leaves validation videos out
        check_ids(data, world, getattr(layout, "validation", True))
    original = {video_id_of(video): video for video in world.ids}
    for split in (data.train, data.validation, data.test):
        assert set(split.features) == set(experts)
        for row, video in enumerate(split.video_ids):
            own = original[video]
            part = next(part for part, mine in world.parts.items() if own in mine)
            first = part in getattr(layout, "first_only", ())
            assert split.captions[video] == world.captions[own][: 1 if first else None]
            for expert, tokens in experts.items():
                values, mask = split.features[expert]
                there = expected(world, own, expert, tokens)
                np.testing.assert_allclose(values[row][mask[row]], there, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_each_layout_is_read(tmp_path: Path, name: str) -> None:
    world = written(tmp_path / "data", name)
    data = load_folder(tmp_path / "data")
    check(data, name, world)
    told = " ".join(note for note in data.notes if not note.startswith("file"))
    assert "is not used" not in told


@pytest.mark.parametrize(
    "change", [nested, gzipped, zipped, from_windows], ids=lambda change: change.__name__
)
@pytest.mark.parametrize("name", NAMES)
def test_each_layout_is_read_in_other_wrappings(tmp_path: Path, name: str, change: Any) -> None:
    world = written(tmp_path / "data", name)
    check(load_folder(change(tmp_path / "data")), name, world)


@pytest.mark.parametrize("name", NAMES)
def test_broken_files_never_hide_the_others(tmp_path: Path, name: str) -> None:
    world = written(tmp_path / "data", name)
    folder = among_broken(tmp_path / "data")
    data = load_folder(folder)
    check(data, name, world)
    left = {record.file: record.reason for record in data.files if not record.used_as}
    for file, words in {
        "vggish.npz": "expected a whole .npz",
        "more_train.json": "broken JSON",
        "rgb.pkl": "Git LFS pointer",
        "old.csv": "broken quoting",
        "s3d.pt": "web page",
        "ocr.mat": "expected a whole .mat file",
        "more.zip": "damaged",
        "more.json.gz": "damaged",
        "more.tsv": "expected 5 cells, found 2",
    }.items():
        assert words in left[file]
    assert str(folder) not in format_description(describe(folder)).split("\n", 1)[1]


STYLES = ["youtube", "number", "uuid", "lsmdc", "vatex", "video"]
OTHER_IDS = [(name, STYLES[n % len(STYLES)]) for n, name in enumerate(NAMES) if name != "msvd-csv"]


@pytest.mark.parametrize(("name", "style"), OTHER_IDS)
def test_ids_of_another_style(tmp_path: Path, name: str, style: str) -> None:
    world = World(style)
    (FEATURES.get(name) or CAPTIONS[name]).build(tmp_path, world)
    if name in CAPTIONS:
        plain_features(tmp_path, world)
    check(load_folder(tmp_path), name, world)


def test_the_registry_names_every_fixture_and_the_page_shows_it() -> None:
    assert {layout.name for layout in LAYOUTS if layout.holds != HOLDS_CAPTIONS} == set(FEATURES)
    assert {layout.name for layout in LAYOUTS if layout.holds == HOLDS_CAPTIONS} == set(CAPTIONS)
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert layout_tables() in DATA_PAGE.read_text()


def test_matlabs_hdf5_is_read_with_its_axes_turned(tmp_path: Path) -> None:
    world = World("youtube")
    layouts.plain_text(tmp_path, world)
    rows = np.stack([world.features(v) for v in world.ids])
    with layouts.open_h5(tmp_path / "vgg_feats.mat") as file:
        file["feats"] = rows  # Matlab's [D, N]
    layouts.put_lines(tmp_path / "vgg_feats_names.txt", world.ids)
    check(load_folder(tmp_path), "mat-feats", world)


# --- variants that people have -----------------------------------------------------------------------


def plain(folder: Path, style: str = "youtube") -> World:
    """A world with features alone, in the folder."""
    world = World(style)
    plain_features(folder, world)
    return world


def by_part(world: World) -> list[tuple[str, str]]:
    return [(video, part) for part, mine in world.parts.items() for video in mine]


def one_key(folder: Path, world: World) -> None:
    """Records with the part of each below a key of the file; captions as objects."""
    rows = [
        {"Video ID": v, "Captions": [{"raw": c} for c in world.captions[v]], "split": p}
        for v, p in by_part(world)
    ]
    layouts.put_json(folder / "captions.json", {"version": 1, "data": rows})


def semicolons(folder: Path, world: World) -> None:
    """Names of columns with capitals and blanks."""
    rows = [[v, c, p] for v, p in by_part(world) for c in world.captions[v]]
    layouts.put_csv(folder / "all.csv", ["Video ID", "Caption", "Split"], rows, ";")


def coco_of_videos(folder: Path, world: World) -> None:
    """COCO's way with videos instead of images."""
    for part, mine in world.parts.items():
        videos = [{"id": world.ids.index(v), "file_name": f"{v}.mp4"} for v in mine]
        told = [{"video_id": world.ids.index(v), "caption": c} for v, c in layouts.pairs(world, mine)]
        layouts.put_json(folder / f"{part}_caps.json", {"videos": videos, "annotations": told})


def part_a_line(folder: Path, world: World) -> None:
    """`id part` a line, without a header."""
    layouts.put_json(folder / "ref_captions.json", world.captions)
    layouts.put_lines(folder / "split.txt", [f"{v}\t{part}" for v, part in by_part(world)])


def part_a_folder(folder: Path, world: World) -> None:
    """Captions in folders named after the parts."""
    for part, mine in world.parts.items():
        layouts.put_json(folder / part / "captions.json", {v: world.captions[v] for v in mine})


def sentences_a_part(folder: Path, world: World) -> None:
    """MSVD as captioning has it: `id sentence` a line, a tab between, a file a part."""
    for part, mine in world.parts.items():
        lines = [f"{v}\t{c}" for v, c in layouts.pairs(world, mine)]
        layouts.put_lines(folder / f"sents_{part}_lc_nopunc.txt", lines)


@pytest.mark.parametrize(
    "build", [sentences_a_part, one_key, semicolons, coco_of_videos, part_a_line, part_a_folder]
)
def test_other_ways_to_say_the_same(tmp_path: Path, build: Any) -> None:
    world = plain(tmp_path)
    build(tmp_path, world)
    check(load_folder(tmp_path), "split-json", world)


def test_no_part_is_taken_from_the_name_of_the_opened_folder(tmp_path: Path) -> None:
    world = plain(tmp_path / "val")
    layouts.split_json(tmp_path / "val", world)
    check(load_folder(tmp_path / "val"), "split-json", world)


def test_vectors_in_one_cell_and_in_one_struct(tmp_path: Path) -> None:
    world = World("youtube")
    layouts.split_json(tmp_path, world)
    rows = [[v, str(world.features(v).tolist())] for v in world.ids]
    layouts.put_csv(tmp_path / "i3d.csv", ["video_id", "embedding"], rows)
    check(load_folder(tmp_path), "split-json", world)
    (tmp_path / "i3d.csv").unlink()
    lines = [f"{v} {' '.join(map(repr, world.features(v).tolist()))}" for v in world.ids]
    layouts.put_lines(tmp_path / "i3d.txt", lines)
    check(load_folder(tmp_path), "split-json", world)
    (tmp_path / "i3d.txt").unlink()
    features = np.stack([world.features(v) for v in world.ids])
    ids = np.array(world.ids, dtype=object)
    layouts.savemat(tmp_path / "i3d.mat", {"data": {"video_ids": ids, "feats": features}})
    check(load_folder(tmp_path), "split-json", world)


def test_films_stay_packed_and_a_link_out_of_an_archive_is_refused(tmp_path: Path) -> None:
    world = plain(tmp_path)
    layouts.split_json(tmp_path, world)
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("films/video7.mp4", b"film")
        archive.writestr("README.md", "read me")
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../outside.json", "{}")
        archive.writestr("inside.json", "{}")
    data = load_folder(tmp_path)
    check(data, "split-json", world)
    told = {record.file: record for record in data.files}
    assert "more.zip/README.md" in told
    assert told["more.zip"].reason.startswith("1 films or pictures stay packed")
    assert "an outside path" in told["evil.zip"].reason
    assert not (tmp_path.parent / "outside.json").exists()


# --- features in other folders, files and keys ---------------------------------------------------------


def films(folder: Path, world: World) -> None:
    """LSMDC as CLIP4Clip keeps it, and WebVid: a folder a film or page, with a file a clip."""
    for n, v in enumerate(world.ids):
        layouts.put_array(folder / "i3d" / f"10{n % 4:02d}_Film" / f"{v}.npy", world.features(v))


def official_parts(folder: Path, world: World) -> None:
    """VATEX: trainval/ and public_test/."""
    for v, part in by_part(world):
        where = "public_test" if part == "test" else "trainval"
        layouts.put_array(folder / "i3d" / where / f"{v}.npy", world.features(v)[None])


def columns_of_clip(folder: Path, world: World) -> None:
    """Names that CLIP scripts give to columns, and an ending in capitals."""
    rows = np.stack([world.features(v)[None] for v in world.ids])
    with (folder / "i3d.NPZ").open("wb") as file:
        np.savez(file, vids=np.array(world.ids), frame_embeddings=rows, n_frames=np.ones(len(rows), int))


def names_of_frames(folder: Path, world: World) -> None:
    """A row a frame in any order, video and frame in its name."""
    names = [f"{v}_0" for v in reversed(world.ids)]
    rows = np.stack([world.features(v) for v in reversed(world.ids)])
    np.savez(folder / "i3d.npz", names=np.array(names), features=rows)


@pytest.mark.parametrize("build", [films, official_parts, columns_of_clip, names_of_frames])
@pytest.mark.parametrize("style", ["lsmdc", "video"])
def test_features_of_one_expert_in_other_containers(tmp_path: Path, style: str, build: Any) -> None:
    world = World(style)
    layouts.split_json(tmp_path, world)
    build(tmp_path, world)
    check(load_folder(tmp_path), "split-json", world)


def test_folders_of_experts_stay_apart(tmp_path: Path) -> None:
    world = World()
    layouts.split_json(tmp_path, world)
    for v, part in by_part(world):  # other videos, same D, but named after networks
        layouts.put_array(tmp_path / ("s3d" if part == "test" else "resnet152") / f"{v}.npy", np.ones(6))
    assert set(load_folder(tmp_path).test.features) == {"s3d", "resnet152"}


def test_several_experts_in_the_file_of_a_video(tmp_path: Path) -> None:
    world = World("youtube")
    layouts.split_json(tmp_path, world)
    (tmp_path / "features").mkdir()
    for n, v in enumerate(world.ids):  # a video without sound has a single array
        sound = {} if n % 3 == 0 else {"vggish": world.features(v, 3, 8)}
        np.savez(tmp_path / "features" / f"{v}.npz", i3d=world.features(v, 2), **sound)
    data = load_folder(tmp_path)
    values, mask = data.test.features["features_i3d"]
    sound = data.test.features["features_vggish"].mask.any(axis=1)
    assert mask.all()
    np.testing.assert_allclose(values, [world.features(v, 2) for v in data.test.video_ids], rtol=1e-6)
    assert sound.tolist() == [world.ids.index(v) % 3 != 0 for v in data.test.video_ids]


@pytest.mark.parametrize("where", ["folders", "files", "keys"])
def test_parts_that_only_the_features_say(tmp_path: Path, where: str) -> None:
    world = World("youtube")
    layouts.put_json(tmp_path / "ref_captions.json", world.captions)
    told = {part: {v: world.features(v) for v in mine} for part, mine in world.parts.items()}
    if where == "keys":
        layouts.put_pickle(tmp_path / "i3d.pkl", told)
    for part, mine in told.items() if where != "keys" else ():
        for v in mine if where == "folders" else ():
            layouts.put_array(tmp_path / "i3d" / part / f"{v}.npy", mine[v])
        if where == "files":
            layouts.put_pickle(tmp_path / f"i3d_{part}.pkl", mine)
    data = load_folder(tmp_path)
    check(data, "split-json", world)
    assert any("no split list" in note for note in data.notes)


def test_films_of_activitynet_are_named_with_and_without_v(tmp_path: Path) -> None:
    world = World("activitynet")
    layouts.split_json(tmp_path, world)
    for v in world.ids:
        layouts.put_array(tmp_path / "i3d" / f"{v.removeprefix('v_')}.npy", world.features(v))
    data = load_folder(tmp_path)
    check(data, "split-json", world)
    assert any("without v_" in note for note in data.notes)


def csv_a_part(folder: Path, world: World) -> None:
    """Captions of a part, ending and words of the header in capitals."""
    for part, mine in world.parts.items():
        rows = [[c, v] for v, c in layouts.pairs(world, mine)]
        layouts.put_csv(folder / f"captions_{part}.CSV", ["CAPTION", "VIDEO_ID"], rows)


def lavis(folder: Path, world: World) -> None:
    """LAVIS: a number of the image in training alone, the file everywhere."""
    for part, mine in world.parts.items():
        number = {"image_id": "coco_7"} if part == "train" else {}
        rows = [{"caption": c, "image": f"val2014/{v}.jpg", **number} for v, c in layouts.pairs(world, mine)]
        layouts.put_json(folder / f"coco_karpathy_{part}.json", rows)


@pytest.mark.parametrize("build", [csv_a_part, lavis])
def test_captions_of_a_part(tmp_path: Path, build: Any) -> None:
    world = plain(tmp_path)
    build(tmp_path, world)
    check(load_folder(tmp_path), "split-json", world)


def test_a_broken_list_is_blamed_before_features_that_it_would_have_named(tmp_path: Path) -> None:
    world = World("lsmdc")
    films(tmp_path, world)
    layouts.lsmdc(tmp_path, world)
    with (tmp_path / "LSMDC16_annos_training.csv").open("a") as file:
        file.write("1001_x\tonly two\n")
    with pytest.raises(DataError, match=r"left out: LSMDC16_annos_training.csv: .*expected 6 cells"):
        load_folder(tmp_path)
