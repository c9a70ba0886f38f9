"""Padding is no token: lengths and masks by any usual name, as columns, keys or files, and rows of zeros."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from cmgsd_lite.data import describe, load_folder, read_features
from cmgsd_lite.errors import DataError
from tests.data.samples import SMALL, vector, write_small

TOKENS = 6
LENGTHS = {v: 1 + n % TOKENS for n, v in enumerate(SMALL)}
COUNTS = np.array(list(LENGTHS.values()))
REAL = np.arange(TOKENS) < COUNTS[:, None]
# What stands where there is no token: nothing can be told by its value.
PADDED = np.stack([vector(v, TOKENS) for v in SMALL])


def as_told(tables: dict[str, Any], expert: str) -> None:
    (name,) = tables
    assert name == expert
    for row, video in enumerate(SMALL):
        np.testing.assert_allclose(tables[name].get(video), PADDED[row, : LENGTHS[video]], rtol=1e-6)


LENGTH_NAMES = ["lengths", "len", "feat_len", "vid_len", "video_lens", "seqLen", "num_frames", "nframes"]
LENGTH_NAMES += ["n_tokens", "frame_count", "num", "counts", "valid_len", "numFeats", "clip.length", "seqlen"]
MASK_NAMES = [
    "mask",
    "vid_mask",
    "video_masks",
    "valid",
    "is_valid",
    "attention_mask",
    "featMask",
    "not_padded",
]
PADDING_NAMES = ["padding_mask", "is_pad", "pad", "key_padding_mask", "padding", "padMask", "invalid"]


@pytest.mark.parametrize("name", LENGTH_NAMES)
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_a_column_of_lengths(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    told = COUNTS.astype("f4").reshape(shape)
    np.savez(tmp_path / "i3d.npz", features=PADDED, ids=SMALL, **{name: told})
    as_told(read_features(tmp_path / "i3d.npz"), "i3d")


@pytest.mark.parametrize("dtype", ["bool", "i8", "f4"])
@pytest.mark.parametrize("name", [*MASK_NAMES, *PADDING_NAMES])
def test_a_column_with_a_mask(tmp_path: Path, name: str, dtype: str) -> None:
    mask = (REAL if name in MASK_NAMES else ~REAL).astype(dtype)
    torch.save(
        {"features": torch.from_numpy(PADDED), "names": SMALL, name: torch.from_numpy(mask)},
        tmp_path / "i3d.pt",
    )
    as_told(read_features(tmp_path / "i3d.pt"), "i3d")


@pytest.mark.parametrize(
    "name", ["caption_lengths", "text_mask", "num_captions", "length_seconds", "word_count"]
)
def test_lengths_of_something_else_are_no_lengths(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "i3d.npz", features=PADDED, ids=SMALL, **{name: COUNTS})
    assert set(read_features(tmp_path / "i3d.npz")["i3d"].counts) == {TOKENS}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("vid_len", COUNTS + TOKENS),
        ("feat_len", COUNTS + 0.5),
        ("n_frames", COUNTS[:-1]),
        ("num_objects", COUNTS),  # or of tokens?
        ("is_pad", COUNTS),
        ("vid_mask", REAL[:, :-1]),
        ("vid_mask", np.where(REAL, 0.0, -10000.0)),
        ("valid", (COUNTS > 2).astype(int)),
        ("video_mask", np.array(["yes"] * len(SMALL))),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(tmp_path: Path, name: str, told: Any) -> None:
    np.savez(tmp_path / "i3d.npz", features=PADDED, ids=SMALL, **{name: told})
    with pytest.raises(DataError, match=rf"i3d\.npz: expected .*{name}"):
        read_features(tmp_path / "i3d.npz")


def test_a_mask_the_wrong_way_round_is_refused(tmp_path: Path) -> None:
    zeros = PADDED * REAL[:, :, None]
    np.savez(tmp_path / "i3d.npz", features=zeros, ids=SMALL, mask=~REAL)
    with pytest.raises(DataError, match=r"i3d\.npz.*turn the mask round"):
        read_features(tmp_path / "i3d.npz")


@pytest.mark.parametrize("name", ["lengths", "clip_len", "num_frames"])
def test_lengths_by_video_beside_features_by_video(tmp_path: Path, name: str) -> None:
    content = {"clip": dict(zip(SMALL, PADDED, strict=True)), name: LENGTHS}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content))
    as_told(read_features(tmp_path / "x.pkl", SMALL), "x_clip")


def write_json(path: Path, told: Any) -> None:
    listed = (
        told.tolist()
        if isinstance(told, np.ndarray)
        else {v: np.asarray(n).tolist() for v, n in told.items()}
    )
    path.with_suffix(".json").write_text(json.dumps(listed))


def write_npz(path: Path, told: Any) -> None:
    np.savez(path.with_suffix(".npz"), **(told if isinstance(told, dict) else {"lengths": told}))


def write_columns(path: Path, told: Any) -> None:
    np.savez(path.with_suffix(".npz"), ids=SMALL[::-1], n=np.array([told[v] for v in SMALL[::-1]]))


def write_pickle(path: Path, told: Any) -> None:
    path.with_suffix(".pkl").write_bytes(pickle.dumps(told))


def write_h5(path: Path, told: Any) -> None:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for key, value in (told if isinstance(told, dict) else {"lengths": told}).items():
            file[key] = value


def write_csv(path: Path, told: dict[str, int]) -> None:
    rows = [f"{v}.mp4,{n}" for v, n in told.items()]
    path.with_suffix(".csv").write_text("\n".join(["video_id,frames", *rows]))


BY_VIDEO = [write_json, write_npz, write_pickle, write_h5]


@pytest.mark.parametrize("write", [*BY_VIDEO, write_columns, write_csv])
@pytest.mark.parametrize("name", ["clip_len", "clip_num_frames", "clip.lengths", "lengths", "video_len"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_file_of_lengths_beside(
    tmp_path: Path, write: Callable[..., None], name: str, folder: bool
) -> None:
    write_small(tmp_path)
    if folder:
        (tmp_path / "clip").mkdir()
        for video, rows in zip(SMALL, PADDED, strict=True):
            np.save(tmp_path / "clip" / f"{video}.npy", rows)
    else:
        np.savez(tmp_path / "clip.npz", **dict(zip(SMALL, PADDED, strict=True)))
    inside = folder and not name.startswith("clip")
    beside = (tmp_path / "clip" if inside else tmp_path) / f"{name}.x"
    write(beside, LENGTHS)
    data = load_folder(tmp_path)
    assert list(data.train.features) == ["clip"]
    for row, video in enumerate(SMALL[:6]):
        values, mask = (part[row] for part in data.train.features["clip"])
        np.testing.assert_allclose(values[mask], PADDED[row, : LENGTHS[video]], rtol=1e-6)
    (record,) = [r for r in describe(tmp_path)["files"] if Path(r["file"]).stem == name]
    assert record["used_as"].startswith("lengths or mask of clip")


@pytest.mark.parametrize("write", BY_VIDEO)
@pytest.mark.parametrize(
    ("name", "sense"), [("clip_mask", True), ("clip_is_pad", False), ("padding_mask", False)]
)
def test_a_file_with_a_mask_beside(
    tmp_path: Path, write: Callable[..., None], name: str, sense: bool
) -> None:
    np.savez(tmp_path / "clip.npz", **dict(zip(SMALL, PADDED, strict=True)))
    mask = (REAL if name == "clip_mask" else ~REAL).astype("f4")
    write(tmp_path / f"{name}.x", dict(zip(SMALL, mask, strict=True)))
    as_told(read_features(tmp_path / "clip.npz"), "clip")


@pytest.mark.parametrize("write", BY_VIDEO)
def test_an_array_of_lengths_has_the_order_of_the_file(tmp_path: Path, write: Callable[..., None]) -> None:
    np.savez(tmp_path / "clip.npz", features=PADDED, ids=SMALL)
    write(tmp_path / "clip_lengths.x", COUNTS)
    as_told(read_features(tmp_path / "clip.npz"), "clip")


@pytest.mark.parametrize(
    "told",
    [
        {v: n + TOKENS for v, n in LENGTHS.items()},
        {v: n for v, n in LENGTHS.items() if v != SMALL[3]},
        dict.fromkeys(SMALL, "long"),
        [1, 2, 3],
        "text",
    ],
)
def test_a_file_named_after_features_that_it_does_not_fit_is_refused(tmp_path: Path, told: Any) -> None:
    np.savez(tmp_path / "clip.npz", **dict(zip(SMALL, PADDED, strict=True)))
    (tmp_path / "clip_len.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match=r"clip_len\.json: expected "):
        read_features(tmp_path / "clip.npz")


def test_a_file_named_after_nothing_may_be_of_other_features(tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", **dict(zip(SMALL, PADDED, strict=True)))
    write_small(tmp_path)
    (tmp_path / "num_frames.json").write_text(json.dumps(dict.fromkeys(SMALL, 300)))
    table = read_features(tmp_path / "clip.npz")["clip"]
    assert set(table.counts) == {TOKENS}
    data = load_folder(tmp_path)
    assert any("num_frames.json does not fit it and is not used" in note for note in data.notes)
    (record,) = [record for record in data.files if record.file == "num_frames.json"]
    assert record.used_as is None
    assert record.reason == "it does not fit clip.npz"


@pytest.mark.parametrize("name", ["mask_rcnn", "valid_clip", "stolen_frames", "clip_frames"])
def test_features_are_not_taken_for_a_mask(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / f"{name}.npz", **dict(zip(SMALL, PADDED, strict=True)))
    (table,) = read_features(tmp_path).values()
    assert len(table) == len(SMALL)


def test_rows_of_zeros_at_the_end_are_padding_aloud(tmp_path: Path) -> None:
    write_small(tmp_path)
    np.savez(tmp_path / "clip.npz", **dict(zip(SMALL, PADDED * REAL[:, :, None], strict=True)))
    as_told(read_features(tmp_path / "clip.npz"), "clip")
    said = "clip.npz: 10 of 12 videos end in rows of zeros (30 rows), which are taken for padding"
    assert said in load_folder(tmp_path).notes
    assert said in describe(tmp_path)["missing"]


def test_rows_of_zeros_between_others_stay_aloud(tmp_path: Path) -> None:
    rows = PADDED * REAL[:, :, None]
    rows[5, 2] = 0  # the last of its tokens is none of zeros
    np.savez(tmp_path / "clip.npz", ids=SMALL, features=rows)
    table = read_features(tmp_path / "clip.npz")["clip"]
    assert set(table.counts) == {TOKENS}
    assert "which are kept" in table.notes[0]


def test_a_video_of_zeros_alone_is_missing_and_single_vectors_stay(tmp_path: Path) -> None:
    rows = PADDED.copy()
    rows[3] = 0
    np.savez(tmp_path / "clip.npz", ids=SMALL, features=rows)
    assert read_features(tmp_path / "clip.npz")["clip"].get(SMALL[3]) is None
    np.savez(tmp_path / "mean.npz", ids=SMALL, features=rows[:, 0])
    assert len(read_features(tmp_path / "mean.npz")["mean"].position) == len(SMALL)
