"""Split lists as published: which ids a file lists, and of which protocol and part."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.arrays import is_names_file, read_names
from cmgsd_lite.data.formats.captions import parse_lines
from cmgsd_lite.data.formats.delimited import (
    SPLIT_KEYS,
    csv_columns,
    csv_ids,
    csv_sentences,
    csv_table,
)
from cmgsd_lite.data.formats.files import (
    UnknownLayoutError,
    any_layout,
    once,
    read_text,
    user_path,
    video_id_of,
)
from cmgsd_lite.data.formats.json_captions import (
    ID_KEYS,
    captions_of,
    id_key,
    jsonl_records,
    load_json,
    parse_content,
    unwrapped,
)
from cmgsd_lite.data.formats.names import TEST, VALIDATION, are_parts, is_part, part_of
from cmgsd_lite.data.formats.sentences import sentences_of, text_of
from cmgsd_lite.data.formats.tables import ids_of

PROTOCOLS = ("1k-A", "7k", "full", "miech")
PLAIN = "plain"  # lists whose names carry no protocol: NAME_train.csv, NAME_val.csv, NAME_test.csv
VAL_1 = "val_1"  # ActivityNet publishes val_1 and val_2, and tests on val_1
_TAGS = {"9k": "1k-A", "jsfusion": "1k-A", "1ka": "1k-A", "7k": "7k", "full": "full", "miech": "miech"}
_ALIASES = {**_TAGS, "1k-a": "1k-A", "1k-b": "miech", "1kb": "miech", PLAIN: PLAIN}
_NO_LIST = {"caption", "captions", "caps", "videodatainfo", "annotation"}
_RECORDS = (".json", ".jsonl")
_TABLES = (".csv", ".tsv")
_LINES = (".txt", ".lst", ".list")

_LISTS = (*(f"{key}s" for key in ID_KEYS), "ids", *ID_KEYS)  # {"train": {"video_ids": [...]}}

Slot = tuple[str, str]
"""(protocol, part); the part is train, validation, test, or val_1."""


@dataclass
class Listed:
    """What a file says of one part: ids in its order, sentences by id where it has some, and empty ones."""

    ids: list[str] = field(default_factory=list)
    queries: dict[str, list[str]] = field(default_factory=dict)
    empty: int = 0
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, ids: Iterable[Any], sentences: Iterable[tuple[Any, Any]]) -> "Listed":
        """From ids, which may repeat, and (id, sentence); empty sentences and what is no text are counted."""
        listed = cls(list(dict.fromkeys(map(video_id_of, ids))))
        for video, cell in sentences:
            for sentence in sentences_of(cell):
                text, _ = text_of(sentence)
                if text is None:
                    listed.empty += 1
                else:
                    listed.queries.setdefault(video_id_of(video), []).append(text)
        return listed


def protocol_name(protocol: str) -> str:
    """The protocol behind a name ("9k" is "1k-A", "1k-B" is "miech"); ValueError if unknown."""
    known = _ALIASES.get(str(protocol).lower())
    if known is None:
        raise ValueError(f"protocol: expected one of {', '.join(PROTOCOLS)} (or 9k, plain), got {protocol!r}")
    return known


def read_split_list(path: str | Path) -> list[str]:
    """Video ids of a split file, in its order.

    Taken are: csv or tsv with a column video_id (comma, semicolon or tab; CRLF or LF; with or without BOM),
    csv or txt with one id a line, .npy of names, JSON lists of ids or of records, jsonl. A file with
    sentences may repeat an id.

    Raises:
        DataError: no ids, or an id twice in a plain list.

    Example:
        >>> read_split_list("MSRVTT_train.9k.csv")[:2]  # doctest: +SKIP
        ['video0', 'video1']
    """
    path = user_path(path)
    with any_layout(path):
        return _ids_in(path)


def _ids_in(path: Path) -> list[str]:
    if path.suffix.lower() == ".npy":
        return ids_of(read_names(path), path)
    if path.suffix.lower() in _RECORDS:
        return _of_content(_content(path), path).ids
    text = read_text(path)
    table = csv_table(text, path) if path.suffix.lower() in _TABLES else None
    id_key, caption_key = csv_columns(table.header) if table else (None, None)
    if table is None or id_key is None:
        ids = [line.strip().strip('",;') for line in text.splitlines() if line.strip()]
    else:
        ids = csv_ids(table, id_key, path)
        ids = ids if caption_key is None else list(dict.fromkeys(map(video_id_of, ids)))
    if not ids or any(re.search(r"[,;\s]", name) for name in ids):
        found = repr(ids[0]) if ids else "nothing"
        raise UnknownLayoutError(f"{path}: expected a column video_id or one id a line, found {found}")
    return ids_of(ids, path)


def read_queries(path: str | Path) -> dict[str, list[str]]:
    """The sentences of a test csv (key,vid_key,video_id,sentence), by video; empty ones are left out.

    Raises:
        DataError: no such columns, or a row that is cut off.
    """
    path = user_path(path)
    with any_layout(path):
        return Listed.of([], csv_sentences(csv_table(read_text(path), path), path)).queries


def role_of(path: Path, root: Path | None = None) -> Slot | None:
    """(protocol, part) that a file name states, or None: the name patterns of split lists.

    Below a root, a folder of its own says it too: train/captions.json, val/ids.txt.

    A word of the name says the part: train/trn/training, val/valid/validate/validation/dev, test/tst/testing.
    Another may say the protocol: 9k, jsfusion or 1ka is 1k-A; 7k; full; miech. Without it the protocol is
    "plain". So MSRVTT_train.9k.csv, train_list_jsfusion.txt, MSRVTT_JSFUSION_test.csv, minivtt_val.csv,
    trn_names.npy (HGR), msrvtt10ktrain.txt (BigFile), train.jsonl and test1k.json are read.
    """
    ending = path.suffix.lower()
    records = ending in (*_RECORDS, *_TABLES)
    listing = records or ending in _LINES or (ending == ".npy" and is_names_file(path))
    words = set(re.split(r"[_.\-\s]+", path.stem.lower()))
    if not listing or (not records and _NO_LIST & words) or "videodatainfo" in words:
        return None
    inside = root is not None and path.parent != root and is_part(path.parent.name)
    return slot_of(path.stem) or (slot_of(path.parent.name) if inside else None)


def slot_of(name: str) -> Slot | None:
    """(protocol, part) that a name states, or None."""
    part = part_of(name)
    if part is None:
        return None
    words = re.findall(r"jsfusion|miech|full|(?<![0-9])(?:9k|7k|1k-?a)(?![a-z0-9])", name.lower())
    protocol = next((_TAGS[word.replace("-", "")] for word in words), PLAIN)
    if protocol == "1k-A" and part == VALIDATION:  # CE's val_list_jsfusion.txt is the 1k-A test set
        return protocol, TEST
    return protocol, VAL_1 if re.search(r"(?<![a-z])val[_.\- ]?1(?![0-9a-z])", name.lower()) else part


def slots_in(path: Path, root: Path | None = None) -> dict[Slot, Listed]:
    """The parts that a file lists: by its name, by its keys (JSON), or by a column or key `split`.

    Raises UnknownLayoutError where nothing of the kind is in it, DataError of a damaged file.
    """
    if path.suffix.lower() in (*_TABLES, *_LINES):
        found = _two_columns(path) or (_by_column(path) if path.suffix.lower() in _TABLES else {})
        if found:
            return found
    content = _content(path) if path.suffix.lower() in _RECORDS else None
    told = content if isinstance(content, Mapping) else {}
    videos = told.get("videos")
    if isinstance(videos, list) and not {"sentences", "annotations"} & {*told}:
        content = videos
    elif isinstance(videos, list) and any(isinstance(v, Mapping) and {*SPLIT_KEYS} & {*v} for v in videos):
        raise UnknownLayoutError(f"{path}: expected a split list, found videos with parts of their own")
    found = _by_key(content, path) or _by_record(content, path)
    if found:
        return found
    slot = role_of(path, root)
    if slot is None:
        raise UnknownLayoutError(f"{path}: expected a split list, found no part in its name, keys or columns")
    if content is not None:
        return {slot: _of_content(content, path)}
    try:
        ids = _ids_in(path)
    except UnknownLayoutError:
        if path.suffix.lower() not in _LINES:
            raise
        _, parsed = parse_lines(read_text(path), path)
        rows = [(video, caption) for video, caption, _ in parsed.sentences]
        return {slot: Listed.of([video for video, _ in rows], rows)}
    table = csv_table(read_text(path), path) if path.suffix.lower() in _TABLES else None
    has_sentences = table is not None and all(csv_columns(table.header))
    return {slot: Listed.of(ids, csv_sentences(table, path) if table and has_sentences else [])}


def may_list(path: Path, root: Path | None = None) -> bool:
    """Whether a file has a name or kind that split lists have."""
    of_parts = path.suffix.lower() in _LINES and "split" in path.stem.lower()
    return role_of(path, root) is not None or of_parts or path.suffix.lower() in (*_TABLES, *_RECORDS)


def _content(path: Path) -> Any:
    text = read_text(path)
    if path.suffix.lower() == ".jsonl":
        return jsonl_records(text, path)
    return load_json(text, path)


def _two_columns(path: Path) -> dict[Slot, Listed]:
    """`id part` a line, in whichever order, without a header."""
    lines = [line for line in map(str.strip, read_text(path).splitlines()) if line]
    for at in (1, 0):
        rows: list[tuple[str, str, None]] = []
        for line in lines:
            cells = re.split(r"[,;\t ]+", line, maxsplit=2)
            if len(cells) != 2 or not is_part(cells[at]):
                break
            rows.append((cells[at], cells[1 - at], None))
        if rows and len(rows) == len(lines):
            return _grouped(rows, path)
    return {}


def _by_column(path: Path) -> dict[Slot, Listed]:
    table = csv_table(read_text(path), path)
    id_key, caption_key = csv_columns(table.header)
    split_key = next((key for key in SPLIT_KEYS if key in table.header), None)
    if id_key is None or split_key is None:
        return {}
    captions = table.column(caption_key) if caption_key else [None] * len(table.rows)
    rows = zip(table.column(split_key), csv_ids(table, id_key, path), captions, strict=True)
    found = _grouped(rows, path)
    if not found and table.rows and role_of(path) is None:
        words = ", ".join(repr(word) for word in list(dict.fromkeys(table.column(split_key)))[:3])
        raise UnknownLayoutError(f"{path}: expected parts (train, val, test) in {split_key}, found {words}")
    return found


def _grouped(rows: Iterable[tuple[Any, Any, Any]], path: Path) -> dict[Slot, Listed]:
    """Rows (part, id, caption) by part; empty when no part is said. Of other words a note says how many."""
    found: dict[Slot, dict[str, list[Any]]] = {}
    strange: dict[str, set[str]] = {}
    for part, video, caption in rows:
        slot = slot_of(str(part))
        if slot is None:
            strange.setdefault(str(part), set()).add(video_id_of(video))
            continue
        mine = found.setdefault(slot, {}).setdefault(video_id_of(video), [])
        mine += [caption] if caption is not None else []
    listed = {
        slot: Listed.of(videos, [(video, c) for video, mine in videos.items() for c in mine])
        for slot, videos in found.items()
    }
    _note_strange(listed, {word: len(videos) for word, videos in strange.items()}, path)
    return listed


def _note_strange(listed: Mapping[Slot, Listed], counts: Mapping[str, int], path: Path) -> None:
    """Say with the first part that other words than those of parts are in no split."""
    for word, count in counts.items() if listed else ():
        what = f"{count:,} videos of the part {word!r} are in no split"
        next(iter(listed.values())).notes.append(f"{path.name}: {what} (known are train, val and test)")


def _by_record(content: Any, path: Path) -> dict[Slot, Listed]:
    """[{id, caption, "split": ...}, ...], {id: part}, {id: {"split": part, ...}}, or one of them in a key."""
    if isinstance(content, Mapping) and len(content) == 1:
        inner = next(iter(content.values()))
        return _by_key(inner, path) or _by_record(inner, path)
    if (inside := unwrapped(content)) is not content:
        return _by_record(inside, path)
    if isinstance(content, Mapping) and all(isinstance(value, str) for value in content.values()):
        parts = sum(map(is_part, content.values()))
        rows = [(part, video, None) for video, part in content.items()]
        return _grouped(rows, path) if 2 * parts > len(content) else {}
    if isinstance(content, Mapping) and all(isinstance(value, Mapping) for value in content.values()):
        content = [{**value, ID_KEYS[0]: video} for video, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(record, Mapping) for record in content):
        return {}
    rows = []
    for record in content:
        video = id_key(record)
        part = next((record[key] for key in SPLIT_KEYS if isinstance(record.get(key), str)), None)
        if video is None or part is None:
            return {}
        captions = captions_of(record)
        rows += [(part, record[video], caption) for caption in captions or [None]]
    return _grouped(rows, path)


def _by_key(content: Any, path: Path) -> dict[Slot, Listed]:
    """{"train": ids, records or {id: ...}, "val": ..., ...}."""
    if not isinstance(content, Mapping):
        return {}
    parts = {key: value for key, value in content.items() if is_part(str(key)) or are_parts(content)}
    if not are_parts(parts) or (len(parts) < len(content) and len(set(map(part_of, map(str, parts)))) < 2):
        return {}
    told = ((slot, value) for key, value in parts.items() if (slot := slot_of(str(key))) and value)
    slots = once(((slot, value) for slot, value in told), path)
    listed = {slot: _of_content(value, path) for slot, value in slots.items()}
    others = {str(key): value for key, value in content.items() if key not in parts}
    _note_strange(listed, {k: len(v) for k, v in others.items() if isinstance(v, list | Mapping) and v}, path)
    return listed


def _of_content(content: Any, path: Path) -> Listed:
    """Ids, and sentences if there are any, of a list of ids, of records, or of a dict by id."""
    if isinstance(content, list) and content and not any(isinstance(v, list | Mapping) for v in content):
        return Listed(ids_of(content, path))
    told = content if isinstance(content, Mapping) else {}
    inside: list[Any] = next((told[key] for key in _LISTS if isinstance(told.get(key), list)), [{}])
    if not any(isinstance(v, list | Mapping) for v in inside):
        return Listed(ids_of(inside, path))
    try:
        _, parsed = parse_content(content, path)
    except UnknownLayoutError:
        if not isinstance(content, Mapping) or isinstance(content.get("videos"), list):
            raise
        return Listed(ids_of(content, path))
    ids = [video for video, _ in parsed.videos] or [video for video, _, _ in parsed.sentences]
    return Listed.of(ids, [(video, caption) for video, caption, _ in parsed.sentences])
