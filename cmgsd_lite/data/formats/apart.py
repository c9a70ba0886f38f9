"""Reading in a process of its own what a file can make hang, crash or take all memory.

Pickles, HDF5 and Matlab's files are little programs for the libraries that read them: one flipped bit lets
libhdf5 run in circles where not even Ctrl-C is heard. So another process reads them, with little time and
memory, and hands over what it found when that is plain and not larger than the file can say. It is started
once, and ends with ours.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import math
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np

from cmgsd_lite.data.formats import limits
from cmgsd_lite.data.formats.files import any_layout
from cmgsd_lite.data.formats.limits import check_shape
from cmgsd_lite.errors import DataError

_PACKAGE = Path(__file__).resolve().parents[3]
_LEAF = 64  # bytes that a small object takes, about
_DIGITS = 1024  # bits of a whole number that anybody wrote down
_lock = threading.Lock()
_readers: dict[int, subprocess.Popen[bytes]] = {}


def read_apart(read: Callable[..., Any], path: Path, *arguments: str) -> Any:
    """What a function of a module reads in a file, called in another process.

    Args:
        read: Takes the path and the arguments; returns containers, arrays, text and numbers.
        path: The file.
        arguments: More for the function.

    Raises:
        DataError: what the function raised; or it took too long, too much memory, or crashed.
    """
    place = [os.environ.get(limits.FACTOR, "1"), os.getcwd()]
    order = [*place, read.__module__, read.__qualname__, str(path), *arguments]
    with _lock:
        process, whole = _reader(), False
        try:
            told, parts = _asked(process, order)
            whole = True
        except (OSError, EOFError) as error:
            what = "one that its reader does not come to an end with, or crashes on"
            raise DataError(f"{path}: expected a whole file, found {what}; {limits.RAISE}") from error
        finally:
            if not whole or told["ends"]:  # half an answer is of no use to the next one
                process.kill()
                process.wait()
    if told["error"]:
        raise DataError(told["error"])
    return pickle.loads(parts[0], buffers=parts[1:])  # of our own process, out of plain objects


def _reader() -> subprocess.Popen[bytes]:
    """The process; of a forked one it would be its parent's."""
    process = _readers.get(os.getpid())
    if process is None or process.poll() is not None:
        places = [str(_PACKAGE), *(os.path.abspath(place) for place in sys.path)]
        process = _readers[os.getpid()] = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; it ends when we do
        )
    return process


def _asked(process: subprocess.Popen[bytes], order: list[str]) -> tuple[dict[str, Any], list[memoryview]]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    told = json.loads(line)
    return told, [_taken(process.stdout, size) for size in told["sizes"]]


def _taken(stream: IO[bytes], size: int) -> memoryview:
    buffer = np.empty(size, np.uint8).data
    if stream.readinto(buffer) != size:  # type: ignore[attr-defined]
        raise EOFError
    return buffer


def serve() -> None:
    """Answer what comes on stdin until it ends: in the other process."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library may print is no answer
    for line in sys.stdin.buffer:
        buffers: list[pickle.PickleBuffer] = []
        told: dict[str, Any] = {"error": None}
        content = b""
        try:
            content = pickle.dumps(_answer(*json.loads(line)), 5, buffer_callback=buffers.append)
        except DataError as error:
            told["error"] = str(error)
        faulthandler.cancel_dump_traceback_later()
        parts = [memoryview(content), *(buffer.raw() for buffer in buffers)]
        told["ends"] = _held() > limits.MEMORY / 3  # a library may never give back what one file took
        out.write(json.dumps(told | {"sizes": [part.nbytes for part in parts]}).encode() + b"\n")
        for part in parts:
            out.write(part)
        out.flush()
        if told["ends"]:
            return


def _answer(factor: str, folder: str, module: str, name: str, file: str, *arguments: str) -> Any:
    os.environ[limits.FACTOR] = factor
    os.chdir(folder)
    path = Path(file)
    size = path.stat().st_size
    read = getattr(import_module(module), name)
    seconds = limits.raised(limits.SECONDS + size / (10 * limits.MEGABYTE))
    # A thread of C ends the process where Python's own signals are not heard; a busy machine gets more time.
    faulthandler.dump_traceback_later(10 * seconds, exit=True)
    _limit("RLIMIT_CPU", math.ceil(time.process_time() + seconds))
    _limit("RLIMIT_AS", int(limits.raised(limits.MEMORY + 10 * size)))
    with any_layout(path, "arrays, text and plain containers"):
        return Plain(path, size).of(read(path, *arguments))


def _held() -> int:
    """Bytes of memory that this process holds, where the system says so; else 0."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _limit(name: str, most: int) -> None:
    """The system's limit for this process, where it has such limits."""
    with contextlib.suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


class Plain:
    """Copies containers, arrays, text and numbers; refuses what grows out of a small file when looked at.

    A list may hold another one twice, which holds a third one twice: a few bytes, and no end of it.

    Args:
        path: The file that they come from.
        size: Its bytes.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size
        self._known: dict[int, tuple[Any, Any, int] | None] = {}

    def of(self, value: Any) -> Any:
        """The value, with lists in place of tuples and finished stand-ins of arrays.

        Raises:
            DataError: too deep, too large, within itself, or an object of another kind.
        """
        return self._of(value, limits.DEPTH)[0]

    def _of(self, value: Any, depth: float) -> tuple[Any, int]:
        if value is None or isinstance(value, bool | float | complex | np.generic):
            return value, _LEAF
        if isinstance(value, str | bytes | bytearray):
            return value, _LEAF + len(value)
        if isinstance(value, int):
            if value.bit_length() > _DIGITS:
                raise self._refused("a whole number of hundreds of digits")
            return value, _LEAF
        if id(value) not in self._known:
            if depth <= 0:
                raise self._refused("too deep a nesting")
            self._known[id(value)] = None
            copy, size = self._copied(value, depth - 1)
            limits.check_size(self.path, size, self.size)
            self._known[id(value)] = value, copy, size  # the value too: its number must stay its own
        known = self._known[id(value)]
        if known is None:
            raise self._refused("a container that holds itself")
        return known[1:]

    def _copied(self, value: Any, depth: float) -> tuple[Any, int]:
        if hasattr(type(value), "finish"):  # of its class: a pickle may give a dict an attribute
            return self._of(type(value).finish(value), depth)
        if isinstance(value, dict):
            keys, values = (
                [self._of(key, depth) for key in value],
                [self._of(v, depth) for v in value.values()],
            )
            copy = dict(zip(value, (inner for inner, _ in values), strict=True))
            return copy, _LEAF + sum(size for _, size in keys) + sum(size for _, size in values)
        if isinstance(value, set | frozenset) and all(isinstance(inner, str) for inner in value):
            value = sorted(value)  # else in another order at each start
        if isinstance(value, list | tuple | set | frozenset):
            return self._all(value, depth)
        if isinstance(value, np.ndarray) and value.dtype.kind == "O":
            flat, size = self._all(value.ravel().tolist(), depth)
            array = np.empty(len(flat), object)
            for at, inner in enumerate(flat):
                array[at] = inner
            return array.reshape(value.shape), size
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSU":
            check_shape(self.path, value.shape, value.dtype.itemsize)
            return np.asarray(value), _LEAF + value.nbytes
        raise self._refused(f"a {type(value).__name__}")

    def _all(self, values: Any, depth: float) -> tuple[list[Any], int]:
        copy, total = [], _LEAF
        for value in values:
            if type(value) is str:  # most of what there is
                copy.append(value)
                total += _LEAF + len(value)
                continue
            inner, size = self._of(value, depth)
            copy.append(inner)
            total += size
        return copy, total

    def _refused(self, what: str) -> DataError:
        return DataError(f"{self.path}: expected arrays, text and plain containers, found {what}")
