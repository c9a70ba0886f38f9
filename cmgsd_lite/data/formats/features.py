"""One call for feature files of any layout: `read_features(path)`.

Layouts are those that public text-video retrieval projects really write (MMT, CE, MoEE, UniVL, HowTo100M,
HGR, BigFile, tables of frame embeddings). Whatever the layout, one `FeatureTable` an expert comes out.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.formats import arrays, companions, hdf5, number_tables, store, video_folders
from cmgsd_lite.data.formats.files import (
    UnknownLayoutError,
    any_layout,
    user_path,
)
from cmgsd_lite.data.formats.joined import combine
from cmgsd_lite.data.formats.mapping import tables_from_mapping
from cmgsd_lite.data.formats.matlab import load_mat
from cmgsd_lite.data.formats.names import expert_name
from cmgsd_lite.data.formats.packed import Packed, is_packed
from cmgsd_lite.data.formats.pickles import load_pickle
from cmgsd_lite.data.formats.records import FileLog
from cmgsd_lite.data.formats.safetensors_files import load_safetensors
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.data.formats.torch_files import load_torch
from cmgsd_lite.errors import DataError

FILE_SUFFIXES = (".npz", ".npy", ".pickle", ".pkl", ".pt", ".pth", ".safetensors", ".mat", *hdf5.SUFFIXES)


def read_features(
    path: str | Path, known: Collection[str] = (), log: FileLog | None = None
) -> dict[str, FeatureTable]:
    """Feature tables of a file or folder, whatever its layout, one an expert.

    Recognised: .npz with ids; a folder of one .npy/.npz/.pt/.h5 a video, or of one folder a video; .npy with
    a names file; dict pickles; .pt/.pth/.safetensors; HDF5 (MMT's tree, flat, groups); .mat; BigFile folders;
    text with an id and numbers a row; what `convert` wrote; zip, tar or gz of these.
    Train, val and test in files, folders or keys of their own are one expert. Scalar NaN, empty arrays and
    NaN rows are missing; lengths or a mask, as a column or in a file beside the features (clip_len.json), say
    what is padding, and so do rows of zeros at the end of arrays of one length (a note of the table says how
    many). Nothing in a file is run.

    Args:
        path: The file or folder. An expert is named after the file (without suffix) or the folder; files
            with several experts name them (`features.rgb` is "rgb", {"2d": ...} in x.pth is "x_2d").
        known: Video ids from annotations; they tell videos from experts and frames, when the videos are
            not called videoN.
        log: Takes up files and keys that are left out, and why; without it an unreadable file is an error.

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
    path = user_path(path)
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder of features, found nothing there")
    if is_packed(path):
        with Packed() as packed:
            return _read_packed(path, known, packed)
    with any_layout(path):
        tables = _read_folder(path, known, log) if path.is_dir() else _read_file(path, known, log)
        if path.is_dir() and is_one_source(path):
            return tables
        told = companions.companions_of(path)
        return {name: companions.without_padding(table, path, told, load) for name, table in tables.items()}


def _read_packed(path: Path, known: Collection[str], packed: Packed) -> dict[str, FeatureTable]:
    try:
        found = path
        while is_packed(found):
            found = innermost(packed.open(found))
        return read_features(found, known)
    except DataError as error:
        raise type(error)(packed.say(str(error))) from error


def innermost(folder: Path) -> Path:
    """The folder, or its only child as long as there is only one: archives often wrap what they hold."""
    children = list(folder.iterdir())
    if len(children) == 1 and not hdf5.is_h5_tree(folder):
        return innermost(children[0]) if children[0].is_dir() else children[0]
    return folder


def load(path: Path) -> Any:
    """Content of one feature file: an array, or dicts of arrays.

    Raises:
        DataError: another kind of file, or a damaged one.
    """
    readers: dict[str, Callable[[Path], Any]] = {
        ".npy": arrays.load_npy,
        ".npz": arrays.load_npz,
        ".pt": load_torch,
        ".pth": load_torch,
        ".safetensors": load_safetensors,
        ".pickle": load_pickle,
        ".pkl": load_pickle,
        ".mat": load_mat,
        **dict.fromkeys(hdf5.SUFFIXES, hdf5.load_h5),
        **dict.fromkeys(number_tables.SUFFIXES, number_tables.load_numbers),
    }
    if path.suffix.lower() not in readers:
        raise UnknownLayoutError(
            f"{path}: expected features ({', '.join(FILE_SUFFIXES)}), found {path.suffix!r}"
        )
    return readers[path.suffix.lower()](path)


def _read_file(path: Path, known: Collection[str], log: FileLog | None) -> dict[str, FeatureTable]:
    content, left = load(path), dict[str, str]()
    if isinstance(content, np.ndarray) and content.ndim:
        return {expert_name(path): arrays.read_named_table(path, content)}
    if path.suffix.lower() in (".safetensors", ".mat") and len(content) == 1 and arrays.names_file(path):
        # The first can hold no ids, so that they lie beside it; Matlab has a column a video.
        array = next(iter(content.values()))
        return {expert_name(path): arrays.read_named_table(path, array, turned=path.suffix.lower() == ".mat")}
    tables = tables_from_mapping(content, expert_name(path), path, known, left)
    for key, reason in left.items():
        if log is not None:
            log.leave(path, f"{key}: {reason}")
    return tables


def is_bigfile(folder: Path) -> bool:
    """Whether a folder is a BigFile."""
    return all((folder / name).is_file() for name in ("feature.bin", "shape.txt", "id.txt"))


def is_one_source(folder: Path) -> bool:
    """Whether a folder is read as a whole: a store, a BigFile or MMT's tree."""
    return store.is_store(folder) or is_bigfile(folder) or hdf5.is_h5_tree(folder)


def feature_files(folder: Path) -> list[Path]:
    """Files of a folder that may hold features, by their suffix."""
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in FILE_SUFFIXES or number_tables.is_number_table(path)
    )
    return [f for f in files if f.is_file() and not f.name.startswith(".") and not arrays.is_companion(f)]


def candidates(folder: Path, known: Collection[str] = ()) -> list[Path]:
    """What to read in a folder: the folder itself when it is one expert or a tree, else its files.

    Args:
        folder: The folder.
        known: Video ids known from annotations; they tell a folder of one file a video.
    """
    if is_one_source(folder):
        return [folder]
    files = feature_files(folder)
    mine = set(video_folders.files_of_videos(files, known))
    if mine or video_folders.is_folder_a_video(folder, known):
        return [folder, *(file for file in files if file not in mine)]
    return files


def _read_folder(folder: Path, known: Collection[str], log: FileLog | None) -> dict[str, FeatureTable]:
    if store.is_store(folder):
        return store.read_tables(folder)
    if is_bigfile(folder):
        return {expert_name(folder): arrays.read_bigfile(folder)}
    if hdf5.is_h5_tree(folder):
        return hdf5.read_h5_tree(folder, log)
    files = feature_files(folder)
    mine = video_folders.files_of_videos(files, known)
    if mine:
        return video_folders.read_files(folder, mine, load, known, log)
    if video_folders.is_folder_a_video(folder, known):
        return video_folders.read_folders(folder, load, log)
    lone = [file for file in files if file.suffix.lower() == ".npy" and arrays.names_file(file) is None]
    if files and lone == files:
        return video_folders.read_files(folder, files, load, known, log)
    below = [child for child in sorted(folder.iterdir()) if child.is_dir() and candidates(child)]
    if not files and not below:
        raise UnknownLayoutError(f"{folder}: expected features ({', '.join(FILE_SUFFIXES)}), found none")
    return combine([(str(path), read_features(path, known, log)) for path in files or below])
