"""Rankings against graded relevance: nDCG, mAP@R and R-Precision, ties with their expected value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from cmgsd_lite.evaluation.inputs import (
    Array,
    Floats,
    Matrix,
    as_numbers,
    gain_matrix,
    row_chunks,
    score_matrix,
)
from cmgsd_lite.evaluation.ties import Ranking, average_precision, ndcg_at, precision_at_r, rank_items

Measure = Callable[[Ranking], Floats]


def ndcg(
    sim: Matrix, relevance: Matrix, k: int | None = None, *, exclude: npt.ArrayLike | None = None
) -> float:
    """Normalised discounted cumulative gain, mean over queries: linear gain, log2 discount, ties averaged.

    The scale is compressed from below: print :func:`random_floor` beside it.

    Args:
        sim: Scores [queries, items], higher is better: ``sim`` for t2v, ``sim.T`` for v2t.
        relevance: Gain of each item for each query [queries, items], >= 0.
        k: Look at the k best places only; None: at all.
        exclude: Items to leave out of a query's gallery, bool [queries, items]. For the query's own video:
            ``np.arange(n_videos) == video_of_text[:, None]``.

    Returns:
        Percent, 100 for an ideal order. Queries without a relevant item are left out of the mean.

    Raises:
        ValueError: If an argument has the wrong shape or type, ``sim`` or ``relevance`` has NaN or
            infinite entries, ``relevance`` is negative, there are fewer than two items, or no query has
            a relevant item.

    Source:
        Järvelin and Kekäläinen, TOIS 2002, with the discount 1 / log2(1 + place); ties: McSherry and
        Najork, ECIR 2008. The same numbers as scikit-learn's ``ndcg_score``.

    Example:
        >>> round(ndcg([[0.9, 0.5, 0.1]], [[0.0, 1.0, 0.5]]), 1)
        67.0
    """
    return _mean(ndcg_per_query(sim, relevance, k, exclude=exclude))


def ndcg_per_query(
    sim: Matrix, relevance: Matrix, k: int | None = None, *, exclude: npt.ArrayLike | None = None
) -> Floats:
    """nDCG of every query [queries] in percent, NaN where no item is relevant; arguments as :func:`ndcg`.

    Example:
        >>> ndcg_per_query([[0.9, 0.1], [0.9, 0.1]], [[1.0, 0.0], [0.0, 0.0]])
        array([100.,  nan])
    """
    if k is not None and (isinstance(k, bool) or not isinstance(k, int) or k < 1):
        raise ValueError(f"k: expected an integer >= 1 or None, got {k!r}")
    found: Floats = _evaluate(sim, relevance, exclude, partial(ndcg_at, k=k))[0]
    return found


def random_floor(relevance: Matrix, k: int | None = None, *, exclude: npt.ArrayLike | None = None) -> float:
    """Expected nDCG of a random ranking: the zero of the scale on which nDCG should be read.

    Exact, because averaging over ties is averaging over all orders: it is the nDCG of a constant matrix.
    In the same way ``ndcg(own, relevance)``, own = 1 at a query's own video and 0 elsewhere, is that of a
    model which finds the own video and nothing else.

    Args:
        relevance: Gain of each item for each query [queries, items], >= 0.
        k: Look at the k best places only; None: at all.
        exclude: Items to leave out, bool [queries, items].

    Returns:
        Percent.

    Raises:
        ValueError: As :func:`ndcg`.

    Source:
        ours.

    Example:
        >>> round(random_floor([[1.0, 0.0]]), 1)
        81.5
    """
    gains = as_numbers("relevance", relevance)
    return ndcg(np.zeros(gains.shape, np.float32), gains, k, exclude=exclude)


def mean_average_precision_at_r(
    sim: Matrix,
    relevance: Matrix,
    *,
    relevant_at: float | None = None,
    exclude: npt.ArrayLike | None = None,
) -> float:
    """Mean over queries of AP@R: precision at each relevant item of the first R places, summed, over R.

    R is the number of items relevant to the query. Ties count with their expected value.

    Args:
        sim: Scores [queries, items], higher is better: ``sim`` for t2v, ``sim.T`` for v2t.
        relevance: Relevance of each item to each query [queries, items], >= 0.
        relevant_at: An item is relevant at relevance >= this (> 0). None: at least half of the query's
            highest relevance. That is the usual meaning for 0/1 relevance, does not depend on the scale of
            a graded one, and leaves no query with some relevance empty.
        exclude: Items to leave out of a query's gallery, bool [queries, items].

    Returns:
        Percent. Queries without a relevant item are left out of the mean.

    Raises:
        ValueError: As :func:`ndcg`; also if ``relevant_at`` is not a finite number > 0.

    Source:
        Musgrave et al., "A Metric Learning Reality Check", ECCV 2020, section 4.1; ties: McSherry and
        Najork, ECIR 2008; the default of ``relevant_at``: ours.

    Example:
        >>> mean_average_precision_at_r([[0.9, 0.5, 0.1]], [[1, 0, 1]])
        50.0
    """
    return _mean(average_precision_at_r(sim, relevance, relevant_at=relevant_at, exclude=exclude))


def average_precision_at_r(
    sim: Matrix,
    relevance: Matrix,
    *,
    relevant_at: float | None = None,
    exclude: npt.ArrayLike | None = None,
) -> Floats:
    """AP@R of every query [queries] in percent, NaN where no item is relevant.

    Arguments as :func:`mean_average_precision_at_r`.

    Example:
        >>> average_precision_at_r([[0.9, 0.5, 0.1]], [[1, 1, 0]])
        array([100.])
    """
    measure = partial(average_precision, relevant_at=_threshold(relevant_at))
    found: Floats = _evaluate(sim, relevance, exclude, measure)[0]
    return found


def r_precision(
    sim: Matrix,
    relevance: Matrix,
    *,
    relevant_at: float | None = None,
    exclude: npt.ArrayLike | None = None,
) -> float:
    """R-Precision: share of relevant items among the first R places, mean over queries.

    Arguments, returns and errors as :func:`mean_average_precision_at_r`; order within the first R places
    does not matter.

    Source:
        Musgrave et al., "A Metric Learning Reality Check", ECCV 2020, section 4.1.

    Example:
        >>> r_precision([[0.9, 0.5, 0.1]], [[0, 1, 1]])
        50.0
    """
    return _mean(r_precision_per_query(sim, relevance, relevant_at=relevant_at, exclude=exclude))


def r_precision_per_query(
    sim: Matrix,
    relevance: Matrix,
    *,
    relevant_at: float | None = None,
    exclude: npt.ArrayLike | None = None,
) -> Floats:
    """R-Precision of every query [queries] in percent, NaN where no item is relevant.

    Arguments as :func:`mean_average_precision_at_r`.

    Example:
        >>> r_precision_per_query([[0.9, 0.5, 0.1]], [[0, 1, 0]])
        array([0.])
    """
    measure = partial(precision_at_r, relevant_at=_threshold(relevant_at))
    found: Floats = _evaluate(sim, relevance, exclude, measure)[0]
    return found


def relevance_metrics(
    sim: Matrix,
    relevance: Matrix,
    *,
    relevant_at: float | None = None,
    exclude: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """All metrics of graded relevance at once, means over queries: the items are sorted a single time.

    Arguments and errors as :func:`mean_average_precision_at_r`.

    Returns:
        nDCG, nDCG@10, mAP@R and R-Precision in percent.

    Source:
        See :func:`ndcg`, :func:`mean_average_precision_at_r`.

    Example:
        >>> relevance_metrics([[0.9, 0.5, 0.1]], [[0, 1, 1]])["R-Precision"]
        50.0
    """
    threshold = _threshold(relevant_at)
    measures: dict[str, Measure] = {
        "nDCG": partial(ndcg_at, k=None),
        "nDCG@10": partial(ndcg_at, k=10),
        "mAP@R": partial(average_precision, relevant_at=threshold),
        "R-Precision": partial(precision_at_r, relevant_at=threshold),
    }
    values = _evaluate(sim, relevance, exclude, *measures.values())
    return {name: _mean(column) for name, column in zip(measures, values, strict=True)}


def _evaluate(sim: Matrix, relevance: Matrix, exclude: npt.ArrayLike | None, *measures: Measure) -> Floats:
    """Every measure of every query [measures, queries]."""
    scores = score_matrix(sim)
    gains = gain_matrix(relevance, scores.shape)
    if scores.shape[1] < 2:
        raise ValueError(f"sim: expected at least 2 items to rank, got shape {list(scores.shape)}")
    excluded = None if exclude is None else np.asarray(exclude)
    if excluded is not None and (excluded.dtype != bool or excluded.shape != scores.shape):
        raise ValueError(
            f"exclude: expected bool {list(scores.shape)} like sim, "
            f"got {excluded.dtype} {list(excluded.shape)}"
        )
    return _per_query(scores, gains, excluded, measures)


def _per_query(scores: Array, gains: Array, excluded: Array | None, measures: Sequence[Measure]) -> Floats:
    result = np.empty((len(measures), len(scores)))
    for rows in row_chunks(scores.shape):
        block, gain = scores[rows], gains[rows]
        if excluded is not None:
            # Last place and no gain: an excluded item then adds nothing to any of the measures.
            block, gain = np.where(excluded[rows], -np.inf, block), np.where(excluded[rows], 0, gain)
        ranking = rank_items(block, gain)
        for row, measure in enumerate(measures):
            result[row, rows] = measure(ranking)
    return result


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        raise ValueError("relevance: expected a relevant item for at least one query, got none")
    return float(known.mean())


def _threshold(relevant_at: float | None) -> float | None:
    if relevant_at is not None and not 0 < relevant_at < np.inf:
        raise ValueError(f"relevant_at: expected a finite number > 0 or None, got {relevant_at!r}")
    return relevant_at
