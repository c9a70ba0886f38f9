"""Tables out of a dict, whichever container it came in: pickle, .pt, .npz and HDF5 all hold the same few.

{id: [D] or [T, D] or NaN}                    one expert
{"ids": ..., "features": ..., "lengths": ...} one expert, as columns
{expert: one of these}                        several experts
{"train": one of these, "val": ...}           one expert in parts
{id: {frame number: [D]}}, {id: {"features": [T, D], "length": n}}, {id: {expert: [T, D]}}
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.formats import columns
from cmgsd_lite.data.formats.files import UnknownLayoutError, looks_like_ids, once, video_id_of
from cmgsd_lite.data.formats.joined import combine
from cmgsd_lite.data.formats.lengths import owners_of, told_by
from cmgsd_lite.data.formats.names import (
    GENERIC,
    are_frames,
    frame_number,
    frames_of_videos,
    is_part,
    part_of,
    without_part,
    words_of,
)
from cmgsd_lite.data.formats.tables import FeatureTable, table_from_frames, table_from_values
from cmgsd_lite.errors import DataError

Tables = dict[str, FeatureTable]
_LEVELS = 5


def tables_from_mapping(
    content: Any, stem: str, source: Path, known: Collection[str] = (), left: dict[str, str] | None = None
) -> Tables:
    """Tables of a dict in any of the layouts above.

    Args:
        content: The dict; its arrays are numpy's.
        stem: Name of the expert, or the beginning of the names of several.
        source: The file, for messages.
        known: Video ids from annotations; they tell videos from experts and from frames.
        left: Takes up what is left out beside usable features: {key: reason}.

    Raises:
        UnknownLayoutError: captions, features of captions, or anything else; nothing in it is usable.
        DataError: features that contradict themselves.
    """
    left = {} if left is None else left
    if not isinstance(content, Mapping) or not content:
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found {type(content).__name__}")
    if any(str(key).endswith((".weight", ".bias")) for key in content):
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found the weights of a model")
    if _is_too_deep(content):
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found too deep a nesting of dicts")
    content = _with_lengths(_by_part(_by_path(content)), source)
    table = columns.table_from_columns(_frames_apart(content, known), source)
    if table is not None:
        left.update(dict.fromkeys(columns.unused(content), "a column that is not used"))
        return {stem: table}
    nested = {key: value for key, value in content.items() if isinstance(value, Mapping) and value}
    if not nested:
        return {stem: _one_a_video(content, source, known)}
    for key in content.keys() - nested.keys():
        left[str(key)] = f"expected a dict like the others, found {type(content[key]).__name__}"
    if not _are_videos(nested, known):
        return _several(nested, stem, source, known, left)
    if all(np.ndim(v) == 0 and not isinstance(v, Mapping) for mine in nested.values() for v in mine.values()):
        raise UnknownLayoutError(
            f"{source}: expected {{video id: array}}, found a number for each pair of keys, as scores are"
        )
    of_videos = _of_videos(nested, source)
    if of_videos is not None:
        return {stem: _one_a_video(of_videos, source, known)}
    return _several(_by_expert(nested), stem, source, known, left)


def _says_nothing_new(key: Any, stem: str) -> bool:
    """Whether a key such as clip_features of clip.h5 only repeats the name of the file."""
    return {*words_of(str(key))} <= GENERIC | {*words_of(stem)}


def _is_too_deep(content: Mapping[Any, Any]) -> bool:
    """Whether dicts lie in dicts beyond any known layout: part, expert, video, frame."""
    level = [content]
    for _ in range(_LEVELS):
        level = [value for mapping in level for value in mapping.values() if isinstance(value, Mapping)]
    return bool(level)


def _by_path(content: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Keys "train/video7" as dicts in dicts: an .npz knows no other way to hold groups."""
    if not all(isinstance(key, str) and key.strip("/").count("/") for key in content):
        return content
    heads: dict[Any, dict[str, Any]] = {}
    for key, value in content.items():
        head, _, rest = key.strip("/").partition("/")
        heads.setdefault(head, {})[rest] = value
    return heads if sum(map(len, heads.values())) == len(content) else content


def _by_part(content: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """{"train_ids": ..., "train_features": ..., "test_ids": ...} as {"train": {"ids": ...}, ...}."""
    keys = [key for key in content if isinstance(key, str) and part_of(key) and without_part(key)]
    parts: dict[Any, dict[str, Any]] = {}
    for key in keys:
        parts.setdefault(part_of(key), {})[without_part(key)] = content[key]
    whole = sum(map(len, parts.values())) == len(content) and all(
        columns.has_columns(part) for part in parts.values()
    )
    return parts if whole else content


def _with_lengths(content: Mapping[Any, Any], source: Path) -> Mapping[Any, Any]:
    """{"clip": {id: [T, D]}, "clip_len": {id: n}} as {"clip": {id: {"features": [T, D], "clip_len": n}}}.

    Raises:
        DataError: lengths or a mask by video of which it is not clear what they belong to.
    """
    told = {k: value for k, value in told_by(content).items() if _is_by_video(value) and not is_part(k)}
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping) and key not in told}
    if not told or not tables:
        return content
    owners = {name: _owner(name, tables) for name in told}
    lone = next((name for name, owner in owners.items() if owner is None), None)
    if lone is not None:
        found = ", ".join(map(str, tables))
        raise DataError(f"{source}: expected features that {lone} belongs to, found {found}")
    told = {name: once(((_id(video), v) for video, v in mine.items()), source) for name, mine in told.items()}
    joined = {
        key: {
            video: {columns.FEATURE_KEYS[0]: mine, **{name: told[name][_id(video)] for name in told
                    if owners[name] == key and _id(video) in told[name]}}
            for video, mine in value.items()
        }
        if key in owners.values() else value
        for key, value in tables.items()
    }  # fmt: skip
    (first, *others) = joined
    return joined[first] if not others and first in columns.FEATURE_KEYS else joined


def _frames_apart(content: Mapping[Any, Any], known: Collection[str]) -> Mapping[Any, Any]:
    """Ids of frames, as video7_12, as ids of videos and numbers of frames."""
    key = columns.first_key(content, columns.ID_KEYS)
    if key is None or columns.first_key(content, columns.FRAME_KEYS):
        return content
    frames = frames_of_videos([str(name) for name in np.ravel(np.asarray(content[key], str))], known)
    return {**content, key: frames[0], "frame": frames[1]} if frames else content


def _is_by_video(value: Any) -> bool:
    """Whether a dict gives each video a number or a mask, and no features."""
    return isinstance(value, Mapping) and all(np.ndim(v) < 2 for v in value.values())


def _owner(name: str, tables: Mapping[Any, Any]) -> Any:
    """The key of the features that lengths belong to: named after it, else a usual one, else the only one."""
    named = [key for key in tables if str(key) in owners_of(name)]
    usual = [key for key in tables if key in columns.FEATURE_KEYS]
    return next((keys[0] for keys in (named, usual, [*tables]) if len(keys) == 1), None)


def _are_videos(nested: Mapping[Any, Mapping[Any, Any]], known: Collection[str]) -> bool:
    """Whether the outer keys are videos, rather than experts or parts."""
    if looks_like_ids(map(_id, nested), known):
        return True
    if any(part_of(str(key)) for key in nested):
        return False
    inner = {_id(key) for value in nested.values() for key in value}
    if known or inner & {*columns.FEATURE_KEYS}:
        return not looks_like_ids(inner, known) and bool(inner & {*columns.FEATURE_KEYS})
    # Nobody names the videos: frames are those that are counted from the first one on in every video.
    counted = (sorted(frame_number(str(key)) or 0 for key in value) for value in nested.values())
    frames = all(are_frames(map(str, value)) for value in nested.values())
    return (
        frames
        and len(nested) > 1
        and all(n in (list(range(len(n))), list(range(1, len(n) + 1))) for n in counted)
    )


def _id(key: Any) -> str:
    try:
        return video_id_of(key)
    except DataError:
        return str(key)


def _of_videos(nested: Mapping[Any, Mapping[Any, Any]], source: Path) -> dict[Any, Any] | None:
    """{id: frames, or features with a length} as {id: value}; None when it is several experts of a video."""
    if all(are_frames(map(str, value)) for value in nested.values()):
        return {video: stack_frames(value, f"{source}, {video}") for video, value in nested.items()}
    if all(columns.first_key(value, columns.FEATURE_KEYS) for value in nested.values()):
        return {video: columns.own_tokens(value, f"{source}, {video}") for video, value in nested.items()}
    return None


def _by_expert(nested: Mapping[Any, Mapping[Any, Any]]) -> dict[Any, dict[Any, Any]]:
    """{id: {expert: value}} as {expert: {id: value}}."""
    experts: dict[Any, dict[Any, Any]] = {}
    for video, value in nested.items():
        for expert, array in value.items():
            experts.setdefault(expert, {})[video] = array
    return experts


def stack_frames(frames: Mapping[Any, Any], where: str) -> Any:
    """[T, D] of {frame number: [D] or [1, D]}, in the order of the numbers, whatever text they are.

    Raises:
        DataError: a number twice, or frames of different lengths.
    """
    numbers = {key: frame_number(str(key)) for key in frames}
    if len(set(numbers.values())) != len(numbers):
        raise DataError(f"{where}: expected each frame once, found a number twice (as in 1 and 01)")
    rows = [np.atleast_2d(frames[key]) for key in sorted(frames, key=lambda key: numbers[key] or 0.0)]
    widths = sorted({row.shape[-1] for row in rows if row.size > 1})
    if len(widths) > 1 or any(row.ndim > 2 for row in rows):
        raise DataError(f"{where}: expected frames of one length D, found {widths or 'other shapes'}")
    kept = [row for row in rows if not widths or row.shape[-1] == widths[0]]  # a missing frame is a NaN
    return np.concatenate(kept)


def _one_a_video(content: Mapping[Any, Any], source: Path, known: Collection[str]) -> FeatureTable:
    texts = [str(key) for key in content]
    if all(map(is_part, texts)):
        raise UnknownLayoutError(
            f"{source}: expected video ids beside the features, found {', '.join(texts)}"
        )
    if {*columns.ID_KEYS, *columns.FEATURE_KEYS} & {*content}:
        raise UnknownLayoutError(
            f"{source}: expected ids ({', '.join(columns.ID_KEYS[:4])}, ...) and features "
            f"({', '.join(columns.FEATURE_KEYS[:3])}, ...), found keys {', '.join(texts[:8])}"
        )
    strange = next((v for v in content.values() if not _is_feature(v)), None)
    if strange is not None:
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found {_kind(strange)} as a value")
    values = list(content.values())
    frames = frames_of_videos(texts, known)
    shapes = {value.shape if isinstance(value, np.ndarray) else () for value in values}
    if frames and len(shapes) == 1 and (len(*shapes) == 1 or next(iter(shapes))[:-1] == (1,)):
        rows = np.stack([np.ravel(value) for value in values])
        return table_from_frames(frames[0], rows, [np.array(frames[1])], source)
    return table_from_values(list(content), values, source)


def _several(
    nested: Mapping[Any, Any], stem: str, source: Path, known: Collection[str], left: dict[str, str]
) -> Tables:
    """Experts by name, and the parts of each put together."""
    found: list[tuple[str, Tables]] = []
    for key, value in nested.items():
        rest = without_part(str(key))
        try:
            name = stem if _says_nothing_new(rest, stem) else f"{stem}_{rest}"
            mine = tables_from_mapping(value, name, source, known, left)
            found.append((f"{source}, {key}", {n: table.of_part(str(key)) for n, table in mine.items()}))
        except UnknownLayoutError as error:
            left[str(key)] = str(error).removeprefix(f"{source}: ")
    if not found:
        raise UnknownLayoutError(f"{source}: {next(iter(left.values()))}")
    return combine(found)


def _is_feature(value: Any) -> bool:
    """An array, a missing value, or a list of numbers or vectors; not sentences, indices or word features."""
    if isinstance(value, list | tuple):
        return all(
            isinstance(v, float | np.floating) or getattr(v, "ndim", 0) == 1 or _numbers(v) for v in value
        )
    if isinstance(value, np.ndarray | np.floating):
        return bool(value.dtype.kind in "fiu")
    return value is None or (isinstance(value, float) and np.isnan(value)) or value == {}


def _numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, float | int | np.floating) for v in value)


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple) and value:
        inner = value[0]
        return (
            "captions" if isinstance(inner, str | list | tuple) else "features of words (one array a caption)"
        )
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
