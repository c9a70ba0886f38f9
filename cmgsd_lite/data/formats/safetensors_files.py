"""Files of safetensors without the library, which is slow for many small tensors and forgets a name twice."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats import limits
from cmgsd_lite.data.formats.files import any_layout, check_downloaded, json_of

_HALF = "BF16"
_TYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", _HALF: "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2"},
    **{"I8": "i1", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "BOOL": "?"},
}


def load_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a .safetensors file by name.

    Raises:
        DataError: truncated or damaged.
    """
    check_downloaded(path)
    with any_layout(path, "whole .safetensors"):
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json_of(stream.read(min(size, path.stat().st_size)).decode(), path)
        header.pop("__metadata__", None)
        limits.check_count(path, len(header), limits.MEMBERS, "tensors in it")
        data = np.fromfile(path, np.uint8, offset=8 + size)
        _check_ends([told["data_offsets"] for told in header.values()], len(data))
        return {name: _array(data, **told) for name, told in header.items()}


def _check_ends(offsets: list[Any], size: int) -> None:
    """Each tensor begins where another one ends, and all bytes are theirs."""
    end = 0
    for begin, after in sorted(offsets):
        if begin != end or after < begin:
            raise ValueError("tensors that lie over one another, or apart")
        end = after
    if end != size:
        raise ValueError(f"{size:,} bytes of numbers, where {end:,} are named")


def _array(data: NDArray[np.uint8], dtype: str, shape: list[int], data_offsets: list[int]) -> NDArray[Any]:
    kind = np.dtype(_TYPES[dtype])
    begin, end = data_offsets
    if min(shape, default=0) < 0 or math.prod(shape) * kind.itemsize != end - begin:
        raise ValueError(f"{end - begin} bytes of a tensor {shape}")
    flat: NDArray[Any] = np.frombuffer(data[begin:end], kind)
    if dtype == _HALF:  # the upper half of a float32
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(shape)
