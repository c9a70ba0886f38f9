"""The moving pictures compute what the package computes: losses, gradients, margins, a whole training."""

import json

import pytest
import torch

from cmgsd_lite.course.circle import LOSSES, MARGINS, train_circle
from cmgsd_lite.losses import InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.margins import zscore_margin
from tests.course.live.scripts import needs_node, run

pytestmark = needs_node
LARGE = torch.rand(7, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
MARGIN = torch.rand(7, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def of_package(name, temperature):
    if name == "InfoNCE":
        return InfoNCELoss(temperature)
    return MaxMarginRankingLoss(0.2, 4 if name == "4 hardest" else name, temperature=temperature)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("temperature", [0.02, 0.3])
@pytest.mark.parametrize("size", [2, 4, 7])
def test_loss_and_gradient(name, temperature, size):
    sim = LARGE[:size, :size].clone().requires_grad_()
    margin = MARGIN[:size, :size]
    loss = of_package(name, temperature)(sim, margin=margin)
    loss.backward()
    given = f"{json.dumps(sim.tolist())}, {json.dumps(margin.tolist())}, {json.dumps(name)}, {temperature}"
    found = run("circle", f"return lossOf({given})")
    assert found["loss"] == pytest.approx(loss.item(), abs=1e-9)
    both = torch.tensor(found["textToVideo"]) + torch.tensor(found["videoToText"])
    torch.testing.assert_close(both.double(), sim.grad, atol=1e-6, rtol=1e-5)


def test_the_hardest_share_their_push_among_ties():
    sim = [[0.5, 0.6, 0.6], [0, 0.9, 0], [0, 0, 0.9]]
    found = run("circle", f"return lossOf({json.dumps(sim)}, fixedMargins(3, 0.2), 'hardest', 0.1)")
    leaf = torch.tensor(sim, requires_grad=True)
    MaxMarginRankingLoss(0.2, "hardest")(leaf).backward()
    both = torch.tensor(found["textToVideo"]) + torch.tensor(found["videoToText"])
    torch.testing.assert_close(both, leaf.grad)


@pytest.mark.parametrize("beta", [0.0, 0.05, 0.3])
def test_adaptive_margins(beta):
    found = run("circle", f"return adaptiveMargins({json.dumps(LARGE.tolist())}, 0.2, {beta})")
    expected = zscore_margin(LARGE, 0.2, beta)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), expected, atol=1e-6, rtol=0)
    assert beta < 0.3 or (expected == 0).any(), "the bound is active"


@pytest.mark.parametrize(
    ("name", "margins"),
    [*((name, "fixed") for name in LOSSES), ("smooth", "adaptive"), ("smooth", "permuted")],
)
def test_the_same_start_and_the_same_training(name, margins):
    # After 50 steps; later a rounding error decides on which side of its kink a hinge lies.
    settings = json.dumps({"loss": name, "margins": margins})
    found = run(
        "circle",
        f"const chosen = {{ ...USUAL, ...{settings} }}; const circle = new Circle(chosen);"
        "for (let i = 0; i < 50; i++) circle.train(chosen);"
        "return { texts: circle.texts, videos: circle.videos, loss: circle.loss, ...circle.measures() };",
    )
    points = train_circle(name, margins, steps=50)
    for ours, theirs in ((found["texts"], points.texts), (found["videos"], points.videos)):
        torch.testing.assert_close(torch.tensor(ours, dtype=torch.float64), theirs, atol=1e-6, rtol=0)
    assert found["loss"] == pytest.approx(points.loss, abs=1e-6)
    assert found["recall"] == pytest.approx(points.recall)
    assert found["same"] == pytest.approx(points.same_scene, abs=1e-6)
    assert found["other"] == pytest.approx(points.other_scenes, abs=1e-6)


def test_the_same_names_on_both_sides():
    assert run("circle", "return [LOSSES, MARGINS]") == [list(LOSSES), list(MARGINS)]
    assert run("circle", "return USUAL") == {
        "loss": "mean", "margins": "fixed", "margin": 0.3, "beta": 0.15, "temperature": 0.1, "seed": 20,
        "step": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"loss": "nonsense"}, {"margins": "none"}, {"temperature": 0}, {"seed": 0.5}]
)
def test_what_can_not_be_trained_with_becomes_the_usual(wrong):
    found = run("circle", f"return trainable({{ ...USUAL, margin: 0.5, ...{json.dumps(wrong)} }}, USUAL)")
    assert found == run("circle", "return { ...USUAL, margin: 0.5 }")
