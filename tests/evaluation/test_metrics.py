"""Metrics against slow, obvious versions, scikit-learn, and the properties a fair metric must have."""

import subprocess
import sys
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from cmgsd_lite.evaluation import metrics
from cmgsd_lite.evaluation.metrics import (
    average_precision_at_r,
    mean_average_precision,
    mean_average_precision_at_r,
    multi_instance_metrics,
    ndcg,
    ndcg_per_query,
    r_precision,
    r_precision_per_query,
    random_floor,
    rank_metrics,
    ranks,
    recall_of_all,
    retrieval_metrics,
)

PUBLIC = {
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
}
RANK_KEYS = ["R@1", "R@5", "R@10", "R@50", "MdR", "MnR"]
RELEVANCE_KEYS = ["nDCG", "nDCG@10", "mAP@R", "R-Precision"]


@st.composite
def problems(draw):
    """A small problem: many ties, several captions a video, videos without captions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_texts, n_videos = draw(st.integers(2, 8)), draw(st.integers(2, 6))
    sim = rng.integers(0, draw(st.integers(1, 30)), (n_texts, n_videos)).astype(np.float32)
    own = rng.integers(0, n_videos, n_texts)
    own[:2] = [0, 1]  # captions of at least two videos
    relevance = rng.integers(0, 4, (n_texts, n_videos)) / 3
    relevance[np.arange(n_texts), own] = 1
    return sim, own, relevance


# Slow, obvious versions -------------------------------------------------------------------------------


def slow_text_ranks(sim, own):
    """Mean place of the own video over a full sort with it first and with it last among its equals."""
    result = []
    for row, video in zip(sim, own, strict=True):
        is_own = np.arange(len(row)) == video
        places = []
        for own_first in (-1, 1):
            order = sorted(range(len(row)), key=lambda j: (-row[j], own_first * is_own[j]))
            places.append(order.index(video) + 1)
        result.append(np.mean(places))
    return result


def slow_video_ranks(sim, own):
    """One by one: the best own caption among the captions of other videos."""
    result = []
    for video in sorted(set(own)):
        best = max(sim[i, video] for i in range(len(sim)) if own[i] == video)
        others = [sim[i, video] for i in range(len(sim)) if own[i] != video]
        result.append(1 + sum(s > best for s in others) + sum(s == best for s in others) / 2)
    return result


def orders(scores):
    """All rankings that agree with the scores, best first; several if scores tie."""
    return [p for p in permutations(range(len(scores))) if all(np.diff(np.asarray(scores)[list(p)]) <= 0)]


def slow_dcg(gains, k):
    return sum(gain / np.log2(place + 1) for place, gain in enumerate(gains[:k], start=1))


def slow_ap_at_r(relevant):
    r = sum(relevant)
    return sum(relevant[i] * sum(relevant[: i + 1]) / (i + 1) for i in range(r)) / r


# Ranks ------------------------------------------------------------------------------------------------


@given(problems())
def test_ranks_equal_a_full_sort(problem):
    sim, own, _ = problem
    np.testing.assert_array_equal(ranks(sim, own), slow_text_ranks(sim, own))
    np.testing.assert_array_equal(ranks(sim, own, "v2t"), slow_video_ranks(sim, own))


def test_ranks_over_several_chunks():
    rng = np.random.default_rng(0)
    sim, own = rng.integers(0, 500, (3000, 200)), rng.integers(0, 200, 3000)
    positive = sim[np.arange(3000), own]
    at_best = (sim > positive[:, None]).sum(1) + 1
    at_worst = (sim >= positive[:, None]).sum(1)
    np.testing.assert_array_equal(ranks(sim, own), (at_best + at_worst) / 2)
    np.testing.assert_array_equal(ranks(sim, own, "v2t"), slow_video_ranks(sim, own))


def test_a_constant_matrix_scores_like_chance():
    for found in retrieval_metrics(np.full((10, 10), 0.3)).values():
        assert found == {"R@1": 0, "R@5": 0, "R@10": 100, "R@50": 100, "MdR": 5.5, "MnR": 5.5}


def test_a_duplicate_video_shares_the_first_place():
    sim = np.array([[0.9, 0.9, 0.1], [0.9, 0.9, 0.1], [0.2, 0.2, 0.8]])
    np.testing.assert_array_equal(ranks(sim), [1.5, 1.5, 1])
    assert retrieval_metrics(sim)["t2v"]["R@1"] == pytest.approx(100 / 3)


def test_v2t_ranks_the_best_of_several_captions():
    sim = np.array([[0.9, 0.8], [0.9, 0.0], [0.1, 0.7], [0.0, 0.6]])
    own = [0, 0, 1, 1]
    # Video 0: both own captions tie at the top, which is no tie with another video.
    # Video 1: its best caption (.7) is behind one caption of video 0, its second (.6) is not asked for.
    np.testing.assert_array_equal(ranks(sim, own, "v2t"), [1, 2])


def test_v2t_ties_count_against_other_videos_only():
    sim = np.array([[0.5, 0.0], [0.5, 0.0], [0.5, 1.0]])
    np.testing.assert_array_equal(ranks(sim, [0, 0, 1], "v2t"), [1.5, 1])


def test_videos_without_captions_stay_in_the_gallery_only():
    sim = np.array([[0.5, 0.9, 0.1], [0.1, 0.9, 0.5]])
    np.testing.assert_array_equal(ranks(sim, [0, 2]), [2, 2])
    np.testing.assert_array_equal(ranks(sim, [0, 2], "v2t"), [1, 1])
    relevance = np.ones_like(sim)
    relevance[:, 1] = 0  # as a v2t query it would have no relevant text; it must not be asked
    assert retrieval_metrics(sim, [0, 2], relevance)["v2t"]["nDCG"] == pytest.approx(100)


def test_recall_counts_ranks_up_to_k():
    sim = np.tile(np.arange(20, 0, -1), (20, 1))  # text i finds its video at place i + 1
    metrics = retrieval_metrics(sim)["t2v"]
    assert [metrics[key] for key in RANK_KEYS] == [5, 25, 50, 100, 10.5, 10.5]


# Graded relevance -------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 6))
def test_relevance_metrics_are_means_over_all_tie_orders(seed, n, levels):
    rng = np.random.default_rng(seed)
    scores, gains = rng.integers(0, levels, n), rng.integers(0, 4, n).astype(float)
    gains[0] = 3
    possible = [gains[list(order)] for order in orders(scores)]
    for k in (None, 2):
        expected = np.mean([slow_dcg(g, k) for g in possible]) / slow_dcg(sorted(gains)[::-1], k)
        assert ndcg([scores], [gains], k) == pytest.approx(100 * expected)
    relevant = [[int(gain >= 1.5) for gain in g] for g in possible]  # half of the highest, 3
    expected = np.mean([slow_ap_at_r(r) for r in relevant])
    assert mean_average_precision_at_r([scores], [gains]) == pytest.approx(100 * expected)
    expected = np.mean([np.mean(r[: sum(r)]) for r in relevant])
    assert r_precision([scores], [gains]) == pytest.approx(100 * expected)


@pytest.mark.parametrize("k", [None, 1, 3, 10, 100])
@pytest.mark.parametrize("levels", [3, 10**6])
def test_ndcg_equals_scikit_learn(k, levels):
    rng = np.random.default_rng(1)
    sim, relevance = rng.integers(0, levels, (400, 30)), rng.random((400, 30))
    assert ndcg(sim, relevance, k) == pytest.approx(100 * ndcg_score(relevance, sim, k=k))


def test_ap_at_r_equals_scikit_learn_on_the_first_r_places():
    rng = np.random.default_rng(2)
    sim, relevant = rng.random((50, 12)), (rng.random((50, 12)) < 0.4).astype(int)
    relevant[:, 0] = 1
    for row, labels, value in zip(sim, relevant, average_precision_at_r(sim, relevant), strict=True):
        top = np.argsort(-row)[: labels.sum()]
        found = labels[top].sum()
        expected = average_precision_score(labels[top], row[top]) * found / labels.sum() if found else 0
        assert value == pytest.approx(100 * expected)


def test_musgrave_figures_by_hand():
    # R = 3; relevant at places 1 and 3 of the first three: AP@R = (1 + 2/3) / 3, R-Precision = 2/3.
    sim, relevance = [[5, 4, 3, 2, 1]], [[1, 0, 1, 0, 1]]
    assert mean_average_precision_at_r(sim, relevance) == pytest.approx(100 * 5 / 9)
    assert r_precision(sim, relevance) == pytest.approx(100 * 2 / 3)


def test_random_floor_is_exact():
    rng = np.random.default_rng(3)
    relevance = rng.random((20, 7))
    for k in (None, 3):
        chance = [slow_dcg(np.full(7, r.mean()), k) / slow_dcg(np.sort(r)[::-1], k) for r in relevance]
        assert random_floor(relevance, k) == pytest.approx(100 * np.mean(chance))
    drawn = np.mean([ndcg(rng.random((20, 7)), relevance) for _ in range(2000)])
    assert drawn == pytest.approx(random_floor(relevance), abs=0.2)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 4), st.sampled_from(["f4", "f8"]))
def test_recall_of_all_is_the_mean_over_all_tie_orders(seed, n, levels, dtype):
    rng = np.random.default_rng(seed)
    scores, relevant = rng.integers(0, levels, n).astype(dtype), rng.integers(0, 2, n)
    relevant[0] = 1
    for k in (1, 2, 10):
        found = [sum(relevant[list(order)][:k]) / sum(relevant) for order in orders(scores)]
        assert recall_of_all([scores], [relevant], k) == pytest.approx(100 * np.mean(found))


@pytest.mark.parametrize("relevance_type", ["f4", "f8"])
@pytest.mark.parametrize("levels", [2, 40, 10**9])
def test_types_and_storage_of_the_matrices_do_not_matter(levels, relevance_type):
    """float32 is sorted with the items' numbers in its last bits, float64 is not."""
    rng = np.random.default_rng(14)
    sim = (rng.integers(-levels, levels, (300, 1500)) / levels).astype(np.float32)
    sim[:, ::7] *= -1  # some zeros become -0, which ties with 0
    sim[:, ::11] *= np.float32(1e-44)  # below the normal numbers
    relevance = (rng.integers(0, 5, sim.shape) / 4).astype(relevance_type)
    mask = rng.random(sim.shape) < 0.1
    for exclude in (None, mask):
        for measure in (ndcg_per_query, average_precision_at_r, r_precision_per_query):
            expected = measure(sim.astype(np.float64), relevance.astype(np.float64), exclude=exclude)
            np.testing.assert_allclose(measure(sim, relevance, exclude=exclude), expected, rtol=1e-12)
            by_columns = [np.asfortranarray(x) for x in (sim, relevance)]
            np.testing.assert_allclose(measure(*by_columns, exclude=exclude), expected, rtol=1e-12)


def test_a_threshold_is_not_rounded_to_the_relevance_type():
    relevance = np.array([[0.7, 0.1]], np.float32)  # a little less than 0.7
    with pytest.raises(ValueError, match="got none"):
        r_precision([[1.0, 0.0]], relevance, relevant_at=0.7)


def test_excluded_items_are_as_if_deleted():
    rng = np.random.default_rng(4)
    sim, relevance, own = rng.integers(0, 5, (9, 6)), rng.integers(1, 4, (9, 6)), rng.integers(0, 6, 9)
    mask = np.arange(6) == own[:, None]
    without = [values[~mask].reshape(9, 5) for values in (sim, relevance)]
    for measure in (ndcg_per_query, average_precision_at_r, r_precision_per_query):
        np.testing.assert_allclose(measure(sim, relevance, exclude=mask), measure(*without))
    assert random_floor(relevance, 4, exclude=mask) == pytest.approx(random_floor(without[1], 4))


def test_exclude_own_touches_relevance_metrics_only():
    rng = np.random.default_rng(5)
    sim, relevance, own = rng.random((8, 4)), rng.random((8, 4)), np.arange(8) % 4
    mask = np.arange(4) == own[:, None]
    full, without = (retrieval_metrics(sim, own, relevance, exclude_own=e) for e in (False, True))
    for direction in ("t2v", "v2t"):
        assert all(full[direction][key] == without[direction][key] for key in RANK_KEYS)
    assert without["t2v"]["nDCG"] == pytest.approx(ndcg(sim, relevance, exclude=mask))
    assert without["v2t"]["nDCG"] == pytest.approx(ndcg(sim.T, relevance.T, exclude=mask.T))
    assert without["v2t"]["nDCG"] != pytest.approx(full["v2t"]["nDCG"])


def test_queries_without_relevant_items_are_left_out():
    sim, relevance = np.array([[3, 2, 1], [3, 2, 1.0]]), np.array([[0, 0, 0], [0, 1, 0.0]])
    for measure in (ndcg_per_query, average_precision_at_r, r_precision_per_query):
        np.testing.assert_array_equal(np.isnan(measure(sim, relevance)), [True, False])
    assert ndcg(sim, relevance) == pytest.approx(100 / np.log2(3))
    with pytest.raises(ValueError, match="relevance: expected a relevant item"):
        ndcg(sim, np.zeros_like(sim))


def test_what_counts_as_relevant():
    sim, graded = [[4, 3, 2, 1]], np.array([[0.2, 0.5, 0.4, 1.0]])
    assert r_precision(sim, graded) == 50  # .5 and 1 are relevant, .5 is in the first two
    assert r_precision(sim, graded * 7) == 50  # the scale does not matter
    assert r_precision(sim, graded, relevant_at=0.3) == pytest.approx(200 / 3)
    assert r_precision(sim, graded, relevant_at=1.0) == 0
    metrics = retrieval_metrics(np.eye(4), relevance=np.tile(graded, (4, 1)), relevant_at=0.3)
    assert metrics["t2v"]["R-Precision"] == pytest.approx(
        r_precision(np.eye(4), np.tile(graded, (4, 1)), relevant_at=0.3)
    )


# Sets of right answers --------------------------------------------------------------------------------


def slow_set_ranks(sim, right):
    """One by one: the best right answer of each row among its wrong ones."""
    result = []
    for row, good in zip(sim, right, strict=True):
        if good.any():
            best, wrong = max(row[good]), row[~good]
            result.append(1 + sum(s > best for s in wrong) + sum(s == best for s in wrong) / 2)
    return result


@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(2, 7), st.integers(1, 20))
def test_ranks_of_sets(seed, n_texts, n_videos, levels):
    rng = np.random.default_rng(seed)
    sim, right = rng.integers(0, levels, (n_texts, n_videos)), rng.random((n_texts, n_videos)) < 0.3
    right[0, 0] = right[1, 1] = True
    listed = [np.flatnonzero(row).tolist() for row in right]
    for positives in (right, torch.from_numpy(right), listed, [[*row, *row[:1]] for row in listed]):
        np.testing.assert_array_equal(ranks(sim, positives=positives), slow_set_ranks(sim, right))
        np.testing.assert_array_equal(
            ranks(sim, direction="v2t", positives=positives), slow_set_ranks(sim.T, right.T)
        )
    metrics = retrieval_metrics(sim, positives=right)
    expected = 100 * np.mean([rank <= 1 for rank in slow_set_ranks(sim.T, right.T)])
    assert metrics["v2t"]["R@1"] == pytest.approx(expected)


@given(problems())
def test_sets_of_one_are_own_videos(problem):
    sim, own, relevance = problem
    sets = [[video] for video in own]
    for exclude_own in (False, True):
        options = {"exclude_own": exclude_own, "relevance": relevance + 0.1}
        assert retrieval_metrics(sim, positives=sets, **options) == retrieval_metrics(sim, own, **options)


def test_texts_without_a_right_answer_are_no_queries():
    sim, relevance = np.eye(3), np.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 1]])
    metrics = retrieval_metrics(sim, positives=[[0], [], [2]], relevance=relevance)
    assert metrics["t2v"]["R@1"] == metrics["v2t"]["R@1"] == metrics["v2t"]["nDCG"] == 100
    assert len(ranks(sim, positives=[[0], [], [2]])) == 2


def test_any_and_all():
    sim, right = np.array([[0.9, 0.8, 0.7, 0.1]]), np.array([[True, False, True, True]])
    assert ranks(sim, positives=right).tolist() == [1]  # any: the first is right
    assert recall_of_all(sim, right, 3) == pytest.approx(200 / 3)  # all: two of three


@pytest.mark.parametrize(
    ("positives", "message"),
    [
        (np.eye(3), r"positives: expected bool \[3, 3\] like sim, got float64"),
        (np.eye(4, dtype=bool), r"positives: expected bool \[3, 3\].*\[4, 4\]"),
        ([[0], [1]], "positives: expected 3 lists.*got 2"),
        ([[0], [1], [3]], r"positives\[2\]: expected 0 to 2, got 3 to 3"),
        ([[0], [1], [-1]], r"positives\[2\]: .*got -1"),
        ([[0], [1], [0.5]], r"positives\[2\]: expected a list of columns, got float64"),
        ([0, 1, 2], r"positives\[0\]: expected a list of columns"),
        ([[], [], []], "positives: expected a right answer"),
    ],
)
def test_bad_sets(positives, message):
    with pytest.raises(ValueError, match=message):
        ranks(np.eye(3), positives=positives)
    with pytest.raises(ValueError, match="positives: expected alone"):
        ranks(np.eye(3), [0, 1, 2], positives=[[0], [1], [2]])


def test_metrics_of_ranks():
    assert rank_metrics([1, 1.5, 7, 60]) == {
        "R@1": 25, "R@5": 50, "R@10": 75, "R@50": 75, "MdR": 4.25, "MnR": 17.375
    }  # fmt: skip
    for bad in ([], [0.5], [np.nan], [[1]]):
        with pytest.raises(ValueError, match="rank: expected"):
            rank_metrics(bad)


# The EPIC-KITCHENS-100 challenge ----------------------------------------------------------------------


def challenge_ndcg(sim, relevance, gain):
    """As the definition reads: DCG over as many places as there are relevant items, over the ideal."""
    result = []
    for row, wanted in zip(sim, relevance, strict=True):
        places = range(1, 1 + sum(wanted > 0))
        gained = wanted if gain == "linear" else 2**wanted - 1
        found, best = gained[np.argsort(-row)], sorted(gained, reverse=True)
        dcg, ideal = (sum(g[p - 1] / np.log2(p + 1) for p in places) for g in (found, best))
        if ideal:
            result.append(dcg / ideal)
    return 100 * np.mean(result)


def challenge_map(sim, relevance):
    """Relevance so far over the place, at the places of items with relevance 1."""
    result = []
    for row, wanted in zip(sim, relevance, strict=True):
        found = wanted[np.argsort(-row)]
        precision = [sum(found[:p]) / p for p in range(1, 1 + len(found)) if found[p - 1] == 1]
        if precision:
            result.append(np.mean(precision))
    return 100 * np.mean(result)


@pytest.mark.parametrize("gain", ["linear", "exponential"])
@pytest.mark.parametrize("seed", range(3))
def test_challenge_metrics_are_those_of_the_definition(gain, seed):
    rng = np.random.default_rng(seed)
    sim, relevance = rng.random((12, 15)), rng.choice([0, 0, 0.25, 0.5, 1], (12, 15))
    relevance[3] = 0  # no query
    found = multi_instance_metrics(sim, relevance, gain=gain)
    for direction, s, r in (("t2v", sim, relevance), ("v2t", sim.T, relevance.T)):
        assert found[direction]["nDCG"] == pytest.approx(challenge_ndcg(s, r, gain))
        assert found[direction]["mAP"] == pytest.approx(challenge_map(s, r))
        assert found[direction]["nDCG"] == pytest.approx(ndcg(s, r, "relevant", gain=gain))
    assert found["mean"]["mAP"] == pytest.approx((found["t2v"]["mAP"] + found["v2t"]["mAP"]) / 2)


def test_challenge_example_by_hand():
    """The worked example of the challenge's public code: three relevant items a query, two in the second."""
    sim = np.array([[1.0, 0.7, 0.4, 0.0], [0.3, 0.9, 0.6, 0.1], [0.2, 0.5, 0.8, 0.4]])
    relevance = np.array([[1.0, 0.5, 0.25, 0.0], [0.0, 1.0, 0.4, 0.0], [0.5, 0.3, 1.0, 0.0]])
    assert ndcg(sim, relevance, "relevant") == pytest.approx(93.71789900735429)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 5), st.sampled_from(["f4", "f8"]))
def test_challenge_metrics_are_means_over_all_tie_orders(seed, n, levels, dtype):
    rng = np.random.default_rng(seed)
    scores, gains = rng.integers(0, levels, n).astype(dtype), rng.choice([0, 0.5, 1], n)
    gains[0] = 1
    each = [-np.argsort(order)[None] for order in orders(scores)]
    for gain in ("linear", "exponential"):
        expected = np.mean([challenge_ndcg(places, gains[None], gain) for places in each])
        assert ndcg([scores], [gains], "relevant", gain=gain) == pytest.approx(expected)
    expected = np.mean([challenge_map(places, gains[None]) for places in each])
    assert mean_average_precision([scores], [gains]) == pytest.approx(expected)
    level = np.mean([challenge_ndcg(np.array([p]), gains[None], "linear") for p in permutations(range(n))])
    assert random_floor([gains], "relevant") == pytest.approx(level)


def test_average_precision_of_two_levels_is_that_of_scikit_learn():
    rng = np.random.default_rng(10)
    sim, relevant = rng.random((30, 12)), (rng.random((30, 12)) < 0.4).astype(int)
    relevant[:, 0] = 1
    expected = [average_precision_score(labels, row) for row, labels in zip(sim, relevant, strict=True)]
    assert mean_average_precision(sim, relevant) == pytest.approx(100 * np.mean(expected))


# The whole table --------------------------------------------------------------------------------------


def test_keys_and_agreement_with_single_functions():
    rng = np.random.default_rng(6)
    sim, relevance, own = rng.random((12, 5)), rng.random((12, 5)), np.arange(12) % 5
    assert list(retrieval_metrics(sim, own)) == ["t2v", "v2t"]
    metrics = retrieval_metrics(sim, own, relevance)
    for direction, scores, gains in (("t2v", sim, relevance), ("v2t", sim.T, relevance.T)):
        assert list(retrieval_metrics(sim, own)[direction]) == RANK_KEYS
        assert list(metrics[direction]) == RANK_KEYS + RELEVANCE_KEYS
        assert all(type(value) is float for value in metrics[direction].values())
        expected = [ndcg(scores, gains), ndcg(scores, gains, 10)]
        expected += [mean_average_precision_at_r(scores, gains), r_precision(scores, gains)]
        np.testing.assert_allclose([metrics[direction][key] for key in RELEVANCE_KEYS], expected)


@given(problems())
def test_permutations_of_texts_and_videos_change_nothing(problem):
    sim, own, relevance = problem
    rng = np.random.default_rng(7)
    texts, videos = rng.permutation(sim.shape[0]), rng.permutation(sim.shape[1])
    new_own = np.argsort(videos)[own[texts]]
    before = retrieval_metrics(sim, own, relevance)
    after = retrieval_metrics(sim[texts][:, videos], new_own, relevance[texts][:, videos])
    for direction in ("t2v", "v2t"):
        assert after[direction] == pytest.approx(before[direction])


@given(problems())
def test_monotone_transformations_change_nothing(problem):
    sim, own, relevance = problem
    before = retrieval_metrics(sim, own, relevance)
    for transformed in (sim**3 - 5, np.exp(sim / 8), sim.astype(np.float64) * 1e-9):
        assert retrieval_metrics(transformed, own, relevance) == before


@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_transposition_swaps_the_directions(n, seed):
    rng = np.random.default_rng(seed)
    sim, relevance = rng.integers(0, 5, (n, n)), rng.random((n, n)) + 0.1
    metrics, transposed = retrieval_metrics(sim, None, relevance), retrieval_metrics(sim.T, None, relevance.T)
    assert transposed["t2v"] == pytest.approx(metrics["v2t"])
    assert transposed["v2t"] == pytest.approx(metrics["t2v"])


def test_better_scores_for_own_videos_never_hurt():
    rng = np.random.default_rng(8)
    sim = rng.random((30, 30))
    assert (ranks(sim + 0.2 * np.eye(30)) <= ranks(sim)).all()
    assert retrieval_metrics(sim + np.eye(30))["t2v"]["R@1"] == 100


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64])
def test_tensors_of_every_type(dtype):
    sim = torch.tensor([[3, 1, 2], [1, 2, 3], [0, 0, 1]], dtype=dtype)
    if sim.is_floating_point():
        sim.requires_grad_()
    np.testing.assert_array_equal(ranks(sim, torch.tensor([0, 1, 2])), [1, 2, 1])
    assert retrieval_metrics(sim, relevance=torch.eye(3))["t2v"]["mAP@R"] == pytest.approx(200 / 3)


def test_input_is_left_as_it_was():
    sim, relevance = np.random.default_rng(9).random((2, 6, 6))
    before = sim.copy(), relevance.copy()
    retrieval_metrics(sim, None, relevance, exclude_own=True)
    np.testing.assert_array_equal(sim, before[0])
    np.testing.assert_array_equal(relevance, before[1])


# Bad input --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_scores_and_relevance_must_be_finite(bad, kind):
    broken = np.eye(4)
    broken[2, 1] = bad
    with pytest.raises(ValueError, match="sim: .*1 NaN or infinite of 16"):
        retrieval_metrics(kind(broken))
    with pytest.raises(ValueError, match="sim: .*finite"):
        ranks(kind(broken), direction="v2t")
    with pytest.raises(ValueError, match="sim: .*finite"):
        ndcg(kind(broken), np.eye(4))
    with pytest.raises(ValueError, match="relevance: .*finite"):
        retrieval_metrics(np.eye(4), relevance=kind(broken))


@pytest.mark.parametrize(
    ("sim", "own", "message"),
    [
        (np.zeros(4), None, r"sim: .*matrix.*\[4\]"),
        (np.zeros((0, 0)), None, r"sim: .*\[0, 0\]"),
        (np.zeros((3, 0)), None, r"sim: .*\[3, 0\]"),
        (np.zeros((3, 4)), None, r"sim: .*square.*\[3, 4\]"),
        (np.zeros((1, 1)), None, r"sim: .*at least 2 videos"),
        (np.zeros((3, 1)), [0, 0, 0], r"sim: .*at least 2 videos"),
        (np.zeros((3, 4)), [1, 1, 1], r"sim: .*captions of at least 2 videos.*got 1"),
        (np.array([["a", "b"], ["c", "d"]]), None, r"sim: expected numbers"),
        (np.eye(2) * 1j, None, r"sim: expected numbers"),
        (np.zeros((3, 4)), [0, 1], r"video_of_text: .*\[3\].*\[2\]"),
        (np.zeros((3, 4)), [[0], [1], [2]], r"video_of_text: .*\[3, 1\]"),
        (np.zeros((3, 4)), [0, 1, 4], r"video_of_text: .*0 to 3, got 0 to 4"),
        (np.zeros((3, 4)), [0, 1, -1], r"video_of_text: .*got -1 to 1"),
        (np.zeros((3, 4)), [0.0, 1.0, 2.0], r"video_of_text: .*integers.*float64"),
    ],
)
def test_bad_scores_and_indices(sim, own, message):
    with pytest.raises(ValueError, match=message):
        retrieval_metrics(sim, own)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"relevance": np.ones((3, 4))}, r"relevance: .*\[3, 3\] like sim, got \[3, 4\]"),
        ({"relevance": np.eye(3) - 0.5}, r"relevance: .*>= 0, got -0.5"),
        ({"relevance": np.zeros((3, 3))}, r"relevance: .*got none"),
        ({"exclude_own": True}, r"relevance: .*exclude_own.*None"),
        ({"relevant_at": 0.5}, r"relevance: .*relevant_at.*None"),
        ({"relevance": np.eye(3), "relevant_at": 0}, r"relevant_at: .*> 0.*got 0"),
        ({"relevance": np.eye(3), "relevant_at": np.nan}, r"relevant_at: .*got nan"),
    ],
)
def test_bad_relevance(keywords, message):
    with pytest.raises(ValueError, match=message):
        retrieval_metrics(np.eye(3), **keywords)


def test_bad_options():
    with pytest.raises(ValueError, match='direction: .*"t2v" or "v2t", got \'t2t\''):
        ranks(np.eye(3), direction="t2t")
    for k in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="k: expected an integer"):
            ndcg(np.eye(3), np.eye(3), k)
        with pytest.raises(ValueError, match="k: expected an integer"):
            recall_of_all(np.eye(3), np.eye(3), k)
    with pytest.raises(ValueError, match='gain: expected "linear" or "exponential", got \'log\''):
        ndcg(np.eye(3), np.eye(3), gain="log")
    with pytest.raises(ValueError, match=r"relevance: expected numbers in \[0, 1\], got 2"):
        mean_average_precision(np.eye(3), 2 * np.eye(3))
    with pytest.raises(ValueError, match="sim: .*at least 2 items"):
        ndcg(np.zeros((3, 1)), np.ones((3, 1)))
    for exclude in (np.eye(3), np.eye(2, dtype=bool)):
        with pytest.raises(ValueError, match="exclude: expected bool"):
            ndcg(np.eye(3), np.eye(3), exclude=exclude)


# Where they are found -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cmgsd_lite.metrics", "cmgsd_lite.evaluation.metrics"])
def test_both_paths_hand_on_the_metrics_and_nothing_else(name):
    star: dict[str, object] = {}
    exec(f"from {name} import *", star)
    assert set(star) - {"__builtins__"} == PUBLIC
    assert all(star[function] is getattr(metrics, function) for function in PUBLIC)


def test_metrics_need_torch_and_numpy_alone():
    code = (
        "import sys; import cmgsd_lite.metrics; "
        "print(*{'scipy', 'pandas', 'matplotlib', 'sklearn', 'snowballstemmer'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# Real scores ------------------------------------------------------------------------------------------


@pytest.mark.realdata
def test_a_published_score_matrix(cmgsd_data):
    sim = np.load(cmgsd_data / "msrvtt" / "similarity" / "msrvtt_video_matrix.npy", allow_pickle=False)
    metrics = retrieval_metrics(sim)
    keys = ["R@1", "R@5", "R@10", "MdR"]
    assert [metrics["t2v"][key] for key in keys] == [48.0, 73.0, 82.9, 2]
    # Nine columns have ties; counted in the model's favour v2t would read 46.0, 74.1, 82.8.
    assert [metrics["v2t"][key] for key in keys] == [45.6, 74.1, 82.7, 2]


def test_a_relevance_whose_exponential_gain_overflows_is_refused():
    with pytest.raises(ValueError, match="relevance: expected at most 500 for gain='exponential'"):
        ndcg([[1.0, 2.0]], [[2000.0, 1.0]], gain="exponential")
    assert ndcg([[1.0, 2.0]], [[2000.0, 1.0]]) < 100
