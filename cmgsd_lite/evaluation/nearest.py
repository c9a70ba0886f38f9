"""Agreement as a hinge sees it: the negatives of one anchor, and the nearest pairs of a batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

SHARES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Shares of the negative pairs, in percent, that are looked at from the nearest on."""


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
    a, b = np.sort(flat_numbers("near", near)), np.sort(flat_numbers("far", far))
    if not a.size or not b.size:
        return float("nan")
    # Far distances below each near one: the pairs in the wrong order, ties counted half.
    below, not_above = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
    larger = (below.sum() + not_above.sum()) / 2
    return float(1 - larger / (a.size * b.size))


class NearestPairs(NamedTuple):
    """How many of the nearest pairs are false negatives, and how many of those there are.

    Args:
        precision: Percent of the nearest pairs that are false negatives, by share in percent.
        recall: Percent of the false negatives that are among the nearest pairs, by share.

    Example:
        >>> NearestPairs({1.0: 82.0}, {1.0: 29.0}).precision[1.0]
        82.0
    """

    precision: dict[float, float]
    recall: dict[float, float]


def nearest_pairs(
    distances: ArrayLike, false_negatives: ArrayLike, shares: tuple[float, ...] = SHARES
) -> NearestPairs:
    """Precision and recall among the nearest negative pairs of a batch.

    What a margin, a mask or a release of the nearest pairs acts on is the head of the ranking of pairs; an
    AUC over all pairs hardly sees it.

    Args:
        distances: [N, N] from text i to video j; the diagonal, the positives, is not looked at.
        false_negatives: Boolean [N, N]: text i is true of video j.
        shares: In percent of the N (N - 1) pairs; at least one pair is looked at.

    Returns:
        Both in percent; pairs at one distance count by their expectation over the orders that they can have.
        NaN for recall where there is no false negative.

    Raises:
        ValueError: If the two are not square and of one shape, or a distance is NaN.

    Source:
        ours.

    Example:
        >>> truth = [[True, True, False], [False, True, False], [False, False, True]]
        >>> nearest_pairs([[0, 0.1, 0.9], [0.5, 0, 0.9], [0.9, 0.9, 0]], truth, (16.7,)).precision
        {16.7: 100.0}
    """
    d, false = _square(distances, false_negatives)
    outside = ~np.eye(len(d), dtype=bool)
    pairs, right = d[outside], false[outside]
    # Pairs at one distance share their hits equally.
    values, place = np.unique(pairs, return_inverse=True)
    count = np.bincount(place, minlength=len(values))
    hits = np.bincount(place, weights=right, minlength=len(values))
    precision, recall = {}, {}
    for share in shares:
        looked_at = max(1, round(share / 100 * pairs.size))
        taken = np.clip(looked_at - (np.cumsum(count) - count), 0, count)
        found = float((taken * hits / count).sum())
        precision[share] = 100 * found / looked_at
        recall[share] = 100 * found / right.sum() if right.any() else float("nan")
    return NearestPairs(precision, recall)


def anchor_areas(distances: ArrayLike, false_negatives: ArrayLike) -> dict[str, float]:
    """AUC of false negatives against true ones, per anchor and over the batch.

    Arguments and errors as of ``nearest_pairs``.

    Returns:
        ``auc_text``: the negatives of one text, mean over the texts that have negatives of both kinds;
        ``auc_video``: those of one video; ``auc_batch``: all pairs. In percent, NaN where there is nothing to
        compare.

    Source:
        ours.

    Example:
        >>> truth = [[True, True, False], [False, True, False], [False, False, True]]
        >>> anchor_areas([[0, 0.1, 0.9], [0.5, 0, 0.9], [0.9, 0.9, 0]], truth)["auc_text"]
        100.0
    """
    d, false = _square(distances, false_negatives)
    outside = ~np.eye(len(d), dtype=bool)
    return {
        "auc_text": 100 * _mean_area(d, false, outside),
        "auc_video": 100 * _mean_area(d.T, false.T, outside),
        "auc_batch": 100 * area_under_curve(d[false & outside], d[~false & outside]),
    }


def hinge_agreement(distances: ArrayLike, false_negatives: ArrayLike) -> dict[str, Any]:
    """All measures of this module for one batch, as they are reported.

    Arguments and errors as of ``nearest_pairs``.

    Returns:
        ``auc_text``, ``auc_video``, ``auc_batch``, and ``precision`` and ``recall`` by share in percent, a
        text such as ``"0.25"``; all in percent.

    Source:
        ours.

    Example:
        >>> list(hinge_agreement([[0.0, 1.0], [1.0, 0.0]], [[True, False], [True, True]])["recall"])
        ['0.25', '0.5', '1', '2', '4']
    """
    nearest = nearest_pairs(distances, false_negatives)
    return {
        **anchor_areas(distances, false_negatives),
        "precision": {f"{share:g}": value for share, value in nearest.precision.items()},
        "recall": {f"{share:g}": value for share, value in nearest.recall.items()},
    }


def _mean_area(d: Floats, false: Bools, outside: Bools) -> float:
    areas = [
        area_under_curve(row[wrong & other], row[~wrong & other])
        for row, wrong, other in zip(d, false, outside, strict=True)
    ]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def _square(distances: ArrayLike, false_negatives: Any) -> tuple[Floats, Bools]:
    d, false = np.asarray(distances, np.float64), np.asarray(false_negatives)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or false.shape != d.shape or false.dtype != bool:
        raise ValueError(
            "false_negatives: expected a square boolean matrix like distances "
            f"{list(d.shape)}, got {false.dtype} {list(false.shape)}"
        )
    if np.isnan(d).any():
        raise ValueError("distances: expected numbers, got NaN")
    return d, false


def flat_numbers(name: str, values: Any) -> Floats:
    """Return values as one row of float64; ValueError names them if NaN is among them."""
    flat = np.asarray(values, np.float64).ravel()
    if np.isnan(flat).any():
        raise ValueError(f"{name}: expected numbers, got NaN")
    return flat
