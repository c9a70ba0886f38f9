"""How much a file may ask for: all limits of the readers, most of them relative to the file itself.

A file of 30 GB may ask for far more than one of a few bytes. ``CMGSD_LIMITS=10`` makes all limits ten times
as large.
"""

import math
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cmgsd_lite.errors import DataError

MEGABYTE = 1 << 20
RATIO = 100
"""Bytes that come of one: unpacked to packed, declared to stored."""
SMALL = 32 * MEGABYTE
"""Bytes that any file may come to, whatever the ratio."""
MEMBERS = 250_000
"""Files in an archive, arrays in a file."""
PIECES = 1_100_000
"""Lines, cells, strings and brackets of JSON, of eight letters or fewer; 200,000 short captions have less."""
NAME = 1_000
"""Letters of a name, an id or a number; what is longer is none."""
DEPTH = 64
"""Dicts, lists and groups within one another."""
NESTED = 3
"""Archives within one another."""
SECONDS = 1.5
"""Of work for what is read in a process of its own, and a second more for each 10 MB of the file."""
MEMORY = 768 * MEGABYTE
"""Of that process, and ten times the file more."""
FACTOR = "CMGSD_LIMITS"
RAISE = "if it is what it should be, set CMGSD_LIMITS=10 (a factor of all limits)"


def raised(limit: float) -> float:
    """A limit times what the environment says; a DataError if that is no factor.

    Example:
        >>> raised(MEMBERS)
        250000.0
    """
    told = os.environ.get(FACTOR, "1")
    try:
        factor = float(told)
    except ValueError:
        factor = math.nan
    if not 0 < factor <= 1e6:
        raise DataError(f"{FACTOR}: expected a number above 0 and up to 1e6, found {told!r}")
    return limit * factor


def check_size(path: Path | str, wanted: int, stored: int) -> None:
    """Refuse more than `SMALL` bytes that are more than `RATIO` times what is stored."""
    if wanted > raised(SMALL) and wanted > raised(RATIO) * stored:
        what = f"one that comes to {wanted / 1e6:,.0f} MB of {stored / 1e6:,.3f} MB stored"
        raise DataError(f"{path}: expected a file that holds what it says, found {what}; {RAISE}")


def check_count(path: Path | str, count: int, limit: float, what: str) -> None:
    """Refuse more of something than the limit."""
    if count > raised(limit):
        raise DataError(f"{path}: expected at most {raised(limit):,.0f} {what}, found more; {RAISE}")


def check_pieces(path: Path | str, text: str, count: int, what: str) -> None:
    """Refuse a text of very many pieces that hold next to nothing: each takes far more memory."""
    if len(text) <= 8 * count:
        check_count(path, count, PIECES, f"{what} that hold next to nothing")


def check_json(path: Path | str, text: str, lines: int = 0) -> None:
    """Refuse JSON, or so many lines of it, of very many strings, lists and dicts that hold little."""
    parts = max(lines, text.count("{") + text.count("["))
    check_pieces(path, text, parts + text.count('"') // 2, "pieces")


def check_lines(path: Path, text: str) -> None:
    """Refuse very many lines that hold next to nothing."""
    check_pieces(path, text, max(text.count("\n"), text.count("\r")), "lines")


def check_shape(where: Path | str, shape: Iterable[int], itemsize: int) -> None:
    """Refuse an array without a byte that says it has very many rows all the same."""
    rows = max(shape, default=0)
    if rows > raised(MEMBERS) and (not itemsize or 0 in shape):
        raise DataError(f"{where}: expected an array, found {rows:,} rows of nothing")


def check_stored(path: Path) -> None:
    """Refuse what is no file, such as a pipe, which may never end, and a file that is nearly all holes."""
    size = path.stat().st_size
    if not path.is_file():
        raise DataError(f"{path}: expected a file, found a folder, a pipe or a device")
    blocks = getattr(path.stat(), "st_blocks", size)
    if size > raised(SMALL) and blocks * 512 * raised(RATIO) < size and hasattr(os, "SEEK_DATA"):
        check_size(path, size, _data_bytes(path, size))


def _data_bytes(path: Path, size: int) -> int:
    """Bytes outside of holes; a system that knows of none says that all is data."""
    found = at = 0
    with path.open("rb", buffering=0) as file, suppress(OSError):  # no data behind the last place
        while at < size:
            begin = file.seek(at, os.SEEK_DATA)
            at = file.seek(begin, os.SEEK_HOLE)
            found += at - begin
    return found
