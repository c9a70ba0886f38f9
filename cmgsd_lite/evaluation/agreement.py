"""How well a distance agrees with what is true: rank correlation, and pairs in the right order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmgsd_lite.runtime import require

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


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
    a, b = _flat("x", x), _flat("y", y)
    if a.size != b.size or a.size < 2:
        raise ValueError(f"y: expected {a.size} >= 2 numbers like x, got {b.size}")
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")  # scipy says so too, with a warning
    return float(require("scipy.stats", "data").spearmanr(a, b).statistic)


def area_under_curve(near: ArrayLike, far: ArrayLike) -> float:
    """AUC: how often a pair that should be near has the smaller distance than one that should be far.

    Args:
        near: Distances of the pairs that should be near, such as false negatives.
        far: Distances of the pairs that should be far, such as true negatives.

    Returns:
        In [0, 1]: 1 is perfect, .5 is guessing, a tie counts half. NaN if either is empty.

    Raises:
        ValueError: On NaN.

    Source:
        Mann and Whitney, 1947.

    Example:
        >>> area_under_curve([0.1, 0.4], [0.3, 0.9])
        0.75
    """
    a, b = np.sort(_flat("near", near)), np.sort(_flat("far", far))
    if not a.size or not b.size:
        return float("nan")
    # Far distances below each near one: the pairs in the wrong order, ties counted half.
    below, not_above = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
    larger = (below.sum() + not_above.sum()) / 2
    return float(1 - larger / (a.size * b.size))


def batch_agreement(distances: ArrayLike, relevance: ArrayLike, relevant_at: float = 1.0) -> dict[str, float]:
    """Agreement of the distances of a batch with the truth, over its negative pairs.

    Args:
        distances: [N, N] of one modality.
        relevance: Truth [N, N] in [0, 1]: of caption i for clip j.
        relevant_at: Relevance from which a negative is a false one.

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
    # A share of facets such as 3/3 may miss 1 by rounding.
    false: Bools = (truth >= relevant_at - 1e-6) & outside
    rows = [area_under_curve(d[i, false[i]], d[i, ~false[i] & outside[i]]) for i in range(len(d))]
    known = [value for value in rows if not np.isnan(value)]
    return {
        "spearman": rank_correlation(-d[outside], truth[outside]),
        "auc": area_under_curve(d[false], d[~false & outside]),
        "auc_per_anchor": float(np.mean(known)) if known else float("nan"),
    }


def _flat(name: str, values: Any) -> Floats:
    flat = np.asarray(values, np.float64).ravel()
    if np.isnan(flat).any():
        raise ValueError(f"{name}: expected numbers, got NaN")
    return flat
