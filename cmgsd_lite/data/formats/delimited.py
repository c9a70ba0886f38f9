"""Csv and tsv as people have them: no text of a row may disappear, so a row that does not fit is an error."""

import csv
import io
import re
from pathlib import Path
from typing import Any, NamedTuple

from cmgsd_lite.data.formats.files import UnknownLayoutError
from cmgsd_lite.errors import DataError

CSV_ID_KEYS = ("video_id", "videoid", "clip_id", "clip_name", "image_id", "video", "video_name", "name")
CAPTION_KEYS = ("caption", "sentence", "text", "captions", "sentences", "texts", "query")
SPLIT_KEYS = ("split", "set", "subset", "partition", "part", "phase", "fold")


class Table(NamedTuple):
    """A csv: names of the columns, and cells and first line of each row."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        at = self.header.index(name)
        return [row[at] for row in self.rows]


def csv_table(text: str, path: Path) -> Table:
    """Header and rows of a csv; the separator (comma, semicolon or tab) is the one the header has most of.

    Cells stay as they are, blanks too, since a sentence of the 1k-A csv may begin with one. A row that an
    unquoted separator in its last column made too long is put together again. Single quotes around every
    cell, or backslashes before separators, are taken as such where there are no double quotes.

    Raises:
        DataError: a row with too few or too many cells, or a quote that is not closed; names the line.
    """
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        rows, lines = _rows(text, delimiter, path, **_dialect(text, delimiter, path))
    except DataError:
        if delimiter != "\t" or '"' not in text:
            raise
        rows, lines = _rows(text, delimiter, path, quoting=csv.QUOTE_NONE)  # most tsv knows no quoting
    header = [" ".join(name.lower().split()) for name in rows[0]] if rows else []
    twice = next((key for key in (*CSV_ID_KEYS, *CAPTION_KEYS) if header.count(key) > 1), None)
    if twice:
        raise DataError(f"{path}, line {lines[0]}: expected one column {twice}, found {header.count(twice)}")
    caption_last = bool(header) and header[-1] in CAPTION_KEYS
    surplus = sum(len(row) > len(header) for row in rows[1:])
    for at, (row, line) in enumerate(zip(rows, lines, strict=True)):
        while len(row) > len(header) and not caption_last and not row[-1]:
            row.pop()  # a spreadsheet's empty cells at the end
        if (
            len(row) > len(header)
            and caption_last
            and surplus < max(2, len(rows) - 1)
            and '"' not in "".join(row)
        ):
            rows[at] = row = [*row[: len(header) - 1], delimiter.join(row[len(header) - 1 :])]
        if len(row) != len(header):
            hint = "; put sentences with a separator in quotes" if len(row) > len(header) else ""
            raise DataError(f"{path}, row {at + 1}: expected {len(header)} cells, found {len(row)} "
                            f"(line {line}){hint}")  # fmt: skip
    return Table(header, rows[1:], lines[1:])


def _dialect(text: str, delimiter: str, path: Path) -> dict[str, Any]:
    """How separators inside a cell are written, where not in double quotes: in single ones or by a backslash.

    Every backslash must be one of those, since the csv reader drops it.

    Raises:
        DataError: single quotes around all rows that cannot be told from apostrophes.
    """
    if '"' in text:
        return {}
    body = [line for line in re.split(r"\r?\n|\r", text)[1:] if line]
    if body and all(re.fullmatch("'.*'", line) for line in body):
        cell = "'([^']|'')*'"
        strange = (line for line in body if not re.fullmatch(f"{cell}({re.escape(delimiter)}{cell})*", line))
        if line := next(strange, None):
            raise DataError(f"{path}: expected cells in double quotes, found single ones ({line[:40]!r})")
        return {"quotechar": "'"}
    rest = text.replace("\\\\", "")
    if f"\\{delimiter}" in rest and "\\" not in rest.replace(f"\\{delimiter}", ""):
        return {"escapechar": "\\"}
    return {}


def _rows(text: str, delimiter: str, path: Path, **dialect: Any) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **dialect)
    begin = 1
    try:
        for row in reader:
            if any(row):
                _check_open_quote(row, rows, delimiter, path, begin)
                rows.append(row)
                lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}, line {begin}: expected csv, found broken quoting ({error})") from error
    return rows, lines


def _check_open_quote(row: list[str], rows: list[list[str]], delimiter: str, path: Path, line: int) -> None:
    """A quote that never closes swallows the rows up to the next quote; they still look like rows."""
    width = len(rows[0]) if rows else len(row)
    for cell in row:
        for inside in re.split(r"\r?\n", cell)[1:]:
            first = inside.split(delimiter)[0]
            if inside.count(delimiter) >= width - 1 > 0 and first and not re.search(r"\s", first):
                raise DataError(
                    f"{path}, line {line}: expected a closing quote, found what looks like another row "
                    f"inside a cell ({inside[:40]!r})"
                )


def csv_columns(header: list[str]) -> tuple[str | None, str | None]:
    """The columns of ids and of sentences, None for one that is not there."""
    id_key = next((key for key in CSV_ID_KEYS if key in header), None)
    return id_key, next((key for key in CAPTION_KEYS if key in header), None)


def csv_sentences(table: Table, path: Path) -> list[tuple[str, str]]:
    """(id, sentence) of each row.

    Raises:
        UnknownLayoutError: no such columns.
        DataError: a row without an id.
    """
    id_key, caption_key = csv_columns(table.header)
    if id_key is None or caption_key is None:
        found = ", ".join(table.header) or "none"
        raise UnknownLayoutError(f"{path}: expected columns video_id and sentence, found {found}")
    return list(zip(csv_ids(table, id_key, path), table.column(caption_key), strict=True))


def csv_ids(table: Table, id_key: str, path: Path) -> list[str]:
    """The ids of all rows.

    Raises:
        DataError: a row without one.
    """
    ids = [cell.strip() for cell in table.column(id_key)]
    if "" in ids:
        raise DataError(f"{path}, line {table.lines[ids.index('')]}: expected an id in {id_key}, found none")
    return ids
