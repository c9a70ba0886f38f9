"""The blocks of rows, and which of their pairs are no negatives."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


class Groups:
    """The items of a batch by their ids, so that the pairs that are no negatives are found row by row.

    Args:
        codes: One number an item [N]; items with equal numbers are no negatives of each other.

    Source:
        ours.

    Example:
        >>> groups = Groups(torch.tensor([5, 7, 5]))
        >>> groups.negatives
        tensor([1, 2, 1])
        >>> groups.own(slice(1, 3))  # rows are counted from the block's first
        (tensor([0, 1, 1]), tensor([1, 0, 2]))
    """

    def __init__(self, codes: Tensor) -> None:
        self.codes = torch.unique(codes, return_inverse=True)[1]
        self.order = self.codes.argsort(stable=True)
        counts = torch.bincount(self.codes)
        self.size, self.start = counts[self.codes], (counts.cumsum(0) - counts)[self.codes]
        self.negatives = len(codes) - self.size
        self.single = len(counts) == len(codes)

    def permuted(self, order: Tensor) -> Groups:
        """The items in another order."""
        return Groups(self.codes[order])

    def own(self, rows: slice, first: int = 0) -> tuple[Tensor, Tensor]:
        """Rows and columns, counted from the block's first, of the pairs in it that are no negatives."""
        if self.single:
            row = torch.arange(rows.stop - rows.start, device=self.size.device)
            row = row[max(first - rows.start, 0) :]
            return row, row + (rows.start - first)
        size = self.size[rows]
        row = torch.repeat_interleave(torch.arange(len(size), device=size.device), size)
        place = self.start[rows] - (size.cumsum(0) - size)
        column = self.order[place[row] + torch.arange(len(row), device=size.device)]
        inside = column >= first
        return row[inside], column[inside] - first


class Space:
    """Memory for one block after another: new memory costs as much as a pass over it.

    Args:
        like: Its dtype and device.

    Source:
        ours.

    Example:
        >>> Space(torch.zeros(1)).of(2, 3).shape
        torch.Size([2, 3])
    """

    def __init__(self, like: Tensor) -> None:
        self.memory = like.new_empty(0)

    def of(self, rows: int, columns: int) -> Tensor:
        """A matrix of any content, in the place of the last one."""
        if self.memory.numel() < rows * columns:
            self.memory = self.memory.new_empty(rows * columns)
        return self.memory[: rows * columns].view(rows, columns)


def row_blocks(n: int, block: int, within: slice = slice(None)) -> Iterator[slice]:
    """The rows of a batch of ``n``, or those ``within`` a part of it, in slices of at most ``block``.

    Args:
        n: Number of items.
        block: Rows of a block.
        within: A part of the rows.

    Source:
        ours.

    Example:
        >>> list(row_blocks(5, 3))
        [slice(0, 3, None), slice(3, 5, None)]
    """
    start, stop, _ = within.indices(n)
    return (slice(first, min(first + block, stop)) for first in range(start, stop, block))
