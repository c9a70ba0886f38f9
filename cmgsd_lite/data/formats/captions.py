"""The parsers behind `read_annotations`: one function a format, from text to (video id, caption, extras)."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.files import UnknownLayoutError, decode
from cmgsd_lite.errors import DataError

CSV_ID_KEYS = ("video_id", "videoid", "clip_id", "clip_name", "image_id", "video", "video_name", "name")
ID_KEYS = (*CSV_ID_KEYS, "vid", "id")
CAPTION_KEYS = ("caption", "sentence", "text", "captions", "sentences", "texts", "query")
_VIDEO_KEYS = ("id", "video_id", "category", "url", "start time", "end time", "split")
_SENTENCE_KEYS = ("sen_id", "video_id", "caption")
_NOT_CAPTIONS = re.compile(r"(^|[_.-])(readme|license|notice|category)([_.-]|$)", re.IGNORECASE)


@dataclass
class Parsed:
    """What a parser found: sentences as (id, caption, extras), videos as (id, JSON object)."""

    sentences: list[tuple[Any, str, dict[str, Any]]] = field(default_factory=list)
    videos: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    category_names: dict[int, str] = field(default_factory=dict)
    has_extras: bool = False
    name: str | None = None

    @classmethod
    def of(cls, captions: Mapping[Any, list[str]]) -> "Parsed":
        """From {id: captions}."""
        return cls([(video, caption, {}) for video, mine in captions.items() for caption in mine])


def parser_of(name: str) -> Callable[[str, Path], tuple[str, Parsed]] | None:
    """The parser for a file name, or None when no captions are kept under such a name."""
    base = Path(name).name.lower().removesuffix(".gz")
    if _NOT_CAPTIONS.search(base):
        return None
    by_suffix = {".json": parse_json, ".jsonl": parse_jsonl, ".csv": parse_csv, ".txt": parse_lines}
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
    return parser(decode(raw), path)


def video_extras(info: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a video object that the official release does not have."""
    return {key: value for key, value in info.items() if key not in _VIDEO_KEYS}


def parse_json(text: str, path: Path) -> tuple[str, Parsed]:
    """Official or MSRVTT_data JSON, Frozen's annotations, HGR's {name: [sentence]}, or a list of records."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: expected whole JSON, found broken JSON ({error})") from error
    if isinstance(content, list):
        return "jsonl", _records(content, path)
    if isinstance(content, dict) and isinstance(content.get("sentences"), list):
        return _parse_msrvtt(content, path)
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        return "frozen", _records(content["annotations"], path)
    if isinstance(content, dict) and content and all(map(_is_sentences, content.values())):
        return "reference", Parsed.of(content)
    keys = ", ".join(list(content)[:5]) if isinstance(content, dict) else type(content).__name__
    raise UnknownLayoutError(
        f"{path}: expected videos/sentences, annotations or {{name: [sentences]}}, found {keys}"
    )


def _is_sentences(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def _parse_msrvtt(content: dict[str, Any], path: Path) -> tuple[str, Parsed]:
    parsed = Parsed(name=_name_of(content.get("info")))
    try:
        parsed.videos = [(video["video_id"], video) for video in content.get("videos", [])]
        for s in content["sentences"]:
            usual = len(s) == 2 + ("sen_id" in s)
            extra = {} if usual else {k: v for k, v in s.items() if k not in _SENTENCE_KEYS}
            parsed.has_extras |= bool(extra)
            parsed.sentences.append((s["video_id"], s["caption"], extra))
    except (KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected video_id in videos, video_id and caption in sentences, "
            f"found an entry without ({error})"
        ) from error
    names = content.get("category_names") or {}
    parsed.category_names = {int(number): str(name) for number, name in names.items()}
    official = any("split" in video for _, video in parsed.videos)
    return "official" if official else "json", parsed


def _name_of(info: Any) -> str | None:
    if not isinstance(info, dict):
        return None
    if info.get("name"):
        return str(info["name"])
    return "MSR-VTT" if "MSR-VTT" in str(info.get("description", "")) else None


def _records(records: list[Any], path: Path) -> Parsed:
    """Objects with one id key and one caption key; the caption is a string or a list of strings."""
    parsed = Parsed()
    for number, record in enumerate(records, start=1):
        keys = record if isinstance(record, dict) else {}
        id_key = next((key for key in ID_KEYS if key in keys), None)
        caption_key = next((key for key in CAPTION_KEYS if key in keys), None)
        if id_key is None or caption_key is None:
            raise UnknownLayoutError(
                f"{path}, record {number}: expected {'/'.join(ID_KEYS[:3])} and "
                f"{'/'.join(CAPTION_KEYS[:3])}, found {', '.join(keys) or type(record).__name__}"
            )
        captions = record[caption_key]
        for caption in captions if isinstance(captions, list) else [captions]:
            parsed.sentences.append((record[id_key], str(caption), {}))
    return parsed


def parse_jsonl(text: str, path: Path) -> tuple[str, Parsed]:
    """One JSON object a line: {caption or text, clip_name or clip_id or video}."""
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: expected a JSON object, found broken JSON"
                ) from error
    return "jsonl", _records(records, path)


def csv_table(text: str, path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of a csv; the separator (comma, semicolon or tab) is the one the header has most of.

    Cells stay as they are, blanks too, since a sentence of the 1k-A csv may begin with one.

    Raises:
        DataError: broken quoting.
    """
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise DataError(f"{path}: expected csv, found broken csv ({error})") from error
    header = [" ".join(name.lower().split()) for name in lines[0]] if lines else []
    return header, [dict(zip(header, row, strict=False)) for row in lines[1:]]


def csv_columns(header: list[str]) -> tuple[str | None, str | None]:
    """The columns of ids and of sentences, None for one that is not there."""
    id_key = next((key for key in CSV_ID_KEYS if key in header), None)
    return id_key, next((key for key in CAPTION_KEYS if key in header), None)


def csv_sentences(text: str, path: Path) -> list[tuple[str, str]]:
    """(id, sentence) of each row of a csv.

    Raises:
        UnknownLayoutError: no such columns.
        DataError: a row that is cut off.
    """
    header, rows = csv_table(text, path)
    id_key, caption_key = csv_columns(header)
    if id_key is None or caption_key is None:
        found = ", ".join(header) or "none"
        raise UnknownLayoutError(f"{path}: expected columns video_id and sentence, found {found}")
    short = next((number for number, row in enumerate(rows, start=2) if len(row) < len(header)), None)
    if short is not None:
        raise DataError(f"{path}, row {short}: expected {len(header)} cells, found {len(rows[short - 2])}")
    return [(row[id_key], row[caption_key]) for row in rows]


def parse_csv(text: str, path: Path) -> tuple[str, Parsed]:
    """Csv with a column of ids and a column of sentences (key,vid_key,video_id,sentence)."""
    return "csv", Parsed([(video, sentence, {}) for video, sentence in csv_sentences(text, path)])


def parse_lines(text: str, path: Path) -> tuple[str, Parsed]:
    """`video7#0 a sentence` a line (dual_encoding, W2VV++)."""
    parsed = Parsed()
    for number, line in enumerate(filter(str.strip, text.split("\n")), start=1):
        caption_id, _, caption = line.rstrip("\r").partition(" ")
        if "#" not in caption_id:
            raise UnknownLayoutError(
                f"{path}, line {number}: expected `video#number sentence`, found {line[:40]!r}"
            )
        parsed.sentences.append((caption_id.split("#")[0], caption, {}))
    return "lines", parsed


def parse_token_lists(content: Any, path: Path) -> Parsed:
    """CE's raw-captions: {id: list of captions}, a caption a string or a list of words."""
    if not isinstance(content, Mapping) or not all(
        isinstance(mine, list | tuple) for mine in content.values()
    ):
        raise UnknownLayoutError(f"{path}: expected {{video id: captions}}, found {type(content).__name__}")
    parsed = Parsed()
    for video, mine in content.items():
        for caption in mine:
            words = caption if isinstance(caption, list | tuple) else [caption]
            if not all(isinstance(word, str | bytes) for word in words):
                raise UnknownLayoutError(
                    f"{path}: expected words, found {type(words[0]).__name__} at {video}"
                )
            parsed.sentences.append((video, " ".join(map(_word, words)), {}))
    return parsed


def _word(word: str | bytes) -> str:
    """A word; what Python 2 wrote as UTF-8 bytes comes out of the unpickler as latin1 and is mended here."""
    if isinstance(word, bytes):
        return word.decode("utf-8", errors="replace")
    try:
        return word.encode("latin1").decode("utf-8")
    except UnicodeError:
        return word


def parse_category_names(raw: bytes, path: Path) -> dict[int, str]:
    """category.txt: `name<TAB>number` a line."""
    names = {}
    for line in filter(str.strip, decode(raw).splitlines()):
        name, _, number = line.rpartition("\t")
        if not number.strip().isdecimal():
            raise DataError(f"{path}, category.txt: expected `name<TAB>number`, found {line!r}")
        names[int(number)] = name.strip()
    return names
