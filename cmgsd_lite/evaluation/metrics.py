"""How good a ranking is: R@K, MdR, MnR, and with graded relevance nDCG, mAP@R and R-Precision.

No figure depends on the order of items with equal scores, and ties are never counted in the model's favour
(a constant matrix would then have R@1 = 100 %). A rank is the mean rank over the tie, R@K is the share of
such ranks <= K; nDCG, mAP@R and R-Precision are expected values when ties are broken at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Matrix = npt.ArrayLike | Tensor
Direction = Literal["t2v", "v2t"]

# Entries of the matrix handled at a time (256 rows of 1,024): the temporary arrays of such a chunk stay
# small, however wide the matrix is.
CHUNK_ENTRIES = 256 * 1024


def ranks(sim: Matrix, video_of_text: Matrix | None = None, direction: Direction = "t2v") -> Floats:
    """Rank of the right answer for every query: 1 is best, the mean rank where scores tie.

    rank = 1 + number of strictly better items + half the number of items tied with the right one.
    A video has several right answers in v2t: its best caption is ranked among the captions of all other
    videos, so its remaining captions neither push it down nor count as ties.

    Args:
        sim: Scores [texts, videos], higher is better; an array or a tensor.
        video_of_text: Column of each text's own video [texts], integers. None: ``sim`` is square and
            text i belongs to video i.
        direction: "t2v" ranks videos for each text, "v2t" ranks captions for each video.

    Returns:
        Ranks, float64. t2v: one per text. v2t: one per video that has captions, in the order of the
        columns (``np.unique(video_of_text)``); the other videos are in the t2v gallery only.

    Raises:
        ValueError: If ``sim`` is not a matrix of finite numbers, is not square without
            ``video_of_text``, leaves nothing to rank (one video, or captions of one video only),
            or ``video_of_text`` or ``direction`` is not as described.

    Source:
        v2t as in CE (Liu et al., BMVC 2019) and MMT (Gabeur et al., ECCV 2020); ties: ours.

    Example:
        >>> ranks([[0.9, 0.1, 0.9], [0.1, 0.9, 0.2], [0.3, 0.2, 0.1]])
        array([1.5, 1. , 3. ])
    """
    scores = _scores(sim)
    own = _own_videos(video_of_text, scores.shape)
    if direction == "t2v":
        return _text_ranks(scores, own)
    if direction == "v2t":
        return _video_ranks(scores, own)
    raise ValueError(f'direction: expected "t2v" or "v2t", got {direction!r}')


def retrieval_metrics(
    sim: Matrix,
    video_of_text: Matrix | None = None,
    relevance: Matrix | None = None,
    *,
    relevant_at: float | None = None,
    exclude_own: bool = False,
) -> dict[str, dict[str, float]]:
    """All metrics of a score matrix, text to video and video to text.

    Args:
        sim: Scores [texts, videos], higher is better.
        video_of_text: Column of each text's own video [texts]; None: text i belongs to video i.
            Videos without captions stay in the gallery and are no v2t queries.
        relevance: How relevant each video is to each text [texts, videos], >= 0; v2t uses the transpose.
        relevant_at: What counts as relevant for mAP@R and R-Precision: relevance >= this. None: at least
            half of the query's highest relevance, which for 0/1 relevance means 1.
        exclude_own: Leave the query's own video (v2t: own captions) out of the relevance metrics, which
            then ask whether the *other* relevant items are found. R@K, MdR and MnR are never affected.

    Returns:
        ``{"t2v": {...}, "v2t": {...}}`` with R@1, R@5, R@10, R@50 (percent of queries whose rank is
        <= K), MdR, MnR (median and mean rank), and with ``relevance`` also nDCG, nDCG@10, mAP@R and
        R-Precision (percent). A query without a relevant item is left out of the last four; it is NaN
        in :func:`ndcg_per_query` and its like, where such queries can be counted.

    Raises:
        ValueError: As :func:`ranks`; also if ``relevance`` has another shape than ``sim``, a negative,
            NaN or infinite entry, no query with a relevant item, or is missing where an option needs it.

    Source:
        The field's R@K, MdR, MnR; the others: see :func:`ndcg`, :func:`mean_average_precision_at_r`.

    Example:
        >>> metrics = retrieval_metrics([[0.9, 0.1], [0.8, 0.2]])
        >>> metrics["t2v"]["R@1"], metrics["v2t"]["MdR"]
        (50.0, 1.0)
    """
    scores = _scores(sim)
    own = _own_videos(video_of_text, scores.shape)
    result = {
        "t2v": _rank_metrics(_text_ranks(scores, own)),
        "v2t": _rank_metrics(_video_ranks(scores, own)),
    }
    if relevance is None:
        if exclude_own or relevant_at is not None:
            raise ValueError("relevance: expected with exclude_own or relevant_at, got None")
        return result
    gains = _gains(relevance, scores.shape)
    excluded = np.arange(scores.shape[1]) == own[:, None] if exclude_own else None
    result["t2v"] |= _relevance_metrics(scores, gains, excluded, relevant_at)
    videos = np.unique(own)
    excluded = None if excluded is None else excluded.T[videos]
    result["v2t"] |= _relevance_metrics(scores.T[videos], gains.T[videos], excluded, relevant_at)
    return result


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
    return _evaluate(sim, relevance, exclude, partial(_ndcg, k=k))


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
    gains = _as_array("relevance", relevance)
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
    measure = partial(_average_precision_at_r, relevant_at=_threshold(relevant_at))
    return _evaluate(sim, relevance, exclude, measure)


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
    measure = partial(_r_precision, relevant_at=_threshold(relevant_at))
    return _evaluate(sim, relevance, exclude, measure)


# Ranks ------------------------------------------------------------------------------------------------


def _text_ranks(scores: Array, own: Array) -> Floats:
    if scores.shape[1] < 2:
        raise ValueError(f"sim: expected at least 2 videos to rank, got shape {list(scores.shape)}")
    result = np.empty(len(scores))
    for rows in _chunks(scores.shape):
        block = scores[rows]
        positive = np.take_along_axis(block, own[rows, None], axis=1)
        better = np.count_nonzero(block > positive, axis=1)
        ties = np.count_nonzero(block == positive, axis=1) - 1
        result[rows] = 1 + better + ties / 2
    return result


def _video_ranks(scores: Array, own: Array) -> Floats:
    videos = np.unique(own)
    if len(videos) < 2:
        raise ValueError(f"sim: expected captions of at least 2 videos to rank, got {len(videos)}")
    own_scores = scores[np.arange(len(own)), own]
    best = np.full(scores.shape[1], -np.inf, scores.dtype)
    np.maximum.at(best, own, own_scores)
    # A video's own captions that reach the best score are no rivals: they leave the ties at once.
    ties = -np.bincount(own[own_scores == best[own]], minlength=len(best))
    better = np.zeros_like(ties)
    for rows in _chunks(scores.shape):
        better += np.count_nonzero(scores[rows] > best, axis=0)
        ties += np.count_nonzero(scores[rows] == best, axis=0)
    rank: Floats = (1 + better + ties / 2)[videos]
    return rank


def _rank_metrics(rank: Floats) -> dict[str, float]:
    recall = {f"R@{k}": 100 * int(np.sum(rank <= k)) / len(rank) for k in (1, 5, 10, 50)}
    return recall | {"MdR": float(np.median(rank)), "MnR": float(np.mean(rank))}


# Graded relevance -------------------------------------------------------------------------------------


class _Ranking(NamedTuple):
    """A chunk of queries, items from the highest score to the lowest, all arrays [queries, items]."""

    gains: Floats
    ideal: Floats  # the same gains, largest first
    first: Array  # place at which the run of items with this score begins, from 0
    past: Array  # place behind that run
    tied: bool  # whether any run is longer than one item


_Measure = Callable[[_Ranking], Floats]


def _rank_items(scores: Array, gains: Array) -> _Ranking:
    order = np.argsort(-scores, axis=1)
    ranked = np.take_along_axis(scores, order, axis=1)
    ideal = np.sort(gains, axis=1)[:, ::-1].astype(np.float64)
    gains = np.take_along_axis(gains, order, axis=1).astype(np.float64)
    place = np.broadcast_to(np.arange(ranked.shape[1]), ranked.shape)
    changes = ranked[:, 1:] != ranked[:, :-1]
    if changes.all():
        return _Ranking(gains, ideal, place, place + 1, tied=False)
    edge = np.ones((len(ranked), 1), bool)
    begins = np.where(np.hstack([edge, changes]), place, 0)
    ends = np.where(np.hstack([changes, edge]), place + 1, ranked.shape[1])
    first = np.maximum.accumulate(begins, axis=1)
    past = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]
    return _Ranking(gains, ideal, first, past, tied=True)


def _ndcg(ranking: _Ranking, k: int | None) -> Floats:
    gains = _expected(ranking.gains, ranking)[:, :k]
    discount = 1 / np.log2(np.arange(2, gains.shape[1] + 2))
    return _percent(gains @ discount, ranking.ideal[:, :k] @ discount)


def _r_precision(ranking: _Ranking, relevant_at: float | None) -> Floats:
    relevant = _relevant(ranking.gains, relevant_at)
    wanted = relevant.sum(axis=1)
    counted = np.arange(relevant.shape[1]) < wanted[:, None]
    return _percent((_expected(relevant, ranking) * counted).sum(axis=1), wanted)


def _average_precision_at_r(ranking: _Ranking, relevant_at: float | None) -> Floats:
    relevant = _relevant(ranking.gains, relevant_at)
    wanted = relevant.sum(axis=1)
    found = _running_sum(relevant)
    before = np.take_along_axis(found, ranking.first, axis=1)
    in_tie = np.take_along_axis(found, ranking.past, axis=1) - before
    size = ranking.past - ranking.first
    place = np.arange(relevant.shape[1])
    # An item of the tie is relevant with probability in_tie / size; if it is, each of the tied items
    # placed before it is relevant with probability (in_tie - 1) / (size - 1).
    beside = (place - ranking.first) * (in_tie - 1) / np.maximum(size - 1, 1)
    precision = in_tie / size * (before + 1 + beside) / (place + 1)
    counted = place < wanted[:, None]
    return _percent((precision * counted).sum(axis=1), wanted)


def _expected(values: Floats, ranking: _Ranking) -> Floats:
    """Mean over all orders of tied items of the value found at each place."""
    if not ranking.tied:
        return values
    total = _running_sum(values)
    past = np.take_along_axis(total, ranking.past, axis=1)
    first = np.take_along_axis(total, ranking.first, axis=1)
    mean: Floats = (past - first) / (ranking.past - ranking.first)
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


def _relevance_metrics(
    scores: Array, gains: Array, excluded: Array | None, relevant_at: float | None
) -> dict[str, float]:
    threshold = _threshold(relevant_at)
    measures: dict[str, _Measure] = {
        "nDCG": partial(_ndcg, k=None),
        "nDCG@10": partial(_ndcg, k=10),
        "mAP@R": partial(_average_precision_at_r, relevant_at=threshold),
        "R-Precision": partial(_r_precision, relevant_at=threshold),
    }
    values = _per_query(scores, gains, excluded, list(measures.values()))
    return {name: _mean(column) for name, column in zip(measures, values, strict=True)}


def _evaluate(sim: Matrix, relevance: Matrix, exclude: npt.ArrayLike | None, measure: _Measure) -> Floats:
    scores = _scores(sim)
    gains = _gains(relevance, scores.shape)
    if scores.shape[1] < 2:
        raise ValueError(f"sim: expected at least 2 items to rank, got shape {list(scores.shape)}")
    excluded = None if exclude is None else np.asarray(exclude)
    if excluded is not None and (excluded.dtype != bool or excluded.shape != scores.shape):
        raise ValueError(
            f"exclude: expected bool {list(scores.shape)} like sim, "
            f"got {excluded.dtype} {list(excluded.shape)}"
        )
    values: Floats = _per_query(scores, gains, excluded, [measure])[0]
    return values


def _per_query(scores: Array, gains: Array, excluded: Array | None, measures: Sequence[_Measure]) -> Floats:
    """Every measure of every query [measures, queries]; the items are sorted once for all of them."""
    result = np.empty((len(measures), len(scores)))
    for rows in _chunks(scores.shape):
        block, gain = scores[rows], gains[rows]
        if excluded is not None:
            # Last place and no gain: an excluded item then adds nothing to any of the measures.
            block, gain = np.where(excluded[rows], -np.inf, block), np.where(excluded[rows], 0, gain)
        ranking = _rank_items(block, gain)
        for row, measure in enumerate(measures):
            result[row, rows] = measure(ranking)
    return result


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        raise ValueError("relevance: expected a relevant item for at least one query, got none")
    return float(known.mean())


def _chunks(shape: tuple[int, ...]) -> Iterator[slice]:
    n_rows, n_columns = shape
    step = max(1, CHUNK_ENTRIES // n_columns)
    return (slice(start, start + step) for start in range(0, n_rows, step))


# Input ------------------------------------------------------------------------------------------------


def _as_array(name: str, values: Matrix) -> Array:
    if isinstance(values, Tensor):
        # numpy has no bfloat16; float32 holds its values and those of float16 exactly.
        values = values.detach().cpu()
        values = (values.float() if values.itemsize < 4 else values).numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got {array.dtype}")
    return array


def _finite_matrix(name: str, values: Matrix) -> Array:
    matrix = _as_array(name, values)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"{name}: expected a matrix with rows and columns, got shape {list(matrix.shape)}")
    if matrix.dtype.kind != "f":
        matrix = matrix.astype(np.float64)
    bad = matrix.size - np.count_nonzero(np.isfinite(matrix))
    if bad:
        raise ValueError(f"{name}: expected finite numbers, got {bad} NaN or infinite of {matrix.size}")
    return matrix


def _scores(sim: Matrix) -> Array:
    return _finite_matrix("sim", sim)


def _gains(relevance: Matrix, shape: tuple[int, ...]) -> Array:
    gains = _finite_matrix("relevance", relevance)
    if gains.shape != shape:
        raise ValueError(f"relevance: expected shape {list(shape)} like sim, got {list(gains.shape)}")
    if gains.min() < 0:
        raise ValueError(f"relevance: expected numbers >= 0, got {gains.min()}")
    return gains


def _own_videos(video_of_text: Matrix | None, shape: tuple[int, ...]) -> Array:
    n_texts, n_videos = shape
    if video_of_text is None:
        if n_texts != n_videos:
            raise ValueError(f"sim: expected a square matrix without video_of_text, got {list(shape)}")
        return np.arange(n_texts)
    own = _as_array("video_of_text", video_of_text)
    if own.dtype.kind not in "iu" or own.shape != (n_texts,):
        raise ValueError(
            f"video_of_text: expected integers [{n_texts}], one per row of sim, "
            f"got {own.dtype} {list(own.shape)}"
        )
    if own.min() < 0 or own.max() >= n_videos:
        raise ValueError(
            f"video_of_text: expected columns of sim, 0 to {n_videos - 1}, got {own.min()} to {own.max()}"
        )
    return own.astype(np.intp)


def _threshold(relevant_at: float | None) -> float | None:
    if relevant_at is not None and not 0 < relevant_at < np.inf:
        raise ValueError(f"relevant_at: expected a finite number > 0 or None, got {relevant_at!r}")
    return relevant_at
