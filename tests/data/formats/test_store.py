"""The fast layout: whole or not at all, by one writer, with checksums, and nothing read before it is used."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmgsd_lite.data import convert, load_folder, read_features
from cmgsd_lite.data.formats import tables
from cmgsd_lite.data.formats.store import check_store, is_store, write_store
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import sole_writer
from tests.data.samples import ids, write_annotations, write_features


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_annotations(tmp_path / "data" / "annotations")
    write_features(tmp_path / "data" / "features", range(30))
    return tmp_path / "data"


@pytest.fixture
def store(folder: Path) -> Path:
    return convert(folder, folder.parent / "fast")


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=8), st.sampled_from(["float16", "float32", "float64"])
)
def test_store_round_trip(tmp_path_factory: pytest.TempPathFactory, counts: list[int], dtype: str) -> None:
    counts = [*counts, 1]
    arrays = [np.random.default_rng(n).normal(size=(n, 2)).astype(dtype) for n in counts]
    table = tables.table_from_values([f"v{i}" for i in range(len(counts))], arrays, "x")
    out = tmp_path_factory.mktemp("store")
    write_store(out, {"an expert/with signs": table}, {})
    (back,) = read_features(out).values()
    assert back.ids == table.ids
    assert back.rows.dtype == (np.float16 if dtype == "float16" else np.float32)
    np.testing.assert_array_equal(back.rows, table.rows)
    np.testing.assert_array_equal(back.starts, table.starts)


def test_it_says_where_it_came_from_without_the_folders_above(folder: Path, store: Path) -> None:
    told = json.loads((store / "index.json").read_text())["provenance"]
    assert told["from"] == "data"
    assert {"file": "features/rgb.npz", "used_as": "expert rgb"} in told["files"]
    for path in store.glob("*.json"):
        assert str(folder.parent) not in path.read_text()
    assert any("fast layout of data" in str(record) for record in load_folder(store).files)


def test_checksums_find_what_changed(store: Path) -> None:
    assert check_store(store) == 3
    (array,) = store.glob("*.npy")
    raw = bytearray(array.read_bytes())
    raw[-1] ^= 1
    array.write_bytes(raw)
    assert len(load_folder(store).test) == 4, "opening reads no features"
    with pytest.raises(DataError, match=r"rgb\.npy: expected the bytes that convert wrote, found others"):
        check_store(store)


@pytest.mark.parametrize("name", ["annotations.json", "splits.json"])
def test_changed_documents_are_found_when_it_is_opened(store: Path, name: str) -> None:
    path = store / name
    path.write_text(path.read_text().replace("video1", "video2", 1))
    with pytest.raises(DataError, match=rf"{name}: expected the bytes that convert wrote"):
        load_folder(store)
    path.unlink()
    with pytest.raises(DataError, match=rf"{name}: expected a file that the index names, found none"):
        load_folder(store)


def test_damaged_arrays_are_named_when_it_is_opened(store: Path) -> None:
    (array,) = store.glob("*.npy")
    array.write_bytes(array.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"rgb\.npy: expected 608 bytes, found 598; convert again"):
        load_folder(store)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda index: index | {"version": 1}, "expected version 2, found 1; convert again"),
        (lambda index: [index], "expected version 2, found None"),
        (lambda index: index | {"experts": {}}, "expected the index that convert wrote, found a changed"),
        (
            lambda index: {**index, "files": None},
            "expected the index that convert wrote, found a changed",
        ),
        (lambda index: {**index, "\ud800": None}, "expected the index that convert wrote, found a changed"),
    ],
)
def test_a_changed_index_is_refused(store: Path, change: Any, said: str) -> None:
    path = store / "index.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    for read in (read_features, load_folder) if is_store(store) else ():
        with pytest.raises(DataError, match=rf"index\.json: {said}"):
            read(store)


def test_one_writer_at_a_time(folder: Path) -> None:
    out = folder.parent / "fast"
    with sole_writer(folder.parent / ".fast.part"), pytest.raises(OSError, match="is writing there"):
        convert(folder, out)
    assert not out.exists()


def test_what_a_killed_one_left_is_cleared(folder: Path) -> None:
    left = folder.parent / ".fast.part" / "store"
    left.mkdir(parents=True)
    (left / "00_rgb.npy").write_bytes(b"half")
    out = convert(folder, folder.parent / "fast")
    assert check_store(out) == 3
    assert {path.name for path in folder.parent.iterdir()} == {"data", "fast"}


def test_a_full_disk_is_said_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(folder)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"fast: expected 50 MB of free space, found 0 MB"):
        convert(folder, folder.parent / "fast")
    assert {path.name for path in folder.parent.iterdir()} == {"data"}


def test_features_are_padded_when_they_are_looked_at(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_features(folder / "features", range(30), "clip")
    monkeypatch.setattr(tables, "pad", lambda *_: pytest.fail("features were read"))
    split = load_folder(convert(folder, folder.parent / "two")).test
    assert list(split.features) == ["clip", "rgb"]
    assert "clip" in split.features
    assert len(split.features) == 2
    monkeypatch.undo()
    values, mask = split.features["rgb"]
    assert values is split.features["rgb"].values
    assert values[:, 0, 0].tolist() == [int(name.removeprefix("video")) for name in split.video_ids]
    assert mask.all()
    with pytest.raises(KeyError):
        split.features["other"]
    assert split.subset(ids([18])).features["rgb"].values.shape == (1, 1, 4)
