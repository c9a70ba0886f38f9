"""The control without a teacher: its draws are Gaussian, its own, and a function of the call."""

import copy

import pytest
import torch

from cmgsd_lite.losses import InfoNCELoss, MaxMarginRankingLoss, RandomMarginLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.control import step_key
from cmgsd_lite.losses.random_margin import gaussian_noise
from cmgsd_lite.margins import off_diagonal, random_margin, zscore_margin
from tests.losses import slow_losses
from tests.losses.every import batch

REDUCTIONS = ["mean", "sum", "hardest", "smooth", 3]
KEY = torch.tensor(5)


def own_margin(loss, sim, ids=None, **given):
    noise = gaussian_noise(sim, step_key(loss.seed, sim, Inputs(**given)))
    bounds = {"min_margin": loss.min_margin, "max_margin": loss.max_margin}
    negatives = None if ids is None else torch.tensor([[a != b for b in ids] for a in ids])
    return zscore_margin(noise, loss.margin, loss.beta, negatives=negatives, **bounds)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("with_ids", [False, True])
def test_loss_equals_the_loop_with_its_margins(reduction, with_ids):
    sim, given = batch()
    ids = given["ids"] if with_ids else None
    loss = RandomMarginLoss(0.2, 0.1, reduction, seed=3)
    slow = slow_losses.max_margin(
        sim.tolist(), own_margin(loss, sim, ids, progress=0.4).tolist(), reduction, ids
    )
    assert loss(sim, progress=0.4, ids=ids).item() == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("with_ids", [False, True])
def test_infonce_equals_the_loop_with_its_margins(with_ids):
    sim, given = batch()
    ids = given["ids"] if with_ids else None
    loss = RandomMarginLoss(0.2, 0.1, base="infonce", temperature=0.07)
    slow = slow_losses.info_nce(sim.tolist(), own_margin(loss, sim, ids, progress=0.4).tolist(), 0.07, ids)
    assert loss(sim, progress=0.4, ids=ids).item() == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize(("base", "plain"), [("hinge", MaxMarginRankingLoss), ("infonce", InfoNCELoss)])
def test_without_spread_it_is_the_plain_loss(base, plain):
    sim, _ = batch()
    other = {"hinge": {"reduction": "smooth"}, "infonce": {}}[base]
    loss = RandomMarginLoss(0.2, 0.0, base=base, temperature=0.04, **other)
    assert loss(sim).item() == pytest.approx(plain(temperature=0.04, **other)(sim).item(), abs=1e-12)


def test_margins_have_the_mean_and_spread_that_they_say():
    margin = random_margin(64, 0.2, 0.05, generator=torch.Generator().manual_seed(0))
    values = off_diagonal(margin)
    assert values.mean().item() == pytest.approx(0.2, abs=1e-6)
    assert values.std(correction=0).item() == pytest.approx(0.05, rel=5e-3)  # next to no clip, and eps
    assert not torch.equal(margin, margin.T)
    assert torch.equal(margin.diagonal(), torch.full((64,), 0.2))
    clipped = off_diagonal(random_margin(64, 0.2, 0.4, generator=torch.Generator().manual_seed(0)))
    assert clipped.min() == 0
    assert clipped.mean().item() == pytest.approx(0.2, abs=1e-5)


def test_noise_is_gaussian_and_independent():
    noise = gaussian_noise(torch.empty(400, 500, dtype=torch.float64), KEY)
    ordered = noise.flatten().sort().values
    normal = torch.distributions.Normal(0.0, 1.0).cdf(ordered)
    steps = torch.arange(1, noise.numel() + 1, dtype=torch.float64) / noise.numel()
    assert (normal - steps).abs().max() * noise.numel() ** 0.5 < 1.63  # Kolmogorov, 1 %
    other = gaussian_noise(noise, KEY + 1)
    for shifted in (noise.roll(1), noise.roll(500), noise.roll(2), other, other.roll(1)):
        assert (noise * shifted).mean().abs() * noise.numel() ** 0.5 < 4
    assert ordered.unique().numel() == noise.numel()


def test_draws_are_a_function_of_seed_and_progress_alone():
    sim, given = batch()
    loss = RandomMarginLoss(beta=0.1)
    first = loss(sim, progress=0.25)
    assert loss(sim, progress=0.25) == first  # no state
    assert copy.deepcopy(loss)(sim, progress=torch.tensor(0.25)) == first
    assert loss(sim, progress=0.25, text=given["text"]) == first
    assert loss(sim, progress=0.26) != first
    assert RandomMarginLoss(beta=0.1, seed=1)(sim, progress=0.25) != first
    assert loss(sim) == loss(sim)
    assert loss(sim) != loss(sim, text=given["text"])


def test_gradient_is_that_of_a_constant_margin():
    sim, _ = batch()
    loss = RandomMarginLoss(beta=0.1, reduction="smooth")
    assert torch.autograd.gradcheck(lambda s: loss(s, progress=0.5), sim.requires_grad_())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"base": "clip"}, "base"),
        ({"beta": float("nan")}, "beta"),
        ({"margin": -0.1}, "min_margin"),
        ({"reduction": "max"}, "reduction"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_settings_out_of_range_are_refused(settings, named):
    with pytest.raises(ValueError, match=f"^({named}): expected .*, got"):
        RandomMarginLoss(**settings)
