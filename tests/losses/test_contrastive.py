"""InfoNCE's known positives and its learnable temperature."""

import copy
import math

import pytest
import torch

from cmgsd_lite.baselines import SoftTargetLoss
from cmgsd_lite.losses import InfoNCELoss, SigmoidLoss
from cmgsd_lite.losses.learned import bounded_exp
from cmgsd_lite.similarity import cosine_similarity_matrix
from tests.losses import slow_losses
from tests.losses.every import batch

IDS = [0, 1, 0, 2, 3, 3, 3, 4]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [3, 8])
def test_shared_positives_equal_the_loop(n, seed):
    sim, _ = batch(n, seed=seed)
    ids = IDS[:n]
    fast = InfoNCELoss(0.07, positives="share")(sim, ids=ids)
    slow = slow_losses.cross_entropies(sim.tolist(), slow_losses.shared_targets(ids), 0.07, ids)
    assert fast.item() == pytest.approx(slow, abs=1e-10)


def test_with_different_ids_or_none_sharing_is_the_plain_loss():
    sim, given = batch()
    plain = InfoNCELoss()(sim)
    for ids in (None, list(range(8)), torch.arange(8)):
        torch.testing.assert_close(InfoNCELoss(positives="share")(sim, ids=ids), plain, rtol=0, atol=1e-14)


def test_a_margin_concerns_negatives_alone_and_minus_infinity_leaves_a_positive_out_too():
    sim, _ = batch()
    loss = InfoNCELoss(positives="share")
    margin = torch.rand(8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    known = torch.tensor([[a == b for b in IDS] for a in IDS])
    other = torch.where(known, margin + 7, margin)
    torch.testing.assert_close(loss(sim, margin=margin, ids=IDS), loss(sim, margin=other, ids=IDS))
    removed = margin.clone()
    removed[0, 2] = removed[2, 0] = -math.inf
    moved = sim.clone()
    moved[0, 2], moved[2, 0] = 0.9, -0.9
    assert torch.equal(loss(sim, margin=removed, ids=IDS), loss(moved, margin=removed, ids=IDS))
    assert not torch.equal(loss(sim, margin=margin, ids=IDS), loss(moved, margin=margin, ids=IDS))


@pytest.mark.parametrize("positives", ["leave out", "share"])
def test_gradients_of_scores_and_temperature_equal_finite_differences(positives):
    sim, _ = batch(6)
    loss = InfoNCELoss(0.2, positives, learnable=True).double()

    def of(sim, log_scale):
        return torch.func.functional_call(loss, {"log_scale": log_scale}, (sim,), {"ids": IDS[:6]})

    assert torch.autograd.gradcheck(of, (sim.requires_grad_(), loss.log_scale.detach().requires_grad_()))


def test_the_order_of_the_batch_changes_nothing():
    sim, _ = batch()
    order = torch.tensor([3, 0, 7, 1, 5, 2, 4, 6])
    loss = InfoNCELoss(positives="share", learnable=True)
    moved = loss(sim[order][:, order], ids=[IDS[i] for i in order])
    torch.testing.assert_close(moved, loss(sim, ids=IDS))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_learnable_temperature_is_the_fixed_one_until_it_is_trained(dtype):
    sim, _ = batch(dtype=dtype)
    fixed, learnable = InfoNCELoss(0.05)(sim), InfoNCELoss(0.05, learnable=True)(sim)
    assert fixed.dtype == learnable.dtype
    torch.testing.assert_close(learnable, fixed, rtol=1e-6, atol=1e-6)
    assert InfoNCELoss(0.05, learnable=True).half()(sim).dtype == fixed.dtype
    assert repr(InfoNCELoss(0.05, "share", learnable=True)) == (
        "InfoNCELoss(temperature=0.05, positives='share', learnable=True)"
    )


def test_training_finds_the_temperature_that_minimises_the_loss():
    sim, _ = batch()
    sim = sim + 0.3 * torch.eye(8)  # right more often than not, and wrong sometimes
    loss = InfoNCELoss(0.05, learnable=True)
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.02)
    for _ in range(500):
        optimizer.zero_grad()
        loss(sim).backward()
        optimizer.step()
    found = loss.learned()["temperature"]
    grid = torch.linspace(0.02, 1.0, 2000)
    best = min(grid.tolist(), key=lambda t: InfoNCELoss(t)(sim).item())
    assert found == pytest.approx(best, rel=0.01)


def test_at_a_bound_the_temperature_stays_and_comes_back():
    right, wrong = torch.eye(4), 1 - torch.eye(4)
    loss = InfoNCELoss(0.011, learnable=True)
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.05)

    def train(sim, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            loss(sim * 0.05).backward()
            optimizer.step()
        return loss.learned()["temperature"]

    assert train(right, 200) == pytest.approx(0.01)
    assert loss.log_scale < math.log(100) + 1, "it did not wander off beyond the bound"
    assert train(wrong, 60) > 0.02
    assert train(wrong, 300) == pytest.approx(1.0)


def test_bounded_exp_keeps_the_gradient_that_leads_back():
    for value, sign, kept in (
        (9.0, 1, True),
        (9.0, -1, False),
        (-9.0, 1, False),
        (-9.0, -1, True),
        (1, 1, True),
    ):
        x = torch.tensor(float(value), requires_grad=True)
        (sign * bounded_exp(x, 0.5, 10.0)).backward()
        assert bool(x.grad != 0) is kept


def test_state_goes_through_a_state_dict_and_a_copy():
    sim, _ = batch()
    loss = InfoNCELoss(0.05, learnable=True)
    with torch.no_grad():
        loss.log_scale += 0.3
    other = InfoNCELoss(0.2, learnable=True)
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other(sim), loss(sim)) == torch.equal(copy.deepcopy(loss)(sim), loss(sim)) is True
    assert loss.learned()["temperature"] == pytest.approx(0.05 * math.exp(-0.3), rel=1e-4)


def test_a_loss_on_another_device_than_the_scores_is_told_to_move():
    sim, _ = batch()
    loss = InfoNCELoss(learnable=True).to("meta")
    with pytest.raises(ValueError, match=r"log_scale: expected on cpu like sim, got meta.*loss.to\('cpu'\)"):
        loss(sim)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"positives": "all"}, "positives: expected 'leave out' or 'share', got 'all'"),
        ({"temperature": 0.0}, "temperature: expected a positive number"),
        (
            {"temperature": 2.0, "learnable": True},
            r"temperature: expected a number within bounds \(0.01, 1.0\)",
        ),
        ({"learnable": True, "bounds": (0.0, 1.0)}, "within bounds"),
        ({"learnable": True, "bounds": (0.1, math.nan)}, "within bounds"),
    ],
)
def test_bad_settings_are_named(settings, match):
    with pytest.raises(ValueError, match=match):
        InfoNCELoss(**settings)


LARGE = {
    "shared": lambda: InfoNCELoss(positives="share"),
    "learnable": lambda: InfoNCELoss(learnable=True),
    "soft, features": lambda: SoftTargetLoss(),
    "sigmoid": lambda: SigmoidLoss(positives="share"),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_batch_without_sim_is_the_same_loss(name):
    """However it is computed: value, gradient and the gradient of what is learned."""
    n = 1100
    text, video, teacher = torch.randn(3, n, 8, generator=torch.Generator().manual_seed(0))
    given = {"text_teacher": teacher, "ids": torch.arange(n) // 2}
    found = []
    for whole in (True, False):
        loss, x = LARGE[name](), text.clone().requires_grad_()
        value = loss(cosine_similarity_matrix(x, video) if whole else None, text=x, video=video, **given)
        value.backward()
        found.append([value.detach(), x.grad, *(p.grad for p in loss.parameters())])
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-6)
