"""Captions, categories and official splits out of the annotation files that people have.

A file may be any of: the official MSR-VTT JSON of 2016/2017 (plain, gzip or zip, with its category.txt),
MSRVTT_data.json, Frozen's MSR_VTT.json, HGR's ref_captions.json, jsonl, csv with sentences, CE's
raw-captions.pkl, `cap_id sentence` lines, or MMT's HDF5 tree. `read_annotations` of the module `discover`
takes a folder with some of these as well.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats import captions as formats
from cmgsd_lite.data.formats.delimited import SPLIT_KEYS
from cmgsd_lite.data.formats.files import (
    UnknownLayoutError,
    any_layout,
    place_of,
    read_members,
    rename_notes,
    user_path,
    video_id_of,
)
from cmgsd_lite.data.formats.hdf5 import read_h5_tree_captions
from cmgsd_lite.data.formats.json_captions import Parsed, video_extras
from cmgsd_lite.data.formats.names import TEST, TRAIN, VALIDATION, part_of
from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.data.formats.sentences import SPLIT_UP, sentences_of, text_of
from cmgsd_lite.errors import DataError

# When several files caption the same video the first of these kinds is believed, so that no caption counts
# twice. The official release comes first, a csv of test sentences last.
PRIORITY = (
    "official",
    "cmgsd-lite",
    "json",
    "karpathy",
    "frozen",
    "reference",
    "pickle",
    "hdf5",
    "jsonl",
    "lines",
    "csv",
)


PARTS = {TRAIN: "train", VALIDATION: "validate", TEST: "test"}  # as the official release calls them


@dataclass(frozen=True)
class Annotations:
    """What is known about videos besides features.

    Attributes:
        captions: All captions of each video.
        categories: Category number of a video; may be empty.
        official_split: "train", "validate" or "test" of a video, as the official JSON says; may be empty.
        category_names: Name of each category number; may be empty.
        video_extras: Further keys of a video in the JSON; only videos that have some.
        sentence_extras: Further keys of each caption, aligned with `captions`; only videos that have some.
        sources: (file, kind) that the captions came from.
        notes: What was left out, counted, as sentences.
        name: Name of the data set, if a file states it.
        category_words: Category of a video that a file gives as a word; `numbered` makes a number of it.
        unused: (file, reason) of captions that are not used, because another file has others.
        copies: Files whose captions others have already, the same ones.
    """

    captions: dict[str, list[str]] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    official_split: dict[str, str] = field(default_factory=dict)
    category_names: dict[int, str] = field(default_factory=dict)
    video_extras: dict[str, dict[str, Any]] = field(default_factory=dict)
    sentence_extras: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sources: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    name: str | None = None
    category_words: dict[str, str] = field(default_factory=dict)
    unused: list[tuple[str, str]] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)

    @property
    def videos(self) -> list[str]:
        """Ids of all videos mentioned, those without captions too."""
        return list(dict.fromkeys([*self.official_split, *self.categories, *self.captions]))


def read_annotation_file(path: Path) -> Annotations:
    """Annotations of one file; category names alone are no error.

    Raises:
        UnknownLayoutError: a sound file without captions.
        DataError: a damaged file.
    """
    path = user_path(path)
    if not path.exists():
        raise DataError(f"{path}: expected an annotation file, found nothing there")
    with any_layout(path):
        return _read(path)


def _read(path: Path) -> Annotations:
    if path.is_dir():
        return _build("hdf5", path, formats.parse_token_lists(read_h5_tree_captions(path), path))
    if path.suffix.lower() in (".pkl", ".pickle"):
        return _build("pickle", path, formats.parse_token_lists(load_pickle(path), path))
    parts = []
    names: dict[int, str] = {}
    for member, raw in read_members(
        path, lambda name: _is_categories(name) or formats.parser_of(name) is not None
    ):
        if _is_categories(member):
            names = formats.parse_category_names(raw, path)
        else:
            kind, parsed = formats.parse(member, raw, path)
            parts.append(_build(kind, path, parsed))
    if not parts and not names:
        raise UnknownLayoutError(f"{path}: expected captions (JSON, jsonl, csv, txt or pickle), found none")
    return merge_annotations([*parts, Annotations(category_names=names)], path, need_captions=False)


def _is_categories(name: str) -> bool:
    return Path(name).name == "category.txt"


def _build(kind: str, path: Path, parsed: Parsed) -> Annotations:
    """Group what was parsed by video."""
    id_of = _ids_of(path)
    captions, extras, notes = _texts(path, parsed, id_of)
    videos = {id_of(raw_id): info for raw_id, info in parsed.videos}
    if len(videos) != len(parsed.videos):
        raise DataError(
            f"{path}: expected each video once, found {len(parsed.videos)} entries for {len(videos)}"
        )
    numbers, words, strange = _categories(videos)
    splits, unknown = _splits(videos)
    notes += rename_notes({raw for raw, *_ in [*parsed.videos, *parsed.sentences] if isinstance(raw, str)})
    notes += [*parsed.notes, *_count(path, strange, "categories that are neither numbers nor words")]
    notes += _count(path, unknown, "videos in a part that is none of train, validation and test")
    return Annotations(
        captions=captions,
        categories=numbers,
        official_split=splits,
        category_names=parsed.category_names,
        video_extras={v: extra for v, i in videos.items() if (extra := video_extras(i))},
        sentence_extras=extras,
        sources=[(str(path), kind)],
        notes=notes,
        name=parsed.name,
        category_words=words,
    )


def _texts(
    path: Path, parsed: Parsed, id_of: Callable[[object], str]
) -> tuple[dict[str, list[str]], dict[str, list[dict[str, Any]]], list[str]]:
    """Captions and their extras by video; what is blank or no text is left out, and counted in notes."""
    captions: dict[str, list[str]] = {}
    extras: dict[str, list[dict[str, Any]]] = {}
    lost: dict[str, list[str]] = {}
    for raw_id, listed, extra in parsed.sentences:
        for caption in (mine := _sentences(path, raw_id, listed)):
            text, trouble = text_of(caption)
            if trouble:
                lost.setdefault(trouble, []).append(str(raw_id))
            if text is None:
                continue
            video = id_of(raw_id)
            captions.setdefault(video, []).append(text)
            if parsed.has_extras:
                extras.setdefault(video, []).append(extra)
        if isinstance(listed, str) and mine != [listed]:
            lost.setdefault(SPLIT_UP, []).append(str(raw_id))
    notes = [
        f"{path.name}: {len(mine):,} {trouble}" + ("" if "empty" in trouble else f" (first: {mine[0]})")
        for trouble, mine in lost.items()
    ]
    return captions, extras, notes


def _sentences(path: Path, raw_id: Any, caption: Any) -> list[Any]:
    try:
        return sentences_of(caption)
    except ValueError as error:
        raise DataError(
            f"{path}: expected sentences, or a list of them as JSON writes it, at {raw_id}, found a list as "
            f"text with {error}: {str(caption)[:40]!r}"
        ) from error


def _count(path: Path, videos: list[str], what: str) -> list[str]:
    return [f"{path.name}: {len(videos):,} {what} are left out (first: {videos[0]})"] if videos else []


def _categories(videos: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, int], dict[str, str], list[str]]:
    """Categories given as numbers, those given as words, and the videos of others."""
    numbers, words, strange = dict[str, int](), dict[str, str](), list[str]()
    for video, info in videos.items():
        value = info.get("category")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            numbers[video] = value
        elif isinstance(value, str) and text_of(value)[0]:
            words[video] = value.strip()
        elif value is not None and value != "":
            strange.append(video)
    return numbers, words, strange


def _splits(videos: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """The part of each video in the official words, and the videos of which another word is said."""
    keys = [key for key in SPLIT_KEYS if any(part_of(str(info.get(key))) for info in videos.values())]
    key = "split" if any(info.get("split") for info in videos.values()) else (keys or ["split"])[0]
    said = {video: str(info[key]) for video, info in videos.items() if info.get(key)}
    known = {video: PARTS[part] for video, word in said.items() if (part := part_of(word))}
    return known, [video for video in said if video not in known]


def numbered(told: Annotations) -> Annotations:
    """The annotations with a number for every category that files give as a word.

    A word gets the number that `category_names` has for it; the others follow in alphabetical order.
    """
    if not told.category_words:
        return told
    names = dict(told.category_names)
    number_of = {name.casefold(): number for number, name in names.items()}
    for word in sorted({word.casefold(): word for word in told.category_words.values()}.values()):
        if word.casefold() not in number_of:
            number_of[word.casefold()] = max([-1, *names, *told.categories.values(), *number_of.values()]) + 1
            names[number_of[word.casefold()]] = word
    words = {video: number_of[word.casefold()] for video, word in told.category_words.items()}
    return replace(told, categories={**words, **told.categories}, category_names=names)


def _ids_of(path: Path) -> Callable[[object], str]:
    """`video_id_of` with a memory, since ids repeat twenty times a video; errors name the file.

    Two ids that differ in their folders or endings alone are two videos, which must not become one.
    """
    known: dict[str, str] = {}
    places: dict[str, tuple[object, object]] = {}

    def id_of(value: object) -> str:
        key = repr(value)
        if key not in known:
            try:
                known[key] = video_id_of(value)
            except DataError as error:
                raise DataError(f"{path}: {error}") from error
            if place := place_of(value):
                other, first = places.setdefault(known[key], (place, value))
                if other != place:
                    what = f"{first!r:.80} and {value!r:.80}, which would both be {known[key]:.80}"
                    raise DataError(f"{path}: expected an id of its own for each video, found {what}; "
                                    "give them other names, without folders and endings")  # fmt: skip
        return known[key]

    return id_of


def merge_annotations(parts: Iterable[Annotations], where: Path, need_captions: bool = True) -> Annotations:
    """One `Annotations` of several; a video takes its captions from the first part that has it.

    First is the kind that PRIORITY names first; of one kind, the file with more captions; then by name. Where
    a file that comes later has other captions for the same videos, a note says so.

    Raises:
        DataError: no captions at all, if they are needed.
    """
    ordered = sorted(parts, key=_rank)
    merged = Annotations(name=next((part.name for part in ordered if part.name), None))
    taken: dict[str, str] = {}
    for part in ordered:
        new = [video for video in part.captions if video not in merged.captions]
        why = _other_captions(part, merged, taken, where)
        merged.unused.extend([*part.unused, *([(part.sources[0][0], why)] if why else [])])
        merged.copies.extend([file for file, _ in part.sources if part.captions and not new and not why])
        merged.captions.update({video: part.captions[video] for video in new})
        taken.update(dict.fromkeys(new, part.sources[0][0] if part.sources else ""))
        merged.sentence_extras.update({v: part.sentence_extras[v] for v in new if v in part.sentence_extras})
        _fill(merged.categories, part.categories)
        _fill(merged.category_words, part.category_words)
        _fill(merged.official_split, part.official_split)
        _fill(merged.category_names, part.category_names)
        _fill(merged.video_extras, part.video_extras)
        merged.sources.extend(part.sources if new else [])
        mine = part.notes if new or not part.captions else []
        merged.notes.extend(note for note in mine if note not in merged.notes)
    if need_captions and not merged.captions:
        raise DataError(
            f"{where}: expected captions (official JSON, MSRVTT_data.json, jsonl, csv, ...), found none"
            + "".join(f"; {note}" for note in merged.notes[:3])
        )
    return merged


def below(file: str, root: Path) -> str:
    """A file's path below the root, since two folders may have a file of one name; else its name."""
    path = Path(file)
    return path.relative_to(root).as_posix() if root in path.parents else path.name


def _other_captions(
    part: Annotations, merged: Annotations, taken: Mapping[str, str], where: Path
) -> str | None:
    """Why captions of a part are not used although they are not those that are; None when there are none."""
    others = [v for v, mine in part.captions.items() if not set(mine) <= set(merged.captions.get(v, mine))]
    if not others or not part.sources:
        return None
    used = ", ".join(sorted({below(taken[v], where) for v in others}))
    kind = part.sources[0][1]
    first = next((k for f, k in merged.sources if f == taken[others[0]]), kind)
    # A file of the same kind went before because it has more captions, or by its name.
    more = sum(len(merged.captions[v]) for v, file in taken.items() if file == taken[others[0]])
    by_name = more == sum(map(len, part.captions.values()))
    why = "its name comes first" if by_name else "it has more captions"
    why = f"{first} comes before {kind}" if first != kind else why
    return (
        f"{len(others):,} videos have other captions in it than in {used}, which is used ({why}); "
        "keep one of them in the folder to choose"
    )


def _rank(part: Annotations) -> tuple[int, int, str]:
    if not part.sources:
        return len(PRIORITY), 0, ""
    file, kind = part.sources[0]
    return PRIORITY.index(kind), -sum(map(len, part.captions.values())), file


def _fill(target: dict[Any, Any], source: Mapping[Any, Any]) -> None:
    for key, value in source.items():
        target.setdefault(key, value)
