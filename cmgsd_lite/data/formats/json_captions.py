"""Captions out of JSON, whoever wrote it: from an object to (video id, caption, extras) a sentence.

Every function below reads one family of layouts; `parse_content` asks them in turn. docs/DATA.md has an
example of each. Keys are found without regard to capitals (`videoID`, `enCap`).
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats.delimited import CAPTION_KEYS, CSV_ID_KEYS, plain_key
from cmgsd_lite.data.formats.files import UnknownLayoutError, json_decoder, json_of, once
from cmgsd_lite.data.formats.limits import check_json
from cmgsd_lite.data.formats.names import are_parts, is_part, part_of
from cmgsd_lite.errors import DataError

ID_KEYS = (*CSV_ID_KEYS, "vid", "id")
_VIDEO_KEYS = ("id", "video_id", "category", "url", "start time", "end time", "split")
_SENTENCE_KEYS = ("sen_id", "video_id", "caption")
# What a caption of a moment has beside it (ActivityNet, DiDeMo).
_MOMENT_KEYS = ("timestamps", "timestamp", "times")
# Keys under which people put all records.
_WRAPPERS = ("data", "videos", "images", "clips", "items", "records", "annotations", "sentences", "database")
MOMENTS = (
    "videos have sentences on moments of them (ActivityNet, DiDeMo); published paragraph retrieval joins "
    "them to one query a video, as --queries paragraph does; else each sentence is a query of its own"
)
START = "start"


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


Found = tuple[str, Parsed]


def video_extras(info: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a video object that the official release does not have."""
    return {key: value for key, value in info.items() if key not in _VIDEO_KEYS}


def load_json(text: str, path: Path) -> Any:
    """Content of JSON, or the records of JSON lines under the name .json.

    Raises:
        DataError: broken syntax.
    """
    try:
        return json_of(text, path)
    except json.JSONDecodeError as error:
        # What goes on after a whole object is one object a line.
        if error.msg == "Extra data" and len(text.splitlines()) > 1:
            return jsonl_records(text, path)
        raise DataError(f"{path}: expected whole JSON, found broken JSON ({error})") from error


def jsonl_records(text: str, path: Path) -> list[Any]:
    """The objects of a file with one a line.

    Raises:
        DataError: broken syntax; names the line.
    """
    check_json(path, text, text.count("\n"))
    decode = json_decoder(path).decode  # one for all lines: making it takes longer than a line
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                records.append(decode(line))
            except (json.JSONDecodeError, RecursionError) as error:
                raise DataError(
                    f"{path}, line {number}: expected a JSON object, found broken JSON"
                ) from error
    return records


def parse_jsonl(text: str, path: Path) -> Found:
    """One JSON object a line: {caption or text, clip_name or clip_id or video}."""
    return "jsonl", _records(jsonl_records(text, path), path)


def parse_json(text: str, path: Path) -> Found:
    """Any of the layouts of this module."""
    return parse_content(load_json(text, path), path)


def parse_content(content: Any, path: Path) -> Found:
    """What `parse_json` does, of the JSON's content.

    Raises:
        UnknownLayoutError: none of the layouts; says which keys were found.
    """
    if isinstance(content, list):
        return "jsonl", _records(content, path)
    if isinstance(content, dict):
        _check_one_wrapper(content, path)
    for reader in _READERS if isinstance(content, dict) and content else ():
        found = reader(content, path)
        if found is not None:
            return found
    keys = ", ".join(map(str, list(content)[:5])) if isinstance(content, dict) else type(content).__name__
    raise UnknownLayoutError(
        f"{path}: expected videos/sentences, annotations or {{name: [sentences]}} (docs/DATA.md shows all "
        f"layouts), found {keys}"
    )


def id_key(record: Mapping[str, Any]) -> str | None:
    """The key of a record's video, in the record's own spelling."""
    return _key(tuple(record), ID_KEYS)


def caption_key(record: Mapping[str, Any]) -> str | None:
    """The key of a record's captions, in the record's own spelling."""
    return _key(tuple(record), CAPTION_KEYS)


def captions_of(record: Mapping[str, Any]) -> list[Any]:
    """The sentences of a record: a text, a list of them, or objects that hold one each (Karpathy's `raw`)."""
    key = caption_key(record)
    mine = record[key] if key else []
    told = mine if isinstance(mine, list) else [mine]
    return [c[inner] if isinstance(c, dict) and (inner := caption_key(c)) else c for c in told]


def unwrapped(content: Any) -> Any:
    """The records or dict that lie under a usual key of a file: {"version": 1, "data": [...]}."""
    told = content if isinstance(content, dict) else {}
    inside = (told[key] for key in _WRAPPERS if isinstance(told.get(key), list | dict))
    return next(
        (
            value
            for value in inside
            if value and not isinstance(value[0] if isinstance(value, list) else {}, str)
        ),
        content,
    )


@lru_cache(maxsize=64)  # nearly all records of a file have the same keys
def _key(keys: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    spelled = {plain_key(key): key for key in keys}
    return next((spelled[plain] for name in names if (plain := plain_key(name)) in spelled), None)


def _records(records: list[Any], path: Path) -> Parsed:
    """Objects with one id key and one caption key; the caption is a string or a list of strings."""
    parsed = Parsed()
    unused: dict[str, str] = {}
    moments: set[Any] = set()
    for number, record in enumerate(records, start=1):
        keys = record if isinstance(record, dict) else {}
        video, used = id_key(keys), caption_key(keys)
        if video is None or used is None:
            raise UnknownLayoutError(
                f"{path}, record {number}: expected {'/'.join(ID_KEYS[:3])} and "
                f"{'/'.join(CAPTION_KEYS[:3])}, found {', '.join(keys) or type(record).__name__}"
            )
        unused.update({key: used for key in keys if str(key).lower() in CAPTION_KEYS and key != used})
        mine = captions_of(record)
        beside = next((record[key] for key in _MOMENT_KEYS if key in keys), None)
        if beside is not None:
            moments.add(str(record[video]))
        starts = _starts(beside, len(mine))
        parsed.has_extras |= bool(starts)
        extras = [{START: start} for start in starts] or [{} for _ in mine]
        parsed.sentences += [
            (record[video], caption, extra) for caption, extra in zip(mine, extras, strict=True)
        ]
    parsed.notes = unused_notes(unused, path)
    parsed.notes += [f"{path.name}: {len(moments):,} {MOMENTS}"] if moments else []
    return parsed


def _starts(moments: Any, count: int) -> list[float]:
    """When each caption's moment begins, of [start, end] a caption; several of one are averaged (DiDeMo)."""
    try:
        pairs = [(float(start), float(end)) for start, end in moments]
    except (TypeError, ValueError):  # one [start, end], or something else
        pairs = [(float(moments[0]), 0.0)] if _is_pair(moments) else []
    if count == 1 and pairs:
        return [sum(start for start, _ in pairs) / len(pairs)]
    return [start for start, _ in pairs] if len(pairs) == count else []


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(v, int | float) for v in value)


def unused_notes(instead: Mapping[str, str], path: Path) -> list[str]:
    """That other columns or keys could be captions too, as sentences."""
    return [
        f"{path.name}: {key} is not used, the captions are those of {used}" for key, used in instead.items()
    ]


def _msrvtt(content: dict[str, Any], path: Path) -> Found | None:
    """The official release and MSRVTT_data.json: {"videos": [...], "sentences": [{video_id, caption}]}."""
    if not isinstance(content.get("sentences"), list):
        return None
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
            pairs = once(((number, name) for name, number in pairs.items()), path)
        return once(((int(number), str(name)) for number, name in pairs.items()), path)
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


def _karpathy(content: dict[str, Any], path: Path) -> Found | None:
    """Karpathy's splits: {"images": [{filename, split, "sentences": [{"raw": ...}]}]}."""
    images = content.get("images")
    if not isinstance(images, list) or not images or not all(map(_has_sentences, images)):
        return None
    parsed = Parsed()
    for image in images:
        video = id_key(image)
        if video is None:
            raise DataError(f"{path}: expected a filename in each image, found {', '.join(image)}")
        for sentence in image["sentences"]:
            text = sentence["raw"] if "raw" in sentence else " ".join(sentence.get("tokens", []))
            parsed.sentences.append((image[video], text, {}))
    return "karpathy", parsed


def _has_sentences(image: Any) -> bool:
    sentences = image.get("sentences") if isinstance(image, dict) else None
    return isinstance(sentences, list) and all(isinstance(sentence, dict) for sentence in sentences)


def _coco(content: dict[str, Any], path: Path) -> Found | None:
    """COCO and Frozen: {"annotations": [{image_id, caption}]}; the number of an image stands for its file."""
    if not isinstance(content.get("annotations"), list):
        return None
    images = content.get("images") or content.get("videos") or []
    named = [image for image in images if isinstance(image, dict) and "id" in image]
    keys = (_key(tuple(image), ("file_name", "filename")) for image in named)
    files = once(((i["id"], i[key]) for i, key in zip(named, keys, strict=True) if key), path)
    parsed = _records(content["annotations"], path)
    parsed.sentences = [(files.get(video, video), c, extra) for video, c, extra in parsed.sentences]
    return "frozen", parsed


def _parts(content: dict[str, Any], path: Path) -> Found | None:
    """{"train": records or {name: [sentences]}, "val": ...}; lists of ids by part are no captions."""
    parts = {key: value for key, value in content.items() if is_part(str(key))}
    others = [str(key) for key in content if key not in parts]
    if not are_parts(content) and (
        len(others) > len(parts) or len({part_of(str(key)) for key in parts}) < 2 or not are_parts(parts)
    ):
        return None
    merged, kinds = Parsed(), []
    if not are_parts(content) and others:
        what = "beside parts (train, val, test) is not read"
        merged.notes += [f"{path.name}: {', '.join(others[:5])} {what}"]
    for key, value in (content if are_parts(content) else parts).items():
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
        merged.has_extras |= parsed.has_extras
        merged.notes += [note for note in parsed.notes if note not in merged.notes]
        known = {video for video, _ in merged.videos}
        merged.videos += [(video, info) for video, info in parsed.videos if video not in known]
    return kinds[0] if kinds else "reference", merged


def _reference(content: dict[str, Any], path: Path) -> Found | None:
    """HGR's {id: [sentence, ...]}, and {id: sentence} where the sentences are many words."""
    values = content.values()
    if any(values) and all(map(_is_sentences, values)):
        return "reference", Parsed.of(content)
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(content) and 2 * sum(" " in text.strip() for text in texts) > len(texts):
        return "reference", Parsed.of(content)
    return None


def _is_sentences(value: Any) -> bool:
    """A list of sentences; null among or in place of them is left out where captions are counted."""
    if not isinstance(value, list):
        return value is None
    return not any(isinstance(v, dict) for v in value) and (
        any(isinstance(v, str) for v in value) or all(map(is_nothing, value))
    )


def is_nothing(value: Any) -> bool:
    """Whether a value stands for none: null or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _by_video(content: dict[str, Any], path: Path) -> Found | None:
    """{id: {"sentences": [...], "timestamps": [...]}} (ActivityNet), {id: {"0": sentence, "1": sentence}}."""
    values = list(content.values())
    if not all(isinstance(value, dict) and value for value in values):
        return None
    if all(caption_key(value) for value in values):
        # Which video it is stands above: a key `id` within would be that of a sentence.
        bare = [{k: v for k, v in value.items() if k.lower() not in ID_KEYS} for value in values]
        records = [{ID_KEYS[0]: video, **value} for video, value in zip(content, bare, strict=True)]
        return "reference", _records(records, path)
    if all(str(key).isdecimal() and isinstance(v, str) for value in values for key, v in value.items()):
        return "reference", Parsed.of({video: list(value.values()) for video, value in content.items()})
    return None


def _records_by_video(content: dict[str, Any], path: Path) -> Found | None:
    """{id: [{"caption": ...}, ...]}, a list of objects a video."""
    values = list(content.values())
    if not all(isinstance(v, list) and v and all(isinstance(r, dict) for r in v) for v in values):
        return None
    if not all(caption_key(record) for mine in values for record in mine):
        return None
    return "reference", Parsed.of({v: [r[caption_key(r) or ""] for r in mine] for v, mine in content.items()})


def _wrapped(content: dict[str, Any], path: Path) -> Found | None:
    """{"version": ..., "data": one of the others}."""
    inside = unwrapped(content)
    return None if inside is content else parse_content(inside, path)


def _check_one_wrapper(content: dict[str, Any], path: Path) -> None:
    """Refuse captions under two keys, of which one would be lost."""
    full = [key for key in _WRAPPERS if _holds_captions(content.get(key))]
    if {"sentences", "annotations"} & {*full}:  # videos and images beside them are about the same ones
        full = [key for key in full if key not in ("videos", "images")]
    if len(full) > 1:
        what = f"them under {' and '.join(full)}; put them into one list"
        raise DataError(f"{path}: expected captions under one key, found {what}")


def _holds_captions(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and bool(id_key(first) and caption_key(first))


_READERS: tuple[Callable[[dict[str, Any], Path], Found | None], ...] = (
    *(_msrvtt, _karpathy, _coco, _parts, _reference, _by_video, _records_by_video, _wrapped),
)
