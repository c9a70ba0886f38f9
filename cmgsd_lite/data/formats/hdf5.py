"""Readers of HDF5: MMT's tree of one file a video, and flat files {name: [T, D]}."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.formats import limits
from cmgsd_lite.data.formats.apart import read_apart
from cmgsd_lite.data.formats.files import UnknownLayoutError, any_layout, check_downloaded, video_id_of
from cmgsd_lite.data.formats.records import FileLog
from cmgsd_lite.data.formats.tables import FeatureTable, table_from_values
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require

_PREFIX = "features."
_CAPTIONS = "raw_captions."
SUFFIXES = (".h5", ".hdf5")


def is_h5_tree(folder: Path) -> bool:
    """Whether a folder is MMT's tree v/i/d/videoN.h5: `mult_h5`, or one-letter folders alone."""
    if folder.name == "mult_h5":
        return True
    children = [child for child in folder.iterdir() if not child.name.startswith(".")]
    if not children or not all(len(child.name) == 1 and child.is_dir() for child in children):
        return False
    return any(next(folder.glob(f"?/?/?/*{suffix}"), None) for suffix in SUFFIXES)


def _content(path: Path, prefix: str = "") -> dict[str, Any]:
    """The arrays whose keys begin so, those of a group as a dict; h5py works in a process of its own."""
    require("h5py", "data")
    check_downloaded(path)
    content: dict[str, Any] = read_apart(_read, path, prefix)
    return content


def _read(path: Path, prefix: str) -> dict[str, Any]:
    import h5py

    with any_layout(path, "a whole HDF5 file"), h5py.File(path, "r") as opened:
        return _Group(path).content(opened, limits.DEPTH, prefix)


class _Group:
    """Reads groups whose arrays lie in the file itself: HDF5 can name other files of the machine."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, path.stat().st_size
        self.bytes, self.seen = 0, set[Any]()

    def content(self, group: Any, depth: int, prefix: str = "") -> dict[str, Any]:
        import h5py

        if not depth or group in self.seen:
            raise self._refused("groups that hold themselves, or others twice")
        self.seen.add(group)
        found: dict[str, Any] = {}
        for key in group:
            if not key.startswith(prefix):
                continue
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise self._refused(f"a link at {key}")
            node = group[key]
            if isinstance(node, h5py.Group):
                found[key] = self.content(node, depth - 1)
            elif isinstance(node, h5py.Dataset) and not h5py.check_ref_dtype(node.dtype):
                found[key] = self._array(node, key)
        return found

    def _array(self, node: Any, key: str) -> Any:
        if node.external or node.is_virtual:
            raise self._refused(f"what lies in other files at {key}")
        if node.shape is None:
            return np.empty(0)
        taken = max(node.nbytes, math.prod(node.chunks or ()) * node.dtype.itemsize)
        self.bytes += taken
        limits.check_size(self.path, taken, node.id.get_storage_size())
        limits.check_size(self.path, self.bytes, self.size)
        return node[()]

    def _refused(self, what: str) -> DataError:
        return DataError(f"{self.path}: expected arrays in the file itself, found {what}")


def _array(node: Any, where: str) -> Any:
    if isinstance(node, dict):
        raise UnknownLayoutError(f"{where}: expected an array, found a group")
    return node


def _files(tree: Path) -> list[Path]:
    files = sorted(path for path in tree.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{tree}: expected files v/i/d/videoN.h5, found none")
    return files


def _mmt_value(array: Any) -> Any:
    """MMT calls an expert missing when its first number is NaN, whatever follows."""
    return None if array.ndim == 2 and array.size and np.isnan(array[0][0]) else array


def _mmt_features(path: Path) -> Iterator[tuple[str, Any]]:
    for key, value in _content(path, _PREFIX).items():
        yield key.removeprefix(_PREFIX), _mmt_value(_array(value, f"{path}, {key}"))


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
    captions: dict[str, list[Any]] = {}
    for path in _files(tree):
        found = _content(path, _CAPTIONS)
        with any_layout(path, f"keys {_CAPTIONS}0, {_CAPTIONS}1, ..."):
            keys = sorted(found, key=lambda key: int(key.removeprefix(_CAPTIONS)))
        video = video_id_of(path.stem)
        if video in captions:
            raise DataError(f"{path}: expected each video once, found {video} again")
        captions[video] = [_words(_array(found[key], f"{path}, {key}")) for key in keys]
    return captions


def _words(array: Any) -> Any:
    words = np.ravel(array).tolist()
    return words if all(isinstance(word, str | bytes) for word in words) else array


def load_h5(path: Path) -> dict[str, Any]:
    """All arrays of an HDF5 file by name, those of a group as a dict.

    Raises:
        DataError: a damaged or empty file.
    """
    content = _content(path)
    if not content:
        raise DataError(f"{path}: expected arrays, found an empty file")
    return content
