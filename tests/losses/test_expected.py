"""The hardest negative under noise: closed forms against sampling, integration and differences."""

import math

import mpmath
import numpy as np
import pytest
import torch

from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.losses.expected import ein, expected_hardest, sampled_hardest, twin_temperature

SIZES = [-300.0, -30.0, -3.0, -0.5, 0.0, 1.0, 3.0, 3.6, 3.7, 5.0, 80.0, 1000.0]


def anchors(seed, *, shift, dtype=torch.float64):
    """Violations of four anchors against five negatives; one is far below any reach."""
    generator = torch.Generator().manual_seed(seed)
    violations = 0.05 * torch.randn(4, 5, generator=generator, dtype=dtype) + shift
    violations[0, 0] = -1e4
    return violations


def exact_ein(log_x):
    with mpmath.workdps(200):
        x = mpmath.exp(mpmath.mpf(log_x))
        return float(mpmath.euler + mpmath.mpf(log_x) + mpmath.e1(x))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 4e-7)])
def test_ein_is_the_integral(dtype, tolerance):
    # float32 overflows in exp(1000) and ends in subnormal numbers before exp(-300).
    log_x = torch.tensor([a for a in SIZES if dtype == torch.float64 or a > -100], dtype=dtype)
    for value, a in zip(ein(log_x).tolist(), log_x.tolist(), strict=True):
        assert value == pytest.approx(exact_ein(a), rel=tolerance)
    assert ein(torch.tensor(-300.0)) == 0


def test_ein_is_what_numerical_integration_says():
    for a in (-2.0, 0.0, 2.0):
        s = torch.linspace(0, math.exp(a), 20_001, dtype=torch.float64)[1:]
        heights = torch.cat([torch.ones(1, dtype=torch.float64), -torch.expm1(-s) / s])
        area = torch.trapezoid(heights, dx=math.exp(a) / 20_000)
        assert ein(torch.tensor(a, dtype=torch.float64)).item() == pytest.approx(area.item(), rel=1e-8)


def test_ein_has_a_finite_gradient_everywhere():
    log_x = torch.tensor(SIZES, dtype=torch.float64, requires_grad=True)
    ein(log_x).sum().backward()
    torch.testing.assert_close(log_x.grad, -torch.expm1(-log_x.detach().exp()), rtol=1e-13, atol=0)
    inner = torch.tensor([-3.0, 0.0, 3.0, 9.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ein, inner)
    assert torch.autograd.gradgradcheck(ein, inner)


@pytest.mark.parametrize("reduction_temperature", [0.01, 0.03, 0.2])
def test_with_noise_on_zero_it_is_the_smooth_reduction(reduction_temperature):
    sim = torch.rand(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    smooth = MaxMarginRankingLoss(0.2, "smooth", reduction_temperature)(sim)
    positive, off = sim.diagonal(), ~torch.eye(6, dtype=torch.bool)
    directions = [0.2 + m[off].view(6, 5) - positive[:, None] for m in (sim, sim.T)]
    expected = torch.stack([expected_hardest(v, reduction_temperature).mean() for v in directions]).mean()
    assert smooth.item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("noise_on_zero", [True, False])
@pytest.mark.parametrize("shift", [-0.3, -0.1, 0.0, 0.3])
def test_sampling_agrees_to_three_standard_errors(noise_on_zero, shift):
    # 40 numbers: three standard errors of every single one would be left by chance in one of ten.
    violations = anchors(1, shift=shift).requires_grad_()
    draws = 60_000
    generator = torch.Generator().manual_seed(2)
    sample = sampled_hardest(
        violations.detach(), 0.05, draws, noise_on_zero=noise_on_zero, generator=generator
    )
    expected = expected_hardest(violations, 0.05, noise_on_zero=noise_on_zero)
    expected.sum().backward()
    error = sample.values.std(dim=0) / math.sqrt(draws)
    assert bool(((sample.values.mean(dim=0) - expected).abs() <= 3 * error).all())
    shares = (sample.picks[..., None] == torch.arange(5)).double().mean(dim=0)
    gradient = violations.grad
    error = (gradient * (1 - gradient) / draws).sqrt() + 1 / draws
    assert bool(((shares - gradient).abs() <= 3 * error).all())


@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_noise_on_the_negatives_alone_parts_near_zero_and_agrees_away_from_it(shift):
    v = anchors(3, shift=shift).requires_grad_()
    both, alone = (expected_hardest(v, 0.05, noise_on_zero=on) for on in (True, False))
    for of_both, of_alone in (
        (both, alone),
        (torch.autograd.grad(both.sum(), v)[0], torch.autograd.grad(alone.sum(), v)[0]),
    ):
        gap = (of_both - of_alone).abs().max().item()
        assert gap > 1e-3 if shift == 0 else gap < 1e-6


@pytest.mark.parametrize("noise_on_zero", [True, False])
@pytest.mark.parametrize("shift", [-0.3, 0.0, 0.3])
def test_gradient_is_the_closed_form_and_that_of_differences(noise_on_zero, shift):
    tau, v = 0.05, anchors(4, shift=shift).requires_grad_()

    def expected(x):
        return expected_hardest(x, tau, noise_on_zero=noise_on_zero)

    gradient = torch.autograd.grad(expected(v).sum(), v)[0]
    pooled = torch.logsumexp(v / tau, dim=1, keepdim=True)
    violated = torch.sigmoid(pooled) if noise_on_zero else 1 - torch.exp(-torch.exp(pooled - np.euler_gamma))
    torch.testing.assert_close(gradient, torch.softmax(v / tau, dim=1) * violated, rtol=1e-9, atol=1e-15)
    near = anchors(4, shift=shift)[1:].requires_grad_()
    assert torch.autograd.gradcheck(expected, near, eps=1e-7, atol=1e-5)


def test_half_precision_is_widened_and_the_input_left_as_it_was():
    v = anchors(5, shift=0.0).half()
    before = v.clone()
    for on in (True, False):
        assert expected_hardest(v, 0.05, noise_on_zero=on).dtype == torch.float32
        assert sampled_hardest(v, 0.05, 3, noise_on_zero=on).values.dtype == torch.float32
    assert torch.equal(v, before)


def test_picks_name_the_largest_and_minus_one_for_zero():
    sample = sampled_hardest(torch.tensor([[1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]), 1e-3, 4)
    assert sample.picks.tolist() == [[0, 1, -1]] * 4
    assert sample.values.shape == (4, 3)


@pytest.mark.parametrize("function", [expected_hardest, lambda v, t: sampled_hardest(v, t, 5)])
@pytest.mark.parametrize(
    ("violations", "temperature", "named"),
    [
        (torch.tensor(1.0), 0.1, "violations"),
        (torch.zeros(3, 0), 0.1, "violations"),
        (torch.zeros(3, 2), 0.0, "temperature"),
        (torch.zeros(3, 2), math.nan, "temperature"),
    ],
)
def test_wrong_inputs_are_named(function, violations, temperature, named):
    with pytest.raises(ValueError, match=rf"^{named}: expected .*, got"):
        function(violations, temperature)


def cosines(n=24, seed=0):
    return 0.1 * torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_twin_of_gumbel_noise_on_the_negatives_is_its_own_scale_where_zero_never_wins():
    # All violations far above zero: whether zero has noise does not matter, and the picks are a softmax.
    sim = cosines().fill_diagonal_(-3.0)
    generator = torch.Generator().manual_seed(1)
    gumbel = [-torch.empty(24, 24).exponential_(generator=generator).log() for _ in range(3000)]
    twin = twin_temperature(sim, [0.2 + 0.05 * (g.double() - np.euler_gamma) for g in gumbel])
    assert twin.gradient == pytest.approx(0.05, rel=0.02)
    assert twin.value == pytest.approx(0.05, rel=0.02)
    assert twin.apart < 0.03 < 0.2 < twin.apart_from_hardest


def test_twin_is_the_most_likely_temperature():
    sim = cosines(12)
    generator = torch.Generator().manual_seed(2)
    margins = [0.2 + 0.1 * torch.randn(12, 12, generator=generator, dtype=torch.float64) for _ in range(200)]
    violations = torch.cat([(0.2 + m - sim.diagonal()[:, None]).fill_diagonal_(-9) for m in (sim, sim.T)])
    violations = torch.cat([violations, torch.zeros(24, 1)], dim=1)
    value, likelihood = 0.0, dict.fromkeys([0.5, 0.9, 1.0, 1.1, 2.0], 0.0)
    twin = twin_temperature(sim, margins)
    for margin in margins:
        for anchor in range(24):
            i, rows = anchor % 12, anchor < 12
            noise = (margin[i] if rows else margin[:, i]) - 0.2
            noisy = [float(violations[anchor, j] + noise[j]) for j in range(12)] + [0.0]
            picked = max((j for j in range(13) if j != i), key=noisy.__getitem__)
            value += noisy[picked] / (24 * 200)
            for factor in likelihood:
                shares = torch.log_softmax(violations[anchor] / (factor * twin.gradient), dim=0)
                likelihood[factor] += float(shares[picked])
    assert max(likelihood, key=likelihood.__getitem__) == 1.0
    smooth = MaxMarginRankingLoss(0.2, "smooth", twin.value)(sim)
    assert smooth.item() == pytest.approx(value, rel=1e-6)


def test_twin_of_margins_without_spread_is_no_temperature():
    twin = twin_temperature(cosines(), [torch.full((24, 24), 0.2)] * 2)
    assert max(twin.gradient, twin.value) < 1e-3
    assert max(twin.apart, twin.apart_from_hardest) < 1e-9


@pytest.mark.parametrize(
    ("sim", "margins", "named"),
    [
        (torch.zeros(2, 3), [torch.zeros(2, 3)], "sim"),
        (torch.eye(3), [torch.zeros(2, 2)], "margin"),
        (torch.eye(3), [], "margins"),
    ],
)
def test_twin_names_what_is_wrong(sim, margins, named):
    with pytest.raises(ValueError, match=rf"^{named}: expected .*, got"):
        twin_temperature(sim, margins)
