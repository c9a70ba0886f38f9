"""InfoNCE with soft targets against loops over pairs; what it is at its limits; what it refuses."""

import math

import pytest
import torch

from cmgsd_lite.baselines import SoftTargetLoss
from cmgsd_lite.losses import InfoNCELoss
from cmgsd_lite.losses.base import Inputs
from tests.losses import slow_losses
from tests.losses.every import batch

IDS = [0, 1, 0, 2, 3, 3, 3, 4]


def softmax(scores):
    top = max(scores.values())
    powers = {key: math.exp(value - top) for key, value in scores.items()}
    return {key: value / sum(powers.values()) for key, value in powers.items()}


def soft_targets(score, ids, weight, share):
    """(1 - weight) * hard + weight * softmax of score[i][j], for both directions; by loops."""
    n, targets = len(score), ([], [])
    for direction in (0, 1):
        for anchor in range(n):
            cells = [(anchor, o) if direction == 0 else (o, anchor) for o in range(n)]
            counted = [o for o in range(n) if o == anchor or share or ids is None or ids[o] != ids[anchor]]
            soft = softmax({o: score[cells[o][0]][cells[o][1]] for o in counted})
            equal = [o for o in counted if o == anchor or (ids is not None and ids[o] == ids[anchor])]
            row = [weight * soft.get(o, 0.0) + (1 - weight) * (o in equal) / len(equal) for o in range(n)]
            targets[direction].append(row)
    return targets


def scores_of(distances, ids, softness, nearest):
    """Minus the mean standardised distance, cut off at the nearest share of the negatives; over softness."""
    n = len(distances[0])
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j and (ids is None or ids[i] != ids[j])]
    total = [[0.0] * n for _ in range(n)]
    for d in distances:
        mean = sum(d[i][j] for i, j in pairs) / len(pairs)
        std = math.sqrt(sum((d[i][j] - mean) ** 2 for i, j in pairs) / len(pairs))
        for i in range(n):
            for j in range(n):
                total[i][j] -= (d[i][j] - mean) / (std + 1e-4) / len(distances)
    count = max(1, int(nearest * len(pairs) + 1e-9))
    limit = sorted((total[i][j] for i, j in pairs), reverse=True)[count - 1]
    return [[min(value, limit) / softness for value in row] for row in total]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ids", [None, IDS])
@pytest.mark.parametrize("positives", ["leave out", "share"])
@pytest.mark.parametrize("nearest", [0.005, 0.1])
@pytest.mark.parametrize("sources", [("distances",), ("text_teacher",), ("text_teacher", "distances")])
def test_targets_from_distances_equal_the_loop(seed, ids, positives, nearest, sources):
    sim, given = batch(seed=seed)
    given = {name: given[name] for name in sources}
    loss = SoftTargetLoss(0.4, 0.07, softness=0.3, nearest=nearest, positives=positives)
    distances = [d.tolist() for d in given.get("distances", {}).values()]
    if "text_teacher" in given:
        x = given["text_teacher"].tolist()
        distances.append([[slow_losses.cosine_distance(x, i, j) for j in range(8)] for i in range(8)])
    targets = soft_targets(scores_of(distances, ids, 0.3, nearest), ids, 0.4, positives == "share")
    slow = slow_losses.cross_entropies(sim.tolist(), targets, 0.07, ids)
    assert loss(sim, **given, ids=ids).item() == pytest.approx(slow, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ids", [None, IDS])
@pytest.mark.parametrize("positives", ["leave out", "share"])
def test_targets_from_relevance_equal_the_loop(seed, ids, positives):
    sim, _ = batch(seed=seed)
    truth = torch.rand(8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    loss = SoftTargetLoss(0.7, 0.07, "relevance", positives=positives)
    known = truth.clone().fill_diagonal_(1.0)  # its own pair counts as wholly true
    targets = soft_targets(known.log().tolist(), ids, 0.7, positives == "share")
    slow = slow_losses.cross_entropies(sim.tolist(), targets, 0.07, ids)
    assert loss(sim, relevance=truth, ids=ids).item() == pytest.approx(slow, abs=1e-9)


def test_at_weight_zero_and_for_the_identity_it_is_infonce():
    sim, given = batch()
    plain = InfoNCELoss(0.05)(sim)
    for loss in (
        SoftTargetLoss(0.0)(sim, distances=given["distances"]),
        SoftTargetLoss(0.6, targets="relevance")(sim, relevance=torch.eye(8)),
        SoftTargetLoss(1.0, targets="relevance")(sim, relevance=torch.zeros(8, 8)),
    ):
        torch.testing.assert_close(loss, plain, rtol=0, atol=1e-12)


def test_truth_of_zeros_and_ones_at_full_weight_shares_positives():
    sim, _ = batch()
    same = torch.tensor([[float(a == b) for b in IDS] for a in IDS])
    shared = InfoNCELoss(positives="share")(sim, ids=IDS)
    torch.testing.assert_close(SoftTargetLoss(1.0, targets="relevance")(sim, relevance=same), shared)


def test_a_teachers_unit_does_not_matter_and_rows_are_texts():
    sim, given = batch()
    d = given["distances"]["mine"]
    loss = SoftTargetLoss(0.5)
    torch.testing.assert_close(
        loss(sim, distances={"d": d}), loss(sim, distances={"d": 1000 * d - 7}), rtol=1e-4, atol=1e-4
    )
    assert not torch.equal(loss(sim, distances={"d": d}), loss(sim, distances={"d": d.T}))
    d = torch.ones(8, 8).fill_diagonal_(0.0)
    d[0, 1] = 0.0  # video 1 is as near to caption 0 as its own
    of_text, of_video = loss.targets(sim, Inputs(distances={"d": d}), (None, None))
    assert of_text[0, 1] == pytest.approx(0.25, abs=1e-6)
    assert of_video[1, 0] == pytest.approx(0.25, abs=1e-6)
    assert of_text[1, 0] < 1e-6


def test_gradient_order_and_precision():
    sim, given = batch(6)
    ready = {"d": given["distances"]["mine"].requires_grad_()}
    loss = SoftTargetLoss(0.5, learnable=True)
    assert torch.autograd.gradcheck(lambda s: loss(s, distances=ready), sim.requires_grad_())
    loss(sim, distances=ready).backward()
    assert ready["d"].grad is None, "a target is a constant of the gradient"
    assert loss.log_scale.grad is not None
    order = torch.tensor([3, 0, 1, 5, 2, 4])
    moved = {"d": ready["d"][order][:, order]}
    torch.testing.assert_close(loss(sim[order][:, order], distances=moved), loss(sim, distances=ready))
    half = loss(sim.bfloat16(), distances={"d": ready["d"].half()})
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(loss(sim, distances=ready).item(), rel=0.05)


@pytest.mark.parametrize("kind", ["ties", "two", "all alike"])
def test_edges_stay_finite(kind):
    n = 2 if kind == "two" else 5
    sim = torch.zeros(n, n, requires_grad=True)
    d = torch.rand(n, n) if kind == "two" else torch.full((n, n), 0.3)
    for given in ({"distances": {"d": d}}, {"text_teacher": torch.ones(n, 3)}):
        value = SoftTargetLoss()(sim, **given)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(sim.grad).all()


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: SoftTargetLoss(1.5), "weight: expected a number in"),
        (lambda: SoftTargetLoss(targets="teacher"), "targets: expected 'distances' or 'relevance'"),
        (lambda: SoftTargetLoss(softness=0.0), "softness: expected a positive number"),
        (lambda: SoftTargetLoss(nearest=0.0), "nearest: expected a share"),
        (lambda: SoftTargetLoss()(torch.eye(3)), "expected at least one of them"),
        (lambda: SoftTargetLoss(targets="relevance")(torch.eye(3)), "relevance: expected a value"),
        (
            lambda: SoftTargetLoss(targets="relevance")(torch.eye(3), relevance=2 * torch.eye(3)),
            r"relevance: expected entries in \[0, 1\]",
        ),
        (
            lambda: SoftTargetLoss()(torch.eye(3), distances={"d": torch.full((3, 3), torch.nan)}),
            r"distances\['d'\]: expected finite",
        ),
    ],
)
def test_bad_input_is_named(build, match):
    with pytest.raises(ValueError, match=match):
        build()
