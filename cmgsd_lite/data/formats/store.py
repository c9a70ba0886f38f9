"""The project's own fast layout: what was read once, kept so that 10,000 videos open in a moment.

OUT/index.json          format, version, ids, and for each expert its file, D, notes and tokens of each video
OUT/EXPERT.npy          float16 or float32 [tokens of all videos, D], memory-mapped when opened
OUT/annotations.json    captions, categories, official split, extras
OUT/splits.json         the split lists of each protocol that was found
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.data.formats.files import reason_of
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.errors import DataError

FORMAT = "cmgsd-lite"
VERSION = 1
INDEX = "index.json"


def is_store(folder: Path) -> bool:
    """Whether `convert` wrote this folder."""
    index = folder / INDEX
    if not index.is_file():
        return False
    with index.open("rb") as stream:
        return stream.read(64).startswith(f'{{"format": "{FORMAT}"'.encode())


def write_store(out: Path, tables: Mapping[str, FeatureTable], documents: Mapping[str, Any]) -> None:
    """Write tables and JSON documents {name: content} into a new folder, whole or not at all.

    Raises:
        DataError: the folder exists and is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: expected a new or empty folder to write to, found something in it")
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    part.mkdir()
    try:
        _fill(part, tables, documents)
        if out.exists():
            out.rmdir()
        os.replace(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _fill(folder: Path, tables: Mapping[str, FeatureTable], documents: Mapping[str, Any]) -> None:
    experts = {}
    for number, (name, table) in enumerate(tables.items()):
        file = f"{number:02d}_{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.npy"
        np.save(folder / file, np.asarray(table.rows), allow_pickle=False)
        told = {"ids": table.ids, "tokens": table.counts.tolist(), "notes": table.notes}
        experts[name] = {"file": file, "dim": table.dim, **told}
    for name, content in documents.items():
        _write_json(folder / f"{name}.json", content)
    # The index comes last and first says its format: a folder without it is no store.
    _write_json(folder / INDEX, {"format": FORMAT, "version": VERSION, "experts": experts})


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def read_document(folder: Path, name: str) -> Any:
    """A JSON document of the store.

    Raises:
        DataError: missing or damaged.
    """
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected JSON written by convert, found: {error}") from error


def read_tables(folder: Path) -> dict[str, FeatureTable]:
    """The store's feature tables, memory-mapped.

    Raises:
        DataError: another version, or files that do not fit the index.
    """
    index = read_document(folder, "index")
    if index.get("version") != VERSION:
        found = index.get("version")
        raise DataError(f"{folder / INDEX}: expected version {VERSION}, found {found!r}; convert again")
    return {name: _open_table(folder, entry) for name, entry in index["experts"].items()}


def _open_table(folder: Path, entry: Mapping[str, Any]) -> FeatureTable:
    path = folder / Path(entry["file"]).name  # a name only: an index cannot point outside its folder
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        found = f"a missing or damaged one ({reason_of(error)})"
        raise DataError(f"{path}: expected a whole .npy, found {found}") from error
    starts = np.concatenate([[0], np.cumsum(entry["tokens"])]).astype(np.int64)
    expected = (int(starts[-1]), entry["dim"])
    if rows.shape != expected or len(entry["ids"]) + 1 != len(starts):
        raise DataError(f"{path}: expected {list(expected)} as the index says, found {list(rows.shape)}")
    return FeatureTable(list(entry["ids"]), rows, starts, notes=tuple(entry.get("notes", ())))
