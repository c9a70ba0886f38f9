"""Captions, categories and official splits out of the annotation files that people have.

A file may be any of: the official MSR-VTT JSON of 2016/2017 (plain, gzip or zip, with its category.txt),
MSRVTT_data.json, Frozen's MSR_VTT.json, HGR's ref_captions.json, jsonl, csv with sentences, CE's
raw-captions.pkl, `cap_id sentence` lines, or MMT's HDF5 tree. `read_annotations` of the module `discover`
takes a folder with some of these as well.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmgsd_lite.data.formats import captions as formats
from cmgsd_lite.data.formats.files import UnknownLayoutError, read_members, video_id_of
from cmgsd_lite.data.formats.hdf5 import read_h5_tree_captions
from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.errors import DataError

# When several files caption the same video the first of these kinds is believed, so that no caption counts
# twice. The official release comes first, a csv of test sentences last.
PRIORITY = (
    "official",
    "cmgsd-lite",
    "json",
    "frozen",
    "reference",
    "pickle",
    "hdf5",
    "jsonl",
    "lines",
    "csv",
)


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
    if not path.exists():
        raise DataError(f"{path}: expected an annotation file, found nothing there")
    if path.is_dir():
        return _build("hdf5", path, formats.Parsed.of(read_h5_tree_captions(path)))
    if path.suffix in (".pkl", ".pickle"):
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


def _build(kind: str, path: Path, parsed: "formats.Parsed") -> Annotations:
    """Group parsed sentences by video; blank ones are left out and counted."""
    captions: dict[str, list[str]] = {}
    extras: dict[str, list[dict[str, Any]]] = {}
    id_of = _cached(video_id_of)
    blank = 0
    for raw_id, caption, extra in parsed.sentences:
        if not caption.strip():
            blank += 1
            continue
        video = id_of(raw_id)
        captions.setdefault(video, []).append(caption)
        if parsed.has_extras:
            extras.setdefault(video, []).append(extra)
    notes = [f"{path.name}: {blank:,} empty captions are left out"] if blank else []
    videos = {id_of(raw_id): info for raw_id, info in parsed.videos}
    if len(videos) != len(parsed.videos):
        raise DataError(
            f"{path}: expected each video once, found {len(parsed.videos)} entries for {len(videos)}"
        )
    return Annotations(
        captions=captions,
        categories={v: int(i["category"]) for v, i in videos.items() if i.get("category") is not None},
        official_split={v: str(i["split"]) for v, i in videos.items() if i.get("split")},
        category_names=parsed.category_names,
        video_extras={v: extra for v, i in videos.items() if (extra := formats.video_extras(i))},
        sentence_extras=extras,
        sources=[(str(path), kind)],
        notes=notes,
        name=parsed.name,
    )


def _cached(function: Callable[[object], str]) -> Callable[[object], str]:
    """Ids repeat twenty times a video; int 7 and "7" may share an entry, since both mean video7."""
    known: dict[object, str] = {}

    def cached(value: object) -> str:
        if value not in known:
            known[value] = function(value)
        return known[value]

    return cached


def merge_annotations(parts: Iterable[Annotations], where: Path, need_captions: bool = True) -> Annotations:
    """One `Annotations` of several; a video takes its captions from the first part, by PRIORITY, that has it.

    Raises:
        DataError: no captions at all, if they are needed.
    """
    ordered = sorted(parts, key=_rank)
    merged = Annotations(name=next((part.name for part in ordered if part.name), None))
    for part in ordered:
        new = [video for video in part.captions if video not in merged.captions]
        merged.captions.update({video: part.captions[video] for video in new})
        merged.sentence_extras.update({v: part.sentence_extras[v] for v in new if v in part.sentence_extras})
        _fill(merged.categories, part.categories)
        _fill(merged.official_split, part.official_split)
        _fill(merged.category_names, part.category_names)
        _fill(merged.video_extras, part.video_extras)
        merged.sources.extend(part.sources if new else [])
        merged.notes.extend(part.notes if new else [])
    if need_captions and not merged.captions:
        raise DataError(
            f"{where}: expected captions (official JSON, MSRVTT_data.json, jsonl, csv, ...), found none"
        )
    return merged


def _rank(part: Annotations) -> int:
    return PRIORITY.index(part.sources[0][1]) if part.sources else len(PRIORITY)


def _fill(target: dict[Any, Any], source: Mapping[Any, Any]) -> None:
    for key, value in source.items():
        target.setdefault(key, value)
