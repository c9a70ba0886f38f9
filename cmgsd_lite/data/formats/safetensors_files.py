"""Files of safetensors, by the library; a name that stands twice, which it forgets, is looked for first."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats import limits
from cmgsd_lite.data.formats.files import any_layout, check_downloaded, json_of
from cmgsd_lite.runtime import require


def load_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a .safetensors file by name.

    Raises:
        DataError: truncated or damaged, or a tensor twice.
    """
    require("safetensors", "data")
    check_downloaded(path)
    from safetensors import safe_open

    with any_layout(path, "whole .safetensors"):
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json_of(stream.read(min(size, path.stat().st_size)).decode(), path)
        limits.check_count(path, len(header), limits.MEMBERS, "tensors in it")
        # Numpy knows no bfloat16; torch takes three times as long for many small tensors.
        half = any(told.get("dtype") == "BF16" for told in header.values())
        with safe_open(path, "pt" if half else "np") as file:
            return {name: _plain(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 - no dict


def _plain(values: Any) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    import torch

    array: NDArray[Any] = (values.float() if values.dtype is torch.bfloat16 else values).numpy()
    return array
