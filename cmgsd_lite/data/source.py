"""All that a path holds, before a protocol is chosen: annotations, split lists and feature tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from cmgsd_lite.data.discover import (
    CAPTION_INDEX,
    Tree,
    annotation_files,
    choose,
    feature_tables,
    may_be_annotations,
    walk,
)
from cmgsd_lite.data.formats.annotations import Annotations, merge_annotations, read_annotation_file
from cmgsd_lite.data.formats.features import read_features
from cmgsd_lite.data.formats.files import UnknownLayoutError
from cmgsd_lite.data.formats.store import is_store, read_document
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.protocols import SplitLists, find_protocols
from cmgsd_lite.errors import DataError


@dataclass(frozen=True)
class Source:
    """What was found under a path.

    Attributes:
        path: The path.
        name: Name of the data set: what the annotations say, else the folder's name.
        annotations: Merged annotations; without captions when there are none.
        protocols: Split lists of each protocol found, best known first.
        tables: Feature tables by expert.
        similarity: Files set aside as scores.
        human_labels: Files set aside as human judgements.
        ignored: Files that were looked at and not understood.
    """

    path: Path
    name: str
    annotations: Annotations
    protocols: dict[str, SplitLists]
    tables: dict[str, FeatureTable]
    similarity: list[Path] = field(default_factory=list)
    human_labels: list[Path] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)


def open_source(
    path: str | Path, experts: Sequence[str] | None = None, annotations: str | Path | None = None
) -> Source:
    """Look through a folder two levels deep, or open one file of features or annotations.

    Args:
        path: Folder with features (and annotations), or one file.
        experts: The experts to read; None for all.
        annotations: Where annotations and split lists are, when they lie elsewhere.

    Raises:
        DataError: nothing there, a damaged or duplicated file, or an expert that is not there.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: expected a folder or file, found nothing there")
    if annotations is not None and not Path(annotations).is_dir():
        raise DataError(f"{annotations}: expected a folder of annotations and split lists, found none")
    if isinstance(experts, str):
        experts = [experts]
    tree = walk(path) if path.is_dir() else Tree(path)
    told = walk(Path(annotations)) if annotations is not None else tree
    known, protocols, used, others = _annotations_and_lists(told)
    if path.is_dir():
        tables, strange = feature_tables(tree, known.captions, experts)
    elif may_be_annotations(path) and (alone := _annotations_alone(path)):
        known, tables, strange = alone, {}, []
    else:
        tables = read_features(path)
        tables, strange = choose(tables, experts, tables, path), []
    ignored = [file for file in [*others, *strange] if file not in used]
    name = known.name or (path if path.is_dir() else path.parent).resolve().name
    return Source(path, name, known, protocols, tables, tree.similarity, tree.human_labels, ignored)


def _annotations_and_lists(told: Tree) -> tuple[Annotations, dict[str, SplitLists], set[Path], list[Path]]:
    """Annotations, protocols, the files they came from, and the files that were looked at in vain."""
    parts, others = annotation_files(told)
    stores = [folder for folder in told.folders if is_store(folder)]
    parts += [_stored_annotations(folder) for folder in stores]
    known = merge_annotations(parts, told.root, need_captions=False)
    files = [file for file in told.files if file.name != CAPTION_INDEX]
    index = next((file for file in told.files if file.name == CAPTION_INDEX), None)
    protocols, lists = find_protocols(files, known, index)
    for folder in stores:
        protocols = {**_stored_protocols(folder), **protocols}
    return known, protocols, {*lists, *(Path(source) for source, _ in known.sources)}, others


def _annotations_alone(path: Path) -> Annotations | None:
    try:
        return read_annotation_file(path)
    except UnknownLayoutError:
        return None


def documents_of(source: Source) -> dict[str, Any]:
    """Annotations and split lists as JSON documents for the fast layout."""
    told = asdict(source.annotations) | {"name": source.name, "sources": []}  # no paths of this machine
    return {
        "annotations": told,
        "splits": {name: asdict(lists) for name, lists in source.protocols.items()},
    }


def _stored_annotations(folder: Path) -> Annotations:
    stored = _fields(Annotations, read_document(folder, "annotations"))
    stored["category_names"] = {int(number): name for number, name in stored["category_names"].items()}
    stored["sources"] = [(str(folder / "annotations.json"), "cmgsd-lite")]
    return Annotations(**stored)


def _stored_protocols(folder: Path) -> dict[str, SplitLists]:
    return {name: SplitLists(**_fields(SplitLists, v)) for name, v in read_document(folder, "splits").items()}


def _fields(kind: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    return {f.name: content[f.name] for f in fields(kind)}
