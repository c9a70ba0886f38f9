"""Intervals and corrections against slow, obvious versions, and their coverage where the answer is known."""

import numpy as np
import pytest

from cmgsd_lite.evaluation.intervals import holm, normal_p, paired_bootstrap


def slow_bootstrap(first, second, count, draws, seed):
    """The same draws, one after the other, with loops over seeds, videos and their queries."""
    seeds, videos = first.shape
    generator = np.random.default_rng(seed)
    of_video = generator.multinomial(videos, np.full(videos, 1 / videos), size=draws)
    of_seed = generator.multinomial(max(seeds - 1, 1), np.full(seeds, 1 / seeds), size=draws)
    results = []
    for b in range(draws):
        total, queries = 0.0, 0.0
        for s in range(seeds):
            for _ in range(of_seed[b, s]):
                for v in range(videos):
                    for _ in range(of_video[b, v]):
                        total += first[s, v] - second[s, v]
                        queries += count[v]
        results.append(total / queries)
    return np.array(results)


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_bootstrap_equals_the_slow_version(seeds):
    rng = np.random.default_rng(seeds)
    count = rng.integers(1, 5, 9).astype(float)
    first, second = rng.normal(size=(2, seeds, 9)) * count
    found = paired_bootstrap(first, second, count, draws=50, seed=3)
    drawn = slow_bootstrap(first, second, count, 50, 3)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert found.error == pytest.approx(drawn.std(ddof=1))
    expected = np.mean([(first[s].sum() - second[s].sum()) / count.sum() for s in range(seeds)])
    assert found.difference == pytest.approx(expected)


@pytest.mark.parametrize(("of_seeds", "of_videos"), [(0.0, 1.0), (1.0, 1.0)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(of_seeds, of_videos):
    """Differences with an effect of the video, of the seed and of both; the truth is .3."""
    rng = np.random.default_rng(0)
    hits, trials, seeds, videos = 0, 200, 5, 60
    for trial in range(trials):
        difference = (
            0.3
            + 0.3 * of_seeds * rng.normal(size=(seeds, 1))
            + of_videos * rng.normal(size=(1, videos))
            + rng.normal(size=(seeds, videos))
        )
        found = paired_bootstrap(difference, np.zeros_like(difference), np.ones(videos), 400, seed=trial)
        hits += found.low <= 0.3 <= found.high
    # Percentiles of five seeds are a little too narrow; intervals over videos alone would cover 60 %.
    assert 0.87 <= hits / trials <= 0.99


def test_intervals_that_forget_the_seeds_are_too_narrow():
    rng = np.random.default_rng(1)
    crossed, naive = 0, 0
    for trial in range(100):
        difference = rng.normal(size=(5, 1)) + 0.1 * rng.normal(size=(5, 80))
        zero, count = np.zeros_like(difference), np.ones(80)
        found = paired_bootstrap(difference, zero, count, 300, seed=trial)
        crossed += found.low <= 0 <= found.high
        flat = difference.mean(axis=0, keepdims=True)
        found = paired_bootstrap(flat, zero[:1], count, 300, seed=trial)
        naive += found.low <= 0 <= found.high
    assert crossed >= 75
    assert naive <= 30


def test_queries_of_one_video_stay_together():
    """Twenty captions of one video that all go the same way are one piece of evidence, not twenty."""
    rng = np.random.default_rng(2)
    of_video = rng.normal(size=(1, 40))
    together = paired_bootstrap(20 * of_video, np.zeros((1, 40)), np.full(40, 20.0))
    single = paired_bootstrap(of_video, np.zeros((1, 40)), np.ones(40))
    assert together.error == pytest.approx(single.error)


def test_pairing_removes_what_both_conditions_share():
    rng = np.random.default_rng(3)
    shared = 50 * rng.normal(size=(3, 100))
    found = paired_bootstrap(shared + 1, shared, np.ones(100))
    assert found.difference == pytest.approx(1)
    assert found.error < 1e-9
    assert found.low == pytest.approx(1)
    assert found.high == pytest.approx(1)


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, made rising: .02 .03 .06 .06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_p_value():
    assert normal_p(0.0, 1.0) == 1.0
    assert normal_p(1.0, 0.0) == 0.0
    assert normal_p(-2.5758, 1.0) == pytest.approx(0.01, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"second": np.zeros((2, 4))}, "expected"),
        ({"count": np.zeros(3)}, "out of range"),
        ({"level": 1.0}, "out of range"),
        ({"draws": 1}, "out of range"),
    ],
)
def test_bad_input_is_refused(change, message):
    settings = {"first": np.zeros((2, 3)), "second": np.zeros((2, 3)), "count": np.ones(3)}
    with pytest.raises(ValueError, match=message):
        paired_bootstrap(**{**settings, **change})
    with pytest.raises(ValueError, match="p_values"):
        holm([1.2])
