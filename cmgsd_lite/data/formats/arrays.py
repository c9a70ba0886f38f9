"""Readers of numpy files: .npz tables, .npy tables with a names file, and BigFile folders."""

import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.files import UnknownLayoutError, read_text
from cmgsd_lite.data.formats.tables import (
    FeatureTable,
    table_from_array,
    table_from_frames,
    table_from_values,
)
from cmgsd_lite.errors import DataError

ID_KEYS = ("video_id", "video_ids", "ids", "id", "names", "name", "vid", "vids", "image_id", "clip_id")
FEATURE_KEYS = ("features", "feature", "feats", "embeddings", "embedding", "vectors", "x")
# Sorting order of the frames of a video; the first column present that is not `shot` marks a row as a frame.
FRAME_KEYS = ("shot", "frame", "frame_id", "frame_index", "time", "timestamp")
_NAME_SUFFIXES = (".npy", ".txt", ".json")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError, MemoryError)


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz, object arrays (pickles) refused.

    Raises:
        DataError: truncated, damaged, or holding objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except _BROKEN as error:
        raise DataError(f"{path}: expected a whole .npz of plain arrays, found: {error}") from error


def load_npy(path: Path) -> NDArray[Any]:
    """One array, object arrays (pickles) refused.

    Raises:
        DataError: truncated, damaged, or holding objects.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except _BROKEN as error:
        raise DataError(f"{path}: expected a whole .npy of plain numbers, found: {error}") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: expected one array, found an .npz under another name")
    return array


def first_key(mapping: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """The first of the keys that the mapping has."""
    return next((key for key in keys if key in mapping), None)


def table_from_columns(columns: Mapping[str, Any], source: Path) -> FeatureTable | None:
    """Table of named columns: ids and features, with a mask [N, T] or with the frames' positions.

    Ids may repeat only when a column says where the frame lies in its video (shot, frame, time, ...).
    Other columns are not looked at. None when there are no ids or no features.

    Raises:
        DataError: shapes that do not fit together, or repeated ids without positions.
    """
    id_key, feature_key = first_key(columns, ID_KEYS), first_key(columns, FEATURE_KEYS)
    if id_key is None or feature_key is None:
        return None
    ids, features = list(np.asarray(columns[id_key]).ravel().tolist()), np.asarray(columns[feature_key])
    order = [np.asarray(columns[key]) for key in FRAME_KEYS if key in columns]
    if order and features.ndim == 2:
        return table_from_frames(ids, features, order, source)
    mask = np.asarray(columns["mask"]) if "mask" in columns else None
    if mask is not None and features.ndim == 2:
        mask = mask.reshape(len(mask), -1)
    return table_from_array(ids, features, source, mask)


def read_npz(path: Path) -> FeatureTable:
    """Table of an .npz: ids + features (one row a video, one row a frame, or [N, T, D]), or {id: array}.

    Raises:
        DataError: another layout, or a damaged file.
    """
    arrays = load_npz(path)
    table = table_from_columns(arrays, path)
    if table is not None:
        return table
    one_a_video = arrays and not {*ID_KEYS, *FEATURE_KEYS} & set(arrays)
    if one_a_video and all(array.ndim in (1, 2) for array in arrays.values()):
        return table_from_values(list(arrays), list(arrays.values()), path)
    raise UnknownLayoutError(
        f"{path}: expected ids ({', '.join(ID_KEYS[:4])}, ...) and features "
        f"({', '.join(FEATURE_KEYS[:3])}, ...), found keys {', '.join(arrays) or 'none'}"
    )


def read_names(path: Path) -> list[Any]:
    """Ids of a names file: .npy of strings or whole numbers, .json list, .txt separated by white space.

    Raises:
        DataError: another content.
    """
    if path.suffix == ".npy":
        names = load_npy(path)
        if names.ndim != 1 or names.dtype.kind not in "USiu":
            raise UnknownLayoutError(f"{path}: expected [N] names, found {list(names.shape)} {names.dtype}")
        return list(names.tolist())
    text = read_text(path)
    if path.suffix != ".json":
        return text.split()
    try:
        listed = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: expected a JSON list of names, found broken JSON ({error})") from error
    if not isinstance(listed, list):
        raise UnknownLayoutError(f"{path}: expected a JSON list of names, found {type(listed).__name__}")
    return listed


_NAMES = ("names", "ids", "id", "video_ids", "video_id")
_NAMES_ENDINGS = ("_names", ".names", "_ids", ".ids")


def is_names_file(path: Path) -> bool:
    """Whether a file is by its name a list of ids rather than a table."""
    return path.stem in _NAMES or path.stem.endswith(_NAMES_ENDINGS)


def names_file(table: Path) -> Path | None:
    """The names file of an .npy table, or None.

    Looked for, in this order, as .npy, .txt or .json: X_names, X.names, X_ids, X.ids beside X.npy; names,
    ids, id, video_ids, video_id beside it; for HGR's `ordered_feature/MP/.../trn_ft.npy` the list
    `public_split/trn_names.npy` up to four folders higher.
    """
    part = table.stem.split("_")[0]
    beside = [f"{table.stem}{ending}" for ending in _NAMES_ENDINGS] + [f"{part}_names", *_NAMES]
    candidates = [table.parent / (name + suffix) for name in beside for suffix in _NAME_SUFFIXES]
    candidates += [up / "public_split" / f"{part}_names.npy" for up in list(table.parents)[:4]]
    return next((path for path in candidates if path.is_file() and path != table), None)


def read_npy_table(path: Path) -> FeatureTable:
    """Table of `X.npy` [N, D] or [N, T, D] and its names file (see `names_file`).

    Raises:
        DataError: no names file, or lengths that differ.
    """
    names = names_file(path)
    if names is None:
        raise UnknownLayoutError(
            f"{path}: expected a names file beside it ({path.stem}_names.npy, names.txt, ...), found none"
        )
    array, ids = load_npy(path), read_names(names)
    if array.ndim not in (2, 3) or len(array) != len(ids):
        raise DataError(
            f"{path}: expected [{len(ids)}, D] or [{len(ids)}, T, D] for the {len(ids)} names "
            f"in {names.name}, found {list(array.shape)}"
        )
    return table_from_array(ids, array, path)


def read_video_npz(path: Path) -> NDArray[Any]:
    """The features of one video from its own .npz: the only array, or the one under a usual key.

    Raises:
        DataError: several arrays and none of the usual keys.
    """
    arrays = load_npz(path)
    key = next(iter(arrays)) if len(arrays) == 1 else first_key(arrays, (*FEATURE_KEYS, "arr_0"))
    if key is None:
        raise UnknownLayoutError(f"{path}: expected one array, found keys {', '.join(arrays)}")
    return arrays[key]


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
    size = (folder / "feature.bin").stat().st_size
    if len(ids) != count or size != 4 * count * dim:
        raise DataError(
            f"{folder}: expected {count} ids and {4 * count * dim} bytes in feature.bin, as "
            f"shape.txt says, found {len(ids)} ids and {size} bytes"
        )
    rows = np.fromfile(folder / "feature.bin", dtype="<f4").reshape(count, dim)
    frames = [re.fullmatch(r"(video\d+)_(\d+)", name) for name in ids]
    if all(frames):
        numbers = np.array([int(match[2]) for match in frames if match])
        return table_from_frames([match[1] for match in frames if match], rows, [numbers], folder)
    return table_from_array(ids, rows, folder)
