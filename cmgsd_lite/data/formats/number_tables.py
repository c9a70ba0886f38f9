"""Features as text: an id and D numbers a row, with a header or without (W2VV, spreadsheets).

The numbers may be one cell, a list as JSON writes it.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.files import UnknownLayoutError, read_text
from cmgsd_lite.data.formats.limits import NAME
from cmgsd_lite.errors import DataError

SUFFIXES = (".csv", ".tsv", ".txt")
_LEAST = 4  # a row of fewer numbers is facts about a film
_LOOK = 1 << 16
_SIGNS = (",", ";", "\t", " ")


def is_number_table(path: Path) -> bool:
    """Whether a text file begins with rows of an id and numbers."""
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    with path.open("rb") as stream:
        begin = stream.read(_LOOK)
    wide = begin.startswith((b"\xff\xfe", b"\xfe\xff"))  # a piece of a file may end in half a sign
    lines = begin.decode("utf-16" if wide else "latin1", "replace").removeprefix("\ufeff").splitlines()[:3]
    return (
        any(_separator(line) for line in lines[:2])
        and _separator(lines[-1 if len(lines) < 3 else 1]) is not None
    )


def load_numbers(path: Path) -> dict[str, Any]:
    """{"ids": ..., "features": [N, D]} of such a file.

    Raises:
        UnknownLayoutError: a text file of another kind.
        DataError: a row of another length, or with something else than numbers; names the line.
    """
    if not is_number_table(path):
        raise UnknownLayoutError(f"{path}: expected rows of an id and numbers, found other text")
    lines = [(n, line) for n, line in enumerate(read_text(path).splitlines(), 1) if line.strip()]
    lines = lines if _separator(lines[0][1]) else lines[1:]  # a header
    sign = _separator(lines[0][1])
    width = len(_cells(lines[0][1], sign))
    ids, rows = [], []
    for number, line in lines:
        row = _cells(line, sign)
        numbers = _numbers(row[1:]) if len(row) == width else None
        if numbers is None:
            found = f"{len(row)} cells" if len(row) != width else "something else"
            raise DataError(f"{path}, line {number}: expected an id and {width - 1} numbers, found {found}")
        ids.append(row[0])
        rows.append(numbers)
    return {"ids": ids, "features": np.stack(rows)}


def _separator(line: str) -> str | None:
    """The sign between an id and at least four numbers; None for other lines."""
    for sign in _SIGNS:
        cells = _cells(line, sign)
        if len(cells) > _LEAST and all(map(_is_number, cells[1:])):
            return sign
    return None


def _cells(line: str, sign: str | None) -> list[str]:
    quoted = '"' in line
    line = line.replace('"[', "").replace(']"', "") if quoted else line
    cells = line.split() if sign in (None, " ") else line.split(sign)
    if not quoted:
        return cells if sign in (None, " ") else [cell.strip() for cell in cells]
    return [cell.strip().strip('"') for cell in cells]


def _numbers(cells: list[str]) -> NDArray[np.float32] | None:
    """The cells as numbers; an infinite one is refused with all tables."""
    try:
        if max(map(len, cells)) <= NAME and "_" not in "".join(cells):
            return np.fromiter(map(float, cells), np.float32, len(cells))
    except ValueError:
        pass
    return None


def _is_number(cell: str) -> bool:
    number = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan"
    return len(cell) <= NAME and bool(re.fullmatch(number, cell, re.IGNORECASE))
