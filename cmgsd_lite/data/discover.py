"""Which files under a path are annotations, split lists, features, or none of them: two levels deep."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cmgsd_lite.data.formats import features
from cmgsd_lite.data.formats.annotations import Annotations, merge_annotations, read_annotation_file
from cmgsd_lite.data.formats.captions import parser_of
from cmgsd_lite.data.formats.files import UnknownLayoutError
from cmgsd_lite.data.formats.hdf5 import is_h5_tree
from cmgsd_lite.data.formats.store import INDEX, is_store
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.errors import DataError

LEVELS = 2
# One level more below these: HGR and BigFile keep one folder an expert, annotations their lists by project.
_ONE_MORE = ("MP", "FeatureData", "annotations", "annotation")
CAPTION_INDEX = "jsfusion_val_caption_idx.pkl"
_TEXT_FEATURES = "aggregated_text_feats"


@dataclass
class Tree:
    """The folders under a path, and files that are set aside by the folder they lie in."""

    root: Path
    folders: list[Path] = field(default_factory=list)
    similarity: list[Path] = field(default_factory=list)
    human_labels: list[Path] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        """All files of the folders, but not those of stores, trees and the like."""
        plain = [f for f in self.folders if not (is_h5_tree(f) or is_store(f) or features.is_bigfile(f))]
        return sorted(
            path for folder in plain for path in folder.iterdir() if _visible(path) and path.is_file()
        )


def walk(root: Path) -> Tree:
    """The folders under a path, two levels deep.

    Files under `similarity/` are scores or made from scores, so they are never experts; those under
    `*human_labels*/` are judgements on other data; CE's `aggregated_text_feats/` are features of captions.
    """
    tree = Tree(root)
    _visit(root, LEVELS, tree)
    return tree


def _visit(folder: Path, levels: int, tree: Tree) -> None:
    aside = tree.similarity if folder.name == "similarity" else tree.human_labels
    if folder.name == "similarity" or "human_labels" in folder.name:
        aside.extend(sorted(path for path in folder.iterdir() if _visible(path) and path.is_file()))
        return
    tree.folders.append(folder)
    if levels + (folder.name in _ONE_MORE) > 0 and not is_h5_tree(folder):
        for child in sorted(folder.iterdir()):
            if child.is_dir() and _visible(child) and child.name != _TEXT_FEATURES:
                _visit(child, levels - 1, tree)


def _visible(path: Path) -> bool:
    return not path.name.startswith(".")


def read_annotations(path: str | Path) -> Annotations:
    """Annotations of a file, or of all annotation files in a folder (searched two levels deep).

    Raises:
        DataError: no captions found, an unknown layout, or a damaged or duplicated file.

    Example:
        >>> known = read_annotations("annotations/train_val_annotation.zip")  # doctest: +SKIP
        >>> len(known.captions["video0"])                                     # doctest: +SKIP
        20
    """
    path = Path(path)
    if path.is_dir() and not is_h5_tree(path):
        return merge_annotations(annotation_files(walk(path))[0], path)
    return merge_annotations([read_annotation_file(path)], path)


def annotation_files(tree: Tree) -> tuple[list[Annotations], list[Path]]:
    """Annotations found in a tree, and the files read that hold none.

    Raises:
        DataError: a damaged annotation file.
    """
    found: list[Annotations] = []
    others: list[Path] = []
    for path in filter(may_be_annotations, tree.files):
        try:
            found.append(read_annotation_file(path))
        except UnknownLayoutError:
            others.append(path)
    if not any(part.captions for part in found):  # an HDF5 tree is slow to open, so it is asked last
        found += [read_annotation_file(folder) for folder in tree.folders if is_h5_tree(folder)]
    return found, others


def may_be_annotations(path: Path) -> bool:
    """Whether a file has a name under which captions are kept."""
    name = path.name.lower()
    if path.suffix in (".pkl", ".pickle"):
        return "caption" in name and name != CAPTION_INDEX
    if name == INDEX:
        return False
    return name == "category.txt" or name.endswith(".zip") or parser_of(name) is not None


def feature_tables(
    tree: Tree, known: Collection[str] = (), experts: Sequence[str] | None = None
) -> tuple[dict[str, FeatureTable], list[Path]]:
    """Feature tables found in a tree, and the files that were looked at and are no features.

    Args:
        tree: From `walk`.
        known: Video ids known from annotations; they tell a folder of one file a video.
        experts: The experts wanted, in this order; None for all. Other files are not opened.

    Raises:
        DataError: a damaged file, or an expert that is not there.
    """
    parts, others = [], []
    paths = [path for folder in tree.folders for path in features.candidates(folder, known)]
    for path in [p for p in paths if not _holds_captions(p) and _may_hold(p, experts)]:
        try:
            found = features.read_features(path, known)
            wanted = {name: table for name, table in found.items() if experts is None or name in experts}
            parts.append((str(path), wanted))
        except UnknownLayoutError as error:
            if experts is not None and features.expert_name(path) in experts:
                raise DataError(str(error)) from error
            others.append(path)
    there = {features.expert_name(path) for path in paths}
    return choose(features.combine(parts), experts, there, tree.root), others


def choose(
    tables: dict[str, FeatureTable], experts: Sequence[str] | None, there: Collection[str], where: Path
) -> dict[str, FeatureTable]:
    """The experts asked for, in that order; all of them for None.

    Raises:
        DataError: one that is not there.
    """
    if experts is None:
        return tables
    missing = next((name for name in experts if name not in tables), None)
    if missing is not None:
        found = ", ".join(sorted(there)) or "none"
        raise DataError(f"{where}: expected the expert {missing}, found {found}")
    return {name: tables[name] for name in experts}


def _holds_captions(path: Path) -> bool:
    return path.is_file() and path.suffix in (".pkl", ".pickle") and "caption" in path.name.lower()


def _may_hold(path: Path, experts: Sequence[str] | None) -> bool:
    """Whether a file or folder may hold one of the experts; a tree or a .pth may hold several."""
    name = features.expert_name(path)
    return experts is None or path.is_dir() or any(e == name or e.startswith(f"{name}_") for e in experts)
