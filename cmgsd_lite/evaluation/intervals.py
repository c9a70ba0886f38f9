"""Intervals for paired differences: a bootstrap over videos crossed with seeds, and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean difference with its interval.

    Args:
        difference: Mean over seeds and queries, in the metric's unit (percentage points).
        low: Lower end.
        high: Upper end.
        error: Standard error: the standard deviation of the bootstrap's draws.
        p: Two-sided, from difference and standard error under a normal distribution. 2,000 draws themselves
            can not tell .001 from less, which a correction over many comparisons has to.

    Example:
        >>> Interval(1.0, 0.5, 1.5, 0.25, 0.0001).low > 0
        True
    """

    difference: float
    low: float
    high: float
    error: float
    p: float


def paired_bootstrap(
    first: Floats,
    second: Floats,
    count: Floats,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of a paired difference between two conditions: videos drawn, seeds drawn, independently.

    One video's queries stay together, and both conditions get the same draw. Of S seeds, S - 1 are drawn:
    the variance of a mean over so many draws is s^2 / S; S draws would give the too small s^2 (S - 1) / S^2.

    Args:
        first: Sums over each video's queries, by seed [S, V].
        second: The same of the other condition, with the same seeds and videos in the same order.
        count: Number of each video's queries [V].
        draws: How many draws.
        level: Of the interval, between its percentiles.
        seed: Of the draws. Equal seeds draw equal videos, so that intervals can be compared.

    Returns:
        The interval of the mean of ``first`` minus that of ``second`` over queries and seeds. With one seed
        only videos are drawn, and nothing is said about other seeds.

    Raises:
        ValueError: If the shapes do not fit, or a setting is out of range.

    Source:
        ours (docs/METHOD.md, "Controls"). Bootstrap over crossed factors: Owen, Annals of Applied Statistics
        2007; one draw less than there are units: Rao and Wu, JASA 1988.

    Example:
        >>> one = np.array([[100.0, 0.0, 100.0]])
        >>> paired_bootstrap(one, np.zeros((1, 3)), np.ones(3)).difference
        66.66666666666667
    """
    if first.ndim != 2 or first.shape != second.shape or count.shape != first.shape[1:]:
        raise ValueError(
            "first, second, count: expected [S, V], [S, V], [V], "
            f"got {list(first.shape)}, {list(second.shape)}, {list(count.shape)}"
        )
    if not 0 < level < 1 or draws < 2 or count.sum() <= 0:
        raise ValueError(f"level, draws, count: out of range, got {level}, {draws}, {count.sum()}")
    seeds, videos = first.shape
    difference = first - second
    of_video, of_seed = _draws(seeds, videos, draws, seed)
    drawn = np.einsum("bs,bs->b", of_seed, of_video @ difference.T) / np.maximum(of_video @ count, 1e-12)
    mean = float(difference.mean(axis=0).sum() / count.sum())
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    error = float(drawn.std(ddof=1))
    return Interval(mean, float(low), float(high), error, normal_p(mean, error))


@lru_cache(maxsize=4)
def _draws(seeds: int, videos: int, draws: int, seed: int) -> tuple[Floats, Floats]:
    """How often each video is in each draw [draws, V], and the weight of each seed [draws, S]."""
    generator = np.random.default_rng(seed)
    of_video = generator.multinomial(videos, np.full(videos, 1 / videos), size=draws).astype(float)
    of_seed = generator.multinomial(max(seeds - 1, 1), np.full(seeds, 1 / seeds), size=draws)
    return of_video, of_seed / of_seed.sum(axis=1, keepdims=True)


def normal_p(difference: float, error: float) -> float:
    """Two-sided p of a difference under a normal distribution.

    Args:
        difference: Observed.
        error: Its standard error, >= 0.

    Returns:
        In [0, 1]; 1 for no difference.

    Source:
        The standard test.

    Example:
        >>> round(normal_p(1.96, 1.0), 3)
        0.05
    """
    if difference == 0:
        return 1.0
    return 0.0 if error == 0 else math.erfc(abs(difference) / error / math.sqrt(2))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the chance of even one false finding stays below the level.

    Args:
        p_values: In [0, 1], in any order.

    Returns:
        Corrected values, in the same order: compare them with the level as they are.

    Raises:
        ValueError: If a value is outside [0, 1].

    Source:
        Holm, Scandinavian Journal of Statistics 1979.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"p_values: expected numbers in [0, 1], got {list(p_values)}")
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        corrected[i] = highest
    return corrected
