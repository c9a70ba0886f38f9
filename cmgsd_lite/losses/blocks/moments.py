"""Means and covariances of distances over the negative pairs, without a matrix of N x N."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cmgsd_lite.losses.blocks.distances import Cosines, Distances
from cmgsd_lite.losses.blocks.groups import Groups, row_blocks
from cmgsd_lite.margins.matrices import Within

PAIRS = 1 << 16
"""How many single pairs are looked at together."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Means and covariances of S distances: [1, 1] for the batch, [N, 1] for texts, [1, N] for videos.

    Args:
        mean: [S, ...].
        covariance: Of the population [S, S, ...].

    Source:
        ours.

    Example:
        >>> Moments(torch.zeros(1, 1, 1), torch.ones(1, 1, 1, 1)).mean.shape
        torch.Size([1, 1, 1])
    """

    mean: Tensor
    covariance: Tensor


def moments(distances: Sequence[Distances], groups: Groups, within: Within, block: int) -> Moments:
    """Mean and covariance of each distance over the negatives: of the batch, of each text or each video.

    Args:
        distances: S of them, of the same N items.
        groups: Which pairs are no negatives.
        within: ``"batch"``, ``"text"`` (rows) or ``"video"`` (columns).
        block: Rows of a block, where rows have to be looked at.

    Returns:
        In float64; zeros for an anchor without negatives.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").

    Example:
        >>> line = Cosines(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
        >>> found = moments([line], Groups(torch.arange(3)), "batch", block=2)
        >>> round(float(found.mean), 4), round(float(found.covariance), 4)
        (1.3333, 0.2222)
    """
    cosines = [d for d in distances if isinstance(d, Cosines)]
    if len(cosines) == len(distances):
        return _of_cosines(cosines, groups, within)
    return _of_blocks(distances, groups, within, block)


def _of_cosines(distances: list[Cosines], groups: Groups, within: Within) -> Moments:
    """From D x D matrices. With x_ij = a_i . (a_j - mu), whose sum over all j is 0, the cosine is x_ij + h_i,
    h_i = a_i . mu; sum_j x_ij y_ij = a_i' C b_i with C = sum_j (a_j - mu)(b_j - nu)'. Centred like this,
    float32 products lose nothing; pairs that are no negatives are subtracted one by one."""
    unit = [d.unit for d in distances]
    centre = [u.mean(0) for u in unit]
    apart = [u - mu for u, mu in zip(unit, centre, strict=True)]
    n = groups.negatives.double().clamp_min(1)
    h = torch.stack([(u @ mu).double() for u, mu in zip(unit, centre, strict=True)])
    one, two = _own_sums(unit, apart, groups)
    size = len(unit)
    square = torch.zeros(size, size, 1 if within == "batch" else len(n), dtype=torch.float64, device=h.device)
    for s in range(size):
        for t in range(s + 1):
            c = apart[s].T @ apart[t]
            if within == "batch":  # summed over i: sum_i a_i b_i' = C + N mu nu'
                c = c.double()
                own = (c**2).sum() + len(n) * (centre[s].double() @ c @ centre[t].double())
            else:
                own = ((unit[s] @ c) * unit[t]).sum(1).double()
            square[s, t] = square[t, s] = own
    if within != "batch":
        mean, second = h - one / n, (square - two) / n - one[:, None] * one / n**2
        if within == "text":
            return Moments((1 - mean)[..., None], second[..., None])
        return Moments((1 - mean)[:, None], second[:, :, None])
    counted, total = groups.negatives.double(), groups.negatives.double().sum().clamp_min(1)
    mean = ((counted * h - one).sum(1) / total)[:, None]
    above = h - mean
    crossed = (one[:, None] * above).sum(2)
    second = (square.sum(2) - two.sum(2) - crossed - crossed.T + (counted * above) @ above.T) / total
    return Moments((1 - mean)[..., None], second[..., None, None])


def _own_sums(unit: list[Tensor], apart: list[Tensor], groups: Groups) -> tuple[Tensor, Tensor]:
    """Sums of x_ij [S, N] and x_ij y_ij [S, S, N] over the pairs of every row that are no negatives."""
    size, n = len(unit), len(groups.size)
    if groups.single:
        one = torch.stack([torch.linalg.vecdot(u, v) for u, v in zip(unit, apart, strict=True)]).double()
        return one, one[:, None] * one
    one = unit[0].new_zeros(size, n, dtype=torch.float64)
    two = one.new_zeros(size, size, n)
    for rows in row_blocks(n, 512):
        row, column = groups.own(rows)
        for i, j in zip(torch.split(row + rows.start, PAIRS), torch.split(column, PAIRS), strict=True):
            x = torch.stack([(u[i] * v[j]).sum(1) for u, v in zip(unit, apart, strict=True)]).double()
            one.index_add_(1, i, x)
            two.index_add_(2, i, x[:, None] * x)
    return one, two


def _of_blocks(distances: Sequence[Distances], groups: Groups, within: Within, block: int) -> Moments:
    """Block by block: each exactly, in two looks, then merged (Chan et al. 1979)."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for rows in row_blocks(len(groups.size), block):
        part = _of_one_block([d.rows(rows) for d in distances], groups, rows, within)
        if found and within != "text":
            part = _merged(found.pop(), part)
        found.append(part)
    count, mean, square = (torch.cat(x, dim=-2) for x in zip(*found, strict=True))
    return Moments(mean, square / count.clamp_min(1))


def _of_one_block(
    x: list[Tensor], groups: Groups, rows: slice, within: Within
) -> tuple[Tensor, Tensor, Tensor]:
    """How many negatives, the means [S, ...] and the sums of centred products [S, S, ...]."""
    own = groups.own(rows)
    dims = {"batch": (0, 1), "text": (1,), "video": (0,)}[within]
    negative = groups.negatives[rows, None].double()
    if within == "video":
        negative = len(negative) - torch.bincount(own[1], minlength=x[0].shape[1])[None].double()
    count = negative.sum().view(1, 1) if within == "batch" else negative
    mean = torch.stack([_without(d, own).sum(dims, keepdim=True).double() / count.clamp_min(1) for d in x])
    apart = [_without(d - m.to(d.dtype), own) for d, m in zip(x, mean, strict=True)]
    square = [[(a * b).sum(dims, keepdim=True).double() for b in apart] for a in apart]
    return count, mean, torch.stack([torch.stack(line) for line in square])


def _without(x: Tensor, own: tuple[Tensor, Tensor]) -> Tensor:
    return x.index_put(own, x.new_zeros(()))


def _merged(
    one: tuple[Tensor, Tensor, Tensor], other: tuple[Tensor, Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    (count, mean, square), (more, mean_of_more, added) = one, other
    total = count + more
    share = more / total.clamp_min(1)
    step = mean_of_more - mean
    return total, mean + step * share, square + added + step[:, None] * step * count * share
