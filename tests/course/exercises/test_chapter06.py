"""The checkers of chapter 06 accept right answers, recognise typical wrong ones and give nothing away."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.exercises.chapter06 import (
    anchor_inputs,
    check_anchor_picks,
    check_fair_control,
    check_picked,
    check_reversed,
    margin_inputs,
    violation_inputs,
)
from cmgsd_lite.losses.expected import expected_hardest
from cmgsd_lite.margins import zscore_margin
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def reversed_margin(margin, alpha):
    return 2 * alpha - margin


def reversed_in_a_loop(margin, alpha):
    return [[alpha + (alpha - m) for m in row] for row in margin.tolist()]


def test_reversed():
    right = [
        reversed_margin,
        reversed_in_a_loop,
        lambda margin, alpha: alpha - (margin - alpha),
        lambda margin, alpha: np.subtract(2 * alpha, margin),
        lambda margin, alpha: -(margin - alpha) + alpha,
        lambda margin, alpha: 2 * margin.mean() - margin,
        lambda margin, alpha: (2 * alpha - margin).fill_diagonal_(alpha),
    ]
    wrong = [
        (lambda m, alpha: -m, "mirror at α"),
        (lambda m, alpha: alpha - m, "mean is 0"),
        (lambda m, alpha: 0.4 - m, "need not be .2"),
        (lambda m, alpha: m.T, "far stays far"),
        (lambda m, alpha: m.flip(0, 1), "renames the pairs"),
        (lambda m, alpha: m, "nothing has changed"),
        (lambda m, alpha: (2 * alpha - m).clamp(min=0), "not clipped"),
        (lambda m, alpha: m.max() + m.min() - m, "not the mean"),
        (lambda m, alpha: (2 * alpha - m).fill_diagonal_(0), "yours gives"),
        (lambda m, alpha: (2 * alpha - m).clamp(min=0.1), "yours gives"),
    ]
    assert_answers_back(check_reversed, reversed_margin)
    assert_tells_apart(check_reversed, right, wrong, margin_inputs)


def test_reversed_is_what_the_package_does():
    d = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    one, other = (zscore_margin(d, 0.2, beta, min_margin=None) for beta in (0.05, -0.05))
    assert torch.allclose(reversed_margin(one, 0.2), other, atol=1e-6)


def picked(violations, temperature):
    powers = torch.exp(violations / temperature)
    return powers / (1 + powers.sum())


def picked_by_slope(violations, temperature):
    leaf = violations.clone().requires_grad_()
    return torch.autograd.grad(expected_hardest(leaf, temperature), leaf)[0]


def test_picked():
    right = [
        picked,
        picked_by_slope,
        lambda v, t: torch.softmax(torch.cat([v, v.new_zeros(1)]) / t, dim=0)[:-1],
        lambda v, t: [float(p) for p in np.exp(v.numpy() / t) / (1 + np.exp(v.numpy() / t).sum())],
        lambda v, t: 1 / (torch.exp(-v / t) + torch.exp((v[None, :] - v[:, None]) / t).sum(dim=1)),
    ]
    wrong = [
        (lambda v, t: torch.softmax(v / t, dim=0), "sum to 1"),
        (lambda v, t: picked(v * t, 1), "multiply"),
        (lambda v, t: picked(v, 1), "where is the temperature"),
        (lambda v, t: torch.softmax(torch.cat([v, torch.zeros(1)]) / t, dim=0), "not [N + 1]"),
        (lambda v, t: torch.sigmoid(v / t), "compete with each other"),
        (lambda v, t: picked(v.clamp(min=0), t), "do not clip"),
        (lambda v, t: torch.exp(v / t), "yours gives"),
        (lambda v, t: picked(v, 0.06), "yours gives"),
    ]
    assert_answers_back(check_picked, picked)
    assert_tells_apart(check_picked, right, wrong, violation_inputs)


def hardest(sim, margins):
    others = sim.masked_fill(torch.eye(len(sim), dtype=torch.bool), -torch.inf)
    return (others + margins[:, None]).argmax(dim=1)


def hardest_in_a_loop(sim, margins):
    n = len(sim)
    return [max((j for j in range(n) if j != i), key=lambda j, i=i: sim[i, j].item()) for i in range(n)]


def check_picks(function, strict=False):
    return check_anchor_picks("no", function, strict)


def test_anchor_picks():
    right = [
        hardest,
        hardest_in_a_loop,
        lambda sim, m: (sim + m[:, None] - 9 * torch.eye(len(sim))).topk(1, dim=1).indices[:, 0],
        lambda sim, m: np.argmax(np.where(np.eye(len(sim)) > 0, -9, sim), axis=1),
        lambda sim, m: sim.clone().fill_diagonal_(-torch.inf).max(dim=1).indices,
    ]
    wrong = [
        (lambda sim, m: sim.argmax(dim=1), "no negative"),
        (lambda sim, m: hardest(sim.T, m), "pick of every video"),
        (lambda sim, m: sim.clone().fill_diagonal_(0).argmax(dim=1), "may be negative"),
        (lambda sim, m: hardest(sim + m[None, :], m), "belongs to the video"),
        (lambda sim, m: hardest(-sim, m), "least similar"),
        (lambda sim, m: hardest(sim, m) + 1, "yours gives"),
        (lambda sim, m: torch.zeros(len(sim)), "yours gives"),
        (lambda sim, m: sim.max(dim=1).values, "yours gives"),
        (lambda sim, m: (sim + m[:, None]).fill_diagonal_(-9).argmax(dim=0), "pick of every video"),
        (lambda sim, m: (sim + m[:, None]).fill_diagonal_(0).argmax(dim=1), "may be negative"),
        (lambda sim, m: sim.clone().fill_diagonal_(-9).amax(dim=1), "its column"),
        (lambda sim, m: (sim + m[:, None]).fill_diagonal_(-9).amax(dim=1), "its column"),
    ]
    assert_answers_back(check_picks, hardest)
    assert_tells_apart(check_picks, right, wrong, anchor_inputs)


def test_anchor_picks_ask_for_both_answers():
    assert check_anchor_picks(None, hardest).state == "open"
    assert check_anchor_picks("no", lambda sim, margins: None).state == "open"
    assert check_anchor_picks(" No ", hardest).ok
    assert check_anchor_picks(False, hardest).ok
    assert "your own function" in check_anchor_picks("yes", hardest).message
    assert check_anchor_picks(7, hardest).state == "off"
    with pytest.raises(AssertionError, match="your own function"):
        check_anchor_picks("yes", hardest, strict=True)


@pytest.mark.parametrize(
    ("key", "hint"),
    [("a", "softening alone"), ("b", "best for another"), ("d", "right answers"), ("e", "four")],
)
def test_unfair_controls_are_named(key, hint):
    assert hint in check_fair_control(key).message


def test_the_fair_control():
    assert check_fair_control(None).state == "open"
    assert check_fair_control("C ").ok
    assert check_fair_control("(c)").ok
    with pytest.raises(AssertionError):
        check_fair_control("a", strict=True)
