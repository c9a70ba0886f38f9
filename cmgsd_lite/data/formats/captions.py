"""The parsers behind `read_annotations` by kind of file: from text to (video id, caption, extras)."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.delimited import CAPTION_KEYS, csv_columns, csv_sentences, csv_table
from cmgsd_lite.data.formats.files import UnknownLayoutError, decode, once
from cmgsd_lite.data.formats.json_captions import (
    Parsed,
    is_nothing,
    parse_json,
    parse_jsonl,
    unused_notes,
)
from cmgsd_lite.data.formats.limits import NAME, check_lines
from cmgsd_lite.errors import DataError

_NOT_CAPTIONS = re.compile(r"(^|[_.-])(readme|license|notice|category)([_.-]|$)", re.IGNORECASE)
# Names that promise sentences, and ids as nobody begins a sentence with.
_PROMISED = re.compile(r"caption|sentence|sents|description|annot|token", re.IGNORECASE)
_UNLIKE_A_WORD = re.compile(r"(video|vid|clip|msr)?\d+|.*_\d+_\d+|.*\d.*\.\w{3,4}", re.IGNORECASE)
_NUMBER = re.compile(r"(#[a-z]{2,3})?#\d*$", re.IGNORECASE)  # video4#enc#1 (Dual Encoding)
_A_LINE = re.compile(r"\s*(\S+)[ \t]?(.*)")


def parser_of(name: str) -> Callable[[str, Path], tuple[str, Parsed]] | None:
    """The parser for a file name, or None when no captions are kept under such a name."""
    base = Path(name).name.lower().removesuffix(".gz")
    if _NOT_CAPTIONS.search(base):
        return None
    by_suffix: dict[str, Callable[[str, Path], tuple[str, Parsed]]] = {
        ".json": parse_json,
        ".jsonl": parse_jsonl,
        ".csv": parse_csv,
        ".tsv": parse_csv,
        ".txt": parse_lines,
        ".token": parse_lines,
    }
    return by_suffix.get(Path(base).suffix)


def parse(name: str, raw: bytes, path: Path) -> tuple[str, Parsed]:
    """(kind, content) of the bytes of a file or archive member.

    Raises:
        UnknownLayoutError: no captions in it.
        DataError: broken syntax.
    """
    parser = parser_of(name)
    if parser is None:
        raise UnknownLayoutError(f"{path}: expected captions, found {name}")
    text = decode(raw, path)
    check_lines(path, text)
    return parser(text, path)


def parse_csv(text: str, path: Path) -> tuple[str, Parsed]:
    """Csv with a column of ids and a column of sentences (key,vid_key,video_id,sentence)."""
    table = csv_table(text, path)
    rows = csv_sentences(table, path)
    used = csv_columns(table.header)[1]
    others = [key for key in CAPTION_KEYS if key in table.header and key != used]
    notes = [*table.notes, *unused_notes(dict.fromkeys(others, str(used)), path)]
    return "csv", Parsed([(video, sentence, {}) for video, sentence in rows], notes=notes)


def parse_lines(text: str, path: Path) -> tuple[str, Parsed]:
    """`video7#0 a dog` a line (W2VV++, Flickr), a blank or a tab between the two, or `id a dog` (MSVD).

    Lines of comments (#) are passed by. Without `#number` after the id it takes evidence that the first words
    are ids: a tab behind each, or a name of the file that promises sentences, or words such as video7.
    """
    lines = re.split(r"\r?\n|\r", text)
    if all(csv_columns([cell.strip().lower() for cell in re.split(r"[,;\t|]", lines[0])])):
        return parse_csv(text, path)  # Flickr8k's captions.txt is a csv
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    # Ids alone are told soon: to look closely takes much more memory than a list of them.
    alone = sum(len(line.split(None, 2)) < 3 for _, line in numbered)
    bare = next(((n, line) for n, line in numbered if "#" not in line.split(None, 1)[0]), None)
    if bare and 2 * alone >= len(numbered):
        raise _no_sentences(path, *bare)
    found = [(number, line, match) for number, line in numbered if (match := _A_LINE.match(line))]
    first = [match[1] for *_, match in found]
    if not all("#" in word for word in first):
        _check_ids(found, path)
    return "lines", Parsed(
        [(_NUMBER.sub("", word), match[2], {}) for word, (*_, match) in zip(first, found, strict=True)]
    )


def _check_ids(lines: list[tuple[int, str, re.Match[str]]], path: Path) -> None:
    """Refuse lines whose first words are not ids followed by sentences."""
    tabs = all("\t" in line and " " in line.partition("\t")[2].strip() for _, line, _ in lines)
    alike = all(len(match[1]) <= NAME and _UNLIKE_A_WORD.fullmatch(match[1]) for *_, match in lines)
    several = sum(_reads_as_sentence(match[2]) for *_, match in lines)
    if 2 * several <= len(lines) or not (tabs or alike or _PROMISED.search(path.name)):
        number, line, _ = next(found for found in lines if "#" not in found[2][1])
        raise _no_sentences(path, number, line)


def _no_sentences(path: Path, number: int, line: str) -> UnknownLayoutError:
    return UnknownLayoutError(f"{path}, line {number}: expected `video#number sentence`, found {line[:40]!r}")


def _reads_as_sentence(text: str) -> bool:
    """Whether there are several words, and not ids or numbers alone."""
    words = text.split()
    return len(words) > 1 and any(word.isalpha() and len(word) > 1 for word in words)


def parse_token_lists(content: Any, path: Path) -> Parsed:
    """CE's raw-captions: {id: list of captions}, a caption a string or a list of words."""
    if not isinstance(content, Mapping) or not all(
        isinstance(mine, list | tuple) or is_nothing(mine) for mine in content.values()
    ):
        raise UnknownLayoutError(f"{path}: expected {{video id: captions}}, found {type(content).__name__}")
    listed = {video: mine if isinstance(mine, list | tuple) else [mine] for video, mine in content.items()}
    captions = {video: [_of_words(caption) for caption in mine] for video, mine in listed.items()}
    strange = [(video, c) for video, mine in captions.items() for c in mine if not isinstance(c, str)]
    if strange and len(strange) == sum(map(len, captions.values())):
        video, caption = strange[0]
        found = type(caption[0] if isinstance(caption, list | tuple) and caption else caption).__name__
        raise UnknownLayoutError(f"{path}: expected words, found {found} at {video}")
    return Parsed.of(captions)


def _of_words(caption: Any) -> Any:
    """The sentence of a list of words; anything else comes as it is."""
    words = caption if isinstance(caption, list | tuple) else [caption]
    return " ".join(map(_word, words)) if all(isinstance(word, str | bytes) for word in words) else caption


def _word(word: str | bytes) -> str:
    """A word; what Python 2 wrote as UTF-8 bytes comes out of the unpickler as latin1 and is mended here."""
    if isinstance(word, bytes):
        return decode(word, "caption")
    try:
        return word.encode("latin1").decode("utf-8")
    except UnicodeError:
        return word


def parse_category_names(raw: bytes, path: Path) -> dict[int, str]:
    """category.txt: `name<TAB>number` a line."""
    names: list[tuple[int, str]] = []
    for line in filter(str.strip, decode(raw, path).splitlines()):
        name, _, number = line.rpartition("\t")
        if not number.strip().isdecimal():
            raise DataError(f"{path}, category.txt: expected `name<TAB>number`, found {line!r}")
        names.append((int(number), name.strip()))
    return once(names, path)
