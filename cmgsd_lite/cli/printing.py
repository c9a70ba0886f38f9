"""What a terminal would obey is written out: captions, ids and file names come from anywhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Control characters but tab and line feed, marks that turn the direction of writing, Unicode's own ends of
# lines, and what no encoding has.
_OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Write out what a terminal would obey, as Python writes it in a string; line feeds and tabs stay."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@contextmanager
def printing_safely() -> Iterator[None]:
    """Within this block everything that is printed goes through ``printable``."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Safe(sys.stdout), _Safe(sys.stderr, "\r")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Safe:
    """A stream that is written to safely; what a progress bar begins with may pass."""

    def __init__(self, stream: TextIO, begin: str = "") -> None:
        self._stream, self._begin = stream, begin

    def write(self, text: str) -> int:
        begin = self._begin if self._begin and text.startswith(self._begin) else ""
        self._stream.write(begin + printable(text.removeprefix(begin)))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
