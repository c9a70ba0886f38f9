"""Readers of HDF5: MMT's tree of one file a video, and flat files {name: [T, D]}."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cmgsd_lite.data.formats.arrays import FEATURE_KEYS, ID_KEYS, first_key, table_from_columns
from cmgsd_lite.data.formats.files import UnknownLayoutError, video_id_of
from cmgsd_lite.data.formats.tables import FeatureTable, table_from_values
from cmgsd_lite.errors import DataError

_PREFIX = "features."
SUFFIXES = (".h5", ".hdf5")


def is_h5_tree(folder: Path) -> bool:
    """Whether a folder is MMT's tree v/i/d/videoN.h5: `mult_h5`, or one-letter folders alone."""
    if folder.name == "mult_h5":
        return True
    children = [child for child in folder.iterdir() if not child.name.startswith(".")]
    return bool(children) and all(len(child.name) == 1 and child.is_dir() for child in children)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The opened file; whatever h5py makes of damaged bytes, then or later, becomes a DataError."""
    try:
        with h5py.File(path, "r") as opened:
            yield opened
    except DataError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError) as error:
        raise DataError(f"{path}: expected a whole HDF5 file, found a damaged one ({error})") from error


def _array(node: Any, where: str) -> Any:
    if not isinstance(node, h5py.Dataset):
        raise UnknownLayoutError(f"{where}: expected an array, found a group")
    return node[()]


def _files(tree: Path) -> list[Path]:
    files = sorted(path for path in tree.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        raise DataError(f"{tree}: expected files v/i/d/videoN.h5, found none")
    return files


def _mmt_value(array: Any) -> Any:
    """MMT calls an expert missing when its first number is NaN, whatever follows."""
    return None if array.ndim == 2 and array.size and np.isnan(array[0][0]) else array


def _mmt_features(path: Path) -> Iterator[tuple[str, Any]]:
    with _open(path) as opened:
        for key in opened:
            if key.startswith(_PREFIX):
                yield key.removeprefix(_PREFIX), _mmt_value(_array(opened[key], f"{path}, {key}"))


def read_h5_tree(tree: Path) -> dict[str, FeatureTable]:
    """All experts of MMT's tree: `features.{expert}` [T, D] in one HDF5 file a video.

    An expert that no video has is left out.

    Raises:
        DataError: no files, no `features.*` in any of them, or a damaged file.
    """
    values: dict[str, dict[str, Any]] = {}
    for path in _files(tree):
        for expert, value in _mmt_features(path):
            mine = values.setdefault(expert, {})
            if path.stem in mine:
                raise DataError(f"{path}: expected each video once, found {path.stem} again")
            mine[path.stem] = value
    if not values:
        raise UnknownLayoutError(f"{tree}: expected keys {_PREFIX}EXPERT in its files, found none")
    return {
        expert: table_from_values(list(mine), list(mine.values()), f"{tree}, {_PREFIX}{expert}")
        for expert, mine in values.items()
        if any(value is not None and value.size for value in mine.values())
    }


def read_h5_tree_captions(tree: Path) -> dict[str, list[str]]:
    """Captions of MMT's tree: `raw_captions.{i}`, arrays of word bytes, joined by blanks."""
    captions = {}
    for path in _files(tree):
        with _open(path) as opened:
            keys = sorted(
                (key for key in opened if key.startswith("raw_captions.")),
                key=lambda key: int(key.rpartition(".")[2]),
            )
            captions[video_id_of(path.stem)] = [
                _sentence(_array(opened[key], f"{path}, {key}")) for key in keys
            ]
    return captions


def _sentence(words: Any) -> str:
    return " ".join(w.decode("utf-8", "replace") if isinstance(w, bytes) else str(w) for w in np.ravel(words))


def read_video_h5(path: Path) -> Any:
    """The features of one video from its own HDF5 file with a single array, or one under a usual key.

    Raises:
        DataError: several arrays and none of the usual keys.
    """
    with _open(path) as opened:
        key = next(iter(opened)) if len(opened) == 1 else first_key(opened, FEATURE_KEYS)
        if key is None:
            raise UnknownLayoutError(f"{path}: expected one array, found keys {', '.join(opened) or 'none'}")
        return _array(opened[key], f"{path}, {key}")


def read_h5_file(path: Path) -> FeatureTable:
    """Table of one HDF5 file: flat {id: [T, D]} (HGR's SA), or ids and features as columns.

    Raises:
        DataError: groups, captions, or a damaged file.
    """
    with _open(path) as opened:
        if first_key(opened, ID_KEYS) and first_key(opened, FEATURE_KEYS):
            columns = {key: _array(opened[key], f"{path}, {key}") for key in opened}
            table = table_from_columns(columns, path)
            if table is not None:
                return table
        values = {key: _array(opened[key], f"{path}, {key}") for key in opened}
    if not values:
        raise DataError(f"{path}: expected arrays, found an empty file")
    return table_from_values(list(values), list(values.values()), path)
