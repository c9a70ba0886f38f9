"""Items of each query in order of score, and measures of that order: their mean over all orders of ties."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.evaluation.inputs import Array, Floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Gain = Literal["linear", "exponential"]
Cut = int | Literal["relevant"] | None

# A float32 leaves the last 29 bits of a float64 empty: an item's number fits in there, and one fast sort of
# numbers orders the items with it.
EMPTY_BITS = 29
LAST = 2.0**1000
"""Place of items that are left out: behind every float32, its last bits empty."""


class Ranking:
    """A chunk of queries, items from the highest score to the lowest, and where scores tie.

    Scores, finite, gains and what to leave out (last place, no gain) are [queries, items].
    """

    def __init__(self, scores: Array, gains: Array, excluded: Array | None = None) -> None:
        self.unsorted = gains if excluded is None else np.where(excluded, 0, gains)
        order, same = _order(scores, excluded)
        self.runs = Runs(same)
        self.runs.settle(order)
        order += np.arange(len(scores))[:, None] * scores.shape[1]
        self.gains = np.take(self.unsorted, order)
        self._relevant: tuple[float | None, Bools] | None = None

    @cached_property
    def ideal(self) -> Array:
        """The gains from the largest to the smallest [queries, items]."""
        return np.sort(self.unsorted, axis=1)[:, ::-1]

    def relevant(self, relevant_at: float | None) -> Bools:
        """Whether the item at each place is relevant [queries, items]; None: half of the highest gain."""
        if self._relevant is None or self._relevant[0] != relevant_at:
            if relevant_at is None:
                half = self.gains.max(axis=1, keepdims=True) / 2
                found = (self.gains >= half) & (half > 0)
            else:
                found = self.gains >= np.float64(relevant_at)  # a bare number would be rounded to float32
            self._relevant = relevant_at, found
        return self._relevant[1]


class Runs:
    """Runs of items with one score: of a chunk's tied items, the places and the run that each belongs to.

    Few items tie, and averaging over them is slow: it is done for those items alone. ``same`` says whether
    each item has the score of the next [queries, items - 1].
    """

    def __init__(self, same: Bools) -> None:
        found = np.flatnonzero(same)
        left = found + found // max(same.shape[1], 1)  # numbered as in [queries, items]
        opens = np.flatnonzero(np.diff(left, prepend=-2) > 1)
        self.size = np.diff(opens, append=len(left)) + 1
        self.run = np.repeat(np.arange(len(opens)), self.size)
        begins = np.cumsum(self.size) - self.size
        self.behind = np.arange(len(self.run)) - begins[self.run]  # tied items before it
        self.row, self.place = np.divmod(left[opens][self.run] + self.behind, same.shape[1] + 1)

    def settle(self, order: Ints) -> None:
        """Put tied items in the order of their numbers, in place: sums over them then never differ."""
        items = order.shape[1]
        order[self.row, self.place] = np.sort(self.run * items + order[self.row, self.place]) % items

    def total(self, values: Array) -> Floats:
        """Sum of the values of each item's run [tied items]; values [queries, items]."""
        weights: Floats = values[self.row, self.place].astype(np.float64)
        total: Array = np.bincount(self.run, weights)[self.run]
        return total

    def averaged(self, values: Array, width: int | None = None) -> Floats:
        """Values at the first places [queries, width], the mean of its run for each tied item."""
        result: Floats = values[:, :width].astype(np.float64)
        seen = self.place < result.shape[1]
        result[self.row[seen], self.place[seen]] = (self.total(values) / self.size[self.run])[seen]
        return result


def _order(scores: Array, excluded: Array | None) -> tuple[Ints, Bools]:
    """Items by falling score [queries, items], and whether each has the score of the next one."""
    wide = np.subtract(0, scores, dtype=np.float64)  # 0 - 0 is 0, while -0 would be another number
    if excluded is not None:
        wide[excluded] = LAST if scores.dtype.itemsize <= 4 else np.inf
    if scores.dtype.itemsize > 4:
        order = np.argsort(wide, axis=1)
        ranked = np.take_along_axis(wide, order, axis=1)
        return order, ranked[:, 1:] == ranked[:, :-1]
    bits = wide.view(np.int64)
    bits |= np.arange(scores.shape[1])
    wide.sort(axis=1)
    return bits & (2**EMPTY_BITS - 1), (bits[:, 1:] ^ bits[:, :-1]).view(np.uint64) < 2**EMPTY_BITS


def ndcg_at(ranking: Ranking, k: Cut, gain: Gain) -> Floats:
    """Return nDCG of the first k places [queries] in percent, NaN where nothing is relevant."""
    width = k if isinstance(k, int) else None
    gains, ideal = (_gain(values, gain) for values in (ranking.gains, ranking.ideal[:, :width]))
    found = ranking.runs.averaged(gains, width)
    discount = 1 / np.log2(np.arange(2, ideal.shape[1] + 2))
    best = ideal.astype(np.float64) @ discount
    if k == "relevant":  # the ideal order has no gain behind its relevant items
        return _percent(_sum_of_first(found * discount, _count(ideal > 0)), best)
    return _percent(found @ discount, best)


def precision_at_r(ranking: Ranking, relevant_at: float | None) -> Floats:
    """Return R-Precision [queries] in percent, NaN where nothing is relevant."""
    relevant = ranking.relevant(relevant_at)
    wanted = _count(relevant)
    return _percent(_sum_of_first(ranking.runs.averaged(relevant, wanted.max()), wanted), wanted)


def ap_at_r(ranking: Ranking, relevant_at: float | None) -> Floats:
    """Return AP@R [queries] in percent, NaN where nothing is relevant."""
    relevant = ranking.relevant(relevant_at)
    wanted = _count(relevant)
    precision = _precision(relevant, relevant, ranking.runs, wanted.max())
    return _percent(_sum_of_first(precision, wanted), wanted)


def average_precision(ranking: Ranking) -> Floats:
    """Return AP as EPIC-KITCHENS-100 has it [queries] in percent, NaN where nothing has relevance 1."""
    hits = ranking.gains == 1
    found = _precision(hits, ranking.gains.astype(np.float64), ranking.runs, hits.shape[1])
    return _percent(found.sum(axis=1), hits.sum(axis=1))


def recall_at(ranking: Ranking, k: int, relevant_at: float | None) -> Floats:
    """Return the share of the relevant items found at the first k places [queries] in percent."""
    relevant = ranking.relevant(relevant_at)
    return _percent(ranking.runs.averaged(relevant, k).sum(axis=1), _count(relevant))


def _gain(values: Array, gain: Gain) -> Array:
    return values if gain == "linear" else np.exp2(values, dtype=np.float64) - 1


def _count(values: Bools) -> Ints:
    """How many are true in each row."""
    return np.array([np.count_nonzero(row) for row in values])


def _sum_of_first(values: Floats, places: Ints) -> Floats:
    """Sum of the values at the first so many places of each query; values [queries, any]."""
    return np.array([row[:count].sum() for row, count in zip(values, places, strict=True)])


def _precision(hits: Bools, gains: Array, runs: Runs, width: int) -> Floats:
    """Mean over all orders of tied items of hit times sum of gains so far over place [queries, width].

    Where hits are counted, the gain of a hit is 1 and ``gains`` may be the hits themselves.
    """
    near = hits[:, :width]
    so_far: Array = np.cumsum(gains[:, :width], axis=1, dtype=np.int32 if gains.dtype == bool else np.float64)
    precision: Floats = near * so_far / np.arange(1, width + 1)
    seen = runs.place < width
    row, place, behind = runs.row[seen], runs.place[seen], runs.behind[seen]
    first = place - behind
    before = so_far[row, first] - gains[row, first]
    size, hit, gain = runs.size[runs.run][seen], runs.total(hits)[seen], runs.total(gains)[seen]
    # An item of the run is a hit with probability hit / size; if it is, each of the tied items placed before
    # it brings the mean gain of the others.
    others = behind * (gain - 1) / np.maximum(size - 1, 1)
    precision[row, place] = hit / size * (before + 1 + others) / (place + 1)
    return precision


def _percent(part: Floats, whole: Array) -> Floats:
    share: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return 100 * share
