"""Multi-instance retrieval as EPIC-KITCHENS-100 measures it: nDCG and mAP from one relevance matrix."""

from __future__ import annotations

from cmgsd_lite.evaluation.graded import mean_average_precision, ndcg
from cmgsd_lite.evaluation.inputs import Matrix, gain_matrix, score_matrix
from cmgsd_lite.evaluation.ties import Gain


def multi_instance_metrics(
    sim: Matrix, relevance: Matrix, *, gain: Gain = "linear"
) -> dict[str, dict[str, float]]:
    """The two figures of the EPIC-KITCHENS-100 multi-instance retrieval challenge, in both directions.

    nDCG looks at as many places as a query has items with relevance above 0; mAP looks for the items with
    relevance 1. Neither knows an own video: the relevance matrix says all.

    Args:
        sim: Scores [texts, videos], higher is better.
        relevance: Of each video to each text [texts, videos], in [0, 1]; v2t uses the transpose.
        gain: Of nDCG. The challenge's public code has "linear".

    Returns:
        ``{"t2v": {"nDCG", "mAP"}, "v2t": ..., "mean": ...}`` in percent; "mean" is that of both directions,
        by which the challenge ranks. Queries without a relevant item (for mAP: of relevance 1) are left out.

    Raises:
        ValueError: As :func:`~cmgsd_lite.evaluation.graded.ndcg` and ``mean_average_precision``.

    Source:
        Damen et al., "Rescaling Egocentric Vision", IJCV 2022; public code:
        mwray/Joint-Part-of-Speech-Embeddings. Ties, which it leaves to the sort, count with their mean.

    Example:
        >>> multi_instance_metrics([[0.9, 0.1], [0.8, 0.2]], [[1.0, 0.5], [0.0, 1.0]])["t2v"]["mAP"]
        75.0
    """
    scores = score_matrix(sim)
    gains = gain_matrix(relevance, scores.shape)
    result = {}
    for direction, rows, wanted in (("t2v", scores, gains), ("v2t", scores.T, gains.T)):
        result[direction] = {
            "nDCG": ndcg(rows, wanted, "relevant", gain=gain),
            "mAP": mean_average_precision(rows, wanted),
        }
    mean = {key: (result["t2v"][key] + result["v2t"][key]) / 2 for key in ("nDCG", "mAP")}
    return result | {"mean": mean}
