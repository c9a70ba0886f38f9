"""The ground floor: similarity, distances, schedules."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cmgsd_lite.distances import cosine_distances, euclidean_distances
from cmgsd_lite.schedules import Constant, LinearRamp
from cmgsd_lite.similarity import cosine_similarity_matrix, normalise


def test_rows_are_texts_and_columns_are_videos():
    text = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    video = torch.tensor([[2.0, 0.0], [0.0, -3.0]])
    sim = cosine_similarity_matrix(text, video)
    half = 1 / math.sqrt(2)
    torch.testing.assert_close(sim, torch.tensor([[1.0, 0.0], [0.0, -1.0], [half, -half]]))


def test_similarity_of_zero_rows_is_zero_and_not_nan():
    sim = cosine_similarity_matrix(torch.zeros(2, 3), torch.ones(2, 3))
    assert torch.equal(sim, torch.zeros(2, 2))


@pytest.mark.parametrize(("text", "video"), [((2, 3), (2, 4)), ((3,), (2, 3)), ((1, 2, 3), (2, 3))])
def test_similarity_refuses_other_shapes(text, video):
    with pytest.raises(ValueError, match="text and video: expected"):
        cosine_similarity_matrix(torch.zeros(text), torch.zeros(video))


def test_half_precision_is_normalised_in_float32():
    large = torch.full((1, 4), 60000.0, dtype=torch.float16)  # its square overflows float16
    torch.testing.assert_close(normalise(large), torch.full((1, 4), 0.5))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_distances_equal_numpy_pair_by_pair(n):
    x = np.random.default_rng(n).normal(size=(n, 5))
    cosine, euclidean = cosine_distances(torch.tensor(x)), euclidean_distances(torch.tensor(x))
    for i in range(n):
        for j in range(n):
            expected = 1 - x[i] @ x[j] / (np.linalg.norm(x[i]) * np.linalg.norm(x[j]))
            assert cosine[i, j].item() == pytest.approx(expected, abs=1e-12)
            assert euclidean[i, j].item() == pytest.approx(np.linalg.norm(x[i] - x[j]), abs=1e-12)


def test_euclidean_distance_of_equal_float32_rows_is_exactly_zero():
    x = torch.randn(1, 64, generator=torch.Generator().manual_seed(0)).repeat(30, 1) * 100
    assert euclidean_distances(x).abs().max() == 0


@pytest.mark.parametrize("distances", [cosine_distances, euclidean_distances])
def test_distances_under_autocast_stay_float32(distances):
    x = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = distances(x)
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, distances(x), rtol=0, atol=0)


@pytest.mark.parametrize("distances", [cosine_distances, euclidean_distances])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_distances_refuse_what_is_not_finite(distances, bad):
    x = torch.ones(3, 2)
    x[1, 0] = bad
    with pytest.raises(ValueError, match="x: expected finite"):
        distances(x)
    with pytest.raises(ValueError, match="x: expected embeddings"):
        distances(torch.ones(3))


def test_ramp_by_hand():
    ramp = LinearRamp(0.2, 0.6)
    assert [ramp(t) for t in (0, 0.2, 0.3, 0.4, 0.5, 0.6, 1)] == [0, 0, 0.25, 0.5, 0.75, 1, 1]


def test_ramp_of_no_length_is_a_step():
    assert [LinearRamp(0.5, 0.5)(t) for t in (0.49, 0.5)] == [0, 1]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_ramp_is_monotone_and_stays_in_the_unit_interval(a, b, t, u):
    ramp = LinearRamp(min(a, b), max(a, b))
    early, late = ramp(min(t, u)), ramp(max(t, u))
    assert 0 <= early <= late <= 1


def test_constant_and_bad_schedules():
    assert Constant(0.3)(0.0) == Constant(0.3)(1.0) == 0.3
    for wrong in (lambda: LinearRamp(0.6, 0.2), lambda: LinearRamp(-0.1, 0.2), lambda: Constant(1.1)):
        with pytest.raises(ValueError, match="expected"):
            wrong()
    for schedule in (LinearRamp(), Constant(0.5)):
        for progress in (-0.01, 1.01, math.nan):
            with pytest.raises(ValueError, match="progress: expected a fraction"):
                schedule(progress)


SLIGHTLY_OFF = [
    (1 + 1e-7, 1.0),
    (1 + 1e-6, 1.0),
    (-1e-7, 0.0),
    (torch.tensor(1.0000001), 1.0),
    (torch.tensor([0.3]), torch.tensor(0.3).item()),
    (torch.tensor([[0.3]], dtype=torch.float64), 0.3),
    (torch.tensor(1), 1.0),
    (torch.tensor(0.3, dtype=torch.float64, requires_grad=True), 0.3),
    (np.float32(0.3), float(np.float32(0.3))),
    (np.float64(0.3), 0.3),
    (np.array(0.3), 0.3),
    (np.int64(1), 1.0),
    (1, 1.0),
    (sum([0.1] * 10), sum([0.1] * 10)),
    (sum([1 / 3_000] * 3_000), min(1.0, sum([1 / 3_000] * 3_000))),
]
REALLY_OUTSIDE = [
    math.nan,
    math.inf,
    -0.01,
    1.01,
    1 + 1e-4,
    torch.tensor(math.nan),
    torch.tensor([0.1, 0.2]),
    np.array([0.1, 0.2]),
    torch.tensor([]),
    np.float32(math.nan),
    "0.5",
    [0.5],
    0.5j,
]


@pytest.mark.parametrize(("progress", "number"), SLIGHTLY_OFF)
@pytest.mark.parametrize(
    "schedule", [LinearRamp(), LinearRamp(0.0, 1.0), LinearRamp(1.0, 1.0), Constant(0.4)]
)
def test_schedules_take_progress_in_every_form(schedule, progress, number):
    assert schedule(progress) == schedule(number)
    assert isinstance(schedule(progress), float)


@pytest.mark.parametrize("progress", REALLY_OUTSIDE)
def test_schedules_refuse_progress_that_is_none(progress):
    for schedule in (LinearRamp(), Constant(0.4)):
        with pytest.raises(ValueError, match="progress: expected a fraction"):
            schedule(progress)
