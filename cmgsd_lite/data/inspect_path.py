"""What lies under a path, for people: `describe` finds out, `format_description` says it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.discover import may_be_annotations
from cmgsd_lite.data.formats.annotations import Annotations
from cmgsd_lite.data.formats.features import FILE_SUFFIXES
from cmgsd_lite.data.formats.records import FileRecord
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.notes import caption_notes, left_out, table_notes
from cmgsd_lite.data.protocols import SplitLists, resolve
from cmgsd_lite.data.source import Source, open_source
from cmgsd_lite.errors import DataError


def describe(path: str | Path) -> dict[str, Any]:
    """What was recognised under a path and what is missing, ready for JSON.

    Returns:
        {"path", "name", "annotations": {...}, "experts": {name: {"videos", "listed", "tokens_median",
        "tokens_max", "dim", "dtype"}}, "protocols": {name: {part: {"listed", "usable"}}}, "missing":
        [sentences], "supply": [{"missing", "file", "lines"}], "similarity",
        "human_labels": [{"file", "shape"}], "ignored": [{"file"}] that could hold features or captions,
        "files": [{"file", "used_as", "reason"}]}.

    Raises:
        DataError: nothing there, or a damaged file.

    Example:
        >>> print(format_description(describe("data/msrvtt")))  # doctest: +SKIP
    """
    return describe_source(open_source(path))


def describe_source(source: Source) -> dict[str, Any]:
    """What `describe` does, of what was found."""
    protocols = {name: _protocol(source, lists) for name, lists in source.protocols.items()}
    return {
        "path": str(source.path),
        "name": source.name,
        "annotations": _annotations(source.annotations),
        "experts": {name: _expert(table) for name, table in source.tables.items()},
        "protocols": protocols,
        "missing": _missing(source),
        "supply": [supply._asdict() for supply in source.supplies],
        "similarity": [_aside(file, source.path) for file in source.similarity],
        "human_labels": [_aside(file, source.path) for file in source.human_labels],
        "ignored": [{"file": record.file} for record in source.files if _could_hold(record)],
        "files": [asdict(record) for record in source.files],
    }


def _could_hold(record: FileRecord) -> bool:
    """Whether a file that is left out has the name of features or captions, and is not set aside."""
    path = Path(record.file.split(" (")[0])
    aside = any(part == "similarity" or "human_labels" in part for part in path.parts)
    named = path.suffix.lower() in FILE_SUFFIXES or may_be_annotations(path)
    return record.used_as is None and named and not aside


def _annotations(annotations: Annotations) -> dict[str, Any]:
    counts = [len(mine) for mine in annotations.captions.values()]
    return {
        "files": [Path(file).name for file, _ in annotations.sources],
        "videos": len(annotations.videos),
        "captions": sum(counts),
        "captions_per_video": [min(counts), float(np.median(counts)), max(counts)] if counts else [],
        "categories": len(set(annotations.categories.values())),
    }


def _expert(table: FeatureTable) -> dict[str, Any]:
    present = table.counts[table.counts > 0]
    return {
        "videos": len(present),
        "listed": len(table),
        "tokens_median": float(np.median(present)),
        "tokens_max": int(present.max()),
        "dim": table.dim,
        "dtype": str(table.rows.dtype),
    }


def _present(source: Source) -> set[str]:
    return {video for table in source.tables.values() for video in table.position}


def _usable(source: Source) -> list[str]:
    return [video for video in _present(source) if source.annotations.captions.get(video)]


def _protocol(source: Source, lists: SplitLists) -> dict[str, dict[str, int]]:
    listed = {"train": lists.train, "validation": lists.validation or [], "test": lists.test}
    try:
        ids = resolve(lists, _usable(source))
    except DataError:  # too few videos to take validation from: nothing can be trained here
        usable = set(_usable(source))
        ids = {part: [video for video in mine if video in usable] for part, mine in listed.items()}
    return {part: {"listed": len(listed[part]), "usable": len(ids[part])} for part in listed}


def _missing(source: Source) -> list[str]:
    told = source.annotations
    notes = list(dict.fromkeys([*told.notes, *caption_notes(told.captions), *table_notes(source.tables)]))
    if not source.tables:
        notes.append("no features found")
    if not source.annotations.captions:
        notes.append("no annotations found: name their folder to load these features")
    if not source.protocols:
        notes.append("no split lists found (name patterns: MSRVTT_train.9k.csv, test_list_full.txt, ...)")
    if source.tables and source.annotations.captions:
        without = [v for v in _present(source) if v not in source.annotations.captions]
        notes += [f"{len(without):,} videos with features have no captions"] if without else []
        for number, (name, lists) in enumerate(source.protocols.items()):
            notes += lists.notes
            notes += _left_out(source, name, lists) if number == 0 else []  # the others would repeat it
    return notes


def _left_out(source: Source, name: str, lists: SplitLists) -> list[str]:
    try:
        ids = resolve(lists, _usable(source))
    except DataError as error:
        return [f"{name}: {error}"]
    return left_out(name, source.annotations, lists, source.tables, ids)


def _aside(file: Path, root: Path) -> dict[str, Any]:
    """A file that is no expert, with its shape when it is an array."""
    name = str(file.relative_to(root)) if root in file.parents else file.name
    if file.suffix.lower() != ".npy":
        return {"file": name}
    try:
        return {"file": name, "shape": list(np.load(file, mmap_mode="r", allow_pickle=False).shape)}
    except Exception:  # damaged in any way
        return {"file": name, "shape": "unreadable"}


def format_description(description: dict[str, Any]) -> str:
    """The description as lines of text."""
    told = description["annotations"]
    lines = [f"{description['name']}  ({description['path']})"]
    if told["captions"]:
        low, middle, high = told["captions_per_video"]
        span = f"{low} each" if low == high else f"{low} to {high}, median {middle:g}"
        lines.append(
            f"annotations: {told['videos']:,} videos, {told['captions']:,} captions ({span}), "
            f"{told['categories']} categories, from {', '.join(told['files'])}"
        )
    for name, expert in description["experts"].items():
        lines.append(
            f"expert {name}: {expert['videos']:,} videos, D = {expert['dim']}, tokens a video: "
            f"median {expert['tokens_median']:g}, most {expert['tokens_max']} ({expert['dtype']})"
        )
    for name, parts in description["protocols"].items():
        counts = ", ".join(f"{part} {_share(n)}" for part, n in parts.items())
        lines.append(f"protocol {name}: {counts}")
    lines += [f"note: {note}" for note in description["missing"]]
    for supply in description["supply"]:
        lines.append(f"such lines in {supply['file']} would supply {supply['missing']}:")
        lines += [f"    {line}" for line in supply["lines"]]
    kinds = {
        "similarity": "scores, never an expert",
        "human_labels": "human labels, never an expert",
    }
    for key, kind in kinds.items():
        files = [f"{file['file']} {file.get('shape', '')}".strip() for file in description[key]]
        lines += [f"{kind}: {', '.join(files)}"] if files else []
    lines += [f"file {FileRecord(**record)}" for record in description["files"]]
    return "\n".join(line.replace("\n", "\\n") for line in lines)  # a name may have one in it


def _share(count: dict[str, int]) -> str:
    if not count["listed"]:
        return f"{count['usable']:,} (taken from training)"
    return f"{count['usable']:,} of {count['listed']:,} listed"
