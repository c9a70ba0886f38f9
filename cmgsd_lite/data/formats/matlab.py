"""Matlab's files: those up to version 7, and 7.3, which are HDF5."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.apart import read_apart
from cmgsd_lite.data.formats.files import any_layout, check_downloaded
from cmgsd_lite.data.formats.hdf5 import load_h5
from cmgsd_lite.runtime import require

_HDF5 = b"\x89HDF"
_HEADER = 520  # Matlab puts 512 bytes of its own before what HDF5 begins with


def load_mat(path: Path) -> dict[str, Any]:
    """The variables of a .mat file; cells of text become arrays of text.

    Raises:
        DataError: damaged, or another kind of file.
    """
    check_downloaded(path)
    with path.open("rb") as stream:
        if _HDF5 in stream.read(_HEADER):
            return {key: _turned(v) for key, v in load_h5(path).items() if not key.startswith("#")}
    require("scipy", "data")
    variables = read_apart(_read, path)
    only = next(iter(variables.values()), None) if len(variables) == 1 else None
    return only if isinstance(only, dict) else variables  # one struct holds all


def _read(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadWarning

    with any_layout(path, "a whole .mat file"), warnings.catch_warnings():
        warnings.simplefilter("error", MatReadWarning)  # a variable twice, of which one would be lost
        content = loadmat(path, simplify_cells=True)
        return {key: _plain(value) for key, value in content.items() if not key.startswith("__")}


def _plain(value: Any) -> Any:
    """Cells as numpy knows them, and texts without the blanks that fill a row of letters."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "O" and all(isinstance(cell, str) for cell in value.ravel()):
        value = value.astype(str)
    return np.char.strip(value) if value.dtype.kind == "U" else value


def _turned(value: Any) -> NDArray[Any] | Any:
    """Matlab counts from the last axis, HDF5 from the first."""
    return np.transpose(value) if isinstance(value, np.ndarray) else value
