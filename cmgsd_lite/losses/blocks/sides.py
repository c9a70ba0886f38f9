"""The reductions, one direction at a time, fed with blocks of [anchors, candidates].

A direction sees its blocks in any order (rows of ``sim`` for text anchors, columns for video anchors). Then
it is closed and knows its value, and for every anchor how much its own similarity counts in the gradient
(``weight``). For the gradient of the others it sees each block once more, unless it has noted the few that
count (``entries``) or has given the gradient at once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

TIES = 4
"""So many equal hardest negatives of an anchor are noted; more are looked for again."""
CHUNK = 16
"""Of so many candidates the largest is taken before the largest of all are looked for."""


class Side(ABC):
    """One direction of a loss.

    Args:
        negatives: How many negatives each anchor has [N].
        factor: What the mean over anchors or pairs (or the sum) is multiplied by.
        like: The dtype and device of the scores.

    Source:
        ours.
    """

    entries: tuple[Tensor, Tensor, Tensor] | None = None
    """Anchors, candidates and the value's gradient at them."""
    at_once = False
    """Whether ``see`` knows the gradient."""
    unsettled = False
    """Whether ``count_ties`` has to see every block before the gradient is known."""

    def __init__(self, negatives: Tensor, factor: float, like: Tensor) -> None:
        self.negatives = negatives
        self.weight = like.new_zeros(len(negatives))
        self.scale = factor / max(int((negatives > 0).sum()), 1)

    @abstractmethod
    def see(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor | None) -> None:
        """Take in the raised similarities ``x`` of the anchors ``at`` to candidates from ``first`` on.

        ``positive`` [N] holds every anchor's own similarity if ``at_once``; then the gradient is added to
        ``out``, if one is given.
        """

    @abstractmethod
    def close(self, positive: Tensor) -> Tensor:
        """Return the value, a scalar in float64, and know ``weight``."""

    @abstractmethod
    def add_gradient(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor) -> None:
        """Add the value's gradient with respect to ``x`` to ``out``."""


class AllHinges(Side):
    """The hinge of every pair: ``"mean"`` and ``"sum"``.

    Args:
        negatives: As in ``Side``.
        factor: As in ``Side``.
        like: As in ``Side``.
        mean: Over the pairs, or their sum.

    Source:
        As ``reduce_direction``.
    """

    at_once = True

    def __init__(self, negatives: Tensor, factor: float, like: Tensor, mean: bool) -> None:
        super().__init__(negatives, factor, like)
        self.scale = factor / max(int(negatives.sum()), 1) if mean else factor
        self.total = like.new_zeros((), dtype=torch.float64)

    def see(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor | None) -> None:
        """As in ``Side``."""
        hinge = (x - positive[at, None]).clamp_(min=0)
        self.total += hinge.sum()
        active = hinge.sign_()
        self.weight[at] += active.sum(1) * self.scale
        if out is not None:
            out.add_(active, alpha=self.scale)

    def close(self, positive: Tensor) -> Tensor:
        """As in ``Side``."""
        return self.total * self.scale

    def add_gradient(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor) -> None:
        """As in ``Side``."""
        out.add_(x > positive[at, None], alpha=self.scale)


class Hardest(Side):
    """The k largest of each anchor; or the largest alone, which shares its gradient among ties.

    Args:
        negatives: As in ``Side``.
        factor: As in ``Side``.
        like: As in ``Side``.
        k: How many, or None for the largest alone.

    Source:
        As ``reduce_direction``.
    """

    def __init__(self, negatives: Tensor, factor: float, like: Tensor, k: int | None) -> None:
        super().__init__(negatives, factor, like)
        n = len(negatives)
        self.k, keep = k, min(TIES, n) if k is None else min(k, n - 1)
        self.values = like.new_full((n, keep), -math.inf)
        self.index = torch.zeros(n, keep, dtype=torch.long, device=like.device)

    def see(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor | None) -> None:
        """As in ``Side``."""
        chunk = max(min(CHUNK, x.shape[1] // (4 * self.values.shape[1])), 1)
        even = x.shape[1] // chunk * chunk
        self._take(at, x[:, :even], first, chunk)
        if even < x.shape[1]:
            self._take(at, x[:, even:], first + even, 1)

    def _take(self, at: slice, x: Tensor, first: int, chunk: int) -> None:
        """Look for the largest in the chunks with the largest maxima, of the anchors that have a new one."""
        # A chunk takes columns that lie far apart: maxima are then taken over whole stretches of memory.
        if x.stride(0) == 1:  # a turned view, which torch takes maxima of more slowly
            maxima = x.T.view(chunk, -1, len(x)).amax(0).T
        else:
            maxima = x.view(len(x), chunk, -1).amax(1)
        known = self.values[at]
        floor = _ties_from(known[:, 0]) if self.k is None else known[:, -1]
        better = (maxima.amax(1) >= floor).nonzero()[:, 0]
        if not len(better):
            return
        largest, place = maxima[better].topk(min(known.shape[1], maxima.shape[1]))
        if self.k is None:  # mostly one chunk: the others hold no tie
            place = place[:, : int((largest >= _ties_from(largest[:, :1])).sum(1).max())]
        steps = torch.arange(0, x.shape[1], maxima.shape[1], device=x.device)
        column = (place[:, None] + steps[:, None]).flatten(1)
        values = torch.cat([known[better], x[better[:, None], column]], 1)
        anchor = better + at.indices(len(self.values))[0]
        self.values[anchor], chosen = values.topk(known.shape[1])
        self.index[anchor] = torch.cat([self.index[anchor], column + first], 1).gather(1, chosen)

    def close(self, positive: Tensor) -> Tensor:
        """As in ``Side``."""
        hinge = torch.relu(self.values - positive[:, None])
        if self.k is None:
            hinge, tied = hinge[:, 0], self.values >= _ties_from(self.values[:, :1])
            self.weight = (hinge > 0).to(hinge.dtype) * self.scale
            share = tied * (self.weight / tied.sum(1))[:, None]
            more = tied.all(1) & (hinge > 0)
            self.unsettled = self.values.shape[1] < len(self.values) and bool(more.any())
            self.times = torch.zeros_like(self.weight)
        else:
            counted = self.negatives.clamp(1, self.values.shape[1])[:, None]
            hinge, share = hinge / counted, (hinge > 0).to(hinge.dtype) * self.scale / counted
            self.weight = share.sum(1)
        anchor, place = share.nonzero(as_tuple=True)
        self.entries = None if self.unsettled else (anchor, self.index[anchor, place], share[anchor, place])
        return hinge.sum(dtype=torch.float64) * self.scale

    def count_ties(self, at: slice, x: Tensor) -> None:
        """How often an anchor's largest occurs in a block."""
        self.times[at] += (x >= _ties_from(self.values[at, :1])).sum(1)

    def add_gradient(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor) -> None:
        """As in ``Side``."""
        if self.entries is None:
            each = self.weight[at] / self.times[at].clamp_min(1)
            out.add_((x >= _ties_from(self.values[at, :1])) * each[:, None])
            return
        anchor, candidate, gradient = self.entries
        start = at.indices(len(self.weight))[0]
        row, column = anchor - start, candidate - first
        inside = (row >= 0) & (row < x.shape[0]) & (column >= 0) & (column < x.shape[1])
        out.index_put_((row[inside], column[inside]), gradient[inside], accumulate=True)


def _ties_from(largest: Tensor) -> Tensor:
    """From where on a value is a tie: products of other blocks round equal candidates differently."""
    return largest - 16 * torch.finfo(largest.dtype).eps * largest.abs().clamp_min(1)


class Smooth(Side):
    """temperature * softplus of the log of the sum of exponentials: ``"smooth"``, and InfoNCE.

    Args:
        negatives: As in ``Side``.
        factor: As in ``Side``.
        like: As in ``Side``.
        temperature: In units of the similarity.

    Source:
        As ``reduce_direction``; InfoNCE is the same divided by its temperature: -log of a softmax is softplus
        of the negatives' logsumexp minus the positive's logit.
    """

    shift: Tensor | float = 0.0
    """Added to every raised similarity, when all are seen: InfoNCE's margins are centred."""

    def __init__(self, negatives: Tensor, factor: float, like: Tensor, temperature: float) -> None:
        super().__init__(negatives, factor, like)
        self.temperature = temperature
        self.top = like.new_full((len(negatives),), -math.inf)
        self.total = like.new_zeros(len(negatives))

    def see(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor | None) -> None:
        """As in ``Side``."""
        before = self.top[at].clone()
        self.top[at] = top = torch.maximum(before, x.amax(1))
        seen = self.total[at] * ((before - top) / self.temperature).exp()
        self.total[at] = seen + self._exp(x, top).sum(1)

    def close(self, positive: Tensor) -> Tensor:
        """As in ``Side``."""
        self.together = self.top + self.temperature * self.total.log()
        over = (self.together + self.shift - positive) / self.temperature
        soft = self.temperature * torch.logaddexp(over, torch.zeros_like(over))
        self.weight = torch.where(self.negatives > 0, torch.sigmoid(over) * self.scale, 0.0)
        return torch.where(self.negatives > 0, soft, 0.0).sum(dtype=torch.float64) * self.scale

    def add_gradient(self, at: slice, x: Tensor, first: int, positive: Tensor, out: Tensor) -> None:
        """As in ``Side``."""
        # weight * exp((x - together) / temperature), with the weight inside.
        out.add_(self._exp(x, (self.together - self.temperature * self.weight.log())[at]))

    def _exp(self, x: Tensor, level: Tensor) -> Tensor:
        return (x - level[:, None]).mul_(1 / self.temperature).exp_()
