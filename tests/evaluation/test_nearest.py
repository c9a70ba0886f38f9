"""Agreement as a hinge sees it: against sorting by hand, ties by expectation, and what is refused."""

import itertools

import numpy as np
import pytest

from cmgsd_lite.evaluation.agreement import area_under_curve
from cmgsd_lite.evaluation.nearest import SHARES, anchor_areas, nearest_pairs


def random_batch(n=20, seed=0, rate=0.1):
    draw = np.random.default_rng(seed)
    return draw.random((n, n)), draw.random((n, n)) < rate


def test_precision_and_recall_by_sorting():
    distances, false = random_batch()
    outside = ~np.eye(20, dtype=bool)
    order = np.argsort(distances[outside])
    found = nearest_pairs(distances, false)
    for share in SHARES:
        looked_at = max(1, round(share / 100 * 380))
        hits = false[outside][order[:looked_at]].sum()
        assert found.precision[share] == pytest.approx(100 * hits / looked_at)
        assert found.recall[share] == pytest.approx(100 * hits / false[outside].sum())


def test_ties_count_by_expectation_over_their_orders():
    distances = np.array([[0.0, 0.2, 0.2], [0.2, 0.0, 0.1], [0.9, 0.9, 0.0]])
    false = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    tied = [(0, 1), (0, 2), (1, 0)]
    by_hand = [
        sum(false[pair] for pair in [(1, 2), *order][:3]) / 3 for order in itertools.permutations(tied)
    ]
    assert nearest_pairs(distances, false, (50.0,)).precision[50.0] == pytest.approx(100 * np.mean(by_hand))


def test_a_constant_distance_has_the_precision_of_the_base_rate():
    _, false = random_batch(seed=1)
    base = false[~np.eye(20, dtype=bool)].mean()
    for precision in nearest_pairs(np.ones((20, 20)), false).precision.values():
        assert precision == pytest.approx(100 * base)
    assert anchor_areas(np.ones((20, 20)), false)["auc_text"] == pytest.approx(50)


def test_areas_per_anchor_are_those_of_rows_and_columns():
    distances, false = random_batch(seed=2, rate=0.3)
    found = anchor_areas(distances, false)
    for name, d, f in (("auc_text", distances, false), ("auc_video", distances.T, false.T)):
        areas = []
        for i in range(20):
            others = [j for j in range(20) if j != i]
            near, far = [d[i, j] for j in others if f[i, j]], [d[i, j] for j in others if not f[i, j]]
            if near and far:
                areas.append(area_under_curve(near, far))
        assert found[name] == pytest.approx(100 * np.mean(areas))


def test_the_diagonal_is_not_looked_at():
    distances, false = random_batch(seed=3)
    other = distances.copy()
    np.fill_diagonal(other, -1)
    turned = false ^ np.eye(20, dtype=bool)
    assert nearest_pairs(distances, false) == nearest_pairs(other, turned)
    assert anchor_areas(distances, false) == anchor_areas(other, turned)


def test_without_false_negatives_recall_and_areas_are_unknown():
    distances, _ = random_batch(seed=4)
    none = np.zeros((20, 20), dtype=bool)
    assert all(np.isnan(value) for value in nearest_pairs(distances, none).recall.values())
    assert all(np.isnan(value) for value in anchor_areas(distances, none).values())


@pytest.mark.parametrize(
    ("distances", "false", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 3), bool), "square"),
        (np.ones((2, 2)), np.ones((3, 3), bool), "square"),
        (np.ones((2, 2)), np.ones((2, 2)), "boolean"),
        (np.full((2, 2), np.nan), np.ones((2, 2), bool), "NaN"),
    ],
)
def test_bad_input_is_named(distances, false, message):
    for measure in (nearest_pairs, anchor_areas):
        with pytest.raises(ValueError, match=message):
            measure(distances, false)
