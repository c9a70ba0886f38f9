"""Csv and tsv as people have them: no text of a row may disappear, so a row that does not fit is an error."""

import csv
import re
from pathlib import Path
from typing import Any, NamedTuple

from cmgsd_lite.data.formats.files import UnknownLayoutError
from cmgsd_lite.data.formats.limits import MEMBERS, NAME, check_count, check_pieces
from cmgsd_lite.errors import DataError

CSV_ID_KEYS = (
    *("video_id", "clip_id", "clip_name", "image", "image_id", "video", "video_name", "name"),
    *("image_name", "file_name", "filename", "video_path", "video_file", "clip", "path", "file"),
)
CAPTION_KEYS = (
    *("caption", "sentence", "text", "captions", "sentences", "texts", "query"),
    *("description", "descriptions", "desc", "encap", "raw", "comment"),
)
_WORD = re.compile(r"[^\W\d_]+(['\u2019-][^\W\d_]+)*[.!?:]?")  # of a sentence, before a comma
SPLIT_KEYS = ("split", "set", "subset", "partition", "part", "phase", "fold")


def plain_key(name: object) -> str:
    """A name of a column or key without capitals, blanks and signs: "Video ID", "videoID" are "videoid"."""
    return re.sub(r"[\s_\-]+", "", str(name)).lower()


_CANONICAL = {plain_key(key): key for key in (*CSV_ID_KEYS, *CAPTION_KEYS, *SPLIT_KEYS)}


def _column_name(cell: str) -> str:
    """A known name in our spelling, any other in lower case."""
    return _CANONICAL.get(plain_key(cell), " ".join(cell.lower().split()))


class Table(NamedTuple):
    """A csv: names of the columns, and cells and first line of each row."""

    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        at = self.header.index(name)
        return [row[at] for row in self.rows]


def csv_table(text: str, path: Path) -> Table:
    """Header and rows of a csv; the separator is the sign that gives most known names.

    Without a header (LSMDC) the first column is ids and the last one sentences; MSVD's own table is made one
    with an id a clip and English sentences alone; WebVid calls the caption `name`.

    Cells stay as they are, blanks too, since a sentence of the 1k-A csv may begin with one. A row that an
    unquoted separator in its last column made too long is put together again. Single quotes around every
    cell, or backslashes before separators, are taken as such where there are no double quotes.

    Raises:
        DataError: a row with too few or too many cells, or a quote that is not closed; names the line.
    """
    delimiter = _delimiter(text)
    check_count(path, _first_line(text).count(delimiter), MEMBERS, "columns")
    try:
        check_pieces(path, text, text.count(delimiter) + max(text.count("\n"), text.count("\r")), "cells")
    except DataError as error:
        raise UnknownLayoutError(str(error)) from error  # perhaps features, which another reader takes
    if delimiter == "|":
        return _bars(text, path)
    if _has_no_header(text, delimiter):
        rows, lines = _rows(
            text, delimiter, path, **({"quoting": csv.QUOTE_NONE} if delimiter == "\t" else {})
        )
        _check_width(rows, lines, path)
        header = [CSV_ID_KEYS[0], *(f"column {n}" for n in range(2, len(rows[0]))), CAPTION_KEYS[0]]
        return Table(header, rows, lines)
    try:
        rows, lines = _rows(text, delimiter, path, **_dialect(text, delimiter, path))
    except DataError:
        if delimiter != "\t" or '"' not in text:
            raise
        rows, lines = _rows(text, delimiter, path, quoting=csv.QUOTE_NONE)  # most tsv knows no quoting
    header = [_column_name(name) for name in rows[0]] if rows else []
    twice = next((key for key in (*CSV_ID_KEYS, *CAPTION_KEYS, *SPLIT_KEYS) if header.count(key) > 1), None)
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
    return _as_published(Table(header, rows[1:], lines[1:]), path)


def _first_line(text: str) -> str:
    found = re.match(r"[^\r\n]*", text)
    return found[0] if found else ""


def _delimiter(text: str) -> str:
    first = _first_line(text)[: 64 * NAME]

    def rank(sign: str) -> tuple[int, bool, int]:
        names = {plain_key(cell.strip(" \"'\r\ufeff")) for cell in first.split(sign)}
        return len(names & {*_CANONICAL}), sign == "\t" and sign in first, first.count(sign)

    return max(",;\t|", key=rank)


def _has_no_header(text: str, delimiter: str) -> bool:
    """Whether every row, the first one too, begins with an id and ends with a sentence."""
    rows = [line.split(delimiter) for line in re.split(r"\r?\n|\r", text)[:50] if line.strip()]
    header = [_column_name(cell.strip(" \"'")) for cell in rows[0]] if rows else []
    if len(header) < 2 or any(csv_columns(header)) or {*SPLIT_KEYS} & {*header}:
        return False
    sentences = sum(" " in row[-1].strip() for row in rows)
    return " " in header[-1] and 2 * sentences > len(rows) and not any(" " in row[0].strip() for row in rows)


def _check_width(rows: list[list[str]], lines: list[int], path: Path) -> None:
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}, line {line}: expected {len(rows[0])} cells as above, found {len(row)}")


def _bars(text: str, path: Path) -> Table:
    """Flickr30k's results.csv, `name| number| sentence`; in one published line the second bar is missing."""
    lines = [(n, line) for n, line in enumerate(re.split(r"\r?\n|\r", text), 1) if line.strip()]
    header = [_column_name(cell) for cell in lines[0][1].split("|")]
    rows = []
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in line.split("|", len(header) - 1)]
        if len(cells) == len(header) - 1 and (found := re.fullmatch(r"(\d+)\s+(.*)", cells[-1])):
            cells = [*cells[:-1], found[1], found[2]]
        if len(cells) != len(header):
            raise DataError(f"{path}, line {number}: expected {len(header)} cells, found {len(cells)}")
        rows.append(cells)
    return Table(header, rows, [number for number, _ in lines[1:]])


def _as_published(table: Table, path: Path) -> Table:
    """MSVD's own csv as one of clips with English sentences; other tables as they are."""
    names = ("video_id", "start", "end", "description")
    if not {*names} <= {*table.header}:
        return table
    columns = [table.column(name) for name in names]
    rows = [[f"{video}_{start}_{end}", text] for video, start, end, text in zip(*columns, strict=True)]
    spoken = [word.lower() for word in table.column("language")] if "language" in table.header else []
    kept = [n for n in range(len(rows)) if not spoken or spoken[n] == "english" or "english" not in spoken]
    other = len(rows) - len(kept)
    notes = (
        (f"{path.name}: {other:,} sentences in other languages than English are left out",) if other else ()
    )
    return Table(["video_id", "caption"], [rows[n] for n in kept], [table.lines[n] for n in kept], notes)


def _dialect(text: str, delimiter: str, path: Path) -> dict[str, Any]:
    """How separators inside a cell are written, where not in double quotes: in single ones or by a backslash.

    Every backslash must be one of those, since the csv reader drops it.

    Raises:
        DataError: single quotes around all rows that cannot be told from apostrophes.
    """
    if '"' in text:
        return {}
    body = [line for line in re.split(r"\r?\n|\r", text)[1:] if line]
    if body and all(len(line) > 1 and line[0] == line[-1] == "'" for line in body):
        strange = (line for line in body if not _is_quoted(line, delimiter))
        if line := next(strange, None):
            raise DataError(f"{path}: expected cells in double quotes, found single ones ({line[:40]!r})")
        return {"quotechar": "'"}
    rest = text.replace("\\\\", "")
    if f"\\{delimiter}" in rest and "\\" not in rest.replace(f"\\{delimiter}", ""):
        return {"escapechar": "\\"}
    return {}


def _is_quoted(line: str, delimiter: str) -> bool:
    """Whether single quotes enclose all cells, and stand twice inside: then what is read is written so."""
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, quotechar="'", strict=True)
    except (csv.Error, ValueError):
        return False
    return line == delimiter.join("'" + cell.replace("'", "''") + "'" for cell in cells)


def _rows(text: str, delimiter: str, path: Path, **dialect: Any) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    # Line by line, since io.StringIO would take four bytes for each letter.
    pieces = (found[0] for found in re.finditer(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text))
    reader = csv.reader(pieces, delimiter=delimiter, strict=True, **dialect)
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
    if not any("\n" in cell for cell in row):
        return
    words_are_ids = any(_WORD.fullmatch(above[0]) for above in [*rows[1:][-50:], row])
    for cell in row:
        for inside in re.split(r"\r?\n", cell)[1:]:
            first = inside.split(delimiter)[0]
            if not words_are_ids and _WORD.fullmatch(first):
                continue  # "He stops.\nThen, he walks on."
            if inside.count(delimiter) >= width - 1 > 0 and first and not re.search(r"\s", first):
                raise DataError(
                    f"{path}, line {line}: expected a closing quote, found what looks like another row "
                    f"inside a cell ({inside[:40]!r})"
                )


def csv_columns(header: list[str]) -> tuple[str | None, str | None]:
    """The columns of ids and of sentences, None for one that is not there."""
    id_key = next((key for key in CSV_ID_KEYS if key in header), None)
    caption_key = next((key for key in CAPTION_KEYS if key in header), None)
    if caption_key is None and "video_id" in header and {"contenturl", "page_dir", "page_idx"} & {*header}:
        return "video_id", "name"  # WebVid
    return id_key, caption_key


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
