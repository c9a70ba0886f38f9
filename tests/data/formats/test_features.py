"""Feature readers: small files in the real structure of each project, read back and compared."""

import io
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cmgsd_lite.data import FeatureTable, read_features
from cmgsd_lite.data.formats.arrays import load_npz
from cmgsd_lite.data.formats.tables import evenly_spaced, pad, table_from_values
from cmgsd_lite.errors import DataError

NAN = float("nan")


def vectors(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def only(path: Path) -> FeatureTable:
    (table,) = read_features(path).values()
    return table


def dump(path: Path, content: Any, protocol: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


# --- npz ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_npz_one_row_a_video_becomes_float32_with_string_ids(tmp_path: Path, dtype: str) -> None:
    features = vectors(3, 4, dtype=dtype)
    np.savez(
        tmp_path / "rgb.npz", video_id=np.array([7, 0, 12], np.int32), features=features, n_frames=[1, 2, 3]
    )
    table = read_features(tmp_path / "rgb.npz")["rgb"]
    assert table.ids == ["video7", "video0", "video12"]
    assert table.dim == 4
    for i, name in enumerate(table.ids):
        got = table.get(name)
        assert got is not None
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, features[i : i + 1], rtol=1e-6)


def test_npz_frames_are_grouped_and_sorted_by_shot_then_frame(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "frames.npz",
        features=np.array([[1.0], [2.0], [3.0], [4.0], [5.0]], np.float16),
        video_id=np.array([9, 2, 9, 9, 2]),
        shot=np.array([1, 0, 0, 0, 0]),
        frame=np.array([0, 5, 8, 2, 1]),
        mean=np.zeros(3),
        components=np.zeros((3, 1)),
    )
    table = only(tmp_path / "frames.npz")
    assert table.ids == ["video2", "video9"]
    assert [array.ravel().tolist() for array in table.arrays if array is not None] == [[5, 2], [4, 3, 1]]


def test_npz_frame_twice_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", features=vectors(2, 3), video_id=[1, 1], frame=[4, 4])
    with pytest.raises(DataError, match=r"f\.npz.*each frame once.*video1"):
        read_features(tmp_path / "f.npz")


def test_npz_padded_with_mask(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "x.npz",
        ids=["a", "b", "c"],
        features=vectors(3, 2, 4),
        mask=np.array([[1, 0], [1, 1], [0, 0]], bool),
    )
    table = only(tmp_path / "x.npz")
    assert table.counts.tolist() == [1, 2, 0]
    assert table.get("c") is None


def test_npz_nan_rows_are_missing_not_zero(tmp_path: Path) -> None:
    features = vectors(3, 2, 4)
    features[0, 1] = NAN
    features[2] = NAN
    np.savez(tmp_path / "x.npz", names=["a", "b", "c"], features=features)
    table = only(tmp_path / "x.npz")
    assert table.counts.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(table.get("a"), features[0, :1])


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "<i8", "|b1", "<U3", "<c8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (4, 1, 2), (0, 5)])
def test_members_of_an_npz_are_what_numpy_reads(
    version: tuple[int, int], dtype: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    values = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape), dtype)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for name, array in (("rows", values), ("columns", np.asfortranarray(values))):
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, array, version)
    for array in load_npz(tmp_path / "x.npz").values():
        assert array.dtype == values.dtype
        np.testing.assert_array_equal(array, values)
        assert array.flags.writeable


def test_npz_of_one_array_a_video(tmp_path: Path) -> None:
    np.savez(tmp_path / "clip.npz", video3=vectors(5, 2), video1=vectors(1, 2))
    assert dict(zip(only(tmp_path / "clip.npz").ids, only(tmp_path / "clip.npz").counts, strict=True)) == {
        "video3": 5,
        "video1": 1,
    }


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"video_id": [1, 1], "features": np.ones((2, 3))}, "each video once, found video1 2 times"),
        ({"video_id": [1, 2, 3], "features": np.ones((2, 3))}, r"expected \[3, D\].*found \[2, 3\]"),
        ({"video_id": [1, 2], "features": np.ones(2)}, r"found \[2\]"),
        ({"video_id": [1, 2], "features": np.ones((2, 1, 1, 3))}, r"found \[2, 1, 1, 3\]"),
        ({"video_id": [1, 2], "features": np.array([["a"], ["b"]])}, "expected numbers"),
        ({"video_id": [1, 2], "features": np.array([[np.inf], [1]])}, "infinite"),
        ({"video_id": [1, 2], "features": np.full((2, 3), 1e300)}, "infinite"),
        ({"video_id": [1, 2], "features": np.full((2, 3), np.nan)}, "none present"),
        ({"video_id": [1, 2], "features": np.ones((2, 0))}, r"found \[2, 0\]"),
        ({"ids": ["a", "b"], "features": np.ones((2, 3, 4)), "mask": np.ones((2, 2))}, "expected a mask"),
        ({"labels": [1, 2], "features": np.ones((2, 3))}, "expected ids.*found keys labels, features"),
        ({"video_id": [1.5, 2], "features": np.ones((2, 3))}, "whole number, found 1.5"),
    ],
)
def test_npz_of_a_wrong_shape_names_file_expected_and_found(
    tmp_path: Path, arrays: Any, message: str
) -> None:
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(DataError, match=message) as caught:
        read_features(tmp_path / "wrong.npz")
    if "whole number" not in message:
        assert "wrong.npz" in str(caught.value)


def test_truncated_npz_and_npy(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", video_id=[1, 2], features=vectors(2, 300))
    whole = (tmp_path / "x.npz").read_bytes()
    for keep in (0, 10, len(whole) // 2, len(whole) - 30):
        (tmp_path / "cut.npz").write_bytes(whole[:keep])
        with pytest.raises(DataError, match=r"cut\.npz"):
            read_features(tmp_path / "cut.npz")
    np.save(tmp_path / "video1.npy", vectors(40))
    (tmp_path / "video1.npy").write_bytes((tmp_path / "video1.npy").read_bytes()[:-8])
    (tmp_path / "folder").mkdir()
    os.rename(tmp_path / "video1.npy", tmp_path / "folder" / "video1.npy")
    with pytest.raises(DataError, match=r"video1\.npy"):
        read_features(tmp_path / "folder")


def test_npz_with_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", video_id=[1], features=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"x\.npz.*plain arrays"):
        read_features(tmp_path / "x.npz")


def test_npz_frames_equal_a_slow_grouping() -> None:
    rng = np.random.default_rng(1)
    places = np.array([(v, s, f) for v in range(6) for s in range(3) for f in range(4)])
    rng.shuffle(places)
    places = places[:50]
    rows = rng.normal(size=(50, 3)).astype(np.float32)
    rows[rng.random(50) < 0.2] = NAN
    buffer = io.BytesIO()
    np.savez(buffer, features=rows, video_id=places[:, 0], shot=places[:, 1], frame=places[:, 2])
    slow: dict[str, list[tuple[int, int, list[float]]]] = {}
    for (video, shot, frame), row in zip(places.tolist(), rows, strict=True):
        slow.setdefault(f"video{video}", [])
        if not np.isnan(row).any():
            slow[f"video{video}"].append((shot, frame, row.tolist()))
    with np.load(io.BytesIO(buffer.getvalue())) as columns:
        from cmgsd_lite.data.formats.columns import table_from_columns

        table = table_from_columns(dict(columns), Path("x"))
    assert table is not None
    assert set(table.ids) == set(slow)
    for name, frames in slow.items():
        got = table.get(name)
        assert (got is None) == (not frames)
        if got is not None:
            assert got.tolist() == [row for _, _, row in sorted(frames)]


# --- npy ---------------------------------------------------------------------------------------------


def test_folder_of_one_npy_a_video_with_varying_length(tmp_path: Path) -> None:
    folder = tmp_path / "clip_frames"
    folder.mkdir()
    for number, frames in ((0, 3), (7, 12), (11, 1)):
        np.save(folder / f"video{number}.npy", np.full((frames, 5), number, np.float64))
    np.save(folder / "video20.npy", np.zeros((0, 5)))
    np.save(folder / "video21.npy", np.full(5, NAN))
    table = read_features(folder)["clip_frames"]
    counts = dict(zip(table.ids, table.counts.tolist(), strict=True))
    assert counts == {"video0": 3, "video7": 12, "video11": 1, "video20": 0, "video21": 0}
    assert table.get("video7").dtype == np.float32  # type: ignore[union-attr]


def test_folder_of_one_npy_a_video_with_other_names(tmp_path: Path) -> None:
    folder = tmp_path / "activitynet"
    folder.mkdir()
    np.save(folder / "v_bXdq2zI1Ms0.npy", vectors(2, 3))
    np.save(folder / "v_---9CpRcKoU.npy", vectors(3))
    assert sorted(only(folder).ids) == ["---9CpRcKoU", "bXdq2zI1Ms0"]


@pytest.mark.parametrize("suffix", [".pt", ".npz", ".h5"])
def test_folder_of_one_file_a_video_of_other_kinds(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "e"
    folder.mkdir()
    arrays = {f"video{i}": vectors(i + 1, 4) for i in range(3)}
    for name, array in arrays.items():
        if suffix == ".pt":
            torch.save(torch.from_numpy(array).half(), folder / f"{name}.pt")
        elif suffix == ".npz":
            np.savez(folder / f"{name}.npz", array)
        else:
            with h5py.File(folder / f"{name}.h5", "w") as file:
                file["features"] = array
    table = only(folder)
    assert table.counts.tolist() == [1, 2, 3]
    np.testing.assert_allclose(table.get("video2"), arrays["video2"], rtol=2e-3)


def test_different_dimensions_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "e"
    folder.mkdir()
    np.save(folder / "video0.npy", vectors(2, 5))
    np.save(folder / "video1.npy", vectors(2, 6))
    with pytest.raises(DataError, match="found 5 in video0 and 6 in video1"):
        read_features(folder)


def test_hgr_tables_with_names_in_public_split(tmp_path: Path) -> None:
    folder = tmp_path / "ordered_feature" / "MP" / "resnet152.pth"
    folder.mkdir(parents=True)
    (tmp_path / "public_split").mkdir()
    for part, ids in (("trn", ["video1", "video4"]), ("val", ["video9"]), ("tst", ["video2"])):
        np.save(tmp_path / "public_split" / f"{part}_names.npy", np.array(ids))
        np.save(folder / f"{part}_ft.npy", np.full((len(ids), 3), len(ids), np.float32))
    tables = read_features(folder)
    assert list(tables) == ["resnet152.pth"]
    assert sorted(tables["resnet152.pth"].ids) == ["video1", "video2", "video4", "video9"]
    assert tables["resnet152.pth"].get("video4").tolist() == [[2, 2, 2]]  # type: ignore[union-attr]
    np.save(folder / "tst_ft.npy", vectors(3, 3))
    with pytest.raises(DataError, match=r"tst_ft\.npy.*expected \[1, D\].*tst_names\.npy, found \[3, 3\]"):
        read_features(folder)


@pytest.mark.parametrize("names", ["clip_names.npy", "clip_ids.txt", "names.txt", "ids.json"])
def test_npy_table_with_names_beside_it(tmp_path: Path, names: str) -> None:
    np.save(tmp_path / "clip.npy", vectors(2, 4))
    if names.endswith(".npy"):
        np.save(tmp_path / names, np.array([3, 8]))
    else:
        (tmp_path / names).write_text(
            '["video3", "video8"]' if names.endswith("json") else "video3\r\nvideo8\r\n"
        )
    assert read_features(tmp_path / "clip.npy")["clip"].ids == ["video3", "video8"]
    assert list(read_features(tmp_path)) == ["clip"]


def test_npy_table_without_names(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", vectors(2, 4))
    with pytest.raises(DataError, match="expected a names file beside it"):
        read_features(tmp_path / "clip.npy")


def test_parts_of_one_expert_find_together_and_overlap_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "clip_train.npz", ids=["a", "b"], features=vectors(2, 3))
    np.savez(tmp_path / "clip_test.npz", ids=["c"], features=vectors(1, 3))
    assert sorted(read_features(tmp_path)["clip"].ids) == ["a", "b", "c"]
    np.savez(tmp_path / "clip_val.npz", ids=["c"], features=vectors(1, 3))
    with pytest.raises(DataError, match="found c 2 times"):
        read_features(tmp_path)


# --- pickles -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_dict_pickle_of_collaborative_experts(tmp_path: Path, protocol: int) -> None:
    content = {
        "video0": vectors(4),
        "video1": vectors(1, 4),
        "video2": NAN,
        "video3": vectors(3, 4, dtype="float64"),
        "video4": [],
        "video5": np.float64(NAN),
        6: vectors(4, dtype="float16"),
        "video7": None,
    }
    table = read_features(dump(tmp_path / "agg" / "senet154-avg.pickle", content, protocol))["senet154-avg"]
    assert dict(zip(table.ids, table.counts.tolist(), strict=True)) == {
        "video0": 1,
        "video1": 1,
        "video2": 0,
        "video3": 3,
        "video4": 0,
        "video5": 0,
        "video6": 1,
        "video7": 0,
    }
    np.testing.assert_array_equal(table.get("video0"), content["video0"][None])
    np.testing.assert_allclose(table.get("video3"), content["video3"], rtol=1e-6)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(vectors(3, 4)),
        vectors(6, 4)[::2],
        vectors(3, 4).astype(">f8"),
        np.arange(12).reshape(3, 4),
        vectors(1, 3, 4).transpose(0, 2, 1),
    ],
    ids=["fortran", "strided", "big endian", "integers", "transposed"],
)
def test_arrays_of_any_memory_order_survive(tmp_path: Path, protocol: int, array: np.ndarray) -> None:
    table = only(dump(tmp_path / "x.pkl", {"video0": array}, protocol))
    np.testing.assert_allclose(table.get("video0"), array.reshape(array.shape[-2:]), rtol=1e-6)


def python2_pickle(name: bytes, values: list[float]) -> bytes:
    """What Python 2's cPickle wrote for {str: float32 array}: byte strings where Python 3 has text."""
    raw = struct.pack(f"<{len(values)}f", *values)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K" + bytes([len(values)]) + b"\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(raw)]) + raw + b"tb"
    )
    return b"\x80\x02}U" + bytes([len(name)]) + name + array + b"s."


def test_python_2_pickle_of_moee(tmp_path: Path) -> None:
    values = [1.5, -2.0, 1e10, 3.25]  # their bytes are no valid UTF-8
    (tmp_path / "resnet_features.pickle").write_bytes(python2_pickle(b"video12", values))
    assert only(tmp_path / "resnet_features.pickle").get("video12").tolist() == [values]  # type: ignore[union-attr]


class Runs:
    """A pickle of this runs a command when loaded carelessly."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("which", ["system", "eval", "open", "load", "getattr"])
def test_malicious_pickle_is_refused_before_it_runs(tmp_path: Path, protocol: int, which: str) -> None:
    trace = tmp_path / "trace"
    bomb = {
        "system": Runs(os.system, f"touch {trace}"),
        "eval": Runs(eval, f"open({str(trace)!r}, 'w')"),
        "open": Runs(open, str(trace), "w"),
        "load": Runs(np.load, str(trace)),
        "getattr": Runs(getattr, {}, "clear"),
    }[which]
    path = dump(tmp_path / "evil.pickle", {"video0": vectors(2), "video1": bomb}, protocol)
    with pytest.raises(DataError, match=r"evil\.pickle.*is refused"):
        read_features(path)
    assert not trace.exists()


class Forged:
    """Rebuilds an array with a state of one's choice."""

    def __init__(self, dtype: Any, data: Any) -> None:
        self.dtype, self.data = dtype, data

    def __reduce__(self) -> Any:
        make, arguments, _ = np.zeros(1).__reduce__()[:3]
        return make, arguments, (1, (1,), self.dtype, False, self.data)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (np.dtype(object), "objects made of bytes|damaged"),
        (np.dtype([("x", object)]), "is refused"),
        (np.dtype([("x", "f4")]), "is refused"),
        (np.dtype("M8[s]"), "is refused"),
    ],
)
def test_bytes_are_never_taken_for_objects(tmp_path: Path, dtype: Any, message: str) -> None:
    """Numpy itself follows such a state to any address in memory."""
    path = dump(tmp_path / "forged.pkl", {"video0": Forged(dtype, b"\x41" * 8)}, 2)
    with pytest.raises(DataError, match=message):
        read_features(path)


def test_malicious_torch_file_is_refused_before_it_runs(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    torch.save({"video0": Runs(os.system, f"touch {trace}")}, tmp_path / "evil.pth")
    with pytest.raises(DataError, match=r"evil\.pth.*posix\.system is refused.* never loaded"):
        read_features(tmp_path / "evil.pth")
    assert not trace.exists()


def test_truncated_pickle(tmp_path: Path) -> None:
    whole = pickle.dumps({"video0": vectors(50)}, protocol=4)
    for keep in (0, 5, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.pickle").write_bytes(whole[:keep])
        with pytest.raises(DataError, match=r"cut\.pickle"):
            read_features(tmp_path / "cut.pickle")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"video0": [vectors(3, 300), vectors(5, 300)]}, "features of words"),
        ({"video0": [["a", "man"]]}, "captions"),
        ({"video0": 3, "video1": 0}, "int as a value"),
        ([1, 2], "found list"),
        ({}, "found dict"),
        ({"video0": vectors(2, 2, 2)}, r"video0.*found shape \[2, 2, 2\]"),
        ({"video0": vectors(3), 0: vectors(3)}, "found video0 2 times"),
        ({"video0": 1.5}, "float as a value"),
    ],
)
def test_pickles_of_other_things(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_features(dump(tmp_path / "other.pkl", content))


# --- torch -------------------------------------------------------------------------------------------


def test_howto100m_file_holds_two_experts(tmp_path: Path) -> None:
    content = {
        "2d": {"video0": torch.ones(2, 3), "video1": torch.ones(1, 3)},
        "3d": {"video0": torch.zeros(4, 5)},
    }
    torch.save(content, tmp_path / "feats.pth")
    tables = read_features(tmp_path / "feats.pth")
    assert {name: (table.ids, table.dim) for name, table in tables.items()} == {
        "feats_2d": (["video0", "video1"], 3),
        "feats_3d": (["video0"], 5),
    }


def test_torch_columns_bfloat16_and_model_weights(tmp_path: Path) -> None:
    torch.save(
        {"video_id": ["video5", "video6"], "features": torch.ones(2, 4, dtype=torch.bfloat16)},
        tmp_path / "x.pt",
    )
    assert only(tmp_path / "x.pt").ids == ["video5", "video6"]
    torch.save(torch.nn.Linear(2, 2).state_dict() | {"layer.weight": torch.ones(1)}, tmp_path / "model.pt")
    with pytest.raises(DataError, match="weights of a model"):
        read_features(tmp_path / "model.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "x.pt").read_bytes()[:200])
    with pytest.raises(DataError, match=r"cut\.pt"):
        read_features(tmp_path / "cut.pt")


# --- HDF5 --------------------------------------------------------------------------------------------


def mmt_tree(root: Path) -> Path:
    tree = root / "vid_feat_files" / "mult_h5"
    contents: dict[str, dict[str, Any]] = {
        "video0": {"rgb": vectors(4, 6), "face": np.full((1, 3), NAN), "ocr": np.full((1, 2), NAN)},
        "video17": {"rgb": vectors(2, 6), "face": vectors(3, 3), "ocr": np.full((1, 2), NAN)},
        "vide99": {"rgb": np.zeros((0, 6)), "face": vectors(1, 3)},
    }
    for name, experts in contents.items():
        path = tree / name[0] / name[1] / name[2] / f"{name}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            for expert, array in experts.items():
                file[f"features.{expert}"] = array
                file[f"features_t.{expert}"] = np.zeros((len(array), 2))
            for i, words in enumerate([[b"a", b"man"], ["caf\u00e9".encode(), b"table"], [b"x"]] * 4):
                file[f"raw_captions.{i}"] = np.array([*words, str(i).encode()])
                file[f"raw_captions_t.{i}"] = np.zeros((len(words), 2))
    return tree


def test_mmt_tree(tmp_path: Path) -> None:
    tables = read_features(mmt_tree(tmp_path))
    assert set(tables) == {"rgb", "face"}  # no video has ocr
    assert dict(zip(tables["rgb"].ids, tables["rgb"].counts.tolist(), strict=True)) == {
        "vide99": 0,
        "video0": 4,
        "video17": 2,
    }
    assert tables["face"].get("video0") is None
    assert tables["face"].get("video17").shape == (3, 3)  # type: ignore[union-attr]


def test_hgr_flat_hdf5_and_columns(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "resnet.hdf5", "w") as file:
        file["video3"], file["video5"] = vectors(7, 4), vectors(2, 4)
    assert only(tmp_path / "resnet.hdf5").counts.tolist() == [7, 2]
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["ids"], file["features"] = np.array([b"video3", b"video5"]), vectors(2, 4)
    assert only(tmp_path / "table.h5").ids == ["video3", "video5"]


def test_broken_and_nested_hdf5(tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"0" * 50)
    with pytest.raises(DataError, match=r"x\.h5.*damaged"):
        read_features(tmp_path / "x.h5")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file.create_group("rgb")["video0"] = vectors(2)
        file.create_group("notes")["text"] = "no features"
    assert {name: table.ids for name, table in read_features(tmp_path / "y.h5").items()} == {
        "y_rgb": ["video0"]
    }


# --- BigFile -----------------------------------------------------------------------------------------


def bigfile(folder: Path, ids: list[str], rows: np.ndarray, shape: str | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows.astype("<f4").tofile(folder / "feature.bin")
    (folder / "shape.txt").write_text(shape or f"{rows.shape[0]} {rows.shape[1]}")
    (folder / "id.txt").write_text(" ".join(ids))
    return folder


def test_bigfile_of_videos_and_of_frames(tmp_path: Path) -> None:
    rows = vectors(3, 4)
    table = only(bigfile(tmp_path / "mean_resnet", ["video2", "video0", "video9"], rows))
    np.testing.assert_array_equal(table.get("video0"), rows[1:2])
    frames = only(bigfile(tmp_path / "frames", ["video2_10", "video2_9", "video0_0"], rows))
    assert frames.ids == ["video0", "video2"]
    np.testing.assert_array_equal(frames.get("video2"), rows[[1, 0]])


def test_bigfile_that_does_not_fit_its_shape(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected 4 ids and 64 bytes.*found 3 ids and 48 bytes"):
        read_features(bigfile(tmp_path / "a", ["v1", "v2", "v3"], vectors(3, 4), "4 4"))
    with pytest.raises(DataError, match=r"shape\.txt"):
        read_features(bigfile(tmp_path / "b", ["v1", "v2", "v3"], vectors(3, 4), "3"))
    with pytest.raises(DataError, match="found v1 2 times"):
        read_features(bigfile(tmp_path / "c", ["v1", "v2", "v1"], vectors(3, 4)))


# --- archives ----------------------------------------------------------------------------------------


def npz_bytes() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, video_id=[1, 2], features=np.ones((2, 3)))
    return buffer.getvalue()


def test_zip_and_tar_of_features(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/rgb.npz", npz_bytes())
        archive.writestr("__MACOSX/top/._rgb.npz", b"resource fork")
    assert list(read_features(tmp_path / "a.zip")) == ["rgb"]
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        archive.add(mmt_tree(tmp_path), arcname="mult_h5")
    assert set(read_features(tmp_path / "b.tar.gz")) == {"rgb", "face"}


@pytest.mark.parametrize(
    "name", ["/abs/rgb.npz", "../rgb.npz", "a/../../rgb.npz", "C:\\rgb.npz", "..\\rgb.npz"]
)
def test_archive_members_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, npz_bytes())
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(npz_bytes())
        archive.addfile(member, io.BytesIO(npz_bytes()))
    for archive_path in (tmp_path / "a.zip", tmp_path / "a.tar"):
        with pytest.raises(DataError, match="outside path"):
            read_features(archive_path)


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            member = tarfile.TarInfo("rgb.npz")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        with pytest.raises(DataError, match="a link"):
            read_features(tmp_path / "a.tar")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("rgb.npz")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="a link"):
        read_features(tmp_path / "a.zip")


def test_damaged_archives_and_missing_paths(tmp_path: Path) -> None:
    for name in ("a.zip", "b.tar.gz"):
        (tmp_path / name).write_bytes(b"not an archive")
        with pytest.raises(DataError, match="damaged"):
            read_features(tmp_path / name)
    with pytest.raises(DataError, match="nothing there"):
        read_features(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found none"):
        read_features(tmp_path / "empty")
    (tmp_path / "x.doc").write_text("x")
    with pytest.raises(DataError, match=r"found '\.doc'"):
        read_features(tmp_path / "x.doc")


# --- the in-memory form ------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 5), st.randoms())
def test_pad_equals_a_slow_version(counts: list[int], tokens: int, order: Any) -> None:
    counts = [*counts, 1]
    arrays = [np.arange(n * 2, dtype=np.float32).reshape(n, 2) + 100 * i for i, n in enumerate(counts)]
    ids = [f"v{i}" for i in range(len(counts))]
    table = table_from_values(ids, arrays, "x")
    asked = [*ids, "unknown"]
    order.shuffle(asked)
    values, mask = pad(table, asked, tokens)
    assert values.shape == (len(asked), tokens, 2)
    assert values.dtype == np.float32
    for row, name in enumerate(asked):
        array = arrays[ids.index(name)] if name in ids else arrays[0][:0]
        kept = array if len(array) <= tokens else array[evenly_spaced(len(array), tokens)]
        assert mask[row].tolist() == [True] * len(kept) + [False] * (tokens - len(kept))
        np.testing.assert_array_equal(values[row, : len(kept)], kept)
        assert not values[row, len(kept) :].any()


@given(st.integers(1, 60), st.integers(1, 40))
def test_evenly_spaced_keeps_order_and_both_ends(count: int, kept: int) -> None:
    chosen = evenly_spaced(count, kept)
    assert len(chosen) == min(count, kept)
    assert (np.diff(chosen) > 0).all()
    assert chosen[0] == 0
    if kept > 1:
        assert chosen[-1] == count - 1
