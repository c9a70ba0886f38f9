"""Means and covariances of distances over the negative pairs, without a matrix of N x N."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from cmgsd_lite.losses.blocks.distances import Cosines, Distances, Ready
from cmgsd_lite.losses.blocks.groups import Groups, Space, row_blocks
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
    # A distance is its anchor's base minus u. For cosines u_ij = a_i . (a_j - mu), whose sum over all j is 0.
    sums = _Sums(distances, groups, within)
    sums.add_cosines()
    if sums.ready or not groups.single:
        for rows in row_blocks(sums.n, block):
            sums.add_block(rows)
    else:
        sums.add_own(slice(0, sums.n))
    return sums.moments()


class _Sums:
    """Sums of u and of products of two u over the negatives: all pairs, minus those that are no negatives."""

    def __init__(self, distances: Sequence[Distances], groups: Groups, within: Within) -> None:
        self.groups, self.within, self.n = groups, within, len(groups.size)
        self.units = {s: d.unit for s, d in enumerate(distances) if isinstance(d, Cosines)}
        self.ready = {s: d for s, d in enumerate(distances) if isinstance(d, Ready)}
        zeros = torch.zeros(len(distances), self.n, dtype=torch.float64, device=groups.size.device)
        self.base, self.first = zeros.clone(), zeros.clone()
        self.second = zeros.new_zeros(len(zeros), len(zeros), self.n)  # of the batch in one place: any
        centre = {s: unit.mean(0) for s, unit in self.units.items()}
        self.apart = {s: unit - centre[s] for s, unit in self.units.items()}
        for s, unit in self.units.items():
            self.base[s] = 1 - (unit @ centre[s]).double()
        self.spaces = {s: Space(d.like) for s, d in self.ready.items()}

    def add_cosines(self) -> None:
        """Products of cosines over all pairs: sum_j u_ij w_ij = a_i' C b_i, with C [D, D]."""
        for s, a in self.units.items():
            for t, b in self.units.items():
                if t > s:
                    continue
                c = self.apart[s].T @ self.apart[t]
                if self.within == "batch":  # summed over i: sum_i a_i b_i' = C + N mu nu'
                    c, ends = c.double(), [a.mean(0).double(), b.mean(0).double()]
                    self._add(s, t, slice(0, 1), (c**2).sum() + self.n * (ends[0] @ c @ ends[1]))
                else:
                    self._add(s, t, slice(None), torch.linalg.vecdot(a @ c, b))

    def add_block(self, rows: slice) -> None:
        """What takes rows: ready distances, and pairs that are no negatives."""
        columns = self.within == "video"
        here = slice(None) if columns else rows
        blocks = {}
        for s, d in self.ready.items():
            found = d.rows(rows)
            if rows.start == 0:  # any number near the mean keeps the digits
                self.base[s] = found.mean().double()
            blocks[s] = self.spaces[s].of(*found.shape)
            torch.sub(self.base[s, 0].to(found.dtype), found, out=blocks[s])
        for s, u in blocks.items():
            self.first[s, here] += u.sum(0 if columns else 1).double()
            for t, unit in self.units.items():
                if columns:
                    product = torch.linalg.vecdot(u.T @ self.apart[t][rows], unit)
                else:
                    product = torch.linalg.vecdot(u @ self.apart[t], unit[rows])
                self._add(s, t, here, product)
            for t, w in blocks.items():
                if t < s:
                    self._add(s, t, here, torch.linalg.vecdot(u, w, dim=0 if columns else 1))
            self._add(s, s, here, torch.linalg.vector_norm(u, dim=0 if columns else 1) ** 2)
        self.add_own(rows, blocks)

    def add_own(self, rows: slice, blocks: Mapping[int, Tensor] = MappingProxyType({})) -> None:
        """Take the pairs away that are no negatives."""
        row, column = self.groups.own(rows)
        for r, j in zip(torch.split(row, PAIRS), torch.split(column, PAIRS), strict=True):
            i = r + rows.start
            anchor, other = (j, i) if self.within == "video" else (i, j)
            found = {s: u[r, j].double() for s, u in blocks.items()}
            for s, unit in self.units.items():
                found[s] = torch.linalg.vecdot(unit[anchor], self.apart[s][other]).double()
            for s, u in found.items():
                self.first[s].index_add_(0, anchor, -u)
                for t, w in found.items():
                    self.second[s, t].index_add_(0, anchor, -u * w)

    def _add(self, s: int, t: int, here: slice, product: Tensor) -> None:
        self.second[s, t, here] += product.double()
        if s != t:
            self.second[t, s, here] += product.double()

    def moments(self) -> Moments:
        count = self.groups.negatives.double()
        if self.within == "batch":
            total = count.sum().clamp_min(1)
            mean = (self.base * count - self.first).sum(1, keepdim=True) / total
            above = self.base - mean
            crossed = above @ self.first.T
            square = (above * count) @ above.T - crossed - crossed.T + self.second.sum(2)
            return Moments(mean[..., None], square[..., None, None] / total)
        mean = self.first / count.clamp_min(1)
        covariance = self.second / count.clamp_min(1) - mean[:, None] * mean
        mean = torch.where(count > 0, self.base - mean, 0)
        if self.within == "text":
            return Moments(mean[..., None], covariance[..., None])
        return Moments(mean[:, None], covariance[:, :, None])
