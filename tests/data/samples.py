"""A small data set in MSR-VTT layout, written by the data tests; no real caption in it."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

CAPTIONS = 3


def caption(video: int, number: int) -> str:
    return f"caption {number} of clip {video}"


def official_json(videos: Sequence[int], split: str, **extra: Any) -> dict[str, Any]:
    """The official release's structure; `extra` are further keys, each {video: value}."""
    return {
        "info": {"description": "This is 1.0 version of the 2016 MSR-VTT dataset."},
        "videos": [
            {
                "category": v % 20,
                "url": "u",
                "video_id": f"video{v}",
                "start time": 0.5,
                "end time": 9.5,
                "split": split,
                "id": v,
            }
            for v in videos
        ],
        "sentences": [
            {"caption": caption(v, i), "video_id": f"video{v}", "sen_id": 20 * v + i}
            for v in videos
            for i in range(CAPTIONS)
        ],
    }


def ids(numbers: Sequence[int]) -> list[str]:
    return [f"video{n}" for n in numbers]


TRAIN, VALIDATE, TEST = range(12), range(12, 16), range(16, 30)
ONE_K = [20, 18, 25, 29]  # the 1k-A test list, in its own order, part of TEST
MIECH_TEST = [3, 21, 22]


def write_annotations(folder: Path) -> Path:
    """Official zips, csv lists and CE's txt lists, as in a user's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    train = official_json(TRAIN, "train")
    validate = official_json(VALIDATE, "validate")
    both = {key: train[key] + validate[key] for key in ("videos", "sentences")} | {"info": train["info"]}
    with zipfile.ZipFile(folder / "train_val_annotation.zip", "w") as archive:
        archive.writestr("category.txt", "music\t0\r\nsports/actions\t3\r\n")
        archive.writestr("readme.txt", "read me")
        archive.writestr("train_val_videodatainfo.json", json.dumps(both))
    with zipfile.ZipFile(folder / "test_videodatainfo.json.zip", "w") as archive:
        archive.writestr("test_videodatainfo.json", json.dumps(official_json(TEST, "test")))
    nine = [*TRAIN, *VALIDATE, *(v for v in TEST if v not in ONE_K)]
    for name, numbers in (
        ("train.9k", nine),
        ("train.7k", [*TRAIN, *VALIDATE]),
        ("train.full", TRAIN),
        ("val.full", VALIDATE),
        ("test.full", TEST),
    ):
        (folder / f"MSRVTT_{name}.csv").write_text("\n".join(["video_id", *ids(numbers)]) + "\n")
    with (folder / "MSRVTT_JSFUSION_test.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["key", "vid_key", "video_id", "sentence"])
        writer.writerows([f"ret{i}", f"msr{v}", f"video{v}", f"query for {v}"] for i, v in enumerate(ONE_K))
    lists = folder / "ce_lists"
    lists.mkdir()
    miech_train = [v for v in [*TRAIN, *VALIDATE, *TEST] if v not in MIECH_TEST and v != 29]
    for name, numbers in (
        ("val_list_jsfusion", sorted(ONE_K)),
        ("train_list_jsfusion", nine),
        ("train_list_miech", miech_train),
        ("test_list_miech", MIECH_TEST),
    ):
        (lists / f"{name}.txt").write_text("\n".join(ids(numbers)))
    return folder


def write_features(folder: Path, numbers: Sequence[int], name: str = "rgb", dim: int = 4) -> Path:
    """One .npz: row v is filled with v."""
    folder.mkdir(parents=True, exist_ok=True)
    features = np.repeat(np.array(numbers, np.float32)[:, None], dim, axis=1)
    np.savez(folder / f"{name}.npz", video_id=np.array(numbers), features=features)
    return folder / f"{name}.npz"


def npz_bytes(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


SMALL = [f"v_{letter}{n}" for letter in "abcd" for n in range(3)]
"""Twelve ids as YouTube's are: only annotations tell that they are videos."""
SMALL_PARTS = {"train": SMALL[:6], "val": SMALL[6:8], "test": SMALL[8:]}
DIM = 5


def write_small(folder: Path, lists: bool = True) -> Path:
    """Two to four captions a video as JSON, and plain split lists."""
    folder.mkdir(parents=True, exist_ok=True)
    captions = {v: [f"sentence {i} on {v}" for i in range(2 + n % 3)] for n, v in enumerate(SMALL)}
    (folder / "ref_captions.json").write_text(json.dumps(captions))
    for part, mine in SMALL_PARTS.items() if lists else ():
        (folder / f"{part}_list.txt").write_text("\n".join(mine))
    return folder


def vector(video: str, tokens: int | None = None, dim: int = DIM) -> np.ndarray:
    """Features that are the video's own: [dim], or [tokens, dim]."""
    rng = np.random.default_rng([*video.encode()])
    return rng.normal(size=dim if tokens is None else (tokens, dim)).astype(np.float32)


def same_features(data: Any, expert: str, tokens: int | None = None) -> None:
    """Each video of each split has its own features under the expert's name, and no other expert is there."""
    for split in (data.train, data.validation, data.test):
        assert list(split.features) == [expert]
        values, mask = split.features[expert]
        for row, video in enumerate(split.video_ids):
            expected = np.atleast_2d(vector(video, tokens))
            np.testing.assert_allclose(values[row][mask[row]], expected, rtol=1e-6)
