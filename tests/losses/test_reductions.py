"""The gradients that come ready with a value are those that autograd finds from the definition.

``torch.func.grad`` always goes through the definition, and so does ``create_graph=True``.
"""

import math

import pytest
import torch

from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from tests.losses.every import batch

LOSSES = {
    r: lambda r=r: MaxMarginRankingLoss(reduction=r) for r in ("mean", "sum", "hardest", 1, 3, "smooth")
}
LOSSES["infonce"] = InfoNCELoss
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def scores(n, dtype=torch.float64):
    return torch.rand(n, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64).to(dtype) * 0.6


def margin(n, seed=0):
    return torch.rand(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.3


def given(kind, n, dtype):
    """Inputs beside ``sim``; with ``"removed"`` and ``"ids"`` some anchors have no or few negatives."""
    matrix = margin(n).to(dtype)
    if kind == "removed":
        matrix[0] = matrix[1:, 1] = -math.inf
    return {
        "number": {},
        "matrix": {"margin": matrix},
        "removed": {"margin": matrix},
        "two": {"margin": (matrix, margin(n, seed=1).to(dtype))},
        "ids": {"ids": [0, *range(n - 1)] if n > 2 else None, "margin": matrix},
    }[kind]


def value_and_gradient(loss, sim, inputs, **how):
    sim = sim.clone().requires_grad_()
    value = loss(sim, **inputs)
    return value.detach(), torch.autograd.grad(value, sim, **how)[0]


@pytest.mark.filterwarnings("ignore:.*a number changes nothing")
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("n", [3, 8, 33])
@pytest.mark.parametrize("kind", ["number", "matrix", "removed", "two", "ids"])
@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_are_those_of_the_definition(name, kind, n, dtype):
    loss, sim, inputs = LOSSES[name](), scores(n, dtype), given(kind, n, dtype)
    value, gradient = value_and_gradient(loss, sim, inputs)
    wanted, defined = torch.func.grad_and_value(lambda s: loss(s, **inputs))(sim)[::-1]
    close = {"atol": TOLERANCE[dtype], "rtol": 10 * TOLERANCE[dtype]}
    torch.testing.assert_close(value, wanted, **close)
    torch.testing.assert_close(gradient, defined, **close)
    torch.testing.assert_close(
        value_and_gradient(loss, sim.T, inputs, create_graph=True)[1].detach(),
        (value_and_gradient(loss, sim.T, inputs)[1]),
        **close,
    )
    assert torch.equal(loss(sim, **inputs), value)  # nor does it depend on whether a gradient is asked for


@pytest.mark.parametrize("name", [name for name in LOSSES if not isinstance(name, int)])
def test_ties_share_the_gradient_whatever_the_order_of_the_batch(name):
    sim = (scores(9) * 10).round() / 10
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    loss = LOSSES[name]()
    gradient = value_and_gradient(loss, sim, {})[1]
    torch.testing.assert_close(gradient, torch.func.grad(loss)(sim), rtol=0, atol=1e-12)
    moved = value_and_gradient(loss, sim[order][:, order], {})[1]
    torch.testing.assert_close(gradient[order][:, order], moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "loss", [InfoNCELoss(0.001), MaxMarginRankingLoss(reduction="smooth", temperature=0.001)]
)
def test_maxima_too_far_apart_for_one_exponential_lose_nothing(loss):
    sim = scores(6, torch.float32)
    sim[1], sim[:, 2] = sim[1] - 0.9, sim[:, 2] - 0.9  # 900 temperatures
    value, gradient = value_and_gradient(loss, sim, {})
    wanted, defined = value_and_gradient(loss, sim.double(), {})
    torch.testing.assert_close(value.double(), wanted, rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient.double(), defined, rtol=1e-4, atol=1e-6)
    assert gradient[1].abs().sum() > 0.1


@pytest.mark.parametrize("name", LOSSES)
def test_backward_twice_and_a_factor(name):
    sim = scores(5).requires_grad_()
    value = LOSSES[name]()(sim)
    once = torch.autograd.grad(value, sim, retain_graph=True)[0].clone()
    twice = torch.autograd.grad(-2.5 * value, sim)[0]
    torch.testing.assert_close(twice, -2.5 * once)


@pytest.mark.parametrize(
    "loss", [InfoNCELoss(0.3), MaxMarginRankingLoss(reduction="smooth", temperature=0.2)]
)
@pytest.mark.parametrize("n", [2, 5])
def test_second_derivatives(loss, n):
    sim = scores(n).requires_grad_()
    assert torch.autograd.gradcheck(loss, sim)
    assert torch.autograd.gradgradcheck(loss, sim)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", ["matrix", "two"])
def test_a_margin_that_asks_for_a_gradient_gets_it(name, kind):
    sim, loss = scores(5).requires_grad_(), LOSSES[name]()
    margins = [margin(5, seed).requires_grad_() for seed in range(1 if kind == "matrix" else 2)]

    def of(sim, *margins):
        return loss(sim, margin=margins[0] if kind == "matrix" else margins)

    assert torch.autograd.gradcheck(of, (sim, *margins))
    own = torch.autograd.grad(of(sim, *margins), margins[0])[0].diagonal()
    assert not own.any()


def test_a_pair_left_out_by_its_margin_leaves_a_learned_temperature_its_gradient():
    loss = InfoNCELoss(learnable=True)
    inputs = given("removed", 6, torch.float32)
    loss(scores(6, torch.float32), **inputs).backward()
    fixed = [
        InfoNCELoss(0.05 * factor)(scores(6), **given("removed", 6, torch.float64))
        for factor in (0.999, 1.001)
    ]
    # log_scale falls as the temperature rises.
    assert loss.log_scale.grad.item() == pytest.approx((fixed[0] - fixed[1]).item() / 0.002, rel=1e-3)


def test_half_precision_gets_a_gradient_of_its_own_precision():
    sim = scores(6, torch.float32).half()
    for name in LOSSES:
        value, gradient = value_and_gradient(LOSSES[name](), sim, {})
        wanted = value_and_gradient(LOSSES[name](), sim.float(), {})
        assert (value.dtype, gradient.dtype) == (torch.float32, torch.float16)
        torch.testing.assert_close(value, wanted[0])
        torch.testing.assert_close(gradient, wanted[1].half())


def test_wider_margins_than_scores():
    _, x = batch(8)
    sim = scores(8, torch.float32)
    loss = CMGSDLoss(reduction="smooth", schedule="dynamic")
    inputs = {"text": x["text"].double(), "video": x["video"].double()}
    value, gradient = value_and_gradient(loss, sim, inputs)
    assert (value.dtype, gradient.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(gradient, value_and_gradient(loss, sim.double(), inputs)[1].float())
