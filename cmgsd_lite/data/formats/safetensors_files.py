"""Files of safetensors, by the library; a name that stands twice, which it forgets, is looked for first."""

from pathlib import Path
from typing import Any

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
    from safetensors.torch import load_file  # numpy's own reader knows no bfloat16

    with any_layout(path, "whole .safetensors"):
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json_of(stream.read(min(size, path.stat().st_size)).decode(), path)
        limits.check_count(path, len(header), limits.MEMBERS, "tensors in it")
        return {name: _plain(tensor) for name, tensor in load_file(path).items()}


def _plain(tensor: Any) -> NDArray[Any]:
    import torch

    array: NDArray[Any] = (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
    return array
