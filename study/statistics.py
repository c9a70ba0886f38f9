"""Whether the intervals hold what they say: coverage by simulation, and one condition against itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cmgsd_lite.evaluation.intervals import Components, Floats, paired_interval


def coverage(components: Components, seeds: int, videos: int, draws: int = 2000, seed: int = 0) -> float:
    """Share of intervals that hold the true difference, in a world with these components.

    Args:
        components: Of variance, as ``variance_components`` fits them to a bench.
        seeds: Of each comparison.
        videos: Of each comparison.
        draws: How many comparisons are simulated.
        seed: Of the simulation.

    Returns:
        Percent; an interval that holds what it says gives 95.

    Example:
        >>> 92 < coverage(Components(1.0, 0.01, 4.0), seeds=8, videos=100, draws=500) < 98
        True
    """
    generator = np.random.default_rng(seed)
    nothing, count = np.zeros((seeds, videos)), np.ones(videos)
    held = 0
    for _ in range(draws):
        of_video = generator.normal(0, math.sqrt(components.videos), videos)
        of_seed = generator.normal(0, math.sqrt(components.seeds), (seeds, 1))
        rest = generator.normal(0, math.sqrt(components.remainder), (seeds, videos))
        found = paired_interval(of_video + of_seed + rest, nothing, count)
        held += found.low <= 0 <= found.high
    return 100 * held / draws


def against_itself(
    total: Floats, count: Floats, seeds: int = 8, splits: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Compare one condition with itself, on random disjoint sets of seeds: how often is there "a difference"?

    Args:
        total: Sums over each video's queries, by seed [S, V], S at least twice ``seeds``.
        count: Number of each video's queries [V].
        seeds: In each of the two sets.
        splits: How many random splits.
        seed: Of the splits.

    Returns:
        ``percent`` of intervals without zero (5 if all is well) and its own standard ``error``: the splits
        share seeds, so it is a jackknife over blocks of seeds. The videos are the same on both sides: this
        tests seeds and remainder alone.

    Raises:
        ValueError: If there are too few seeds for a jackknife.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(40, 50))
        >>> against_itself(noise, np.ones(50), splits=100)["percent"] < 20
        True
    """
    blocks = 8
    if len(total) - math.ceil(len(total) / blocks) < 2 * seeds:
        raise ValueError(f"total: expected more than {2 * seeds} seeds for a jackknife, got {len(total)}")
    whole = _share_without_zero(total, count, seeds, splits, seed)
    parts = np.array_split(np.arange(len(total)), blocks)
    left_out = [
        _share_without_zero(np.delete(total, part, axis=0), count, seeds, splits, seed) for part in parts
    ]
    error = math.sqrt((blocks - 1) * float(np.var(left_out)))
    return {"percent": whole, "error": error, "seeds": len(total), "splits": splits}


def _share_without_zero(total: Floats, count: Floats, seeds: int, splits: int, seed: int) -> float:
    generator, found = np.random.default_rng(seed), 0
    for _ in range(splits):
        drawn = generator.permutation(len(total))[: 2 * seeds]
        interval = paired_interval(total[drawn[:seeds]], total[drawn[seeds:]], count)
        found += not interval.low <= 0 <= interval.high
    return 100 * found / splits
