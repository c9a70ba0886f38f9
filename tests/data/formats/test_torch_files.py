"""Files of torch.save are read without torch, and hold what torch finds in them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cmgsd_lite.data.formats.torch_files import load_torch
from cmgsd_lite.errors import DataError

RAMP = torch.arange(-12, 12).reshape(4, 6)
TENSORS = {
    **{str(kind): RAMP.to(kind) for kind in (torch.float64, torch.float32, torch.float16, torch.bfloat16)},
    **{str(kind): RAMP.to(kind) for kind in (torch.int64, torch.int32, torch.int16, torch.int8, torch.bool)},
    "uint8": RAMP.abs().to(torch.uint8),
    "turned": RAMP.float().T,
    "piece": RAMP.float()[1:3, 2:5],
    "expanded": torch.ones(3).expand(4, 3),
    "empty": torch.zeros(0, 5),
    "number": torch.tensor(2.5),
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before zip"])
def test_what_torch_saves_is_what_is_read(tmp_path: Path, zipped: bool) -> None:
    content: dict[str, Any] = {**TENSORS, "again": TENSORS["piece"], "inside": [("a", TENSORS["number"])]}
    torch.save(content, tmp_path / "x.pt", _use_new_zipfile_serialization=zipped)
    found = load_torch(tmp_path / "x.pt")
    for name, tensor in TENSORS.items():
        expected = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
        np.testing.assert_array_equal(found[name], expected.numpy())
        assert found[name].shape == expected.shape
        assert found[name].dtype == expected.numpy().dtype
    assert found["again"].tolist() == TENSORS["piece"].tolist()
    assert found["inside"][0][1] == 2.5


def test_parameters_and_numpy_arrays_are_read(tmp_path: Path) -> None:
    torch.save({"a": torch.nn.Parameter(torch.ones(2)), "b": np.arange(3)}, tmp_path / "x.pt")
    found = load_torch(tmp_path / "x.pt")
    assert found["a"].tolist() == [1, 1]
    assert found["b"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "tensor",
    [torch.ones(2).to(torch.float8_e4m3fn), torch.eye(2).to_sparse(), torch.ones(2, dtype=torch.complex64)],
    ids=["float8", "sparse", "complex"],
)
def test_other_tensors_are_refused_by_name(tmp_path: Path, tensor: torch.Tensor) -> None:
    torch.save({"video1": tensor}, tmp_path / "x.pt")
    with pytest.raises(DataError, match=r"x\.pt: .*torch.* is refused"):
        load_torch(tmp_path / "x.pt")
