"""Rankings against graded relevance: nDCG, AP and its kin, recall; ties with their expected value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import get_args

import numpy as np
import numpy.typing as npt

from cmgsd_lite.evaluation.inputs import (
    Floats,
    Matrix,
    as_numbers,
    gain_matrix,
    row_chunks,
    row_slabs,
    rows_of,
    score_matrix,
)
from cmgsd_lite.evaluation.ties import (
    Cut,
    Gain,
    Ranking,
    ap_at_r,
    average_precision,
    ndcg_at,
    precision_at_r,
    recall_at,
)

Measure = Callable[[Ranking], Floats]


def ndcg(
    sim: Matrix,
    relevance: Matrix,
    k: Cut = None,
    *,
    exclude: npt.ArrayLike | None = None,
    gain: Gain = "linear",
) -> float:
    """Normalised discounted cumulative gain, mean over queries: log2 discount, ties averaged.

    The scale is compressed from below: print :func:`random_floor` beside it.

    Args:
        sim: Scores [queries, items], higher is better: ``sim`` for t2v, ``sim.T`` for v2t.
        relevance: Of each item to each query [queries, items], >= 0.
        k: Look at the k best places only; None: at all; "relevant": at as many as the query has items with
            relevance above 0, as EPIC-KITCHENS-100 does.
        exclude: Items to leave out of a query's gallery, bool [queries, items]. For the query's own video:
            ``np.arange(n_videos) == video_of_text[:, None]``.
        gain: Of an item with relevance r: "linear", r; "exponential", 2^r - 1.

    Returns:
        Percent, 100 for an ideal order. Queries without a relevant item are left out of the mean.

    Raises:
        ValueError: If an argument has the wrong shape or type, ``sim`` or ``relevance`` has NaN or
            infinite entries, ``relevance`` is negative, there are fewer than two items, or no query has
            a relevant item; ``k`` or ``gain`` is not as described.

    Source:
        Järvelin and Kekäläinen, TOIS 2002, with the discount 1 / log2(1 + place); exponential gain: Burges et
        al., ICML 2005; "relevant": Damen et al., "Rescaling Egocentric Vision", IJCV 2022; ties: McSherry and
        Najork, ECIR 2008. With a number or None the same numbers as scikit-learn's ``ndcg_score``.

    Example:
        >>> round(ndcg([[0.9, 0.5, 0.1]], [[0.0, 1.0, 0.5]]), 1)
        67.0
    """
    return _mean(ndcg_per_query(sim, relevance, k, exclude=exclude, gain=gain))


def ndcg_per_query(
    sim: Matrix,
    relevance: Matrix,
    k: Cut = None,
    *,
    exclude: npt.ArrayLike | None = None,
    gain: Gain = "linear",
) -> Floats:
    """nDCG of every query [queries] in percent, NaN where no item is relevant; arguments as :func:`ndcg`.

    Example:
        >>> ndcg_per_query([[0.9, 0.1], [0.9, 0.1]], [[1.0, 0.0], [0.0, 0.0]])
        array([100.,  nan])
    """
    if k is not None and k != "relevant":
        _check_places(k, ' or None or "relevant"')
    if gain not in get_args(Gain):
        raise ValueError(f'gain: expected "linear" or "exponential", got {gain!r}')
    if gain == "exponential" and bool((as_numbers("relevance", relevance) > 500).any()):
        raise ValueError(
            "relevance: expected at most 500 for gain='exponential', where 2^r overflows, got more"
        )
    return _one(sim, relevance, exclude, partial(ndcg_at, k=k, gain=gain))


def random_floor(
    relevance: Matrix,
    k: Cut = None,
    *,
    exclude: npt.ArrayLike | None = None,
    gain: Gain = "linear",
) -> float:
    """Expected nDCG of a random ranking: the zero of the scale on which nDCG should be read.

    Exact, because averaging over ties is averaging over all orders: it is the nDCG of a constant matrix.
    In the same way ``ndcg(own, relevance)``, own = 1 at a query's own video and 0 elsewhere, is that of a
    model which finds the own video and nothing else.

    Args:
        relevance, k, exclude, gain: As for :func:`ndcg`.

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
    level = np.broadcast_to(np.float32(0), gains.shape)
    return ndcg(level, gains, k, exclude=exclude, gain=gain)


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
        sim, relevance, exclude: As for :func:`ndcg`.
        relevant_at: An item is relevant at relevance >= this (> 0). None: at least half of the query's
            highest relevance. That is the usual meaning for 0/1 relevance, does not depend on the scale of
            a graded one, and leaves no query with some relevance empty.

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
    return _one(sim, relevance, exclude, partial(ap_at_r, relevant_at=_threshold(relevant_at)))


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
    return _one(sim, relevance, exclude, partial(precision_at_r, relevant_at=_threshold(relevant_at)))


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
        "nDCG": partial(ndcg_at, k=None, gain="linear"),
        "nDCG@10": partial(ndcg_at, k=10, gain="linear"),
        "mAP@R": partial(ap_at_r, relevant_at=threshold),
        "R-Precision": partial(precision_at_r, relevant_at=threshold),
    }
    values = _evaluate(sim, relevance, exclude, *measures.values())
    return {name: _mean(column) for name, column in zip(measures, values, strict=True)}


def mean_average_precision(sim: Matrix, relevance: Matrix, *, exclude: npt.ArrayLike | None = None) -> float:
    """Mean over queries of AP over the whole ranking, as EPIC-KITCHENS-100 multi-instance retrieval has it.

    The items to be found are those with relevance 1. At the place of each, the relevance of all items up to
    it is summed and divided by the place; the mean of that is AP. With 0/1 relevance this is the usual
    average precision. With a graded one, items in part relevant count in the sum, as in the challenge's
    public code (whose comment speaks of a count): give ``relevance == 1`` to leave them out.

    Args:
        sim, exclude: As for :func:`ndcg`.
        relevance: Of each item to each query [queries, items], in [0, 1].

    Returns:
        Percent. Queries without an item of relevance 1 are left out of the mean.

    Raises:
        ValueError: As :func:`ndcg`; also if a relevance is above 1.

    Source:
        Damen et al., "Rescaling Egocentric Vision", IJCV 2022, and the code of Wray et al., ICCV 2019; ties:
        McSherry and Najork, ECIR 2008.

    Example:
        >>> round(mean_average_precision([[0.9, 0.5, 0.1]], [[0, 1, 1]]), 1)
        58.3
    """
    gains = as_numbers("relevance", relevance)
    if gains.size and gains.max() > 1:
        raise ValueError(f"relevance: expected numbers in [0, 1], got {gains.max()}")
    return _mean(_one(sim, gains, exclude, average_precision))


def recall_of_all(
    sim: Matrix,
    relevance: Matrix,
    k: int,
    *,
    relevant_at: float | None = None,
    exclude: npt.ArrayLike | None = None,
) -> float:
    """Share of a query's relevant items that are among its k best, mean over queries.

    With one relevant item a query this is R@K. With several it asks for all of them, where the R@K of CxC and
    ECCV Caption asks for any: that is ``retrieval_metrics(sim, positives=...)``.

    Args:
        sim, exclude: As for :func:`ndcg`.
        relevance: Relevance of each item to each query [queries, items], >= 0, or whether it is relevant.
        k: Places looked at.
        relevant_at: As for :func:`mean_average_precision_at_r`.

    Returns:
        Percent, ties with their expected value. Below 100 even for an ideal order where a query has more than
        k relevant items. Queries without a relevant item are left out of the mean.

    Raises:
        ValueError: As :func:`mean_average_precision_at_r`; also if ``k`` is not an integer >= 1.

    Source:
        Recall of TREC (Voorhees and Harman, 2005).

    Example:
        >>> recall_of_all([[0.9, 0.5, 0.1]], [[1, 0, 1]], k=2)
        50.0
    """
    _check_places(k)
    measure = partial(recall_at, k=k, relevant_at=_threshold(relevant_at))
    return _mean(_one(sim, relevance, exclude, measure))


def _check_places(k: object, others: str = "") -> None:
    """Refuse a number of places that is none; ``others``: what else is taken."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k: expected an integer >= 1{others}, got {k!r}")


def _one(sim: Matrix, relevance: Matrix, exclude: npt.ArrayLike | None, measure: Measure) -> Floats:
    values: Floats = _evaluate(sim, relevance, exclude, measure)[0]
    return values


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
    result = np.empty((len(measures), len(scores)))
    for slab in row_slabs(scores):
        block, gain, out = rows_of(scores, slab), rows_of(gains, slab), result[:, slab]
        left_out = None if excluded is None else excluded[slab]
        for rows in row_chunks(block.shape):
            ranking = Ranking(block[rows], gain[rows], None if left_out is None else left_out[rows])
            for row, measure in enumerate(measures):
                out[row, rows] = measure(ranking)
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
