"""The sigmoid loss against loops over pairs, the published form, and finite differences."""

import math

import pytest
import torch
from torch.nn import functional

from cmgsd_lite.losses import CMGSDLoss, SigmoidLoss
from tests.losses import slow_losses
from tests.losses.every import batch

IDS = [0, 1, 0, 2, 3, 3, 3, 4]


def some_margin(n=8, removed=0.0):
    margin = torch.rand(n, n, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 0.3
    return margin.masked_fill(margin < removed * 0.3, -math.inf)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["none", "number", "matrix", "removed"])
@pytest.mark.parametrize("ids", [None, IDS])
@pytest.mark.parametrize("positives", ["leave out", "share"])
def test_it_equals_the_loop(seed, kind, ids, positives):
    sim, _ = batch(seed=seed)
    margin = {"none": None, "number": 0.2, "matrix": some_margin(), "removed": some_margin(removed=0.4)}[kind]
    fast = SigmoidLoss(20.0, -7.0, positives=positives)(sim, margin=margin, ids=ids)
    rows = [[0.2] * 8] * 8 if kind == "number" else None if margin is None else margin.tolist()
    slow = slow_losses.siglip(sim.tolist(), 20.0, -7.0, rows, ids, share=positives == "share")
    assert fast.item() == pytest.approx(slow, abs=1e-5)  # scale and bias are float32
    exact = SigmoidLoss(20.0, -7.0, positives=positives, learnable=False)(sim, margin=margin, ids=ids)
    assert exact.item() == pytest.approx(slow, abs=1e-10)


def test_a_known_positive_that_is_left_out_counts_nowhere():
    sim, _ = batch()
    margin = some_margin()
    margin[0, 2] = -math.inf
    moved = sim.clone()
    moved[0, 2] = 0.9
    for positives in ("leave out", "share"):
        loss = SigmoidLoss(positives=positives)
        assert torch.equal(loss(sim, margin=margin, ids=IDS), loss(moved, margin=margin, ids=IDS))


def test_it_is_the_published_loss():
    """Algorithm 1 of arXiv 2303.15343: labels 2 I - 1, the sum over all pairs divided by the batch."""
    generator = torch.Generator().manual_seed(0)
    image, text = (functional.normalize(torch.randn(6, 5, generator=generator), dim=1) for _ in range(2))
    t_prime, b = torch.tensor(math.log(10.0)), torch.tensor(-10.0)
    logits = image @ text.T * torch.exp(t_prime) + b
    labels = 2 * torch.eye(6) - torch.ones(6, 6)
    published = -torch.sum(functional.logsigmoid(labels * logits)) / 6
    torch.testing.assert_close(SigmoidLoss()(text @ image.T), published)


def test_a_constant_margin_is_a_bias_of_the_negatives_and_its_own_is_replaced():
    sim, _ = batch()
    assert SigmoidLoss(margin=0.3)(sim) > SigmoidLoss()(sim)
    given = SigmoidLoss(margin=0.7)(sim, margin=torch.full_like(sim, 0.3))
    torch.testing.assert_close(SigmoidLoss(margin=0.3)(sim), given)


def test_an_adaptive_margin_goes_in():
    sim, given = batch()
    given["ids"] = None
    adaptive = CMGSDLoss(beta=0.1).margins(sim, **given)["combined"]
    slow = slow_losses.siglip(sim.tolist(), 20.0, -8.0, adaptive.tolist())
    fast = SigmoidLoss(20.0, -8.0, learnable=False)(sim, margin=adaptive)
    assert fast.item() == pytest.approx(slow, abs=1e-10)


def test_with_different_ids_sharing_is_the_plain_loss():
    sim, _ = batch()
    torch.testing.assert_close(SigmoidLoss(positives="share")(sim, ids=list(range(8))), SigmoidLoss()(sim))


@pytest.mark.parametrize("positives", ["leave out", "share"])
def test_gradients_equal_finite_differences(positives):
    sim, _ = batch(6)
    loss = SigmoidLoss(5.0, -2.0, positives=positives).double()
    margin = some_margin(6, removed=0.3)

    def of(sim, margin, log_scale, bias):
        parameters = {"log_scale": log_scale, "learned_bias": bias}
        call = {"margin": margin, "ids": IDS[:6]}
        return torch.func.functional_call(loss, parameters, (sim,), call)

    inputs = [sim, margin.nan_to_num(neginf=0.1), loss.log_scale.detach(), loss.learned_bias.detach()]
    assert torch.autograd.gradcheck(of, [x.requires_grad_() for x in inputs])
    loss(sim, margin=margin).backward()
    assert all(torch.isfinite(p.grad) for p in loss.parameters()), "-inf leaves no NaN behind"


def test_the_order_of_the_batch_changes_nothing():
    sim, _ = batch()
    order = torch.tensor([3, 0, 7, 1, 5, 2, 4, 6])
    for positives in ("leave out", "share"):
        loss = SigmoidLoss(positives=positives)
        moved = loss(sim[order][:, order], ids=[IDS[i] for i in order])
        torch.testing.assert_close(moved, loss(sim, ids=IDS))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_widened(dtype):
    sim, _ = batch(dtype=dtype)
    for loss in (SigmoidLoss(), SigmoidLoss().half(), SigmoidLoss(learnable=False)):
        value = loss(sim)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, SigmoidLoss()(sim.float()), rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore:SigmoidLoss. sim. expected cosines")
def test_extreme_scores_stay_finite():
    sim = (100 * torch.eye(3) - 50).requires_grad_()
    for sign in (1, -1):
        value = SigmoidLoss(100.0)(sign * sim)
        value.backward()
        assert torch.isfinite(value)
    assert torch.isfinite(sim.grad).all()


def test_scale_and_bias_are_learned_by_name_and_told():
    sim, _ = batch()
    loss = SigmoidLoss(20.0, -8.0)
    assert loss.learned() == {"scale": 20.0, "bias": -8.0}
    loss(sim).backward()
    assert all(p.grad is not None and p.grad != 0 for p in loss.parameters())
    fixed = SigmoidLoss(20.0, -8.0, learnable=False)
    assert (list(fixed.parameters()), fixed.learned()) == ([], {})
    torch.testing.assert_close(fixed(sim.float()), loss(sim.float()))
    assert repr(fixed) == "SigmoidLoss(scale=20.0, bias=-8.0, learnable=False)"
    other = SigmoidLoss()
    other.load_state_dict(loss.state_dict())
    assert other.learned() == loss.learned()
    with pytest.raises(ValueError, match="log_scale: expected on cpu like sim, got meta"):
        SigmoidLoss().to("meta")(sim)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"scale": 0.0}, "scale: expected a positive number"),
        ({"bias": math.inf}, "bias: expected a finite number"),
        ({"margin": math.nan}, "margin: expected a finite number"),
        ({"positives": "some"}, "positives: expected"),
    ],
)
def test_bad_settings_are_named(settings, match):
    with pytest.raises(ValueError, match=match):
        SigmoidLoss(**settings)


def test_a_margin_for_each_direction_is_refused():
    sim, _ = batch()
    with pytest.raises(ValueError, match="margin: expected one for every pair, got two"):
        SigmoidLoss()(sim, margin=(some_margin(), some_margin()))
