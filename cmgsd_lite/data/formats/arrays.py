"""Readers of numpy files: .npz, .npy with a names file, and BigFile folders."""

import math
import zipfile
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.files import (
    UnknownLayoutError,
    any_layout,
    check_downloaded,
    json_of,
    once,
    open_zip,
    read_text,
)
from cmgsd_lite.data.formats.lengths import owners_of
from cmgsd_lite.data.formats.limits import check_shape, check_stored
from cmgsd_lite.data.formats.names import frames_of_videos
from cmgsd_lite.data.formats.tables import FeatureTable, table_from_array, table_from_frames
from cmgsd_lite.errors import DataError

SMALL, FIRST_VERSION = 1 << 20, b"\x93NUMPY\x01\x00"
"""Bytes of a member that is read at once, and how a .npy of version 1.0 begins."""
_NAME_SUFFIXES = (".npy", ".txt", ".json")
_PUBLIC_SPLIT = ("public_split", "annotation/public_split", "annotation/RET/public_split")  # HGR


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz, object arrays (pickles) refused.

    Raises:
        DataError: truncated, damaged, or holding objects.
    """
    check_downloaded(path)
    with any_layout(path, "a whole .npz of plain arrays"), open_zip(path) as archive:
        return once(((n.removesuffix(".npy"), _member(archive, n)) for n in archive.namelist()), path)


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    if archive.getinfo(name).file_size <= SMALL:
        array = _small_npy(archive.read(name))
    else:
        with archive.open(name) as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
    check_shape(name, array.shape, array.itemsize)
    return array


def _small_npy(content: bytes) -> NDArray[Any]:
    """Read a .npy: in files of one member a video most have one header, which is then read once."""
    if content[: len(FIRST_VERSION)] == FIRST_VERSION:
        start = 10 + int.from_bytes(content[8:10], "little")
        shape, turned, dtype = _header(content[:start])
        count = math.prod(shape)
        if not dtype.hasobject and dtype.itemsize > 0 and 0 <= count * dtype.itemsize <= len(content) - start:
            values = np.frombuffer(content, dtype, count, start)
            return values.reshape(shape, order="F" if turned else "C").copy(order="K")
    array: NDArray[Any] = np.lib.format.read_array(BytesIO(content), allow_pickle=False)
    return array


@lru_cache(maxsize=256)
def _header(content: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and the dtype, of a header of version 1.0."""
    return np.lib.format.read_array_header_1_0(BytesIO(content[8:]))


def load_npy(path: Path) -> NDArray[Any]:
    """One array, object arrays (pickles) refused.

    Raises:
        DataError: truncated, damaged, or holding objects.
    """
    check_downloaded(path)
    with any_layout(path, "a whole .npy of plain numbers"), path.open("rb") as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        check_shape(path, array.shape, array.itemsize)
    return array


def read_names(path: Path) -> list[Any]:
    """Ids of a names file: .npy of strings or whole numbers, .json list, .txt separated by white space.

    Raises:
        DataError: another content.
    """
    if path.suffix.lower() == ".npy":
        names = load_npy(path)
        if names.ndim != 1 or names.dtype.kind not in "USiu":
            raise UnknownLayoutError(f"{path}: expected [N] names, found {list(names.shape)} {names.dtype}")
        return list(names.tolist())
    text = read_text(path)
    if path.suffix.lower() != ".json":
        return text.split()
    with any_layout(path, "a JSON list of names"):
        listed = json_of(text, path)
    if not isinstance(listed, list):
        raise UnknownLayoutError(f"{path}: expected a JSON list of names, found {type(listed).__name__}")
    return listed


_NAMES = ("names", "ids", "id", "video_ids", "video_id")
_NAMES_ENDINGS = ("_names", ".names", "_ids", ".ids")


def is_names_file(path: Path) -> bool:
    """Whether a file is by its name a list of ids rather than a table."""
    return path.suffix.lower() in _NAME_SUFFIXES and (
        path.stem in _NAMES or path.stem.endswith(_NAMES_ENDINGS)
    )


def is_companion(path: Path) -> bool:
    """Whether a file is by its name a list of ids, of lengths or a mask, which a table has beside it."""
    return is_names_file(path) or bool(owners_of(path.stem))


def names_file(table: Path) -> Path | None:
    """The names file of a table without ids, or None.

    Looked for, in this order, as .npy, .txt or .json: X_names, X.names, X_ids, X.ids beside X.npy; names,
    ids, id, video_ids, video_id beside it; for HGR's `ordered_feature/MP/.../trn_ft.npy` the list
    `public_split/trn_names.npy` up to four folders higher.
    """
    part = table.stem.split("_")[0]
    beside = [f"{table.stem}{ending}" for ending in _NAMES_ENDINGS] + [f"{part}_names", *_NAMES]
    candidates = [table.parent / (name + suffix) for name in beside for suffix in _NAME_SUFFIXES]
    places = [up / place for up in list(table.parents)[:4] for place in _PUBLIC_SPLIT]
    candidates += [place / f"{part}_names.npy" for place in places]
    return next((path for path in candidates if path.is_file() and path != table), None)


def read_named_table(path: Path, array: NDArray[Any], turned: bool = False) -> FeatureTable:
    """Table of a file with one array [N, D] or [N, T, D], and its names file (see `names_file`).

    Args:
        path: The file.
        array: What it holds.
        turned: Whether [D, N] is read too, where N is the number of names alone.

    Raises:
        DataError: no names file, or lengths that differ.
    """
    names = names_file(path)
    if names is None:
        raise UnknownLayoutError(
            f"{path}: expected a names file beside it (X_names.npy or X_ids.txt for X.npy, names.txt), or "
            "to be named after a video with captions or in a list, found neither"
        )
    ids = read_names(names)
    if turned and array.ndim == 2 and len(array) != len(ids) == array.shape[1]:
        array = array.T
    if array.ndim not in (2, 3) or len(array) != len(ids):
        raise DataError(
            f"{path}: expected [{len(ids)}, D] or [{len(ids)}, T, D] for the {len(ids)} names "
            f"in {names.name}, found {list(array.shape)}"
        )
    return table_from_array(ids, array, path)


def read_bigfile(folder: Path) -> FeatureTable:
    """Table of a BigFile folder (dual_encoding, W2VV++): feature.bin float32, shape.txt "N D", id.txt.

    Ids of frames, `video7_3`, are joined to the video, in the order of their numbers.

    Raises:
        DataError: the three files do not fit together.
    """
    shape, ids = read_text(folder / "shape.txt").split(), read_text(folder / "id.txt").split()
    if len(shape) != 2 or not all(part.isdecimal() for part in shape):
        raise DataError(f'{folder / "shape.txt"}: expected "N D", found {" ".join(shape[:4])!r}')
    count, dim = int(shape[0]), int(shape[1])
    check_stored(folder / "feature.bin")
    size = (folder / "feature.bin").stat().st_size
    if len(ids) != count or size != 4 * count * dim:
        raise DataError(
            f"{folder}: expected {count} ids and {4 * count * dim} bytes in feature.bin, as "
            f"shape.txt says, found {len(ids)} ids and {size} bytes"
        )
    rows = np.fromfile(folder / "feature.bin", dtype="<f4").reshape(count, dim)
    frames = frames_of_videos(ids)
    if frames:
        return table_from_frames(frames[0], rows, [np.array(frames[1])], folder)
    return table_from_array(ids, rows, folder)
