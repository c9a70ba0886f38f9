"""Every file under a path is told: used, and as what, or left out, and why."""

import json
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cmgsd_lite.data import (
    convert,
    describe,
    format_description,
    load_dataset,
    load_folder,
    read_annotations,
    read_features,
    read_queries,
    read_split_list,
)
from cmgsd_lite.data.formats.files import any_layout, video_id_of
from cmgsd_lite.data.formats.records import FileRecord
from cmgsd_lite.errors import DataError
from tests.data.samples import SMALL, vector, write_annotations, write_features, write_small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small(tmp_path)
    (tmp_path / "i3d.pkl").write_bytes(pickle.dumps({v: vector(v) for v in SMALL}))
    return tmp_path


def told(files: list[FileRecord]) -> dict[str, tuple[str | None, str]]:
    return {record.file: (record.used_as, record.reason) for record in files}


def test_each_file_is_told_once(folder: Path) -> None:
    deep = folder.joinpath(*(f"level{n}" for n in range(1, 8)))
    deep.mkdir(parents=True)
    (folder / "similarity").mkdir()
    for path, text in (
        (folder / "README.md", "read me"),
        (folder / "notes.txt", "just text"),
        (folder / "clip.parquet", "columns"),
        (folder / "video7.mp4", "film"),
        (folder / ".hidden", "x"),
        (folder / "similarity" / "t2v.npy", "x"),
        (folder / "broken.npz", "PK broken"),
        (folder / "broken.json", "{"),
        (deep / "deep.npz", "x"),
    ):
        path.write_text(text)
    data = load_folder(folder)
    everything = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {".hidden"}
    found = told(data.files)
    assert len(data.files) == len(found)
    assert set(found) == everything
    assert {file: used for file, (used, _) in found.items() if used} == {
        "ref_captions.json": "captions (reference)",
        "i3d.pkl": "expert i3d",
        "train_list.txt": "train list of plain, full",
        "val_list.txt": "validation list of plain, full",
        "test_list.txt": "test list of plain, full",
    }
    reasons = {file: reason for file, (used, reason) in found.items() if not used}
    for file, words in {
        "README.md": "none of features",
        "notes.txt": "expected `video#number sentence`",
        "clip.parquet": "no reader for .parquet",
        "video7.mp4": "extract",
        "similarity/t2v.npy": "scores",
        "broken.npz": "expected a whole .npz",
        "broken.json": "broken JSON",
        "level1/level2/level3/level4/level5/level6/level7/deep.npz": "deeper",
    }.items():
        assert words in reasons[file]
    described = describe(folder)
    assert [FileRecord(**record) for record in described["files"]] == data.files
    text = format_description(described)
    for record in data.files:
        assert f"file {record}" in text.splitlines()
        assert f"file {record}" in data.notes


def test_thousands_of_files_are_one_line_and_notes_are_capped(folder: Path) -> None:
    (folder / "clip").mkdir()
    for n in range(2_000):
        (folder / "clip" / f"video{n}.npy").touch()
    for n in range(40):
        (folder / f"note{n}.md").touch()
        (folder / f"more{n}.x{n}").touch()
    for v in SMALL:
        np.save(folder / "clip" / f"{v}.npy", vector(v))
    data = load_folder(folder)
    lines = [str(record) for record in data.files if record.file.startswith("clip/")]
    assert any(line.startswith("clip/*.npy (2,000 files): left out: expected") for line in lines)
    assert len(lines) < 20
    assert any(record.file == "*.md (40 files)" for record in data.files)
    assert len([note for note in data.notes if note.startswith("file")]) < 50
    assert any("more left out; `info` names them" in note for note in data.notes)


def test_folders_a_video_are_one_line(folder: Path) -> None:
    for v in SMALL:
        (folder / "clip" / v).mkdir(parents=True)
        for n in range(5):
            np.save(folder / "clip" / v / f"{n}.npy", vector(v))
    (record,) = [record for record in load_folder(folder).files if "clip" in record.file]
    assert record == FileRecord("clip/**/* (60 files)", "expert clip")


def test_an_unreadable_file_kills_only_what_it_alone_holds(folder: Path) -> None:
    (folder / "audio.npz").write_bytes(b"<html>404</html>")
    (folder / "more.csv").write_text('video_id,sentence\nv_a0,"never closed\n')
    (folder / "raw-captions.pkl").write_bytes(b"\x80\x04 cut")
    data = load_folder(folder)
    assert list(data.train.features) == ["i3d"]
    left = {file for file, (used, _) in told(data.files).items() if not used}
    assert left == {"audio.npz", "more.csv", "raw-captions.pkl"}
    (folder / "i3d.pkl").write_bytes(b"\x80\x04 cut")
    with pytest.raises(DataError, match=r"expected features, found none.*i3d\.pkl: expected a whole pickle"):
        load_folder(folder)
    assert describe(folder)["experts"] == {}


def test_a_damaged_file_of_mmts_tree_is_one_video_less(tmp_path: Path) -> None:
    write_annotations(tmp_path / "annotations")
    for n in range(30):
        path = tmp_path / "mult_h5" / "v" / "i" / "d" / f"video{n}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["features.rgb"] = np.ones((1, 3))
    path.write_bytes(b"\x89HDF cut")
    data = load_folder(tmp_path)
    assert data.test.video_ids == ["video20", "video18", "video25"]
    assert any("video29.h5: left out: expected a whole HDF5 file" in note for note in data.notes)


@pytest.mark.parametrize("video", [None, "", {"id": 1}, [1], True])
def test_a_record_without_id_names_its_file(tmp_path: Path, video: Any) -> None:
    records = [{"video_id": 1, "caption": "a cat"}, {"video_id": video, "caption": "a dog"}]
    (tmp_path / "x.json").write_text(json.dumps(records))
    with pytest.raises(DataError, match=r"x\.json: video id: expected a name or a whole number, found"):
        read_annotations(tmp_path / "x.json")


def test_the_only_captions_that_cannot_be_read_are_in_the_error(folder: Path) -> None:
    (folder / "ref_captions.json").write_text('{"v_a0": ["cut')
    with pytest.raises(DataError, match=r"expected annotations.*ref_captions\.json: expected whole JSON"):
        load_folder(folder)
    with pytest.raises(DataError, match=r"expected captions.*ref_captions\.json: expected whole JSON"):
        read_annotations(folder)


def test_files_of_annotations_elsewhere_are_told_too(tmp_path: Path) -> None:
    write_small(tmp_path / "told")
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "i3d.pkl").write_bytes(pickle.dumps({v: vector(v) for v in SMALL}))
    data = load_folder(tmp_path / "features", annotations=tmp_path / "told")
    assert {"i3d.pkl", "ref_captions.json", "train_list.txt"} <= set(told(data.files))
    within = [tmp_path / "told", tmp_path, tmp_path / "features"]
    for path in within[1:]:
        for where in within[:2]:
            names = [record.file for record in load_folder(path, annotations=where).files]
            assert len(names) == len(set(names)) == 5
    one = load_folder(tmp_path / "features" / "i3d.pkl", annotations=tmp_path / "told")
    assert told(one.files)["i3d.pkl"] == ("expert i3d", "")


def test_parts_names_and_the_fast_layout_are_told(tmp_path: Path) -> None:
    write_annotations(tmp_path / "data" / "annotations")
    write_features(tmp_path / "data", range(20), "rgb_train")
    write_features(tmp_path / "data", range(20, 30), "rgb_test")
    np.save(tmp_path / "data" / "clip.npy", np.ones((30, 3)) * np.arange(30)[:, None])
    (tmp_path / "data" / "clip_names.txt").write_text("\n".join(f"video{n}" for n in range(30)))
    found = told(load_folder(tmp_path / "data").files)
    assert found["rgb_train.npz"] == ("expert rgb (train)", "")
    assert found["rgb_test.npz"] == ("expert rgb (test)", "")
    assert found["clip_names.txt"][0] == "ids of clip.npy"
    fast = load_folder(convert(tmp_path / "data", tmp_path / "fast"))
    assert all(record.used_as for record in fast.files)
    assert any("fast layout of data; expert clip; expert rgb" in str(record) for record in fast.files)


# --- two caption files -------------------------------------------------------------------------------


def captions(folder: Path, name: str, content: dict[str, list[str]]) -> None:
    if name.endswith("l"):
        rows = [{"video": video, "caption": mine} for video, mine in content.items()]
        (folder / name).write_text("\n".join(map(json.dumps, rows)))
    else:
        (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("first", "second", "used", "why"),
    [
        ("a.jsonl", "b.json", "b.json", "reference comes before jsonl"),
        ("a.json", "b.json", "b.json", "more captions"),
    ],
)
def test_other_captions_of_the_same_videos_are_told(
    tmp_path: Path, first: str, second: str, used: str, why: str
) -> None:
    captions(tmp_path, first, {"video1": ["eins"], "video2": ["zwei"], "video3": ["three"]})
    captions(tmp_path, second, {"video1": ["one", "a one"], "video2": ["two"], "video3": ["three"]})
    (tmp_path / "x_train.txt").write_text("video1\nvideo2\n")
    read = read_annotations(tmp_path)
    assert read.captions == {"video1": ["one", "a one"], "video2": ["two"], "video3": ["three"]}
    record = next(r for r in describe(tmp_path)["files"] if r["file"] == first)
    assert record["used_as"] is None
    assert record["reason"].startswith(f"2 videos have other captions in it than in {used}")
    assert why in record["reason"]
    assert any(first in note and "other captions" in note for note in describe(tmp_path)["missing"])


def test_as_many_captions_are_chosen_by_name(tmp_path: Path) -> None:
    captions(tmp_path, "b.json", {"video1": ["one"]})
    captions(tmp_path, "a.json", {"video1": ["eins"]})
    assert read_annotations(tmp_path).captions == {"video1": ["eins"]}
    record = next(r for r in describe(tmp_path)["files"] if r["file"] == "b.json")
    assert "than in a.json, which is used (its name comes first)" in record["reason"]


def test_equal_captions_and_test_queries_are_no_conflict(folder: Path) -> None:
    again = json.loads((folder / "ref_captions.json").read_text())
    captions(folder, "again.jsonl", {v: again[v][::-1] for v in SMALL[:5]})
    rows = "".join(f"{v},a query for {v}\n" for v in SMALL[8:])
    (folder / "test.csv").write_text("video_id,sentence\n" + rows)
    data = load_folder(folder)
    found = told(data.files)
    assert found["again.jsonl"] == ("captions, the same as in other files", "")
    assert found["test.csv"][0] == "test list of plain, full"
    assert not any("other captions" in note for note in data.notes if not note.startswith("file "))
    assert data.test.queries[SMALL[8]] == [f"a query for {SMALL[8]}"]


# --- a home folder -----------------------------------------------------------------------------------


def test_tilde_is_the_home_folder_at_every_door(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    home = f"~/{folder.name}"
    calls: list[tuple[Any, Any]] = [
        (load_folder, home),
        (load_dataset, home),
        (describe, home),
        (read_annotations, home),
        (read_annotations, f"{home}/ref_captions.json"),
        (read_features, f"{home}/i3d.pkl"),
        (read_split_list, f"{home}/train_list.txt"),
    ]
    for call, path in calls:
        assert call(path)
        assert call(Path(path))
    (folder / "q.csv").write_text("video_id,sentence\nv_a0,one\n")
    assert read_queries(f"{home}/q.csv") == {"v_a0": ["one"]}
    assert load_folder(f"{home}/i3d.pkl", annotations=home).train.video_ids
    assert convert(home, "~/fast").is_dir()
    assert (folder.parent / "fast" / "index.json").is_file()


@pytest.mark.parametrize("name", ["video.npz", "id.npz", "name.npz", "a.npz"])
def test_a_file_whose_name_is_a_usual_word_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=rf"/{name}: video id: expected a name"), any_layout(tmp_path / name):
        video_id_of("")
