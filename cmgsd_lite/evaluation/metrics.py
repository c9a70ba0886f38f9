"""How good a ranking is: R@K, MdR, MnR, and with graded relevance nDCG, mAP@R and R-Precision.

No figure depends on the order of items with equal scores, and ties are never counted in the model's favour
(a constant matrix would then have R@1 = 100 %). A rank is the mean rank over the tie, R@K is the share of
such ranks <= K; nDCG, mAP@R and R-Precision are expected values when ties are broken at random.
"""

from __future__ import annotations

import numpy as np

from cmgsd_lite.evaluation.graded import (
    average_precision_at_r,
    mean_average_precision,
    mean_average_precision_at_r,
    ndcg,
    ndcg_per_query,
    r_precision,
    r_precision_per_query,
    random_floor,
    recall_of_all,
    relevance_metrics,
)
from cmgsd_lite.evaluation.inputs import Array, Matrix, gain_matrix, score_matrix
from cmgsd_lite.evaluation.multi_instance import multi_instance_metrics
from cmgsd_lite.evaluation.positives import Indices, Positives, ranks_of, right_pairs
from cmgsd_lite.evaluation.ranks import rank_metrics, ranks
from cmgsd_lite.evaluation.streaming import embedding_ranks

__all__ = [
    "average_precision_at_r",
    "embedding_ranks",
    "mean_average_precision",
    "mean_average_precision_at_r",
    "multi_instance_metrics",
    "ndcg",
    "ndcg_per_query",
    "r_precision",
    "r_precision_per_query",
    "random_floor",
    "rank_metrics",
    "ranks",
    "recall_of_all",
    "retrieval_metrics",
]


def retrieval_metrics(
    sim: Matrix,
    video_of_text: Matrix | None = None,
    relevance: Matrix | None = None,
    *,
    relevant_at: float | None = None,
    exclude_own: bool = False,
    positives: Positives | None = None,
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
        positives: Instead of ``video_of_text``, the sets of right answers, as :func:`ranks` takes them. R@K
            then asks for any of them. Texts and videos without one stay in the gallery and are no queries.

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
    scores = score_matrix(sim)
    pairs = right_pairs(video_of_text, positives, scores.shape)
    result = {
        "t2v": rank_metrics(ranks_of(scores, pairs, "t2v")),
        "v2t": rank_metrics(ranks_of(scores, pairs, "v2t")),
    }
    if relevance is None:
        if exclude_own or relevant_at is not None:
            raise ValueError("relevance: expected with exclude_own or relevant_at, got None")
        return result
    gains = gain_matrix(relevance, scores.shape)
    excluded = None
    if exclude_own:
        excluded = np.zeros(scores.shape, bool)
        excluded[pairs] = True
    for direction, axis in (("t2v", 1), ("v2t", 0)):
        asked = pairs.queries(axis)
        result[direction] |= relevance_metrics(
            _queries(scores, asked, axis),
            _queries(gains, asked, axis),
            relevant_at=relevant_at,
            exclude=None if excluded is None else _queries(excluded, asked, axis),
        )
    return result


def _queries(matrix: Array, asked: Indices, axis: int) -> Array:
    """The rows of a matrix (axis 1) or of its transpose that are asked for; no copy where all are."""
    turned = matrix if axis else matrix.T
    return turned if len(asked) == len(turned) else turned[asked]
