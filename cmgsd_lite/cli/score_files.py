"""Matrices of scores or relevance out of files of several kinds; no code in a file is run."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.arrays import load_npz
from cmgsd_lite.data.formats.files import any_layout, check_downloaded, read_text
from cmgsd_lite.data.formats.safetensors_files import load_safetensors
from cmgsd_lite.data.formats.torch_files import load_torch
from cmgsd_lite.errors import DataError

Array = NDArray[Any]


def read_matrix(path: Path, name: str) -> Array:
    """Read a matrix of numbers, of whatever shape and type the file has; bfloat16 becomes float32.

    From .npy (stays on the disk and is read piece by piece), .npz, .pt, .pth, .safetensors; or .csv, .tsv,
    .txt with numbers alone. ``name`` is that of the array where a file holds several. Raises DataError if the
    file is missing, damaged, of another kind, or holds no array of that name.
    """
    readers: dict[str, Callable[[Path], Any]] = {
        ".npy": _mapped,
        ".npz": load_npz,
        ".pt": load_torch,
        ".pth": load_torch,
        ".safetensors": load_safetensors,
        **dict.fromkeys((".csv", ".tsv", ".txt"), _table),
    }
    if not path.is_file():
        raise DataError(f"{path}: expected a file, found {'a folder' if path.is_dir() else 'none'}")
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: expected {', '.join(readers)}, found {path.suffix or 'no ending'}")
    content = reader(path)
    if isinstance(content, Mapping):
        content = _chosen(content, name, path)
    if not isinstance(content, np.ndarray) or content.dtype.kind not in "biuf":
        found = content.dtype if isinstance(content, np.ndarray) else type(content).__name__
        raise DataError(f"{path}: expected an array of numbers, found {found}")
    return content


def read_columns(path: Path, shape: tuple[int, ...]) -> Array:
    """Read the column of each text's own video [texts] from a file as ``read_matrix`` takes it.

    Raises DataError if it does not hold one whole number for each text of the scores.
    """
    columns = read_matrix(path, "video_of_text").reshape(-1)
    whole = columns.dtype.kind in "iu" or (np.isfinite(columns).all() and not np.any(columns % 1))
    if columns.shape != shape[:1] or not whole:
        found = f"{columns.dtype} {list(columns.shape)}"
        if columns.shape == shape[1:]:
            found += ": --sim seems to be transposed, its rows must be texts"
        raise DataError(
            f"{path}: expected {shape[0]} whole numbers, one for each row of --sim, found {found}"
        )
    return columns.astype(np.int64)


def _chosen(arrays: Mapping[Any, Any], name: str, path: Path) -> Any:
    """The only array, or the one of that name."""
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    if name not in arrays:
        names = ", ".join(map(str, arrays)) or "none"
        raise DataError(f"{path}: expected one array, or one called {name}, found {names}")
    return arrays[name]


def _mapped(path: Path) -> Array:
    check_downloaded(path)
    with any_layout(path, "a whole .npy of plain numbers"):
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _table(path: Path) -> Array:
    text = read_text(path)
    often = max(",;\t", key=text.split("\n", 1)[0].count)
    delimiter = often if often in text else None  # any white space
    with any_layout(path, "numbers alone, no header and no ids"):
        return np.loadtxt(io.StringIO(text), delimiter=delimiter, comments=None, ndmin=2)
