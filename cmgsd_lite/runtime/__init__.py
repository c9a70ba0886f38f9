"""Threads, versions and safe writing: the few things that touch the machine, in one place."""

from __future__ import annotations

import json
import os
import platform
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from cmgsd_lite.errors import DataError

LOCK = ".lock"
"""File of a folder that is held by who writes into it."""
MOST_THREADS = 1024
TEMPORARY = re.compile(r"\..+\.\d+\.tmp")
"""Names of files that are being written: what is left of one was cut off."""
_NUMBER = re.compile(rb"\d*\s*")
_HELD: set[Path] = set()
_OURS = {
    ".html": rb'<!doctype html>\n.{0,40}(<meta name="generator" content="cmgsd-lite">'
    # as older versions began theirs
    rb"|<meta charset=\"utf-8\"><title>[^<]*</title><style>\nbody \{ font: 16px/1\.5 system-ui)",
    ".json": rb'\{\s*"(schema|of|[\w-]+ seed \d+)": ',
    ".evaluation": rb'\{\s*"schema": \d+,\s*"(checkpoint|sim)": ',  # never what a run has measured
    ".seconds": rb"\[\s*[\d\]]",
    ".pt": rb"PK\x03\x04[^/]{26,99}/data\.pkl",
    ".png": rb"\x89PNG",
}
"""How what this package writes begins, by its kind: no other file is replaced by it."""


def require(module: str, extra: str) -> Any:
    """Import a module that only an extra of the wheel brings, or say in one line what to install.

    Args:
        module: Name as in an import statement, such as ``"scipy.sparse"``.
        extra: The extra that brings it: ``"data"``, ``"course"``, ``"frames"``, ``"video"`` or ``"search"``.

    Returns:
        The imported module.

    Raises:
        DataError: If the package is not installed; the message holds the command that installs it.

    Source:
        ours.

    Example:
        >>> require("json", "data").dumps({})
        '{}'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:  # also where the package is there and one that it needs is not
        raise DataError(f'{error.name}: package not found; pip install "cmgsd-lite[{extra}]"') from error


def set_threads(threads: int = 1) -> None:
    """Set the number of torch's threads; the only place that does.

    One is the default: two threads on two busy cores can be far slower than one, and results are equal
    to the last bit only for one and the same number.

    Args:
        threads: From 1 to 1024.

    Raises:
        ValueError: On another number.

    Source:
        ours.

    Example:
        >>> set_threads(1)
    """
    import torch  # here: everything else in this file is wanted before there is time to load it

    from cmgsd_lite.validation import checked_whole

    checked_whole("threads", threads, range(1, MOST_THREADS + 1))
    torch.set_num_threads(threads)


def versions() -> dict[str, str]:
    """Return the versions that a result depends on, by name.

    Returns:
        ``python``, ``machine`` and the packages that numbers come from; ``"not installed"`` for those that
        are not. A clone that is on the path without having been installed says its own version.

    Source:
        ours.

    Example:
        >>> sorted(versions())[0]
        'cmgsd-lite'
    """
    packages = ("cmgsd-lite", "torch", "numpy", "wordllama")
    found = {name: _version(name) for name in packages}
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # no metadata: what the module says, if it is imported
        module = sys.modules.get(package.replace("-", "_"))
        return str(getattr(module, "__version__", "not installed"))


def check_writable(folder: Path) -> None:
    """Make a folder and try to write in it, before there is something to lose; OSError if that fails."""
    probe, made = _temporary(folder / "writable"), not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x" * 4096)
    except OSError as error:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
            if made:
                folder.rmdir()
        reason = "a file in its place" if isinstance(error, FileExistsError) else error.strerror
        raise OSError(f"{folder}: expected a folder that can be written to, found {reason}") from error
    probe.unlink()


def is_ours(path: Path, kind: str) -> bool:
    """Whether a file begins as what this package writes of a kind (``".html"``, ...), or is empty."""
    with path.open("rb") as file:
        head = file.read(8192)  # the longest title of a page ends there
    return not head or re.match(_OURS[kind], head) is not None


def check_output(*files: Path, kind: str | None = None) -> None:
    """Before there is something to lose: DataError if what has such a name is not ours, or is no file.

    ``kind`` is what will be written, by default what the name ends in; OSError if the folder takes nothing.
    """
    for path in files:
        if path.is_dir():
            raise DataError(f"{path}: expected to write a file of this name, found a folder")
        with suppress(FileNotFoundError, NotADirectoryError):  # a loop of links is an error of its own
            if not stat.S_ISREG(path.stat().st_mode):
                raise DataError(f"{path}: expected to write a file of this name, found a device or pipe")
        if path.is_file() and not is_ours(path, kind or path.suffix):
            found = f"another one: it is left as it is; choose another name or folder than {path.name}"
            raise DataError(f"{path}: expected a new file, or one that this program wrote, found {found}")
        check_writable(path.parent)


@contextmanager
def sole_writer(folder: Path, *inner: str, again: bool = False) -> Iterator[None]:
    """Hold a folder while writing into it: a second writer is refused, and what a killed one left is removed.

    The lock is the operating system's and ends with its process, however that ends.

    Args:
        folder: Made with its parents if it is not there.
        inner: Names of folders in it that are held along.
        again: Whether this process may hold the folder already; a part of a job asks for what the job has.

    Raises:
        OSError: If another process is writing there, or the folder can not be written to.
        DataError: If the lock there is a file of somebody else's.

    Source:
        ours.

    Example:
        >>> with sole_writer(Path("runs/mine")):  # doctest: +SKIP
        ...     train()
    """
    held = folder.resolve()
    if again and held in _HELD:
        yield
        return
    filelock = require("filelock", "data")
    check_writable(folder)
    file = folder / LOCK
    if file.exists() and not (file.is_file() and _NUMBER.fullmatch(file.read_bytes()[:99])):
        raise DataError(f"{file}: expected the lock of this program, found another; choose another folder")
    lock = filelock.FileLock(file, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        pid = file.read_text(encoding="utf-8").strip()
        by = f"process {pid}" if pid else "another process"
        raise OSError(f"{folder}: {by} is writing there; wait for it, or choose another folder") from None
    _HELD.add(held)
    try:
        file.write_text(f"{os.getpid()}\n", encoding="utf-8")  # for the message above alone
        for place in (folder, *(folder / name for name in inner)):
            for left in place.glob(".*.tmp"):
                if TEMPORARY.fullmatch(left.name):
                    left.unlink(missing_ok=True)
        yield
    finally:
        _HELD.discard(held)
        with suppress(OSError):
            file.write_text("", encoding="utf-8")
        lock.release()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the system name a file: that of a full disk names none, others name a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file whole or not at all: to a temporary neighbour, to the disk itself, then rename.

    Args:
        path: Where the file goes; folders are made, and a link stays one.
        write: Writes to the path that it is given.

    Raises:
        OSError: If the folder can not be written to, or a device or pipe has that name. An older file
            at ``path`` is then untouched.

    Source:
        ours.

    Example:
        >>> write_atomically(Path("notes.txt"), lambda path: path.write_text("done"))  # doctest: +SKIP
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # which would be gone, a file in its place
        raise OSError(f"{path}: expected a name for a file, found a device or pipe")
    target = path.resolve()
    temporary = _temporary(target)
    try:
        with naming(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            _flush(temporary, os.O_RDWR)
            os.replace(temporary, target)
        with suppress(OSError):  # the new name too, where the system can flush a folder
            _flush(target.parent, os.O_RDONLY)
    finally:
        with suppress(OSError):  # the first error is the one to be raised
            temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _flush(path: Path, flags: int) -> None:
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def write_json(path: Path, content: object) -> None:
    """Write JSON atomically, indented, with a line break at the end; NaN is refused.

    Args:
        path: Where the file goes.
        content: What ``json`` can write.

    Raises:
        ValueError: If there is a NaN or infinite number in it: no other program could read that.

    Source:
        ours.

    Example:
        >>> write_json(Path("metrics.json"), {"schema": 1})  # doctest: +SKIP
    """
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
