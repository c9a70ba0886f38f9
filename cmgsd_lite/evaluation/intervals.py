"""Intervals for paired differences: components of variance of videos and of seeds, and Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
        error: Standard error.
        p: Two-sided, from Student's t with ``freedom`` degrees.
        freedom: Degrees of freedom, Satterthwaite's: near the seeds' number - 1 where the seeds decide, large
            where the videos do.

    Example:
        >>> Interval(1.0, 0.5, 1.5, 0.25, 0.0001, 500.0).low > 0
        True
    """

    difference: float
    low: float
    high: float
    error: float
    p: float
    freedom: float


@dataclass(frozen=True)
class Components:
    """Where the variance of a paired difference comes from, for one video and one seed.

    Args:
        videos: Variance of what a video has in all seeds: other test videos would differ by it.
        seeds: Variance of what a seed has in all videos.
        remainder: Variance of the rest, a video under a seed.

    Example:
        >>> Components(4.0, 0.0, 1.0).error(seeds=1, videos=5)
        1.0
    """

    videos: float
    seeds: float
    remainder: float

    def error(self, seeds: int, videos: int) -> float:
        """Standard error of the mean over so many seeds and videos."""
        of_both = self.remainder / (seeds * videos)
        return math.sqrt(self.videos / videos + self.seeds / seeds + of_both)


def paired_interval(first: Floats, second: Floats, count: Floats, level: float = 0.95) -> Interval:
    """Interval of a paired difference between two conditions, for other videos and other seeds.

    The differences of videos and seeds are taken apart as in a two-way analysis of variance: the variance of
    their mean is (MS videos + MS seeds - MS remainder) / (S V), a component that comes out negative counts as
    0. A bootstrap that draws both counts the remainder three times.

    Args:
        first: Sums over each video's queries, by seed [S, V].
        second: The same of the other condition, with the same seeds and videos in the same order.
        count: Number of each video's queries [V].
        level: Of the interval.

    Returns:
        The interval of the mean of ``first`` minus that of ``second`` over queries and seeds. With one seed
        nothing is said about other seeds.

    Raises:
        ValueError: If the shapes do not fit, there are fewer than two videos, or the level is out of range.

    Source:
        ours (docs/METHOD.md, "Controls"); the variance is the standard one of two crossed random factors,
        the degrees of freedom Satterthwaite's (Biometrics Bulletin 1946).

    Example:
        >>> one = np.array([[100.0, 0.0, 100.0]])
        >>> round(paired_interval(one, np.zeros((1, 3)), np.ones(3)).difference, 2)
        66.67
    """
    from scipy.stats import t

    if not 0 < level < 1:
        raise ValueError(f"level: expected a number in (0, 1), got {level}")
    difference, values = _by_unit(first, second, count)
    error, freedom = _error(*_mean_squares(values), *values.shape)
    if error == 0:
        return Interval(difference, difference, difference, 0.0, float(difference == 0), freedom)
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    p = float(2 * t.sf(abs(difference) / error, freedom))
    return Interval(difference, difference - reach, difference + reach, error, p, freedom)


def variance_components(first: Floats, second: Floats, count: Floats) -> Components:
    """Take the variance of a paired difference apart.

    Args:
        first: As for ``paired_interval``, with two seeds at least.
        second, count: As there.

    Returns:
        The components, none below 0.

    Raises:
        ValueError: As ``paired_interval``, or with a single seed.

    Source:
        The standard estimates of a two-way layout without repetition.

    Example:
        >>> of_seeds = np.array([[0.0, 2.0], [2.0, 4.0]])
        >>> variance_components(of_seeds, np.zeros((2, 2)), np.ones(2)).remainder
        0.0
    """
    _, values = _by_unit(first, second, count)
    seeds, videos = values.shape
    if seeds < 2:
        raise ValueError("first: expected two seeds at least, got one")
    of_videos, of_seeds, rest = _mean_squares(values)
    return Components(max(of_videos - rest, 0.0) / seeds, max(of_seeds - rest, 0.0) / videos, rest)


def _by_unit(first: Floats, second: Floats, count: Floats) -> tuple[float, Floats]:
    """The difference, and values [S, V] whose mean it is: a video with more queries has a larger share."""
    if first.ndim != 2 or first.shape != second.shape or count.shape != first.shape[1:]:
        raise ValueError(
            "first, second, count: expected [S, V], [S, V], [V], "
            f"got {list(first.shape)}, {list(second.shape)}, {list(count.shape)}"
        )
    if first.shape[1] < 2 or count.sum() <= 0:
        raise ValueError(
            f"count: expected queries of two videos at least, got {count.sum():g} of {len(count)}"
        )
    apart = first - second
    mean = float(apart.mean(axis=0).sum() / count.sum())
    return mean, mean + (apart - mean * count) * (len(count) / count.sum())


def _mean_squares(values: Floats) -> tuple[float, float, float]:
    """Mean squares of videos, seeds and remainder; those that one seed can not tell are 0."""
    seeds, videos = values.shape
    apart = values - values.mean()
    of_video, of_seed = apart.mean(axis=0), apart.mean(axis=1)
    square_videos = seeds * float(of_video @ of_video) / (videos - 1)
    if seeds == 1:
        return square_videos, 0.0, 0.0
    square_seeds = videos * float(of_seed @ of_seed) / (seeds - 1)
    rest = apart - of_video - of_seed[:, None]
    return square_videos, square_seeds, float((rest * rest).sum()) / ((seeds - 1) * (videos - 1))


def _error(of_videos: float, of_seeds: float, rest: float, seeds: int, videos: int) -> tuple[float, float]:
    """Standard error of the mean and its degrees of freedom; a negative component is left out."""
    terms = [(of_videos, videos - 1), (of_seeds, seeds - 1), (-rest, (seeds - 1) * (videos - 1))]
    if of_seeds <= rest:
        terms = terms[:1]
    elif of_videos <= rest:
        terms = terms[1:2]
    total = sum(square for square, _ in terms)
    if total <= 0:
        return 0.0, float(videos - 1)
    freedom = total**2 / sum(square**2 / degrees for square, degrees in terms if degrees)
    return math.sqrt(total / (seeds * videos)), freedom


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
