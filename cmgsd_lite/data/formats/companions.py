"""Padding of tables that are read: by files of lengths or masks beside them, else by rows of zeros."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.columns import ID_KEYS, first_key
from cmgsd_lite.data.formats.files import any_layout, json_of, once, read_text, video_id_of
from cmgsd_lite.data.formats.lengths import check_not_reversed, kind_of, owners_of, real_tokens
from cmgsd_lite.data.formats.names import expert_name
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.errors import DataError

Load = Callable[[Path], Any]
_ARRAYS = (".npy", ".npz", ".pkl", ".pickle", ".pt", ".pth", ".h5", ".hdf5", ".safetensors", ".mat")
_TEXTS = (".json", ".csv", ".tsv", ".txt")


def companions_of(path: Path) -> dict[Path, bool]:
    """Files of lengths or masks for the features in a file or folder: clip_len.json, lengths.npy, ...

    Args:
        path: The features. Files beside them count, and of a folder those in it.

    Returns:
        {file: whether it is named after these features}; others (num_frames.json) are named after none.
    """
    names = {path.name if path.is_dir() else path.stem, expert_name(path)}
    owners = {file: set(owners_of(file.stem)) for file in _files(path.parent) if file != path}
    tables = {p.stem for p in _entries(path.parent) if not owners.get(p)} - names if owners else set()
    named = {file for file, mine in owners.items() if mine & names}
    beside = {file for file, mine in owners.items() if path.is_file() and "" in mine and not mine & tables}
    inside = {file for file in _files(path) if "" in owners_of(file.stem)} if path.is_dir() else set()
    return {file: file in named for file in sorted(named | beside | inside)}


def _files(folder: Path) -> list[Path]:
    suffixes = (*_ARRAYS, *_TEXTS)
    return [file for file in _entries(folder) if file.suffix.lower() in suffixes and file.is_file()]


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder; nothing where it may not be listed, as that above an opened folder."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def without_padding(table: FeatureTable, path: Path, told: Mapping[Path, bool], load: Load) -> FeatureTable:
    """The table without its padding, when all its videos have one number of tokens.

    Args:
        table: What was read.
        path: Where it was read, for messages; an array of lengths has the order of a file's videos.
        told: Files of lengths or masks, and whether each is named after these features.
        load: Reads a file of arrays.

    Raises:
        DataError: a file named after the features that does not fit them. One that is named after none
            (num_frames.json) may well be of other features: a note says that it is not used.
    """
    if not _is_padded(table):
        return table
    real: NDArray[np.bool_] | None = None
    for file, named in told.items():
        try:
            mask = _real(table, path, file, load)
        except DataError as error:
            if named:
                raise
            note = f"{path.name}: {file.name} does not fit it and is not used ({_without(error, file)})"
            table = replace(table, notes=(*table.notes, note))
            continue
        real = mask if real is None else real & mask
    return _without_zeros(table, path) if real is None else _kept(table, real)


def _is_padded(table: FeatureTable) -> bool:
    """Whether all videos that are there have the same number of tokens, more than one."""
    counts = np.unique(table.counts[table.counts > 0])
    return len(counts) == 1 and int(counts[0]) > 1


def _real(table: FeatureTable, path: Path, file: Path, load: Load) -> NDArray[np.bool_]:
    """bool [V, T] for the videos that are there, as a file says."""
    values = _by_video(_content(file, load), file)
    if not isinstance(values, Mapping):
        if len(values) != len(table) or path.is_dir():
            raise DataError(
                f"{file}: expected {len(table)} entries by video id, found {len(values)} in a row"
            )
        values = dict(zip(table.ids, values, strict=True))
    lacking = next((video for video in table.position if video not in values), None)
    if lacking is not None:
        raise DataError(f"{file}: expected an entry for each video of {path.name}, found none for {lacking}")
    tokens = int(table.counts.max())
    try:
        mine = np.array([np.ravel(values[video]) for video in table.position], float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{file}: expected numbers or masks of one length, found others") from error
    real = real_tokens(file.stem, mine, len(mine), tokens, file)
    check_not_reversed(real, np.asarray(table.rows).reshape(len(mine), tokens, -1), file)
    return real


def _content(file: Path, load: Load) -> Any:
    if file.suffix.lower() in _ARRAYS:
        return load(file)
    text = read_text(file)
    if file.suffix.lower() == ".json":
        with any_layout(file, "JSON"):
            return json_of(text, file)
    rows = [re.split(r"[,;\s]+", line.strip()) for line in text.splitlines() if line.strip()]
    rows = rows[1:] if rows and not re.fullmatch(r"[\d.]+", rows[0][-1]) else rows  # a header
    if rows and all(len(row) == 2 for row in rows):
        return once(((row[0], row[1]) for row in rows), file)
    if all(len(row) == 1 for row in rows):
        return [row[0] for row in rows]
    raise DataError(f"{file}: expected `id number` or a number a line, found {' '.join(rows[0][:4])!r}")


def _by_video(content: Any, file: Path) -> Any:
    """{id: length or mask}, or a sequence of them in the order of the features."""
    if isinstance(content, Mapping):
        id_key = first_key(content, ID_KEYS)
        others = [key for key in content if key != id_key]
        told = [key for key in others if kind_of(key)] if len(others) > 1 else others
        if id_key is not None and len(told) == 1:
            ids = map(video_id_of, np.ravel(content[id_key]).tolist())
            return once(zip(ids, content[told[0]], strict=True), file)
        if len(content) == 1 and (kind_of(others[0]) or others[0] == "arr_0"):
            return _by_video(content[others[0]], file)
        return once(((video_id_of(key), value) for key, value in content.items()), file)
    if isinstance(content, list | tuple | np.ndarray) and np.ndim(content):
        return content
    raise DataError(f"{file}: expected lengths or masks by video id, found {type(content).__name__}")


def _without(error: DataError, file: Path) -> str:
    return str(error).removeprefix(f"{file}: ")


def _kept(table: FeatureTable, real: NDArray[np.bool_], note: str = "") -> FeatureTable:
    """The table with those of its tokens alone; `real` is [V, T] for the videos that are there."""
    counts = table.counts.copy()
    counts[counts > 0] = real.sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    rows = np.asarray(table.rows)[real.ravel()]
    return replace(table, rows=rows, starts=starts, notes=(*table.notes, *([note] if note else [])))


def _without_zeros(table: FeatureTable, path: Path) -> FeatureTable:
    """Without the rows of exact zeros at the end of videos: no network answers a frame with zeros alone.

    They stay, and a note says so, where such rows lie between others too.
    """
    tokens = int(table.counts.max())
    filled = np.asarray(table.rows).any(axis=1).reshape(-1, tokens)
    short = int((~filled[:, -1]).sum())
    if not short or not filled.any():
        return table
    zeros = int((~filled).sum())
    trailing = bool(np.all(filled == (np.arange(tokens) < filled.sum(axis=1)[:, None])))
    found = f"{path.name}: {short:,} of {len(filled):,} videos end in rows of zeros ({zeros:,} rows)"
    if not trailing:
        note = f"{found}, which are kept as tokens, since there are such rows between others; give lengths"
        return replace(table, notes=(*table.notes, note))
    return _kept(table, filled, f"{found}, which are taken for padding")
