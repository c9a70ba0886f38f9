"""Train, val and test kept apart are one expert in parts, whatever holds them."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from cmgsd_lite.data import describe, load_folder, read_features
from cmgsd_lite.data.formats.names import expert_name, part_of, without_part
from cmgsd_lite.errors import DataError
from tests.data.samples import DIM, SMALL, SMALL_PARTS, same_features, vector, write_small

WORDS = [
    ("train", "val", "test"),
    ("training", "validation", "testing"),
    ("trn", "validate", "tst"),
    ("Train", "Valid", "Test"),
    ("TRAIN", "dev", "TEST"),
    ("train_1", "val_1", "test_1"),
    ("train9k", "val", "test1k"),
    ("trainval", "val", "test"),
]


def parts(words: tuple[str, str, str]) -> dict[str, dict[str, np.ndarray]]:
    return {
        word: {video: vector(video) for video in mine}
        for word, mine in zip(words, SMALL_PARTS.values(), strict=True)
    }


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".pkl", ".pickle"):
        path.write_bytes(pickle.dumps(content))
    elif path.suffix in (".pt", ".pth"):
        torch.save(
            {k: {v: torch.from_numpy(x) for v, x in mine.items()} for k, mine in content.items()}, path
        )
    elif path.suffix == ".npz":
        np.savez(path, **{f"{k}/{v}": x for k, mine in content.items() for v, x in mine.items()})
    else:
        with h5py.File(path, "w") as file:
            for key, mine in content.items():
                for video, x in mine.items():
                    file[f"{key}/{video}"] = x


@pytest.mark.parametrize("words", WORDS, ids="-".join)
@pytest.mark.parametrize("shape", ["{}", "i3d_{}", "{}_i3d", "{}-i3d"])
def test_folders_of_one_file_a_video(tmp_path: Path, words: tuple[str, str, str], shape: str) -> None:
    write_small(tmp_path)
    above = tmp_path / "features" / "i3d" if shape == "{}" else tmp_path / "features"
    for word, mine in parts(words).items():
        for video, x in mine.items():
            folder = above / shape.format(word)
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{video}.npy", x)
    same_features(load_folder(tmp_path), "i3d")


@pytest.mark.parametrize("words", WORDS, ids="-".join)
@pytest.mark.parametrize("suffix", [".pkl", ".pt", ".npz", ".h5"])
def test_keys_of_one_file(tmp_path: Path, words: tuple[str, str, str], suffix: str) -> None:
    write_small(tmp_path)
    write(tmp_path / f"i3d{suffix}", parts(words))
    same_features(load_folder(tmp_path), "i3d")


@pytest.mark.parametrize("words", WORDS, ids="-".join)
@pytest.mark.parametrize(
    "name", ["i3d_{}.pkl", "{}_i3d.pkl", "i3d/{}.pkl", "{}/i3d.pkl", "i3d/{}/features.pkl"]
)
def test_a_file_a_part(tmp_path: Path, words: tuple[str, str, str], name: str) -> None:
    write_small(tmp_path)
    for word, mine in parts(words).items():
        path = tmp_path / name.format(word)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(mine))
    same_features(load_folder(tmp_path), "i3d")


def test_columns_a_part_and_experts_within_parts(tmp_path: Path) -> None:
    columns = {
        f"{part}_{key}": value
        for part, mine in SMALL_PARTS.items()
        for key, value in (("ids", mine), ("features", np.stack([vector(v) for v in mine])))
    }
    np.savez(tmp_path / "i3d.npz", **columns)
    assert sorted(read_features(tmp_path / "i3d.npz")["i3d"].ids) == sorted(sum(SMALL_PARTS.values(), []))
    nested = {
        part: {"i3d": {v: vector(v) for v in mine}, "vggish": {v: vector(v, dim=2) for v in mine}}
        for part, mine in SMALL_PARTS.items()
    }
    turned = {
        expert: {part: experts[expert] for part, experts in nested.items()} for expert in ("i3d", "vggish")
    }
    for name, content in (("a.pkl", nested), ("b.pkl", turned)):
        (tmp_path / name).write_bytes(pickle.dumps(content))
        tables = read_features(tmp_path / name)
        assert {key[2:]: (len(t), t.dim) for key, t in tables.items()} == {"i3d": (12, 5), "vggish": (12, 2)}


def test_parts_that_give_a_video_other_features_are_refused_aloud(tmp_path: Path) -> None:
    write_small(tmp_path)
    write(tmp_path / "i3d.pkl", {"train": {"v_a0": vector("v_a0")}, "test": {"v_a0": vector("v_a1")}})
    with pytest.raises(DataError, match="i3d.pkl.*found v_a0 2 times"):
        load_folder(tmp_path)


def test_a_part_without_ids_is_no_table_of_three_videos(tmp_path: Path) -> None:
    np.savez(tmp_path / "i3d.npz", train=np.ones((6, 5)), val=np.ones((2, 5)), test=np.ones((4, 5)))
    with pytest.raises(DataError, match="expected video ids beside the features, found train, val, test"):
        read_features(tmp_path / "i3d.npz")


@pytest.mark.parametrize("name", ["latest", "pretrained", "contest", "valence", "i3d", "r2p1d"])
def test_words_that_only_look_like_parts(name: str) -> None:
    assert part_of(name) is None
    assert without_part(name) == name
    assert expert_name(Path(f"{name}.npz")) == name


SHARDS = [("clip_part0", "clip_part1"), ("clip-00000-of-00002", "clip-00001-of-00002")]
SHARDS += [("clip.shard1", "clip.shard2"), ("clip_chunk_03", "clip_chunk_11"), ("clip/part0", "clip/part1")]


@pytest.mark.parametrize("names", SHARDS)
@pytest.mark.parametrize("asked", [None, ["clip"]])
def test_shards_are_one_expert_aloud(tmp_path: Path, names: tuple[str, str], asked: list[str] | None) -> None:
    write_small(tmp_path)
    for name, mine in zip(names, (SMALL[::2], SMALL[1::2]), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.savez(tmp_path / f"{name}.npz", **{v: vector(v, 2) for v in mine})
    data = load_folder(tmp_path, experts=asked)
    same_features(data, "clip", 2)
    assert any("clip: put together of 2 shards" in note for note in data.notes)


def test_shards_within_a_file(tmp_path: Path) -> None:
    write_small(tmp_path)
    shards = {"part0": {v: vector(v) for v in SMALL[:5]}, "part1": {v: vector(v) for v in SMALL[5:]}}
    (tmp_path / "clip.pkl").write_bytes(pickle.dumps(shards))
    same_features(load_folder(tmp_path), "clip")


@pytest.mark.parametrize(("ids", "dim"), [(SMALL, DIM), (SMALL[6:], DIM + 3)])
def test_what_shares_videos_or_differs_in_d_is_no_shard(tmp_path: Path, ids: list[str], dim: int) -> None:
    write_small(tmp_path)
    np.savez(tmp_path / "vit_part1.npz", **{v: vector(v) for v in SMALL[:6]})
    np.savez(tmp_path / "vit_part2.npz", **{v: vector(v, dim=dim) for v in ids})
    assert set(read_features(tmp_path)) == {"vit_part1", "vit_part2"}
    assert set(describe(tmp_path)["experts"]) == {"vit_part1", "vit_part2"}
