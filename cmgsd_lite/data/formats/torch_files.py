"""Files of torch.save without torch: tensors as arrays, out of the zip of today or the pickles before 1.6.

What torch rebuilds it rebuilds at its word: a tensor that says to be a million times as large as its storage,
or of a type that numpy has no name for. Here a tensor is a piece of its storage's bytes, or is refused.
"""

import math
import pickle
import zipfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats import limits
from cmgsd_lite.data.formats.apart import read_apart
from cmgsd_lite.data.formats.files import any_layout, check_downloaded, once, open_zip
from cmgsd_lite.data.formats.pickles import Fixed, Named, Unpickler

_HALF = "bfloat16"
_TYPES = {
    **{"DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BFloat16Storage": _HALF},
    **{"LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1"},
    **{"ByteStorage": "u1", "BoolStorage": "?"},
}


class _Tensor(Fixed):
    """Stands for a tensor until the storages are read."""

    def __init__(self, storage: "_Storage", offset: int, shape: Any, strides: Any, *_: object) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def finish(self) -> NDArray[Any]:
        """The array, in a piece."""
        flat, path = self.storage.array, self.storage.file.path
        ends = [(count - 1) * step for count, step in zip(self.shape, self.strides, strict=True)]
        if min([self.offset, *self.shape, *self.strides]) < 0:
            raise ValueError("a tensor with negative numbers in its shape")
        wanted = math.prod(self.shape) * flat.itemsize
        if wanted and self.offset + sum(ends) >= len(flat):
            raise ValueError("a tensor that is larger than its storage")
        limits.check_size(path, wanted, flat.nbytes)
        self.storage.file.spent += wanted
        limits.check_size(path, self.storage.file.spent, path.stat().st_size)
        if not wanted:
            return np.empty(self.shape, flat.dtype)
        steps = [step * flat.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps)
        return view if view.flags.c_contiguous else view.copy()


class _File(Unpickler):
    """Admits what `Unpickler` does, and tensors."""

    def __init__(self, stream: Any, path: Path, load: Callable[[str], bytes] | None = None) -> None:
        super().__init__(stream, encoding="latin1")
        self.path, self.spent, self._load = path, 0, load
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name on the list; everything else is refused."""
        if module in ("torch", "torch.cuda") and name in _TYPES:
            return _TYPES[name]
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return Named(_Tensor)
        if module == "torch._utils" and name == "_rebuild_parameter":
            return Named(lambda tensor, *_: tensor)
        return super().find_class(module, name)

    def persistent_load(self, told: Any) -> "_Storage":
        """The storage that is meant: ("storage", type, key, device, count)."""
        _, kind, key, _, _, *view = told
        if kind not in _TYPES.values() or any(part is not None for part in view):
            raise pickle.UnpicklingError(f"a storage of {kind}, or a view of it, is refused")
        if key not in self.storages:
            self.storages[key] = _Storage(self, kind, self._load(key) if self._load else b"")
        return self.storages[key]


class _Storage(Fixed):
    def __init__(self, file: _File, kind: str, raw: bytes) -> None:
        self.file, self.kind, self.raw = file, kind, raw

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype({_HALF: "<u2", "?": "u1"}.get(self.kind, self.kind))

    @cached_property
    def array(self) -> NDArray[Any]:
        """Its numbers in a row."""
        flat = np.frombuffer(self.raw, self.dtype) if self.raw else np.empty(0, self.dtype)
        if self.kind == _HALF:  # the upper half of a float32
            return (flat.astype(np.uint32) << 16).view(np.float32)
        return flat.astype(bool) if self.kind == "?" else flat


def load_torch(path: Path) -> Any:
    """Content of a .pt/.pth file with tensors turned into numpy arrays; no code in it is run.

    Raises:
        DataError: truncated, or holding anything but tensors, arrays and builtin containers.
    """
    check_downloaded(path)
    return read_apart(_read, path)


def _read(path: Path) -> Any:
    with any_layout(path, "a whole file of tensors and dicts alone"):
        return _zipped(path) if zipfile.is_zipfile(path) else _before_zip(path)


def _zipped(path: Path) -> Any:
    """A zip of a pickle and of a file a storage."""
    with open_zip(path) as archive:
        names = once(((name.partition("/")[2], name) for name in archive.namelist()), path)
        if "byteorder" in names and archive.read(names["byteorder"]) != b"little":
            raise ValueError("numbers of a machine that begins with the large end")
        with archive.open(names["data.pkl"]) as stream:
            return _File(stream, path, lambda key: archive.read(names[f"data/{key}"])).load()


def _before_zip(path: Path) -> Any:
    """Five pickles: two of versions, one about the machine, content, the storages' keys; then their bytes."""
    with path.open("rb") as stream:
        for _ in range(3):
            about = Unpickler(stream).load()
        if not isinstance(about, dict) or about.get("little_endian") is not True:
            raise ValueError("no file of torch.save")
        file = _File(stream, path)
        content = file.load()
        for key in Unpickler(stream).load():
            storage = file.storages[key]
            size = int.from_bytes(stream.read(8), "little") * storage.dtype.itemsize
            storage.raw = stream.read(min(size, path.stat().st_size))
            if len(storage.raw) != size:
                raise ValueError("a storage that is cut off")
        return content
