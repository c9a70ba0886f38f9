"""Readers of HDF5: MMT's tree of one file a video, and flat files {name: [T, D]}."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.formats.files import UnknownLayoutError, check_downloaded, video_id_of
from cmgsd_lite.data.formats.records import FileLog
from cmgsd_lite.data.formats.tables import FeatureTable, table_from_values
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require

_PREFIX = "features."
SUFFIXES = (".h5", ".hdf5")


def is_h5_tree(folder: Path) -> bool:
    """Whether a folder is MMT's tree v/i/d/videoN.h5: `mult_h5`, or one-letter folders alone."""
    if folder.name == "mult_h5":
        return True
    children = [child for child in folder.iterdir() if not child.name.startswith(".")]
    if not children or not all(len(child.name) == 1 and child.is_dir() for child in children):
        return False
    return any(next(folder.glob(f"?/?/?/*{suffix}"), None) for suffix in SUFFIXES)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The opened file; whatever h5py makes of damaged bytes, then or later, becomes a DataError."""
    h5py = require("h5py", "data")
    check_downloaded(path)
    try:
        with h5py.File(path, "r") as opened:
            yield opened
    except DataError:
        raise
    except RecursionError as error:
        raise DataError(f"{path}: expected arrays by video id, found too deep a nesting") from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError) as error:
        raise DataError(f"{path}: expected a whole HDF5 file, found a damaged one ({error})") from error


def _array(node: Any, where: str) -> Any:
    if hasattr(node, "keys"):
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


def read_h5_tree(tree: Path, log: FileLog | None = None) -> dict[str, FeatureTable]:
    """All experts of MMT's tree: `features.{expert}` [T, D] in one HDF5 file a video.

    An expert that no video has is left out. With a log, a damaged file is left out aloud.

    Raises:
        DataError: no files, no `features.*` in any of them, or a damaged file.
    """
    values: dict[str, dict[str, Any]] = {}
    for path in _files(tree):
        for expert, value in _readable(path, log):
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


def _readable(path: Path, log: FileLog | None) -> list[tuple[str, Any]]:
    try:
        return list(_mmt_features(path))
    except DataError as error:
        if log is None:
            raise
        log.leave(path, error)
        return []


def read_h5_tree_captions(tree: Path) -> dict[str, list[Any]]:
    """Captions of MMT's tree: `raw_captions.{i}`, arrays of word bytes; another array comes as it is."""
    captions = {}
    for path in _files(tree):
        with _open(path) as opened:
            keys = sorted(
                (key for key in opened if key.startswith("raw_captions.")),
                key=lambda key: int(key.rpartition(".")[2]),
            )
            captions[video_id_of(path.stem)] = [_words(_array(opened[key], f"{path}, {key}")) for key in keys]
    return captions


def _words(array: Any) -> Any:
    words = np.ravel(array).tolist()
    return words if all(isinstance(word, str | bytes) for word in words) else array


def load_h5(path: Path) -> dict[str, Any]:
    """All arrays of an HDF5 file by name, those of a group as a dict.

    Raises:
        DataError: a damaged or empty file.
    """
    with _open(path) as opened:
        content = _content(opened)
    if not content:
        raise DataError(f"{path}: expected arrays, found an empty file")
    return content


def _content(group: Any) -> dict[str, Any]:
    return {key: _content(node) if hasattr(node, "keys") else node[()] for key, node in group.items()}
