"""One call for feature files of any layout: `read_features(path)`.

Layouts are those that public text-video retrieval projects really write (MMT, CE, MoEE, UniVL, HowTo100M,
HGR, BigFile, tables of frame embeddings). Whatever the layout, one `FeatureTable` an expert comes out.
"""

import pickle
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.formats import arrays, hdf5, store
from cmgsd_lite.data.formats.files import UnknownLayoutError, is_archive, looks_like_ids, unpacked
from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.data.formats.tables import FeatureTable, merge_tables, table_from_values
from cmgsd_lite.errors import DataError

FILE_SUFFIXES = (".npz", ".npy", ".pickle", ".pkl", ".pt", ".pth", *hdf5.SUFFIXES)
_PARTS = ("trn", "val", "tst", "train", "validate", "validation", "test")
_WORD = re.compile(r"[_.-]")


def read_features(path: str | Path, known: Collection[str] = ()) -> dict[str, FeatureTable]:
    """Feature tables of a file or folder, whatever its layout, one an expert.

    Recognised: .npz with ids; a folder of one .npy/.npz/.pt/.h5 a video; .npy with a names file; dict
    pickles; .pt/.pth; HDF5 (MMT's tree, flat); BigFile folders; what `convert` wrote; zip or tar of these.
    Scalar NaN, empty arrays and NaN rows are missing. Nothing in a file is run.

    Args:
        path: The file or folder. An expert is named after the file (without suffix) or the folder; files
            with several experts name them (`features.rgb` is "rgb", {"2d": ...} in x.pth is "x_2d").
        known: Video ids from annotations; needed only to tell a folder of one file a video, when the files
            are not called videoN.

    Returns:
        {expert: FeatureTable}.

    Raises:
        DataError: unknown layout, wrong shape, truncated or duplicated content; names the file, what was
            expected and what was found.

    Example:
        >>> tables = read_features("features/rgb.npz")  # doctest: +SKIP
        >>> tables["rgb"].dim, len(tables["rgb"])       # doctest: +SKIP
        (1280, 4651)
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder of features, found nothing there")
    if is_archive(path):
        with unpacked(path) as folder:
            return read_features(innermost(folder), known)
    return _read_folder(path, known) if path.is_dir() else _read_file(path)


def innermost(folder: Path) -> Path:
    """The folder, or its only child as long as there is only one: archives often wrap what they hold."""
    children = list(folder.iterdir())
    if len(children) == 1 and not hdf5.is_h5_tree(folder):
        return innermost(children[0]) if children[0].is_dir() else children[0]
    return folder


def expert_name(path: Path) -> str:
    """Name of the expert in a file or folder: its stem without train/val/test, so that parts find together.

    `clip_train.npz` and `clip_test.npz` are both "clip"; `trn_ft.npy` (HGR) is named after its folder.
    """
    if path.is_dir():
        return path.name
    words = _WORD.split(path.stem)
    kept = [word for word in words if word.lower() not in _PARTS]
    if len(kept) == len(words):
        return path.stem
    return "_".join(kept) if set(kept) - {"ft", "feats", "features"} else path.parent.name


def _read_file(path: Path) -> dict[str, FeatureTable]:
    name, suffix = expert_name(path), path.suffix.lower()
    if suffix == ".npz":
        return {name: arrays.read_npz(path)}
    if suffix == ".npy":
        return {name: arrays.read_npy_table(path)}
    if suffix in (".pickle", ".pkl"):
        return tables_from_mapping(load_pickle(path), name, path)
    if suffix in (".pt", ".pth"):
        return tables_from_mapping(load_torch(path), name, path)
    if suffix in hdf5.SUFFIXES:
        return {name: hdf5.read_h5_file(path)}
    raise UnknownLayoutError(f"{path}: expected features ({', '.join(FILE_SUFFIXES)}), found {suffix!r}")


def is_bigfile(folder: Path) -> bool:
    """Whether a folder is a BigFile."""
    return all((folder / name).is_file() for name in ("feature.bin", "shape.txt", "id.txt"))


def candidates(folder: Path, known: Collection[str] = ()) -> list[Path]:
    """What to read in a folder: the folder itself when it is one expert or a tree, else its files.

    Args:
        folder: The folder.
        known: Video ids known from annotations; they tell a folder of one file a video.
    """
    if store.is_store(folder) or is_bigfile(folder) or hdf5.is_h5_tree(folder):
        return [folder]
    files = _feature_files(folder)
    return [folder] if looks_like_ids((file.stem for file in files), known) else files


def _feature_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in FILE_SUFFIXES)
    return [file for file in files if file.is_file() and not arrays.is_names_file(file)]


def _read_folder(folder: Path, known: Collection[str]) -> dict[str, FeatureTable]:
    if store.is_store(folder):
        return store.read_tables(folder)
    if is_bigfile(folder):
        return {folder.name: arrays.read_bigfile(folder)}
    if hdf5.is_h5_tree(folder):
        return hdf5.read_h5_tree(folder)
    files = _feature_files(folder)
    lone = [file for file in files if file.suffix == ".npy" and arrays.names_file(file) is None]
    if files and (candidates(folder, known) == [folder] or lone == files):
        return {folder.name: read_video_folder(folder, files)}
    below = [child for child in sorted(folder.iterdir()) if child.is_dir() and candidates(child)]
    if not files and not below:
        raise UnknownLayoutError(f"{folder}: expected features ({', '.join(FILE_SUFFIXES)}), found none")
    return combine([(str(path), read_features(path, known)) for path in files or below])


def combine(parts: Sequence[tuple[str, Mapping[str, FeatureTable]]]) -> dict[str, FeatureTable]:
    """Tables of several sources; an expert found in several is joined when their videos differ.

    Raises:
        DataError: two sources give the same expert for the same video.
    """
    found: dict[str, dict[str, FeatureTable]] = {}
    for source, tables in parts:
        for expert, table in tables.items():
            found.setdefault(expert, {})[source] = table
    return {
        expert: next(iter(tables.values())) if len(tables) == 1 else merge_tables(tables, expert)
        for expert, tables in found.items()
    }


def read_video_folder(folder: Path, files: list[Path]) -> FeatureTable:
    """Table of a folder with one file a video, named after it: .npy, .npz, .pt, .pth, .h5 or .hdf5.

    Raises:
        DataError: a file of another kind, or of another length D.
    """
    readers: dict[str, Callable[[Path], Any]] = {
        ".npy": arrays.load_npy,
        ".npz": arrays.read_video_npz,
        ".pt": load_torch,
        ".pth": load_torch,
        ".pickle": load_pickle,
        ".pkl": load_pickle,
        ".h5": hdf5.read_video_h5,
        ".hdf5": hdf5.read_video_h5,
    }
    values = [readers[file.suffix.lower()](file) for file in files]
    return table_from_values([file.stem for file in files], values, folder)


def load_torch(path: Path) -> Any:
    """Content of a .pt/.pth file with tensors turned into numpy arrays; no code in it is run.

    Raises:
        DataError: truncated, or holding anything but tensors and builtin containers.
    """
    import torch  # here, because importing it takes longer than reading most files

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            value = value.detach().cpu()
            return (value.float() if value.dtype is torch.bfloat16 else value).numpy()
        if isinstance(value, Mapping):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    try:
        return plain(torch.load(path, map_location="cpu", weights_only=True))
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: expected tensors and dicts alone (weights_only), found: {reason}"
        ) from error


def tables_from_mapping(content: Any, stem: str, source: Path) -> dict[str, FeatureTable]:
    """Tables of a dict: {id: array or NaN}, {"ids": ..., "features": ...}, or {expert: one of these}.

    Raises:
        DataError: captions, features of captions, or anything else.
    """
    if not isinstance(content, Mapping) or not content:
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found {type(content).__name__}")
    table = arrays.table_from_columns(content, source)
    if table is not None:
        return {stem: table}
    if any(str(key).endswith((".weight", ".bias")) for key in content):
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found the weights of a model")
    if all(isinstance(value, Mapping) for value in content.values()):
        nested = [tables_from_mapping(value, f"{stem}_{key}", source) for key, value in content.items()]
        return {expert: inner for tables in nested for expert, inner in tables.items()}
    strange = next((v for v in content.values() if not _is_feature(v)), None)
    if strange is not None:
        raise UnknownLayoutError(f"{source}: expected {{video id: array}}, found {_kind(strange)} as a value")
    return {stem: table_from_values(list(content), list(content.values()), source)}


def _is_feature(value: Any) -> bool:
    """An array, a missing value, or a list of numbers or vectors; not sentences, indices or word features."""
    if isinstance(value, list | tuple):
        return all(
            isinstance(v, float | np.floating) or getattr(v, "ndim", 0) == 1 or _numbers(v) for v in value
        )
    if isinstance(value, np.ndarray | np.floating):
        return bool(value.dtype.kind in "fiu")
    return value is None or (isinstance(value, float) and np.isnan(value))


def _numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, float | int | np.floating) for v in value)


def _kind(value: Any) -> str:
    if isinstance(value, list | tuple) and value:
        inner = value[0]
        return (
            "captions" if isinstance(inner, str | list | tuple) else "features of words (one array a caption)"
        )
    return type(value).__name__
