"""How well a distance agrees with what is true: rank correlation, and pairs in the right order."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cmgsd_lite.evaluation.nearest import anchor_areas, area_under_curve, flat_numbers
from cmgsd_lite.runtime import require

__all__ = ["area_under_curve", "batch_agreement", "rank_correlation"]


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's correlation: do two lists of numbers put things in the same order?

    Args:
        x: Any numbers.
        y: As many, in the same order of things.

    Returns:
        In [-1, 1]; ties get their mean rank. NaN if one of the two is constant.

    Raises:
        ValueError: If the two differ in size, or there are fewer than two numbers, or NaN among them.

    Source:
        Spearman, 1904.

    Example:
        >>> rank_correlation([1, 2, 3], [1, 4, 9])
        1.0
    """
    a, b = flat_numbers("x", x), flat_numbers("y", y)
    if a.size != b.size or a.size < 2:
        raise ValueError(f"y: expected {a.size} >= 2 numbers like x, got {b.size}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")  # scipy says so too, with a warning
    return float(require("scipy.stats", "data").spearmanr(a, b).statistic)


def batch_agreement(distances: ArrayLike, relevance: ArrayLike) -> dict[str, float]:
    """Agreement of the distances of a batch with the truth, over its negative pairs.

    Args:
        distances: [N, N] of one modality.
        relevance: Truth [N, N] in [0, 1]: of caption i for clip j; a negative is a false one from 1 on.

    Returns:
        ``spearman``: rank correlation of nearness (minus the distance) with relevance; ``auc``: of false
        negatives against true ones, over the whole batch; ``auc_per_anchor``: the same in each row, mean over
        the rows that have both. NaN where there is nothing to compare.

    Raises:
        ValueError: If the two are not square and of one shape, or have NaN.

    Source:
        ours.

    Example:
        >>> truth = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.5], [0.0, 0.5, 1.0]]
        >>> batch_agreement([[0.0, 0.1, 0.9], [0.1, 0.0, 0.6], [0.9, 0.6, 0.0]], truth)["auc"]
        1.0
    """
    d, truth = np.asarray(distances, np.float64), np.asarray(relevance, np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or d.shape != truth.shape:
        raise ValueError(
            f"relevance: expected a square matrix like distances {list(d.shape)}, got {list(truth.shape)}"
        )
    outside = ~np.eye(len(d), dtype=bool)
    areas = anchor_areas(d, truth >= 1 - 1e-6)  # a share of facets such as 3/3 may miss 1 by rounding
    return {
        "spearman": rank_correlation(-d[outside], truth[outside]),
        "auc": areas["auc_batch"] / 100,
        "auc_per_anchor": areas["auc_text"] / 100,
    }
