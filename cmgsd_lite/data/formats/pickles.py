"""Pickles of features without running code: numpy arrays and builtin containers, nothing else.

A pickle is a small program that may call any importable function. This unpickler answers every request
for a name that is not on its list with an error, before anything runs. Numpy's own reconstruction is not on
the list either: a forged dtype can make it take raw bytes for Python objects. Arrays are rebuilt here from
a plain dtype, a shape and bytes.
"""

import collections
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.apart import read_apart
from cmgsd_lite.data.formats.files import any_layout, check_downloaded, open_stream


def _bytes(data: Any = b"", encoding: Any = "latin1") -> bytearray:
    """Stands for bytearray, which would make as many bytes as a number says."""
    return bytearray(data, "latin1") if isinstance(data, str) else bytearray(memoryview(data))


def _no_bytes() -> bytes:
    """Stands for bytes, which Python 3 calls without arguments for empty ones in old protocols."""
    return b""


_Names = dict[str, Callable[..., Any]]
_BUILTINS: _Names = {t.__name__: t for t in (list, dict, set, frozenset, tuple, int, float, str)}
_CONTAINERS: _Names = {"OrderedDict": collections.OrderedDict, "defaultdict": collections.defaultdict}


class _Dtype:
    """Stands for numpy.dtype: a type code and a byte order; fields and objects inside fields are refused."""

    def __init__(self, code: str, *_: object) -> None:
        self.dtype = np.dtype(code)
        if self.dtype.kind not in "biufcSUO" or self.dtype.hasobject != (self.dtype.kind == "O"):
            raise pickle.UnpicklingError(f"dtype {code!r} is refused")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """State is (version, byte order, subarray, names, fields, ...); only the byte order is taken."""
        if any(part is not None for part in state[2:5]):
            raise pickle.UnpicklingError("a dtype with fields is refused")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for an ndarray while the pickle is being read."""

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """State is (version, shape, dtype, Fortran order, bytes or list of objects)."""
        self.state = state

    def finish(self) -> NDArray[Any]:
        """The array; objects in it are as they are."""
        _, shape, dtype, fortran, data = self.state
        if dtype.dtype.kind != "O":
            return _from_bytes(data, dtype, shape, "F" if fortran else "C")
        flat = np.empty(len(data), dtype=object)
        for i, value in enumerate(data):
            flat[i] = value
        return flat.reshape(shape, order="F" if fortran else "C")


def _from_bytes(data: Any, dtype: _Dtype, shape: Any, order: Any, axes: Any = None) -> NDArray[Any]:
    if dtype.dtype.kind == "O":
        raise pickle.UnpicklingError("objects made of bytes are refused")
    raw = data.encode("latin1") if isinstance(data, str) else memoryview(data)  # Python 2 bytes are text here
    flat = np.frombuffer(raw, dtype.dtype) if len(raw) else np.empty(0, dtype.dtype)
    flat = flat.astype(dtype.dtype.newbyteorder("="), copy=False)
    if order == "K" and axes is not None:
        return flat.reshape(shape).transpose(axes)
    return flat.reshape(shape, order=order)


class Fixed:
    """What a pickle cannot change: it may set attributes of what lies on its stack, also of what it named.

    The process reads many files, and the next one would meet a changed class or function.
    """

    __slots__ = ()

    def __setstate__(self, _: object) -> None:
        """The pickle wants to change it."""
        raise pickle.UnpicklingError("a change of a class, a function or a tensor is refused")


class Named(Fixed):
    """What a pickle gets for a name: something to call."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        """What is made of the arguments."""
        return self._make(*arguments)


class Unpickler(pickle.Unpickler):
    """Admits builtin containers and the stand-ins for numpy only."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name on the list; everything else is refused."""
        module = module.replace("numpy.core.", "numpy._core.")  # numpy 1 wrote the first, numpy 2 the second
        numpy_names: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy", "dtype"): _Dtype,
            ("numpy._core.multiarray", "_reconstruct"): self._reconstruct,
            ("numpy._core.multiarray", "scalar"): self._scalar,
            ("numpy._core.numeric", "_frombuffer"): self._frombuffer,
            ("_codecs", "encode"): self._encode,
        }
        if (module, name) == ("numpy", "ndarray"):
            return name  # only ever an argument, so a word will do
        if (module, name) in numpy_names:
            return Named(numpy_names[module, name])
        if module in ("builtins", "__builtin__") and name in (*_BUILTINS, "bytearray"):
            return Named(_BUILTINS.get(name, _bytes))
        if module in ("builtins", "__builtin__") and name == "bytes":
            return Named(_no_bytes)
        if module == "collections" and name in _CONTAINERS:
            return Named(_CONTAINERS[name])
        raise pickle.UnpicklingError(f"{module}.{name} is refused: objects of Python are never loaded")

    def _reconstruct(self, *_: object) -> _Array:
        return _Array()

    def _scalar(self, dtype: _Dtype, data: Any) -> Any:
        return _from_bytes(data, dtype, (), "C")[()]

    def _frombuffer(self, data: Any, dtype: _Dtype, shape: Any, order: Any, axes: Any = None) -> Any:
        return _from_bytes(data, dtype, shape, order, axes)

    def _encode(self, text: str, encoding: str) -> bytes:
        """Stands for _codecs.encode, with which Python 3 writes bytes in old protocols."""
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"encoding {encoding!r} is refused")
        return text.encode("latin1")


def load_pickle(path: Path) -> Any:
    """Content of a pickle that holds numpy arrays and builtin containers alone (Python 2 pickles too).

    Args:
        path: The file, gzipped or not.

    Raises:
        DataError: the pickle asks for anything else, or is truncated or damaged.

    Example:
        >>> load_pickle(Path("senet154-avg.pickle"))  # doctest: +SKIP
        {'video0': array([...], dtype=float32), 'video1': nan}
    """
    check_downloaded(path)
    return read_apart(_read, path)


def _read(path: Path) -> Any:
    with any_layout(path, "a whole pickle of numpy arrays, dicts and lists"), open_stream(path) as stream:
        # latin1 is the one encoding that brings the bytes of Python 2 through unharmed.
        return Unpickler(stream, encoding="latin1").load()
