"""Which files under a path are annotations, split lists, features, or none of them: some levels deep."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cmgsd_lite.data.formats import arrays, features
from cmgsd_lite.data.formats.annotations import (
    Annotations,
    merge_annotations,
    numbered,
    read_annotation_file,
)
from cmgsd_lite.data.formats.captions import parser_of
from cmgsd_lite.data.formats.companions import companions_of
from cmgsd_lite.data.formats.evidence import FORCE, Known, name_doubt, value_doubt
from cmgsd_lite.data.formats.files import (
    DEBRIS,
    UnknownLayoutError,
    is_archive,
    user_path,
)
from cmgsd_lite.data.formats.hdf5 import is_h5_tree
from cmgsd_lite.data.formats.joined import combine, join_shards
from cmgsd_lite.data.formats.names import expert_name, is_part, part_of, without_shard
from cmgsd_lite.data.formats.packed import Packed
from cmgsd_lite.data.formats.records import FileLog, records_of, why_left_out
from cmgsd_lite.data.formats.store import INDEX, is_store
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.formats.video_folders import is_folder_a_video
from cmgsd_lite.errors import DataError

LEVELS = 6  # HGR's features lie three folders deep, and people keep several such trees under one roof
CAPTION_INDEX = "jsfusion_val_caption_idx.pkl"
_TEXT_FEATURES = "aggregated_text_feats"


@dataclass
class Tree:
    """The folders under a path, and what is set aside by the folder it lies in."""

    root: Path
    folders: list[Path] = field(default_factory=list)
    similarity: list[Path] = field(default_factory=list)
    human_labels: list[Path] = field(default_factory=list)
    aside: dict[Path, str] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)
    packed: Packed = field(default_factory=Packed)
    opens: bool = False
    failed: dict[Path, Exception] = field(default_factory=dict)

    @property
    def files(self) -> list[Path]:
        """All files of the folders, but not those of stores, trees and the like."""
        plain = [folder for folder in self.folders if not features.is_one_source(folder)]
        return sorted(
            path for folder in plain for path in folder.iterdir() if _visible(path) and path.is_file()
        )

    def below(self, path: Path) -> Path:
        """A path below the root, through archives that were opened on the way."""
        return self.packed.origin(path).relative_to(self.packed.origin(self.root))


def walk(root: Path, packed: Packed | None = None) -> Tree:
    """The folders under a path, six levels deep; folders of train, val and test are no level of their own.

    Files under `similarity/` are scores or made from scores, so they are never experts; those under
    `*human_labels*/` are judgements on other data; CE's `aggregated_text_feats/` are features of captions.
    Archives that ``packed`` opens are looked through as folders.
    """
    tree = Tree(root) if packed is None else Tree(root, packed=packed, opens=True)
    _visit(root, LEVELS, tree)
    return tree


def _visit(folder: Path, levels: int, tree: Tree) -> None:
    aside = tree.similarity if folder.name == "similarity" else tree.human_labels
    if folder.name == "similarity" or "human_labels" in folder.name:
        kind = "scores, or made of scores" if folder.name == "similarity" else "judgements of people"
        tree.aside[folder] = f"{kind}, which are never an expert"
        aside.extend(sorted(path for path in folder.iterdir() if _visible(path) and path.is_file()))
        return
    if folder.resolve() in tree.seen or folder.name == DEBRIS:
        return  # a link to what is read already, or what macOS left in a zip
    tree.seen.add(folder.resolve())
    if folder.name == _TEXT_FEATURES:
        tree.aside[folder] = "features of captions, which are never an expert"
        return
    laid, failed = tree.packed.side_by_side(folder) if tree.opens and not is_h5_tree(folder) else (folder, {})
    tree.folders.append(laid)
    tree.failed.update(failed)
    if is_h5_tree(folder):
        return
    # Links come last: what they lead to goes by its own name.
    for child in sorted(folder.iterdir(), key=lambda child: (child.is_symlink(), child)):
        free = is_part(child.name)
        if child.is_dir() and _visible(child) and levels + free > 0:
            _visit(child, levels - 1 + free, tree)
    for opened in _opened(folder, tree):
        _visit(opened, levels, tree)


def _opened(folder: Path, tree: Tree) -> list[Path]:
    """Folders with what the archives of a folder hold; those of a single file are laid beside the others."""
    folders = []
    for archive in sorted(filter(is_archive, folder.iterdir())) if tree.opens else []:
        if not _visible(archive) or tree.packed.single(archive):
            continue
        try:
            folders.append(tree.packed.open(archive))
        except DataError as error:
            tree.failed[archive] = error
    return folders


def _visible(path: Path) -> bool:
    return not path.name.startswith(".")


def read_annotations(path: str | Path) -> Annotations:
    """Annotations of a file, or of all annotation files in a folder (searched six levels deep, archives too).

    Raises:
        DataError: no captions found, an unknown layout, or a damaged or duplicated file.

    Example:
        >>> known = read_annotations("annotations/train_val_annotation.zip")  # doctest: +SKIP
        >>> len(known.captions["video0"])                                     # doctest: +SKIP
        20
    """
    path = user_path(path)
    if not path.is_dir() or is_h5_tree(path):
        return numbered(merge_annotations([read_annotation_file(path)], path))
    log = FileLog()
    with Packed() as packed:
        found = merge_annotations(annotation_files(walk(path, packed), log), path, need_captions=False)
        why = "" if found.captions else why_left_out(records_of(log, [path], lambda _: "", packed))
    if not found.captions:
        raise DataError(f"{path}: expected captions (official JSON, jsonl, csv, ...), found none{why}")
    return numbered(found)


def annotation_files(tree: Tree, log: FileLog) -> list[Annotations]:
    """Annotations found in a tree; files that hold none, or cannot be read, are left out aloud."""
    found: list[Annotations] = []
    for path, reason in {**tree.failed, **tree.packed.left}.items():
        log.leave(path, reason)
    trees = [folder for folder in tree.folders if is_h5_tree(folder)]
    for path in [*filter(may_be_annotations, tree.files), *trees]:
        if path in trees and any(part.captions for part in found):
            break  # an HDF5 tree is slow to open, so it is asked last
        try:
            found.append(read_annotation_file(path))
            if not found[-1].captions:
                what = "names of categories" if found[-1].category_names else None
                log.use(path, what) if what else log.tried(path, "expected captions, found none")
        except UnknownLayoutError as error:
            log.tried(path, error)
        except DataError as error:
            log.leave(path, error)
    return found


def may_be_annotations(path: Path) -> bool:
    """Whether a file has a name under which captions are kept."""
    name = path.name.lower()
    if path.suffix.lower() in (".pkl", ".pickle"):
        return "caption" in name and name != CAPTION_INDEX
    if name == INDEX:
        return False
    return name == "category.txt" or name.endswith(".zip") or parser_of(name) is not None


def feature_tables(
    tree: Tree, known: Known, log: FileLog, experts: Sequence[str] | None = None
) -> dict[str, FeatureTable]:
    """The experts found in a tree, or asked for: tables with evidence that they hold features of videos.

    Of a single file the tree is `Tree(path)`: then it must be readable. Where experts are asked for, other
    files are not opened, and no evidence is asked for. Raises DataError if one of them is not there, or not
    readable.
    """
    found: dict[str, dict[Path, FeatureTable]] = {}
    there: set[str] = set()
    for path in _each_once(_candidates(tree, known.ids), log):
        there.add(expert_name(path))
        if path != tree.root and not _may_hold(path, experts):
            log.leave(path, f"the expert {expert_name(path)} was not asked for")
            continue
        for name, table in _tables(path, tree.root, known, log, experts).items():
            there.add(name)
            why = name_doubt(*_names(path, tree, name)) if experts is None else None
            if experts is not None and not {name, without_shard(name)} & {*experts}:
                log.leave(path, f"the expert {name} was not asked for")
            elif why:
                _leave(path, name, why, log)
            else:
                found.setdefault(name, {})[path] = (
                    table.of_part(_below(path, tree)) if path != tree.root else table
                )
    joined = join_shards(found)
    tables = {name: _admitted(name, parts, tree, known, log, experts) for name, parts in joined.items()}
    return choose({name: t for name, t in tables.items() if t is not None}, experts, there, tree.root)


def _each_once(paths: Sequence[Path], log: FileLog) -> list[Path]:
    """The paths, without those that links lead to a second time."""
    first: dict[Path, Path] = {}
    for path in sorted(paths, key=lambda path: path.is_symlink()):
        if first.setdefault(path.resolve(), path) != path:
            log.leave(path, f"a link to {first[path.resolve()].name}, which is read by its own name")
    return [path for path in paths if first[path.resolve()] == path]


def _leave(path: Path, name: str, why: str, log: FileLog) -> None:
    prefix = "" if name == expert_name(path) else f"{name}: "
    log.leave(path, f"{prefix}{why}; {FORCE.format(name=name)}")


def _names(path: Path, tree: Tree, name: str) -> tuple[list[str], list[str]]:
    """Names of the folders below the opened path, and of the file and its key."""
    *folders, last = tree.below(path).parts or ((path.name,) if path.is_file() else ("",))
    last = last.removesuffix(".txt")  # a table of numbers as text is no text
    video = ["video"] if path.is_dir() and is_h5_tree(path) else []  # MMT's tree: keys features.EXPERT
    return folders, [last, *([name] if name != tree.root.name else []), *video]


def _admitted(
    name: str,
    parts: dict[Path, FeatureTable],
    tree: Tree,
    known: Known,
    log: FileLog,
    experts: Sequence[str] | None,
) -> FeatureTable | None:
    """The parts of an expert put together, if they fit and nothing speaks against them; else None, aloud."""
    try:
        table = combine([(str(path), {name: part}) for path, part in parts.items()])[name]
    except DataError as error:
        if experts is not None:
            raise
        for path in parts:
            log.leave(path, error)
        return None
    words = [word for path in parts for names in _names(path, tree, name) for word in names]
    stored = any(path.is_dir() and is_store(path) for path in parts)  # evidence was asked for by convert
    why = None if stored or experts is not None else value_doubt(words, table, known)
    for path, part in parts.items():
        _leave(path, name, why, log) if why else _use(path, tree, name, part, log)
    return None if why else table


def _candidates(tree: Tree, known: Collection[str]) -> list[Path]:
    """Files, and folders read as a whole, which are not looked into once more."""
    if tree.root.is_file():
        return [tree.root]
    paths: list[Path] = []
    whole: list[Path] = []
    for folder in tree.folders:
        if any(folder.is_relative_to(one) for one in whole):
            continue
        mine = features.candidates(folder, known)
        if folder in mine and is_folder_a_video(folder, known):
            whole.append(folder)
        paths += [path for path in mine if not _holds_captions(path)]
    return paths


def _tables(
    path: Path, root: Path, known: Known, log: FileLog, experts: Sequence[str] | None
) -> dict[str, FeatureTable]:
    try:
        return features.read_features(path, known.ids, log)
    except DataError as error:
        if root.is_file() or (experts is not None and expert_name(path) in experts):
            raise
        note = log.tried if isinstance(error, UnknownLayoutError) else log.leave
        note(path, error)
        return {}


def _below(path: Path, tree: Tree) -> str:
    return tree.below(path).as_posix() if path != tree.root else path.name


def _use(path: Path, tree: Tree, name: str, table: FeatureTable, log: FileLog) -> None:
    part = part_of(_below(path, tree))
    log.use(path, f"expert {name}" + (f" ({part})" if part else ""))
    names = (
        arrays.names_file(path)
        if path.suffix.lower() in (".npy", ".pt", ".pth", ".safetensors", ".mat")
        else None
    )
    for beside in [names] if names else []:
        log.use(beside, f"ids of {path.name}")
    for beside in companions_of(path):
        if any(note.startswith(f"{path.name}: {beside.name} does not fit") for note in table.notes):
            log.leave(beside, f"it does not fit {path.name}")
        else:
            log.use(beside, f"lengths or mask of {path.name}")


def choose(
    tables: dict[str, FeatureTable], experts: Sequence[str] | None, there: Collection[str], where: Path
) -> dict[str, FeatureTable]:
    """The experts asked for, in that order, all of them for None; DataError if one is not there."""
    if experts is None:
        return tables
    missing = next((name for name in experts if name not in tables), None)
    if missing is not None:
        found = ", ".join(sorted(there)) or "none"
        raise DataError(f"{where}: expected the expert {missing}, found {found}")
    return {name: tables[name] for name in experts}


def _holds_captions(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (".pkl", ".pickle") and "caption" in path.name.lower()


def _may_hold(path: Path, experts: Sequence[str] | None) -> bool:
    """Whether a file or folder may hold one of the experts; a tree or a .pth may hold several."""
    if experts is None or path.is_dir():
        return True
    names = {expert_name(path), without_shard(expert_name(path))}
    return any(expert in names or expert.startswith(tuple(f"{n}_" for n in names)) for expert in experts)
