"""The parsers behind `read_annotations`: one function a format, from text to (video id, caption, extras)."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.delimited import (
    CAPTION_KEYS,
    CSV_ID_KEYS,
    csv_columns,
    csv_sentences,
    csv_table,
)
from cmgsd_lite.data.formats.files import UnknownLayoutError, decode
from cmgsd_lite.data.formats.names import are_parts
from cmgsd_lite.errors import DataError

ID_KEYS = (*CSV_ID_KEYS, "vid", "id")
_VIDEO_KEYS = ("id", "video_id", "category", "url", "start time", "end time", "split")
_SENTENCE_KEYS = ("sen_id", "video_id", "caption")
_NOT_CAPTIONS = re.compile(r"(^|[_.-])(readme|license|notice|category)([_.-]|$)", re.IGNORECASE)


@dataclass
class Parsed:
    """What a parser found: sentences as (id, caption, extras), videos as (id, JSON object).

    A caption is whatever stands in its place; what is no text is left out where captions are counted.
    """

    sentences: list[tuple[Any, Any, dict[str, Any]]] = field(default_factory=list)
    videos: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    category_names: dict[int, str] = field(default_factory=dict)
    has_extras: bool = False
    name: str | None = None
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, captions: Mapping[Any, Any]) -> "Parsed":
        """From {id: captions}, null for none."""
        listed = {video: mine if isinstance(mine, list) else [mine] for video, mine in captions.items()}
        return cls([(video, caption, {}) for video, mine in listed.items() for caption in mine])


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
    return parser(decode(raw), path)


def video_extras(info: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a video object that the official release does not have."""
    return {key: value for key, value in info.items() if key not in _VIDEO_KEYS}


def load_json(text: str, path: Path) -> Any:
    """Content of JSON.

    Raises:
        DataError: broken syntax.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DataError(f"{path}: expected a known layout, found too deep a nesting") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: expected whole JSON, found broken JSON ({error})") from error


def parse_json(text: str, path: Path) -> tuple[str, Parsed]:
    """Official or MSRVTT_data JSON, Frozen's annotations, {name: [sentence]}, a list of records, or parts."""
    return parse_content(load_json(text, path), path)


def parse_content(content: Any, path: Path) -> tuple[str, Parsed]:
    """What `parse_json` does, of the JSON's content."""
    if isinstance(content, list):
        return "jsonl", _records(content, path)
    if isinstance(content, dict) and isinstance(content.get("sentences"), list):
        return _parse_msrvtt(content, path)
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        return "frozen", _records(content["annotations"], path)
    if isinstance(content, dict) and are_parts(content):
        return _parse_parts(content, path)
    if isinstance(content, dict) and any(content.values()) and all(map(_is_sentences, content.values())):
        return "reference", Parsed.of(content)
    keys = ", ".join(list(content)[:5]) if isinstance(content, dict) else type(content).__name__
    raise UnknownLayoutError(
        f"{path}: expected videos/sentences, annotations or {{name: [sentences]}}, found {keys}"
    )


def _is_sentences(value: Any) -> bool:
    """A list of sentences; null among or in place of them is left out where captions are counted."""
    if not isinstance(value, list):
        return value is None
    return not any(isinstance(v, dict) for v in value) and (
        any(isinstance(v, str) for v in value) or all(map(_is_nothing, value))
    )


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _parse_parts(content: dict[str, Any], path: Path) -> tuple[str, Parsed]:
    """{"train": records or {name: [sentences]}, "val": ...}; lists of ids by part are no captions."""
    merged, kinds = Parsed(), []
    for key, value in content.items():
        if not value:
            continue
        if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
            raise UnknownLayoutError(f"{path}: expected captions, found lists of ids by part")
        try:
            kind, parsed = parse_content(value, path)
        except UnknownLayoutError as error:
            raise UnknownLayoutError(str(error).replace(f"{path}", f"{path}, {key}", 1)) from error
        kinds.append(kind)
        merged.sentences += parsed.sentences
        merged.notes += [note for note in parsed.notes if note not in merged.notes]
        known = {video for video, _ in merged.videos}
        merged.videos += [(video, info) for video, info in parsed.videos if video not in known]
    return kinds[0] if kinds else "reference", merged


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
    parsed.category_names = _category_names(content.get("category_names") or {}, path)
    official = any("split" in video for _, video in parsed.videos)
    return "official" if official else "json", parsed


def _category_names(names: Any, path: Path) -> dict[int, str]:
    """{number: name}, {name: number} or a list of names."""
    try:
        pairs = dict(enumerate(names)) if isinstance(names, list) else dict(names)
        if all(isinstance(number, int) for number in pairs.values()):
            pairs = {number: name for name, number in pairs.items()}
        return {int(number): str(name) for number, name in pairs.items()}
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path}: expected category_names {{number: name}}, found {str(names)[:60]}"
        ) from error


def _name_of(info: Any) -> str | None:
    if not isinstance(info, dict):
        return None
    if info.get("name"):
        return str(info["name"])
    return "MSR-VTT" if "MSR-VTT" in str(info.get("description", "")) else None


def _records(records: list[Any], path: Path) -> Parsed:
    """Objects with one id key and one caption key; the caption is a string or a list of strings."""
    parsed = Parsed()
    unused: dict[str, str] = {}
    for number, record in enumerate(records, start=1):
        keys = record if isinstance(record, dict) else {}
        id_key = next((key for key in ID_KEYS if key in keys), None)
        captions = [key for key in CAPTION_KEYS if key in keys]
        if id_key is None or not captions:
            raise UnknownLayoutError(
                f"{path}, record {number}: expected {'/'.join(ID_KEYS[:3])} and "
                f"{'/'.join(CAPTION_KEYS[:3])}, found {', '.join(keys) or type(record).__name__}"
            )
        unused.update(dict.fromkeys(captions[1:], captions[0]))
        mine = record[captions[0]]
        for caption in mine if isinstance(mine, list) else [mine]:
            parsed.sentences.append((record[id_key], caption, {}))
    parsed.notes = _unused(unused, path)
    return parsed


def _unused(instead: Mapping[str, str], path: Path) -> list[str]:
    return [
        f"{path.name}: {key} is not used, the captions are those of {used}" for key, used in instead.items()
    ]


def parse_jsonl(text: str, path: Path) -> tuple[str, Parsed]:
    """One JSON object a line: {caption or text, clip_name or clip_id or video}."""
    return "jsonl", _records(jsonl_records(text, path), path)


def jsonl_records(text: str, path: Path) -> list[Any]:
    """The objects of a file with one a line.

    Raises:
        DataError: broken syntax; names the line.
    """
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except (json.JSONDecodeError, RecursionError) as error:
                raise DataError(
                    f"{path}, line {number}: expected a JSON object, found broken JSON"
                ) from error
    return records


def parse_csv(text: str, path: Path) -> tuple[str, Parsed]:
    """Csv with a column of ids and a column of sentences (key,vid_key,video_id,sentence)."""
    table = csv_table(text, path)
    rows = csv_sentences(table, path)
    used = csv_columns(table.header)[1]
    others = [key for key in CAPTION_KEYS if key in table.header and key != used]
    notes = _unused(dict.fromkeys(others, str(used)), path)
    return "csv", Parsed([(video, sentence, {}) for video, sentence in rows], notes=notes)


def parse_lines(text: str, path: Path) -> tuple[str, Parsed]:
    """`video7#0 a sentence` a line (dual_encoding, W2VV++), a blank or a tab between them."""
    parsed = Parsed()
    for number, line in enumerate(re.split(r"\r?\n|\r", text), start=1):
        found = re.match(r"\s*(\S+)\s?(.*)", line)
        if found is None:
            continue
        caption_id, caption = found.groups()
        if "#" not in caption_id:
            raise UnknownLayoutError(
                f"{path}, line {number}: expected `video#number sentence`, found {line[:40]!r}"
            )
        parsed.sentences.append((caption_id.split("#")[0], caption, {}))
    return "lines", parsed


def parse_token_lists(content: Any, path: Path) -> Parsed:
    """CE's raw-captions: {id: list of captions}, a caption a string or a list of words."""
    if not isinstance(content, Mapping) or not all(
        isinstance(mine, list | tuple) or _is_nothing(mine) for mine in content.values()
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
