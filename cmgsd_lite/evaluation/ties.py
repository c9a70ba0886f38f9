"""Items of each query in order of score, and measures of that order: their mean over all orders of ties."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cmgsd_lite.evaluation.inputs import Array, Floats


class Ranking(NamedTuple):
    """A chunk of queries, items from the highest score to the lowest.

    Few queries have ties, and averaging over them is slow: it is done for those queries alone.
    """

    gains: Floats  # [queries, items]
    ideal: Floats  # [queries, items]: the same gains, largest first
    tied: Array  # [queries]: whether any two items of the query have one score
    first: Array  # [tied queries, items]: place at which the run of items with this score begins, from 0
    past: Array  # [tied queries, items]: place behind that run


def rank_items(scores: Array, gains: Array) -> Ranking:
    """Sort the items of each query by score; scores and gains [queries, items]."""
    order = np.argsort(-scores, axis=1)
    ranked = np.take_along_axis(scores, order, axis=1)
    ideal = np.sort(gains, axis=1)[:, ::-1].astype(np.float64)
    gains = np.take_along_axis(gains, order, axis=1).astype(np.float64)
    # Items at minus infinity are left out and have no gain: in whatever order they come, nothing changes.
    changes = (ranked[:, 1:] != ranked[:, :-1]) | np.isneginf(ranked[:, 1:])
    tied = ~changes.all(axis=1)
    return Ranking(gains, ideal, tied, *_runs(changes[tied]))


def _runs(changes: Array) -> tuple[Array, Array]:
    """Where the run of equal scores of each item begins and ends; changes [queries, items - 1]."""
    items = changes.shape[1] + 1
    place, edge = np.arange(items), np.ones((len(changes), 1), bool)
    begins = np.where(np.hstack([edge, changes]), place, 0)
    ends = np.where(np.hstack([changes, edge]), place + 1, items)
    first = np.maximum.accumulate(begins, axis=1)
    past = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    return first, past


def ndcg_at(ranking: Ranking, k: int | None) -> Floats:
    """Return nDCG of the first k places (None: all) [queries] in percent, NaN where nothing is relevant."""
    gains = _expected(ranking.gains, ranking)[:, :k]
    discount = 1 / np.log2(np.arange(2, gains.shape[1] + 2))
    return _percent(gains @ discount, ranking.ideal[:, :k] @ discount)


def precision_at_r(ranking: Ranking, relevant_at: float | None) -> Floats:
    """Return R-Precision [queries] in percent, NaN where nothing is relevant."""
    relevant = _relevant(ranking.gains, relevant_at)
    wanted = relevant.sum(axis=1)
    counted = np.arange(relevant.shape[1]) < wanted[:, None]
    return _percent((_expected(relevant, ranking) * counted).sum(axis=1), wanted)


def average_precision(ranking: Ranking, relevant_at: float | None) -> Floats:
    """Return AP@R [queries] in percent, NaN where nothing is relevant."""
    relevant = _relevant(ranking.gains, relevant_at)
    wanted = relevant.sum(axis=1)
    place = np.arange(relevant.shape[1])
    precision = relevant * np.cumsum(relevant, axis=1) / (place + 1)
    if ranking.tied.any():
        precision[ranking.tied] = _expected_precision(relevant[ranking.tied], ranking)
    counted = place < wanted[:, None]
    return _percent((precision * counted).sum(axis=1), wanted)


def _expected_precision(relevant: Floats, ranking: Ranking) -> Floats:
    """Mean over all orders of tied items of relevance times precision; relevant [tied queries, items]."""
    found = _running_sum(relevant)
    before = np.take_along_axis(found, ranking.first, axis=1)
    in_tie = np.take_along_axis(found, ranking.past, axis=1) - before
    size = ranking.past - ranking.first
    place = np.arange(relevant.shape[1])
    # An item of the tie is relevant with probability in_tie / size; if it is, each of the tied items
    # placed before it is relevant with probability (in_tie - 1) / (size - 1).
    beside = (place - ranking.first) * (in_tie - 1) / np.maximum(size - 1, 1)
    precision: Floats = in_tie / size * (before + 1 + beside) / (place + 1)
    return precision


def _expected(values: Floats, ranking: Ranking) -> Floats:
    """Mean over all orders of tied items of the value found at each place."""
    if not ranking.tied.any():
        return values
    total = _running_sum(values[ranking.tied])
    past = np.take_along_axis(total, ranking.past, axis=1)
    first = np.take_along_axis(total, ranking.first, axis=1)
    mean = values.copy()
    mean[ranking.tied] = (past - first) / (ranking.past - ranking.first)
    return mean


def _running_sum(values: Floats) -> Floats:
    return np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))


def _relevant(gains: Floats, relevant_at: float | None) -> Floats:
    least = gains.max(axis=1, keepdims=True) / 2 if relevant_at is None else relevant_at
    relevant: Floats = ((gains >= least) & (gains > 0)).astype(np.float64)
    return relevant


def _percent(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return 100 * share
