"""Intervals and corrections against slow, obvious versions, and their coverage where the answer is known."""

import numpy as np
import pytest
from scipy import stats

from cmgsd_lite.evaluation.intervals import (
    holm,
    paired_interval,
    variance_components,
)


def slow_mean_squares(values):
    """Of videos, seeds and remainder, with loops."""
    seeds, videos = len(values), len(values[0])
    mean = sum(map(sum, values)) / (seeds * videos)
    of_video = [sum(row[v] for row in values) / seeds for v in range(videos)]
    of_seed = [sum(row) / videos for row in values]
    rest = sum(
        (values[s][v] - of_video[v] - of_seed[s] + mean) ** 2 for s in range(seeds) for v in range(videos)
    )
    return (
        seeds * sum((x - mean) ** 2 for x in of_video) / (videos - 1),
        videos * sum((x - mean) ** 2 for x in of_seed) / (seeds - 1),
        rest / ((seeds - 1) * (videos - 1)),
    )


@pytest.mark.parametrize("seeds", [2, 4])
@pytest.mark.parametrize("of_videos", [0.0, 2.0])
@pytest.mark.parametrize("of_seeds", [0.0, 2.0])
def test_the_interval_equals_the_slow_analysis_of_variance(seeds, of_videos, of_seeds):
    rng = np.random.default_rng(seeds)
    videos, count = 9, np.full(9, 3.0)
    effects = of_videos * rng.normal(size=(1, videos)) + of_seeds * rng.normal(size=(seeds, 1))
    first = 3 * (effects + rng.normal(size=(seeds, videos)))
    found = paired_interval(first, np.zeros_like(first), count)
    of_video, of_seed, rest = slow_mean_squares((first / 3).tolist())
    terms = [(of_video, videos - 1), (of_seed, seeds - 1), (-rest, (seeds - 1) * (videos - 1))]
    if of_seed <= rest:
        terms = terms[:1]
    elif of_video <= rest:
        terms = terms[1:2]
    total = sum(square for square, _ in terms)
    assert found.difference == pytest.approx((first / 3).mean())
    assert found.error == pytest.approx((total / (seeds * videos)) ** 0.5)
    assert found.freedom == pytest.approx(total**2 / sum(x**2 / degrees for x, degrees in terms))
    assert found.high - found.difference == pytest.approx(stats.t.ppf(0.975, found.freedom) * found.error)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.difference) / found.error, found.freedom))


def test_one_seed_gives_the_interval_of_a_paired_t_test():
    values = np.random.default_rng(0).normal(size=(1, 30))
    found, known = paired_interval(values, np.zeros((1, 30)), np.ones(30)), stats.ttest_1samp(values[0], 0)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval()))
    assert found.p == pytest.approx(known.pvalue)


def test_the_difference_is_a_mean_over_queries():
    count = np.array([1.0, 5.0, 2.0])
    first, second = np.array([[100.0, 0.0, 200.0], [0.0, 100.0, 100.0]]), np.zeros((2, 3))
    assert paired_interval(first, second, count).difference == pytest.approx(500 / 16)


def test_components_are_found_again():
    rng = np.random.default_rng(4)
    of_videos, of_seeds = 2 * rng.normal(size=(1, 400)), rng.normal(size=(300, 1))
    first = of_videos + of_seeds + 3 * rng.normal(size=(300, 400))
    found = variance_components(first, np.zeros_like(first), np.ones(400))
    assert found.videos == pytest.approx(4, rel=0.2)
    assert found.seeds == pytest.approx(1, rel=0.2)
    assert found.remainder == pytest.approx(9, rel=0.02)
    error = paired_interval(first, np.zeros_like(first), np.ones(400)).error
    assert found.error(seeds=300, videos=400) == pytest.approx(error)


@pytest.mark.parametrize(("of_seeds", "of_videos"), [(0.0, 1.0), (1.0, 1.0)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(of_seeds, of_videos):
    """Differences with an effect of the video, of the seed and of both; the truth is .3."""
    rng = np.random.default_rng(0)
    hits, trials, seeds, videos = 0, 600, 5, 60
    for _ in range(trials):
        difference = (
            0.3
            + 0.3 * of_seeds * rng.normal(size=(seeds, 1))
            + of_videos * rng.normal(size=(1, videos))
            + rng.normal(size=(seeds, videos))
        )
        found = paired_interval(difference, np.zeros_like(difference), np.ones(videos))
        hits += found.low <= 0.3 <= found.high
    # Intervals over videos alone would cover 60 %.
    assert 0.91 <= hits / trials <= 0.985


def test_intervals_that_forget_the_seeds_are_too_narrow():
    rng = np.random.default_rng(1)
    crossed, naive = 0, 0
    for _ in range(100):
        difference = rng.normal(size=(5, 1)) + 0.1 * rng.normal(size=(5, 80))
        zero, count = np.zeros_like(difference), np.ones(80)
        found = paired_interval(difference, zero, count)
        crossed += found.low <= 0 <= found.high
        flat = difference.mean(axis=0, keepdims=True)
        found = paired_interval(flat, zero[:1], count)
        naive += found.low <= 0 <= found.high
    assert crossed >= 88
    assert naive <= 30


def test_queries_of_one_video_stay_together():
    """Twenty captions of one video that all go the same way are one piece of evidence, not twenty."""
    rng = np.random.default_rng(2)
    of_video = rng.normal(size=(1, 40))
    together = paired_interval(20 * of_video, np.zeros((1, 40)), np.full(40, 20.0))
    single = paired_interval(of_video, np.zeros((1, 40)), np.ones(40))
    assert together.error == pytest.approx(single.error)


def test_pairing_removes_what_both_conditions_share():
    rng = np.random.default_rng(3)
    shared = 50 * rng.normal(size=(3, 100))
    found = paired_interval(shared + 1, shared, np.ones(100))
    assert found.difference == pytest.approx(1)
    assert found.error < 1e-9
    assert found.low == pytest.approx(1)
    assert found.high == pytest.approx(1)


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, made rising: .02 .03 .06 .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"second": np.zeros((2, 4))}, "first, second, count: expected"),
        ({"count": np.zeros(3)}, "count: expected queries of two videos"),
        ({"level": 1.0}, "level: expected"),
    ],
)
def test_bad_input_is_refused(change, message):
    settings = {"first": np.zeros((2, 3)), "second": np.zeros((2, 3)), "count": np.ones(3)}
    with pytest.raises(ValueError, match=message):
        paired_interval(**{**settings, **change})
    with pytest.raises(ValueError, match="p_values"):
        holm([1.2])
