"""The checkers of chapter 11 accept right answers, recognise typical wrong ones and give nothing away."""

import pytest
import torch
from torch.nn.functional import normalize

from cmgsd_lite.course.exercises import chapter11
from tests.course.exercises.checkers import assert_answers_back


def negatives(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def clipped(margins):
    return (negatives(margins) <= 0).float().mean()


def active(sim, margins):
    return (negatives(margins + sim - sim.diagonal()[:, None]) > 0).float().mean()


def cosines(text, image, logit_scale):
    return normalize(text) @ normalize(image).T


def mean_of_present(vectors, present):
    return vectors.sum(dim=1) / present.sum(dim=1, keepdim=True)


CHECKERS = [
    (chapter11.check_clipped_share, clipped),
    (chapter11.check_active_share, active),
    (chapter11.check_cosines, cosines),
    (chapter11.check_expert_embedding, mean_of_present),
]


@pytest.mark.parametrize(("check", "right"), CHECKERS)
def test_unfilled_right_and_failing(check, right):
    assert_answers_back(check, right)
    assert check(lambda *_: torch.zeros(7)).state == "off"


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda m: (m <= 0).float().mean(), "diagonal"),
        (lambda m: (negatives(m) <= 0).sum(), "count"),
        (lambda m: 100 * clipped(m), "percent"),
        (lambda m: (negatives(m) < 0).float().mean(), "exactly 0"),
        (lambda m: 1 - clipped(m), "not clipped"),
        (lambda m: (negatives(m) < 0.2).float().mean(), "below alpha"),
    ],
)
def test_wrong_clipped_shares_are_recognised(function, hint):
    verdict = chapter11.check_clipped_share(function)
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda s, m: (m + s - s.diagonal()[:, None] > 0).float().mean(), "diagonal is among"),
        (lambda s, m: (negatives(m + s - s.diagonal()[:, None]) > 0).sum() / s.numel(), "N \\* \\(N - 1\\)"),
        (lambda s, m: (negatives(m + s - s.diagonal()[None, :]) > 0).float().mean(), "other direction"),
        (lambda s, m: (negatives(s - s.diagonal()[:, None]) > 0).float().mean(), "margin is missing"),
        (lambda s, m: (negatives(m + s - s.diagonal()[:, None]) > 0).sum(), "count"),
    ],
)
def test_wrong_active_shares_are_recognised(function, hint):
    verdict = chapter11.check_active_share(function)
    assert verdict.state == "off"
    assert hint.replace("\\", "") in verdict.message


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda t, i, scale: t @ i.T, "normalise"),
        (lambda t, i, scale: cosines(t, i, scale) * scale.exp(), "logits"),
        (lambda t, i, scale: t @ i.T * scale.exp(), "neither"),
        (lambda t, i, scale: cosines(t, i, scale) * scale, "logarithm"),
        (lambda t, i, scale: cosines(i, t, scale), "rows are texts"),
        (lambda t, i, scale: (cosines(t, i, scale) * scale.exp()).softmax(dim=1), "probabilities"),
    ],
)
def test_wrong_similarities_are_recognised(function, hint):
    verdict = chapter11.check_cosines(function)
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda v, p: v.mean(dim=1), "vector of zeros"),
        (lambda v, p: v.sum(dim=1), "sum"),
        (lambda v, p: v[:, 0], "first expert"),
        (lambda v, p: v.flatten(1), "end to end"),
        (lambda v, p: v.amax(dim=1), "maximum"),
    ],
)
def test_wrong_embeddings_are_recognised(function, hint):
    verdict = chapter11.check_expert_embedding(function)
    assert verdict.state == "off"
    assert hint in verdict.message
