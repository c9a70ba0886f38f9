"""The largest entry of every row and of every column, with a gradient that costs little more than zeros."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def maxima(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum of every row and of every column; entries that tie share the gradient.

    ``amax`` does the same and compares, counts and scales whole matrices for its gradient, once for rows and
    once for columns. Here only the entries that reach a maximum are touched, where finding them is free of
    a wait: in eager mode on the CPU.

    Args:
        matrix: [N, M].

    Returns:
        Maxima of rows [N] and of columns [M].

    Source:
        ours.

    Example:
        >>> maxima(torch.tensor([[1.0, 3.0], [2.0, 0.0]]))
        (tensor([3., 2.]), tensor([2., 3.]))
    """
    if torch.compiler.is_compiling() or matrix.device.type != "cpu" or not matrix.requires_grad:
        return matrix.amax(dim=1), matrix.amax(dim=0)
    rows, columns = _Maxima.apply(matrix)  # type: ignore[no-untyped-call]
    return rows, columns


class _Maxima(torch.autograd.Function):
    @staticmethod
    def forward(matrix: Tensor) -> tuple[Tensor, Tensor]:
        return matrix.amax(dim=1), matrix.amax(dim=0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs, *output)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, of_rows: Tensor, of_columns: Tensor) -> Tensor:
        matrix, rows, columns = ctx.saved_tensors
        gradient = torch.zeros_like(matrix)
        i, j = (matrix == rows[:, None]).nonzero(as_tuple=True)
        gradient[i, j] = (of_rows / torch.bincount(i, minlength=len(rows)))[i]
        i, j = (matrix == columns).nonzero(as_tuple=True)
        gradient[i, j] += (of_columns / torch.bincount(j, minlength=len(columns)))[j]
        return gradient
