"""All that a path holds, before a protocol is chosen: annotations, split lists and feature tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from cmgsd_lite.data.discover import (
    CAPTION_INDEX,
    Tree,
    annotation_files,
    feature_tables,
    may_be_annotations,
    walk,
)
from cmgsd_lite.data.formats.annotations import (
    Annotations,
    below,
    merge_annotations,
    numbered,
    read_annotation_file,
)
from cmgsd_lite.data.formats.arrays import is_companion
from cmgsd_lite.data.formats.evidence import Known
from cmgsd_lite.data.formats.features import FILE_SUFFIXES
from cmgsd_lite.data.formats.files import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    UnknownLayoutError,
    any_layout,
    user_path,
)
from cmgsd_lite.data.formats.packed import Packed, is_packed
from cmgsd_lite.data.formats.records import FileLog, FileRecord, records_of, why_left_out
from cmgsd_lite.data.formats.store import fits, is_store, read_document, read_index
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.protocols import SplitLists, find_protocols, protocols_of_features
from cmgsd_lite.data.splits import may_list
from cmgsd_lite.data.supply import Supply, supplies
from cmgsd_lite.errors import DataError

# Why a file that no reader opens is left out, by the end of its name.
_NO_READER = {
    **dict.fromkeys(VIDEO_SUFFIXES, "a film; `extract` makes features of it"),
    **dict.fromkeys(IMAGE_SUFFIXES, "a picture; features must be extracted first"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet; save it as csv"),
    **dict.fromkeys((".parquet", ".tfrecord", ".lmdb", ".feather"), ""),
}

_NO_PATHS = ("sources", "unused", "copies")  # of annotations: they would be those of this machine
Kind = TypeVar("Kind")

_NO_NAME = "its name is none of features, captions or lists"


@dataclass(frozen=True)
class Source:
    """What was found under a path, whose ``name`` is what the annotations say, else the folder's.

    Without captions the annotations are empty; split lists go by protocol, best known first, feature tables
    by expert; files are set aside as scores (``similarity``) or human judgements. ``files`` says what became
    of every file.
    """

    path: Path
    name: str
    annotations: Annotations
    protocols: dict[str, SplitLists]
    tables: dict[str, FeatureTable]
    similarity: list[Path] = field(default_factory=list)
    human_labels: list[Path] = field(default_factory=list)
    files: list[FileRecord] = field(default_factory=list)

    @property
    def supplies(self) -> list[Supply]:
        """What is missing of features, captions and lists, and the lines that would supply it."""
        return supplies(self.annotations, self.protocols, self.tables)

    def missing(self, what: str) -> str:
        """The lines that would supply one thing, as a part of a message; empty when it is there."""
        return "".join(f"; {supply}" for supply in self.supplies if supply.missing == what)

    @property
    def why(self) -> str:
        """What was left out, and why, as the end of a message: first what may hold what is missing."""

        def rank(record: FileRecord) -> tuple[bool, bool]:
            texts = may_be_annotations(Path(record.file))
            return record.reason == _NO_NAME, texts != bool(self.tables)

        return why_left_out(sorted(self.files, key=rank))

    @property
    def used(self) -> str:
        """Which files were read as what, as the end of a message."""
        lines = [f"{record.file}: {record.used_as}" for record in self.files if record.used_as]
        return f" (read: {' | '.join(lines[:8])})" if lines else ""


def open_source(
    path: str | Path, experts: Sequence[str] | None = None, annotations: str | Path | None = None
) -> Source:
    """Look through a folder or archive six levels deep, or open one file of features or annotations.

    Without ``experts`` all are read that there is evidence for; ``annotations`` is where these and split
    lists lie, if elsewhere. Raises DataError if nothing is there, a single file cannot be read, or an expert
    is not there.
    """
    path = user_path(path)
    if not path.exists():
        raise DataError(f"{path}: expected a folder or file, found nothing there")
    with Packed() as packed:
        try:
            with any_layout(path, "features, captions and lists"):
                return _opened(path, experts, annotations, packed)
        except DataError as error:
            raise type(error)(packed.say(str(error))) from error


def _opened(
    path: Path, experts: Sequence[str] | None, annotations: str | Path | None, packed: Packed
) -> Source:
    where = None if annotations is None else user_path(annotations)
    if where is not None and not where.is_dir():
        raise DataError(f"{where}: expected a folder of annotations and split lists, found none")
    experts = [experts] if isinstance(experts, str) else experts
    log = FileLog()
    root = packed.open(path) if is_packed(path) else path
    tree = walk(root, packed) if root.is_dir() else Tree(root, packed=packed)
    told = tree if where is None else walk(where, packed)
    annotated, protocols = _annotations_and_lists(told, log)
    if root.is_file() and may_be_annotations(path) and (alone := _annotations_alone(path)):
        annotated, tables = alone, {}
        log.use(path, "captions")
    else:
        tables = feature_tables(tree, _known(annotated, protocols), log, experts)
        protocols = protocols or protocols_of_features(tables)
    for one in {id(tree): tree, id(told): told}.values():
        for folder, reason in one.aside.items():
            log.leave(folder, reason)
    files = records_of(log, [path, *([where] if where else [])], _otherwise, packed)
    name = annotated.name or (path if path.is_dir() else path.parent).resolve().name
    return Source(path, name, annotated, protocols, tables, tree.similarity, tree.human_labels, files)


def _known(annotated: Annotations, protocols: Mapping[str, SplitLists]) -> Known:
    lists = [
        ids for p in protocols.values() for ids in (p.train, p.test, p.validation or [], p.held_out) if ids
    ]
    queries = [sum(map(len, p.queries.values())) for p in protocols.values()]
    return Known(
        {video: len(mine) for video, mine in annotated.captions.items()},
        {video for ids in [*lists, annotated.videos] for video in ids},
        {*map(len, lists), *queries},
    )


def _annotations_and_lists(told: Tree, log: FileLog) -> tuple[Annotations, dict[str, SplitLists]]:
    """Annotations and protocols of a tree."""
    parts = annotation_files(told, log)
    if not any(part.captions for part in parts):
        # Files that become split lists say all the same why they have no captions; plain lists have none.
        for path, reasons in log.attempts.items():
            if path.suffix.lower() == ".txt" and may_list(path):
                continue
            for reason in reasons:
                log.leave(path, reason)
    stores = {folder: read_index(folder) for folder in told.folders if is_store(folder)}
    parts += [_stored_annotations(folder, index) for folder, index in stores.items()]
    known = numbered(merge_annotations(parts, told.root, need_captions=False))
    index = next((file for file in told.files if file.name == CAPTION_INDEX), None)
    protocols = find_protocols([file for file in told.files if file != index], known, log, index, told.root)
    for folder, stored in stores.items():
        protocols = {**_stored_protocols(folder, stored), **protocols}
        log.use(folder, f"fast layout of {stored['provenance'].get('from', 'something')}")
    # The sentences of a test list are its queries, and no second set of captions.
    other = [f"{below(file, told.root)}: {why}" for file, why in known.unused if Path(file) not in log.uses]
    for file, kind in known.sources:
        log.use(Path(file), f"captions ({kind})")
    for file in known.copies:
        log.use(Path(file), "captions, the same as in other files")
    for file, why in known.unused:
        log.leave(Path(file), why)
    return replace(known, notes=[*known.notes, *other]), protocols


def _annotations_alone(path: Path) -> Annotations | None:
    try:
        return numbered(read_annotation_file(path))
    except UnknownLayoutError:
        return None


def _otherwise(path: Path) -> str:
    """Why a file that nobody looked at is left out."""
    suffix = path.suffix.lower()
    if suffix in _NO_READER:
        return _NO_READER[suffix] or f"no reader for {suffix}; store its arrays by video id in an .npz"
    if is_companion(path):
        return "ids, lengths or a mask of no table that is read"
    if suffix in FILE_SUFFIXES or may_be_annotations(path):
        return "it lies deeper than is searched, or in a folder that is read as a whole"
    return _NO_NAME


def documents_of(source: Source) -> dict[str, Any]:
    """Annotations and split lists as JSON documents for the fast layout."""
    told = asdict(source.annotations) | {"name": source.name} | {name: [] for name in _NO_PATHS}
    return {
        "annotations": told,
        "splits": {name: asdict(lists) for name, lists in source.protocols.items()},
    }


def _stored_annotations(folder: Path, index: Mapping[str, Any]) -> Annotations:
    path, stored = folder / "annotations.json", read_document(folder, "annotations", index)
    with any_layout(path, "annotations as convert writes them"):
        names = {int(number): name for number, name in stored["category_names"].items()}
        own = {"category_names": names, "sources": [(str(path), "cmgsd-lite")]}
        return _typed(Annotations, stored | own)


def _stored_protocols(folder: Path, index: Mapping[str, Any]) -> dict[str, SplitLists]:
    stored = read_document(folder, "splits", index)
    with any_layout(folder / "splits.json", "lists as convert writes them"):
        return {name: _typed(SplitLists, lists) for name, lists in stored.items()}


def _typed(kind: type[Kind], content: Mapping[str, Any]) -> Kind:
    """A dataclass of JSON's content, of which each part is of its type."""
    hints: dict[str, Any] = get_type_hints(kind)
    known = {name: content[name] for name in hints if name in content}
    strange = next((n for n in known if n not in _NO_PATHS and not fits(known[n], hints[n])), None)
    if strange is not None:
        raise ValueError(f"no {strange} of their kind")
    return kind(**known)
