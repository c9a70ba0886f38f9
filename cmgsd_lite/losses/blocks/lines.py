"""Margins that are clipped straight lines in distances, one block of rows at a time."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from cmgsd_lite.losses.blocks.distances import Cosines, Distances, Ready
from cmgsd_lite.losses.blocks.groups import Groups, Space
from cmgsd_lite.margins.matrices import Within


@dataclass(frozen=True)
class Map:
    """From distance to margin.

    Args:
        alpha: Mean margin.
        beta: Change of the margin for one standard deviation.
        low: Lower clip bound, or None.
        high: Upper clip bound, or None.
        eps: Added to every standard deviation.
        within: What the statistics run over.
        nearest: None, or the share of pairs with a smaller margin.
        recentre: Whether the mean stays alpha where a bound is active.

    Source:
        ours (docs/METHOD.md, "The reconstruction").

    Example:
        >>> Map().alpha
        0.2
    """

    alpha: float = 0.2
    beta: float = 0.05
    low: float | None = 0.0
    high: float | None = None
    eps: float = 1e-4
    within: Within = "batch"
    nearest: float | None = None
    recentre: bool = True


class Line:
    """clip(level + sum of slope * distance), the margins of one direction; alpha where no negative is.

    Args:
        distances: S of the same N items.
        groups: Which pairs are no negatives.
        slopes: One for each distance [S, 1, 1], [S, N, 1] for text anchors or [S, 1, N] for video anchors.
        level: In the same shape without S.
        to_margin: Its bounds, and alpha.
        like: The dtype and device of the scores.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").

    Example:
        >>> one = torch.ones(1, 1, 1)
        >>> Line([Cosines(torch.eye(2))], Groups(torch.arange(2)), one, one[0], Map(), one).block(slice(0, 1))
        tensor([[0.2000, 2.0000]])
    """

    def __init__(
        self,
        distances: Sequence[Distances],
        groups: Groups,
        slopes: Tensor,
        level: Tensor,
        to_margin: Map,
        like: Tensor,
    ) -> None:
        self.groups, self.to_margin, self.n = groups, to_margin, len(groups.size)
        slopes = slopes.to(like.dtype)
        pairs = list(zip(distances, slopes, strict=True))
        self.ready = [(d, slope) for d, slope in pairs if isinstance(d, Ready)]
        cosines = [(d.unit, slope) for d, slope in pairs if isinstance(d, Cosines)]
        # slope * (1 - unit @ unit.T): the first part goes into the level.
        self.level: Tensor = level.to(like.dtype) + sum(slope for _, slope in cosines)
        self.factors = [_factors(unit, slope, to_margin.within) for unit, slope in cosines]
        self.symmetric = not self.ready and to_margin.within == "batch"
        self.watched = False
        self.tail = 0.0
        self._space = Space(like)

    def raw(self, rows: slice, half: bool = False) -> Tensor:
        """Before clipping [len, N], or of a symmetric line ``half``: the columns from the first row on.

        The next call overwrites it.
        """
        first = rows.start if half else 0
        out = self._space.of(rows.stop - rows.start, self.n - first)
        if self.level.numel() == 1:
            out.fill_(self.level[0, 0])
        else:
            out.copy_(_at(self.level, rows).expand_as(out))
        for left, right, times in self.factors:
            out.addmm_(left[rows], right[first:].T, alpha=times)
        for d, slope in self.ready:
            if slope.numel() == 1:
                out.add_(d.rows(rows), alpha=float(slope))
            else:
                out.addcmul_(d.rows(rows), _at(slope, rows))
        return out

    def own(self, rows: slice, half: bool = False) -> tuple[Tensor, Tensor]:
        """Where ``raw`` has pairs that are no negatives."""
        return self.groups.own(rows, rows.start if half else 0)

    def block(self, rows: slice, half: bool = False) -> Tensor:
        """The margins in the place of ``raw``; while it is ``watched``, what the bounds add is noted."""
        out, low, high = self.raw(rows, half), self.to_margin.low, self.to_margin.high
        out[self.own(rows, half)] = self.to_margin.alpha
        if low is None and high is None:
            return out
        if self.watched and (low is not None and out.amin() < low or high is not None and out.amax() > high):
            self.tail += float(self.tails(out, half)[0])
        return out.clamp_(low, high)

    def tails(self, x: Tensor, half: bool = False) -> tuple[Tensor, Tensor]:
        """How much clipping adds to a block, and how many entries it moves: of all, of each row or column.

        Where the block is ``half`` of two, what is not square in it counts twice.
        """
        dims = {"batch": (0, 1), "text": (1,), "video": (0,)}[self.to_margin.within]
        low, high = self.to_margin.low, self.to_margin.high
        if not half:
            return tails(x, low, high, dims)
        square, rest = tails(x[:, : len(x)], low, high, dims), tails(x[:, len(x) :], low, high, dims)
        return square[0] + 2 * rest[0], square[1] + 2 * rest[1]

    def transposed(self) -> Line:
        """The margins of the other direction, where all distances are symmetric."""
        other = copy.copy(self)
        other.factors = [(right, left, times) for left, right, times in self.factors]
        other.level = self.level.T
        other.to_margin = replace(self.to_margin, within="video")
        other._space = Space(self.level)
        return other


def tails(
    x: Tensor, low: float | None, high: float | None, dims: tuple[int, ...] = (0, 1)
) -> tuple[Tensor, Tensor]:
    """How much clipping adds, and how many entries it moves: sums over ``dims``, which are kept.

    Args:
        x: Margins before clipping [rows, columns].
        low: Lower bound, or None.
        high: Upper bound, or None; one of them is given.
        dims: Of the sums.

    Returns:
        Two tensors in float64.

    Source:
        ours.

    Example:
        >>> tails(torch.tensor([[-0.5, 2.0, 0.5]]), 0.0, 1.0)
        (tensor([[-0.5000]], dtype=torch.float64), tensor([[2.]], dtype=torch.float64))
    """
    added, moved = [], []
    if low is not None:
        under = (low - x).clamp_(min=0)
        added.append(under.sum(dims, keepdim=True).double())
        moved.append(under.sign_().sum(dims, keepdim=True).double())
    if high is not None:
        over = (x - high).clamp_(min=0)
        added.append(-over.sum(dims, keepdim=True).double())
        moved.append(over.sign_().sum(dims, keepdim=True).double())
    return sum(added[1:], added[0]), sum(moved[1:], moved[0])


def _at(x: Tensor, rows: slice) -> Tensor:
    return x[rows] if x.shape[0] > 1 else x


def _factors(unit: Tensor, slope: Tensor, within: Within) -> tuple[Tensor, Tensor, float]:
    """Left, right and a number, so that number * left @ right.T = -slope * unit @ unit.T."""
    if within == "batch":
        return unit, unit, -float(slope)
    return (unit * slope, unit, -1.0) if within == "text" else (unit, unit * slope.T, -1.0)
