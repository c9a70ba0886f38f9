"""What a file may ask for: relative to itself, raised by a factor, read apart where libraries may fail."""

import gzip
import json
import os
import pickle
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cmgsd_lite.data import read_annotations, read_features
from cmgsd_lite.data.formats.apart import read_apart
from cmgsd_lite.data.formats.files import ids_among, video_id_of
from cmgsd_lite.data.formats.limits import check_shape, check_size, check_stored, raised
from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.data.formats.store import _HEADER, _digest_of, write_store
from cmgsd_lite.data.formats.tables import table_from_values
from cmgsd_lite.data.splits import read_split_list
from cmgsd_lite.errors import DataError

GIGABYTE = 1 << 30


@pytest.mark.parametrize("wanted", [30 * GIGABYTE, 100 * GIGABYTE])
def test_what_a_large_file_holds_is_no_question(wanted: int) -> None:
    check_size("x.h5", wanted, 30 * GIGABYTE)
    with pytest.raises(DataError, match=r"x\.h5: .*MB of 1\.000 MB stored.*CMGSD_LIMITS=10"):
        check_size("x.h5", wanted, 10**6)


def test_one_factor_raises_all_limits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "captions.json.gz"
    path.write_bytes(gzip.compress(b'{"video1": ["a dog"]}' + b" " * 40_000_000, 1))
    with pytest.raises(DataError, match="set CMGSD_LIMITS=10"):
        read_annotations(path)
    monkeypatch.setenv("CMGSD_LIMITS", "10")
    assert read_annotations(path).captions == {"video1": ["a dog"]}


@pytest.mark.parametrize("factor", ["0", "-1", "many", "nan", "inf"])
def test_a_factor_that_is_none(monkeypatch: pytest.MonkeyPatch, factor: str) -> None:
    monkeypatch.setenv("CMGSD_LIMITS", factor)
    with pytest.raises(DataError, match="CMGSD_LIMITS: expected a number above 0"):
        raised(1)


def test_many_rows_of_nothing_are_refused() -> None:
    check_shape("x", (10**9, 4), 4)
    check_shape("x", (0, 512), 4)
    for shape, itemsize in (((10**9,), 0), ((10**9, 0), 4)):
        with pytest.raises(DataError, match="rows of nothing"):
            check_shape("x", shape, itemsize)


def test_a_file_of_holes_is_refused_and_one_with_some_is_not(tmp_path: Path) -> None:
    with (tmp_path / "some").open("wb") as stream:
        stream.write(bytes([1]) * (1 << 22))
        stream.truncate(1 << 26)
    check_stored(tmp_path / "some")
    with (tmp_path / "holes").open("wb") as stream:
        stream.truncate(1 << 26)
    if (tmp_path / "holes").stat().st_blocks:
        pytest.skip("files have no holes here")
    with pytest.raises(DataError, match="holes: expected a file that holds what it says"):
        check_stored(tmp_path / "holes")


def _hollow(path: Path, size: int) -> None:
    with path.open("r+b" if path.exists() else "wb") as stream:
        stream.truncate(size)
    if path.stat().st_blocks * 512 > size / 2:
        pytest.skip("files have no holes here")


def test_a_bigfile_of_holes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shape.txt").write_text("2 8388608")
    (tmp_path / "id.txt").write_text("video1 video2")
    _hollow(tmp_path / "feature.bin", 1 << 26)
    with pytest.raises(DataError, match=r"feature\.bin: expected a file that holds what it says"):
        read_features(tmp_path)


def test_a_converted_store_of_holes_is_refused(tmp_path: Path) -> None:
    write_store(tmp_path / "fast", {"clip": table_from_values(["video1"], [np.ones((1, 4))], "x")}, {})
    path = tmp_path / "fast" / "index.json"
    body = {key: value for key, value in json.loads(path.read_text()).items() if key not in _HEADER}
    rows = 1 << 22
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 4)}\n" % rows
    array = tmp_path / "fast" / body["experts"]["clip"]["file"]
    array.write_bytes(b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header)
    _hollow(array, 10 + len(header) + 16 * rows)
    body["experts"]["clip"]["tokens"] = [rows]
    body["files"][array.name]["bytes"] = array.stat().st_size
    told = dict(zip(_HEADER, ("cmgsd-lite", 2, _digest_of(body)), strict=True))
    path.write_text(json.dumps(told | body))
    with pytest.raises(DataError, match=rf"{array.name}: expected a file that holds what it says"):
        read_features(tmp_path / "fast")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.json", "[" + "{}," * 1_100_000 + "{}]"),
        ("x.json", "[" + '"",' * 1_100_001 + '""]'),
        ("x.jsonl", "[]\n" * 1_200_000),
        ("x.csv", "video_id,caption\n" + "a,b\n" * 600_000),
        ("x.txt", "a b\n" * 1_100_001),
    ],
)
def test_very_many_pieces_of_nothing_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=rf"{name}: expected at most 1,100,000 .* that hold next to nothing"):
        read_annotations(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("x.csv", "video{},train,a dog\n"),
        ("x.csv", "video{}|train|a dog\n"),
        ("x.jsonl", '{{"video_id":"video{}","caption":"a dog"}}\n'),
        ("x.txt", "video{}\n"),
        ("x.json", '{{"video_id":"video{}","caption":"a dog"}},'),
        ("y.json", '"video{}":["a dog"],'),
    ],
)
def test_two_hundred_thousand_short_rows_are_ordinary(tmp_path: Path, name: str, row: str) -> None:
    head = "video_id,split,caption\n".replace(",", "|" if "|" in row else ",") if name == "x.csv" else ""
    rows = "".join(row.format(n) for n in range(200_000))
    rows = {"x.json": f"[{rows[:-1]}]", "y.json": f"{{{rows[:-1]}}}"}.get(name, head + rows)
    (tmp_path / name).write_text(rows)
    if name == "x.txt":
        assert len(read_split_list(tmp_path / name)) == 200_000
    else:
        assert len(read_annotations(tmp_path / name).captions) == 200_000


def test_a_name_without_end_is_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    for long in ("x" * 1_001, b"x" * 1_001):
        with pytest.raises(DataError, match=r"video id: .* at most 1,000 letters, found one of 1,001"):
            video_id_of(long)
    assert ids_among(["x" * 1_001], ["video1"]) == set()
    monkeypatch.setenv("CMGSD_LIMITS", "2")
    assert video_id_of("x" * 1_001) == "x" * 1_001


def test_as_many_pieces_of_something_are_read(tmp_path: Path) -> None:
    captions = [f"{n:07} dogs run over the street" for n in range(120_000)]
    records = [{"video_id": "video1", "caption": caption} for caption in captions]
    (tmp_path / "x.json").write_text(json.dumps(records))
    assert read_annotations(tmp_path / "x.json").captions == {"video1": captions}


def whole(path: Path, word: str = "") -> Any:
    return {"word": word, "bytes": np.frombuffer(path.read_bytes(), np.uint8), "in": [(1, 2.5), None]}


def refuses(path: Path) -> Any:
    raise DataError(f"{path}: expected another file")


def fails(path: Path) -> Any:
    raise KeyError("no such key")


def ends(path: Path) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def runs_in_circles(path: Path) -> Any:
    while True:
        pass


def takes_all(path: Path) -> Any:
    return [bytearray(2 * GIGABYTE)]


def a_strange_object(path: Path) -> Any:
    return [object()]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (refuses, "expected another file"),
        (fails, "no such key"),
        (ends, "does not come to an end with, or crashes on"),
        pytest.param(runs_in_circles, "does not come to an end with", marks=pytest.mark.slow),
        (takes_all, "more memory than a file of its size"),
        (a_strange_object, "found a object"),
    ],
)
def test_whatever_becomes_of_the_other_process_is_an_error_with_the_name(
    tmp_path: Path, read: Any, message: str
) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\1\2")
    with pytest.raises(DataError, match=rf"x\.bin: .*{message}"):
        read_apart(read, path)
    found = read_apart(whole, path, "again")
    assert found["word"] == "again"
    assert found["bytes"].tolist() == [1, 2]
    assert found["in"] == [[1, 2.5], None]


def test_a_path_is_where_the_caller_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "video1.pkl").write_bytes(pickle.dumps({"video1": np.ones(4)}))
    monkeypatch.chdir(tmp_path)
    assert read_features("video1.pkl")["video1"].ids == ["video1"]


def test_arrays_arrive_as_they_were(tmp_path: Path) -> None:
    arrays = {
        "video1": np.arange(6, dtype=np.float16).reshape(2, 3),
        "video2": np.asfortranarray(np.ones((3, 3), np.float64)),
        "video3": np.float32(2.5),
    }
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(arrays))
    found = load_pickle(tmp_path / "x.pkl")
    for video, array in arrays.items():
        np.testing.assert_array_equal(found[video], array)
        assert found[video].dtype == array.dtype
