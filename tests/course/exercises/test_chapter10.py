"""The checkers of chapter 10 accept right answers, recognise typical wrong ones and give nothing away."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from cmgsd_lite.course.exercises import chapter10
from tests.course.exercises.checkers import assert_answers_back


def both(logits, transposed):
    own = torch.arange(len(logits))
    return (cross_entropy(logits, own) + cross_entropy(transposed, own)) / 2


def masked(sim, removed, temperature):
    logits = (sim / temperature).masked_fill(removed, -math.inf)
    return both(logits, logits.T)


def corrected(own, others, prior, temperature):
    mean = torch.exp(others / temperature).mean()
    return ((mean - prior * torch.exp(own / temperature)) / (1 - prior)).clamp_min(math.exp(-1 / temperature))


def mean_margin(sim, scale):
    own = sim.diagonal()
    return scale * (own - (sim.sum(dim=1) - own) / (len(sim) - 1))


CHECKERS = [
    (chapter10.check_masked_info_nce, masked),
    (chapter10.check_mean_margin, mean_margin),
    (chapter10.check_debiased_negatives, corrected),
]


@pytest.mark.parametrize(("check", "right"), CHECKERS)
def test_functions_unfilled_right_and_failing(check, right):
    assert_answers_back(check, right)


def test_remaining_unfilled_and_right():
    assert chapter10.check_remaining(None).state == "open"
    assert chapter10.check_remaining(0.028 * 128 * 127 - 0.25 * 0.02 * 128 * 127).ok
    assert chapter10.check_remaining(374).ok
    assert chapter10.check_remaining(1).state == "off"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((0.028 - 0.02) * 128 * 127, "only a quarter"),
        (0.25 * 0.02 * 128 * 127, "caught"),
        (0.75 * 0.02 * 128 * 127, "thrown away"),
        ((0.028 - 0.25 * 0.02) * 128 * 128, "diagonal"),
    ],
)
def test_wrong_numbers_are_recognised(answer, hint):
    verdict = chapter10.check_remaining(answer)
    assert verdict.state == "off"
    assert hint in verdict.message
    assert "374" not in verdict.message


def zeroed(sim, removed, temperature):
    logits = (sim / temperature).masked_fill(removed, 0.0)
    return both(logits, logits.T)


def texts_only(sim, removed, temperature):
    return both((sim / temperature).masked_fill(removed, -math.inf), (sim / temperature).T)


def one_direction(sim, removed, temperature):
    logits = (sim / temperature).masked_fill(removed, -math.inf)
    return cross_entropy(logits, torch.arange(len(sim)))


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (zeroed, "logit of 0"),
        (texts_only, "texts only"),
        (one_direction, "one direction"),
        (lambda sim, removed, t: both(sim / t, sim.T / t), "nothing has been removed"),
        (lambda sim, removed, t: masked(sim, removed, 1.0), "temperature"),
        (lambda sim, removed, t: torch.tensor(3.0), "off"),
        (lambda sim, removed, t: sim, "shape"),
    ],
)
def test_wrong_masks_are_recognised(function, hint):
    verdict = chapter10.check_masked_info_nce(function)
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda sim, a: mean_margin(sim.T, a), "margins of the videos"),
        (lambda sim, a: a * (sim.diagonal() - sim.mean(dim=1)), "diagonal"),
        (lambda sim, a: a * (sim.diagonal() - (sim.sum(1) - sim.diagonal()) / len(sim)), "N - 1"),
        (lambda sim, a: mean_margin(sim, 1.0), "scale"),
        (lambda sim, a: a * sim.diagonal(), "mean of the negatives"),
        (lambda sim, a: a * (sim.diagonal() - sim.fill_diagonal_(-1).amax(1)), "off"),
    ],
)
def test_wrong_margins_are_recognised(function, hint):
    verdict = chapter10.check_mean_margin(function)
    assert verdict.state == "off"
    assert hint in verdict.message


def unbounded(own, others, prior, temperature):
    return (torch.exp(others / temperature).mean() - prior * torch.exp(own / temperature)) / (1 - prior)


def undivided(own, others, prior, temperature):
    mean = torch.exp(others / temperature).mean() - prior * torch.exp(own / temperature)
    return mean.clamp_min(math.exp(-1 / temperature))


def plain_prior(own, others, prior, temperature):
    mean = (torch.exp(others / temperature).mean() - prior) / (1 - prior)
    return mean.clamp_min(math.exp(-1 / temperature))


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (unbounded, "never negative"),
        (lambda *given: unbounded(*given).clamp_min(0), "not 0"),
        (undivided, "1 - prior"),
        (lambda own, others, prior, t: torch.exp(others / t).mean(), "taken off"),
        (plain_prior, "looks like"),
        (lambda own, others, prior, t: torch.exp(others / t), "one number"),
    ],
)
def test_wrong_corrections_are_recognised(function, hint):
    verdict = chapter10.check_debiased_negatives(function)
    assert verdict.state == "off"
    assert hint in verdict.message
