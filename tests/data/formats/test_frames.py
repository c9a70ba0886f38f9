"""Frames in files, keys and padded arrays: all of a video's, in the order of their numbers."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from cmgsd_lite.data import load_folder, read_features
from cmgsd_lite.errors import DataError
from tests.data.samples import SMALL, same_features, vector, write_small

TOKENS = 12  # "10" and "11" come before "2" as text
NUMBERS = ["{}", "{:04d}", "frame_{}", "frame{:03d}", "img-{}"]


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, array)
    elif path.suffix == ".pt":
        torch.save(torch.from_numpy(array), path)
    else:
        with h5py.File(path, "w") as file:
            file["x"] = array


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", ["{video}/{number}", "{video}/{video}_{number}", "{video}_{number}"])
def test_a_file_a_frame(tmp_path: Path, number: str, name: str) -> None:
    write_small(tmp_path)
    for video in SMALL:
        for i, row in enumerate(vector(video, TOKENS)):
            file = name.format(video=video, number=number.format(i))
            save(tmp_path / "clip" / f"{file}.npy", row)
    same_features(load_folder(tmp_path), "clip", TOKENS)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".pt", ".h5"])
def test_a_folder_a_video_in_any_container_and_in_parts(tmp_path: Path, suffix: str) -> None:
    write_small(tmp_path)
    for n, video in enumerate(SMALL):
        for i, row in enumerate(vector(video, TOKENS)):
            part = "train" if n < 6 else "test"
            save(tmp_path / "clip" / part / video / f"{i}{suffix}", row[None] if i % 2 else row)
    same_features(load_folder(tmp_path), "clip", TOKENS)


def test_a_folder_a_video_with_one_file_or_a_file_an_expert(tmp_path: Path) -> None:
    write_small(tmp_path)
    for video in SMALL:
        save(tmp_path / "i3d" / video / "features.npy", vector(video, 3))
    same_features(load_folder(tmp_path), "i3d", 3)
    for video in SMALL:
        for expert in ("vggish", "caption_bert"):
            save(tmp_path / "more" / video / f"{expert}.npy", vector(video, 2))
    assert set(load_folder(tmp_path).train.features) == {"i3d", "vggish"}


def test_one_frame_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_small(tmp_path)
    for video in SMALL:
        for i, row in enumerate(vector(video, 3)):
            save(tmp_path / "clip" / video / f"{i}.npy", row)
    (tmp_path / "clip" / SMALL[0] / "1.npy").write_bytes(b"\x93NUMPY cut")
    data = load_folder(tmp_path)
    assert data.train.features["clip"].mask.sum(1).tolist() == [2, 3, 3, 3, 3, 3]
    assert any(f"clip/{SMALL[0]}/1.npy: left out: expected a whole .npy" in note for note in data.notes)


def frames_as_keys(number: str) -> dict[str, dict[Any, np.ndarray]]:
    return {v: {number.format(i): row for i, row in enumerate(vector(v, TOKENS))} for v in SMALL}


@pytest.mark.parametrize("number", [*NUMBERS, "{}.5"])
@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".h5", ".npz"])
def test_frames_keyed_by_text(tmp_path: Path, number: str, suffix: str) -> None:
    write_small(tmp_path)
    content = frames_as_keys(number)
    path = tmp_path / f"clip{suffix}"
    flat = {f"{v}/{key}": row for v, mine in content.items() for key, row in mine.items()}
    if suffix == ".pkl":
        path.write_bytes(pickle.dumps(content))
    elif suffix == ".pt":
        tensors = {v: {k: torch.from_numpy(row) for k, row in mine.items()} for v, mine in content.items()}
        torch.save(tensors, path)
    elif suffix == ".npz":
        np.savez(path, **flat)
    else:
        with h5py.File(path, "w") as file:
            for key, row in flat.items():
                file[key] = row
    same_features(load_folder(tmp_path), "clip", TOKENS)


def test_frames_keyed_by_numbers_without_annotations(tmp_path: Path) -> None:
    content = {v: dict(enumerate(vector(v, TOKENS))) for v in SMALL}
    (tmp_path / "clip.pkl").write_bytes(pickle.dumps(content))
    table = read_features(tmp_path / "clip.pkl")["clip"]
    np.testing.assert_array_equal(table.get("v_b1"), vector("v_b1", TOKENS))


def test_positions_as_text_in_columns(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "clip.npz",
        video_id=np.repeat("video1", TOKENS),
        frame=np.array([str(i) for i in range(TOKENS)]),
        features=vector("video1", TOKENS),
    )
    np.testing.assert_array_equal(
        read_features(tmp_path / "clip.npz")["clip"].get("video1"), vector("video1", TOKENS)
    )
    np.savez(tmp_path / "clip.npz", video_id=["a", "a"], frame=["first", "2"], features=np.ones((2, 3)))
    with pytest.raises(DataError, match="expected numbers of frames, found 'first'"):
        read_features(tmp_path / "clip.npz")


def test_the_same_number_twice_is_refused(tmp_path: Path) -> None:
    for name in ("1", "01"):
        save(tmp_path / "clip" / "video7" / f"{name}.npy", np.ones(3))
        save(tmp_path / "clip" / "video8" / f"{name}.npy", np.ones(3))
    with pytest.raises(DataError, match="expected each frame once"):
        read_features(tmp_path / "clip")


LENGTHS = [3, 1, 4, 0]
IDS = ["video1", "video2", "video3", "video4"]


def padded() -> np.ndarray:
    return np.stack([vector(v, 4) for v in IDS])


def is_cut(table: Any) -> None:
    assert table.counts.tolist() == LENGTHS
    for video, n in zip(IDS, LENGTHS, strict=True):
        if n:
            np.testing.assert_array_equal(table.get(video), vector(video, 4)[:n])


MASK = np.arange(4) < np.array(LENGTHS)[:, None]
TOLD: list[tuple[str, Any]] = [
    *((key, np.array(LENGTHS)) for key in ("lengths", "length", "num_frames", "n_frames", "lens", "seq_len")),
    ("lengths", np.array(LENGTHS, float)[:, None]),
    *((key, MASK) for key in ("mask", "masks", "attention_mask", "video_mask")),
    ("mask", MASK.astype(np.float32)[..., None]),
    ("padding_mask", ~MASK),
]


@pytest.mark.parametrize(("key", "told"), TOLD)
@pytest.mark.parametrize("suffix", [".npz", ".pkl", ".pt", ".h5", ".npy"])
def test_padded_arrays_are_cut_as_their_lengths_or_mask_say(
    tmp_path: Path, key: str, told: np.ndarray, suffix: str
) -> None:
    path, content = tmp_path / f"clip{suffix}", {"ids": IDS, "features": padded(), key: told}
    if suffix == ".npz":
        np.savez(path, **content)
    elif suffix == ".pkl":
        path.write_bytes(pickle.dumps(content))
    elif suffix == ".pt":
        torch.save(content | {"features": torch.from_numpy(padded()), key: torch.from_numpy(told)}, path)
    elif suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                file[name] = value
    else:
        np.save(path, padded())
        (tmp_path / "clip_names.txt").write_text("\n".join(IDS))
        np.save(tmp_path / f"clip_{key}.npy", told)
        assert list(read_features(tmp_path)) == ["clip"]
    is_cut(read_features(path)["clip"])


def test_padded_a_video(tmp_path: Path) -> None:
    one = {v: {"features": vector(v, 4), "length": n} for v, n in zip(IDS, LENGTHS, strict=True)}
    two = {
        "features": {v: vector(v, 4) for v in IDS},
        "lengths": dict(zip(IDS, LENGTHS, strict=True)),
    }
    for name, content in (("one", one), ("two", two)):
        (tmp_path / f"{name}.pkl").write_bytes(pickle.dumps(content))
        is_cut(read_features(tmp_path / f"{name}.pkl")[name])
    (tmp_path / "three").mkdir()
    for v, row in zip(IDS, MASK, strict=True):
        np.savez(tmp_path / "three" / f"{v}.npz", features=vector(v, 4), mask=row)
    is_cut(read_features(tmp_path / "three")["three"])


@pytest.mark.parametrize("lengths", [[3, 1, 5, 0], [3, 1, -1, 0], [3, 1, 2.5, 0], [3, 1, 4]])
def test_lengths_that_do_not_fit_are_refused(tmp_path: Path, lengths: list[float]) -> None:
    np.savez(tmp_path / "clip.npz", ids=IDS, features=padded(), lengths=lengths)
    with pytest.raises(DataError, match="expected 4 whole numbers from 0 to 4 in lengths"):
        read_features(tmp_path / "clip.npz")
