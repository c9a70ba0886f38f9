"""Anchor features as a data set of their own: which videos, which captions, and what is refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cmgsd_lite.data.anchors import load_anchors, without_sentences
from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.errors import DataError
from cmgsd_lite.training.experiment import DataConfig

FRAMES = "efficientnet_lite0_frames_pca256"
FILE = "derived_anchor_features_pca256.npz"


def write_set(folder: Path, train: int = 120, test: int = 10, **changes: object) -> Path:
    """A small data set in the layout of the real one: official JSON, the 1k-A csv, and anchor features."""
    ids = [f"video{7000 + i}" for i in range(train + test)]
    sentences = [
        {"sen_id": 2 * i + k, "video_id": name, "caption": f"{'anchor' if k == 0 else 'other'} {name}"}
        for i, name in enumerate(ids)
        for k in (0, 1)
    ]
    videos = [{"id": i, "video_id": name, "category": i % 3, "split": "test"} for i, name in enumerate(ids)]
    (folder / "annotations").mkdir(parents=True)
    official = folder / "annotations" / "test_videodatainfo.json"
    official.write_text(json.dumps({"info": {}, "videos": videos, "sentences": sentences}))
    with (folder / "annotations" / "MSRVTT_JSFUSION_test.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "vid_key", "video_id", "sentence"])
        writer.writerows((f"ret{i}", f"msr{i}", name, f"Anchor {name}.") for i, name in enumerate(ids))
    (folder / "annotations" / "MSRVTT_train.9k.csv").write_text("video_id\nvideo1\n")
    order = np.random.default_rng(0).permutation(train + test)
    content: dict[str, object] = {
        "video_id": np.array(ids),
        "features": np.arange(len(ids) * 4, dtype=np.float32).reshape(-1, 4),
        "train_idx": np.sort(order[:train]),
        "test_idx": np.sort(order[train:]),
        **changes,
    }
    (folder / "similarity").mkdir()
    np.savez(folder / "similarity" / FILE, **{k: v for k, v in content.items() if v is not None})  # type: ignore[arg-type]
    return folder


def test_splits_and_captions(tmp_path):
    dataset = load_anchors(write_set(tmp_path))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (20, 100, 10)
    parts = [set(split.video_ids) for split in (dataset.train, dataset.validation, dataset.test)]
    assert len(set.union(*parts)) == 130
    with np.load(tmp_path / "similarity" / FILE) as content:
        expected = {str(content["video_id"][i]) for i in content["test_idx"]}
    assert parts[2] == expected
    # A training vector holds the similarity to its own anchor caption, so that caption is not trained on.
    for split in (dataset.train, dataset.validation):
        assert all(texts == [f"other {name}"] for name, texts in split.captions.items())
    assert all(len(texts) == 2 for texts in dataset.test.captions.values())
    assert dataset.protocol == "anchors"
    assert any("120 captions that are anchors themselves" in note for note in dataset.notes)
    row = dataset.test.features["derived_anchor_features_pca256"].values[0, 0]
    assert row[0] == 4 * (int(dataset.test.video_ids[0].removeprefix("video")) - 7000)


def test_validation_is_the_same_draw_each_time(tmp_path):
    first, second = load_anchors(write_set(tmp_path / "a")), load_anchors(write_set(tmp_path / "b"))
    assert first.validation.video_ids == second.validation.video_ids


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_idx": np.arange(120), "test_idx": np.arange(121, 131)}, "all in the table"),
        ({"train_idx": None}, "expected train_idx in the file"),
        ({"train_idx": np.arange(120), "test_idx": np.arange(115, 125)}, "without a common row"),
        (
            {"train_idx": np.arange(50), "test_idx": np.arange(50, 60)},
            "expected more than 100 rows in train_idx, found 50",
        ),
    ],
)
def test_another_layout_is_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        load_anchors(write_set(tmp_path, **changes))


def test_missing_files_are_named(tmp_path):
    write_set(tmp_path)
    with pytest.raises(DataError, match=r"expected other\.npz in a folder similarity/"):
        load_anchors(tmp_path, "other.npz")
    (tmp_path / "annotations" / "MSRVTT_JSFUSION_test.csv").unlink()
    with pytest.raises(DataError, match=r"MSRVTT_JSFUSION_test\.csv"):
        load_anchors(tmp_path)


def test_a_video_needs_a_caption_besides_its_anchor():
    known = Annotations(captions={"video1": ["A dog.", " a DOG"], "video2": ["a dog"]})
    with pytest.raises(DataError, match="video1: expected captions besides"):
        without_sentences(known, {"video1": ["a dog"]}, ["video1"])
    kept, removed = without_sentences(known, {"video1": ["a cat"]}, ["video1", "video2"])
    assert removed == 0
    assert kept.captions == known.captions


def test_numbers_are_ids_as_everywhere(tmp_path):
    plain = load_anchors(write_set(tmp_path / "a"))
    numbers = load_anchors(write_set(tmp_path / "b", video_id=np.arange(7000, 7130)))
    assert numbers.test.video_ids == plain.test.video_ids


def test_experiments_find_them_by_protocol(tmp_path):
    assert DataConfig(str(write_set(tmp_path)), protocol="anchors").load().protocol == "anchors"


@pytest.mark.realdata
def test_experiments_crop_sequences(cmgsd_data: Path):
    data = DataConfig(str(cmgsd_data), experts=(FRAMES,), max_tokens=3).load()
    assert data.train.features[FRAMES].values.shape[1] == 3


@pytest.mark.realdata
def test_real_anchors(cmgsd_data: Path):
    dataset = load_anchors(cmgsd_data)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (600, 100, 300)
    assert min(map(len, dataset.train.captions.values())) >= 17
    assert {len(texts) for texts in dataset.test.captions.values()} == {20}
