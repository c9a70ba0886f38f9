"""The project's own fast layout: what was read once, kept so that 10,000 videos open in a moment.

OUT/index.json          format, version, a checksum of the rest; for each expert its file, D, notes, ids and
                        tokens of each video; size and checksum of every other file; where all came from
OUT/EXPERT.npy          float16 or float32 [tokens of all videos, D], memory-mapped when opened
OUT/annotations.json    captions, categories, official split, extras
OUT/splits.json         the split lists of each protocol that was found

Opening checks the index, all sizes and the JSON files; the arrays are read for their checksums by
`check_store` alone.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.files import any_layout, json_of
from cmgsd_lite.data.formats.limits import check_stored
from cmgsd_lite.data.formats.tables import FeatureTable
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import naming, sole_writer

FORMAT = "cmgsd-lite"
VERSION = 2
INDEX = "index.json"
_HEADER = ("format", "version", "sha256")
_SMALL_FILES = 50_000_000  # room for index and captions, generously


def is_store(folder: Path) -> bool:
    """Whether `convert` wrote this folder."""
    index = folder / INDEX
    if not index.is_file():
        return False
    with index.open("rb") as stream:
        return stream.read(64).startswith(f'{{"format": "{FORMAT}"'.encode())


def write_store(
    out: Path,
    tables: Mapping[str, FeatureTable],
    documents: Mapping[str, Any],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write tables and JSON documents {name: content} into a new folder, whole or not at all.

    It grows in a folder beside `out`, which one process holds and the next one clears if that is killed.

    Args:
        out: A new or empty folder.
        tables: By expert.
        documents: By name.
        provenance: Where they came from; no absolute paths.

    Raises:
        DataError: the folder exists and is not empty, or the disk has no room.
        OSError: another process is writing there, or the folder can not be written to.
    """
    part = out.with_name(f".{out.name}.part")
    with sole_writer(part):
        try:
            _check_room(out, part, sum(table.rows.nbytes for table in tables.values()))
            fresh = part / "store"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir()
            _fill(fresh, tables, documents, provenance or {})
            if out.exists():
                out.rmdir()
            os.replace(fresh, out)
        finally:
            shutil.rmtree(part, ignore_errors=True)  # still held: nobody else is in it


def _check_room(out: Path, part: Path, size: int) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            f"{out}: expected a new or empty folder to write to, found something in it; name another folder"
        )
    needed, free = size + _SMALL_FILES, shutil.disk_usage(part).free
    if free < needed:
        found = f"{free / 1e6:,.0f} MB; free some, or name a folder on another disk"
        raise DataError(f"{out}: expected {needed / 1e6:,.0f} MB of free space, found {found}")


def _fill(
    folder: Path,
    tables: Mapping[str, FeatureTable],
    documents: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    experts, files = {}, {}
    for number, (name, table) in enumerate(tables.items()):
        file = f"{number:02d}_{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.npy"
        _write_array(folder / file, np.asarray(table.rows))
        told = {"ids": table.ids, "tokens": table.counts.tolist(), "notes": table.notes}
        experts[name] = {"file": file, "dim": table.dim, **told}
    for name, content in documents.items():
        _write_json(folder / f"{name}.json", content)
    for path in sorted(folder.iterdir()):
        files[path.name] = {"bytes": path.stat().st_size, "sha256": _digest(path)}
    body = {"experts": experts, "files": files, "provenance": dict(provenance)}
    # The index comes last and first says its format: a folder without it is no store.
    header = dict(zip(_HEADER, (FORMAT, VERSION, _digest_of(body)), strict=True))
    _write_json(folder / INDEX, header | body)


def _write_array(path: Path, rows: NDArray[Any]) -> None:
    with naming(path):
        try:
            np.save(path, rows, allow_pickle=False)
        except OSError as error:
            if error.errno is not None:
                raise
            # Numpy counts what the system took and does not say why.
            raise OSError(f"{path}: expected room for the whole file, found {error}") from error


def _write_json(path: Path, content: Any) -> None:
    with naming(path):
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _digest_of(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def read_index(folder: Path) -> dict[str, Any]:
    """The store's index: "experts", "files" and "provenance".

    Raises:
        DataError: another version, or a damaged one.
    """
    path = folder / INDEX
    index = _json(path)
    found = index.get("version") if isinstance(index, dict) else None
    if found != VERSION:
        raise DataError(f"{path}: expected version {VERSION}, found {found!r}; convert again")
    body = {key: value for key, value in index.items() if key not in _HEADER}
    if index.get("sha256") != _digest_of(body):
        raise DataError(f"{path}: expected the index that convert wrote, found a changed one; convert again")
    if not fits(body, dict[str, dict[str, Any]]) or not {"experts", "files", "provenance"} <= {*body}:
        raise DataError(f"{path}: expected experts, files and provenance in it, found others; convert again")
    return body


def fits(value: Any, kind: Any) -> bool:
    """Whether a value out of JSON is of a type as annotations write it.

    Example:
        >>> fits({"video1": ["a dog"]}, dict[str, list[str]]), fits([True], list[int])
        (True, False)
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is UnionType:
        return any(fits(value, one) for one in inner)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items()
        )
    if origin is list:
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    return type(value) is (origin or kind)


def read_document(folder: Path, name: str, index: Mapping[str, Any]) -> Any:
    """A JSON document of the store, of which the index is given.

    Raises:
        DataError: missing or damaged.
    """
    path = folder / f"{name}.json"
    _check_file(path, index["files"], whole=True)
    return _json(path)


def _json(path: Path) -> Any:
    with any_layout(path, "JSON written by convert"):
        check_stored(path)
        return json_of(path.read_text(encoding="utf-8"), path)


def read_tables(folder: Path) -> dict[str, FeatureTable]:
    """The store's feature tables, memory-mapped.

    Raises:
        DataError: another version, or files that do not fit the index.
    """
    index = read_index(folder)
    with any_layout(folder / INDEX):
        return {name: _open_table(folder, entry, index["files"]) for name, entry in index["experts"].items()}


def check_store(folder: Path) -> int:
    """Read every file of the store and compare it with its checksum.

    Returns:
        How many files there are.

    Raises:
        DataError: one that is missing, or not as it was written.
    """
    files = read_index(folder)["files"]
    for name in files:
        _check_file(folder / name, files, whole=True)
    return len(files)


def _check_file(path: Path, files: Mapping[str, Any], whole: bool = False) -> None:
    """Compare size, and the checksum of the whole file if asked, with what the index says."""
    told = files.get(path.name)
    size = path.stat().st_size if path.is_file() else None
    if told is None or size is None:
        raise DataError(f"{path}: expected a file that the index names, found none; convert again")
    if size != told["bytes"]:
        raise DataError(f"{path}: expected {told['bytes']:,} bytes, found {size:,}; convert again")
    if whole and _digest(path) != told["sha256"]:
        raise DataError(f"{path}: expected the bytes that convert wrote, found others; convert again")


def _open_table(folder: Path, entry: Mapping[str, Any], files: Mapping[str, Any]) -> FeatureTable:
    told = {name: entry.get(name) for name in ("ids", "notes")}
    tokens: Any = entry.get("tokens")
    if not fits(told, dict[str, list[str]]) or not fits(tokens, list[int]) or min(tokens, default=0) < 0:
        raise DataError(f"{folder / INDEX}: expected ids, tokens and notes, found others; convert again")
    path = folder / Path(entry["file"]).name  # a name only: an index cannot point outside its folder
    _check_file(path, files)
    with any_layout(path, "a whole .npy"):
        check_stored(path)
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    starts = np.concatenate([[0], np.cumsum(tokens)]).astype(np.int64)
    expected = (int(starts[-1]), entry["dim"])
    if rows.shape != expected or len(entry["ids"]) + 1 != len(starts):
        raise DataError(
            f"{path}: expected {list(expected)} as the index says, found {list(rows.shape)}; convert again"
        )
    return FeatureTable(list(entry["ids"]), rows, starts, notes=tuple(entry["notes"]))
