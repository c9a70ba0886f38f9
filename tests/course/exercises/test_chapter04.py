"""The checkers of chapter 04: right answers in any dress, wrong ones caught and named."""

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

from cmgsd_lite.course.exercises.chapter04 import (
    centre_inputs,
    check_careless,
    check_centre,
    check_ports,
    check_row_margin,
    clip_and_centre,
    row_inputs,
    row_margin,
)
from cmgsd_lite.margins import zscore_margin
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def by_row(d, alpha, beta):
    no_pair = torch.eye(len(d), dtype=torch.bool)
    mean = d.masked_fill(no_pair, 0).sum(dim=1, keepdim=True) / (len(d) - 1)
    apart = (d - mean).masked_fill(no_pair, 0)
    spread = (apart.square().sum(dim=1, keepdim=True) / (len(d) - 1)).sqrt()
    return alpha + beta * apart / spread


def by_loop(d, alpha, beta):
    margins = []
    for i, row in enumerate(d.tolist()):
        others = [x for j, x in enumerate(row) if j != i]
        mean = sum(others) / len(others)
        std = (sum((x - mean) ** 2 for x in others) / len(others)) ** 0.5
        margins.append([alpha if i == j else alpha + beta * (x - mean) / std for j, x in enumerate(row)])
    return margins


def by_numpy(d, alpha, beta):
    masked = np.ma.masked_array(np.array(d, np.float64), np.eye(len(d), dtype=bool))
    z = (masked - masked.mean(1, keepdims=True)) / masked.std(1, keepdims=True)
    return (alpha + beta * z).filled(alpha)


def by_sample(d, alpha, beta):
    others = d[~torch.eye(len(d), dtype=torch.bool)].view(len(d), -1)
    mean, spread = others.mean(1, keepdim=True), others.std(1, keepdim=True)
    return (alpha + beta * (d - mean) / spread).fill_diagonal_(alpha)


def test_row_margin():
    right = [
        by_row,
        row_margin,
        by_loop,
        by_numpy,
        lambda d, a, b: pd.DataFrame(by_numpy(d, a, b)),
        lambda d, a, b: zscore_margin(d, a, b, min_margin=None, eps=1e-4, within="text"),
    ]
    wrong = [
        (lambda d, a, b: a + b * (d - d.mean(1, True)) / d.std(1, correction=0, keepdim=True), "gets alpha"),
        (by_sample, "correction=0"),
        (lambda d, a, b: zscore_margin(d, a, b, min_margin=None, eps=0.0), "whole batch"),
        (lambda d, a, b: by_row(d.T, a, b).T, "a text is a row"),
        (lambda d, a, b: by_row(d, a, -b), "sign is turned"),
        (lambda d, a, b: by_row(d, a, b).clamp(min=0), "no clip"),
        (lambda d, a, b: by_row(d, a, b).fill_diagonal_(0), "give it alpha"),
        (
            lambda d, a, b: (
                a + b * (d - d.mean(1, keepdim=True)) / d.std(1, correction=0, keepdim=True)
            ).fill_diagonal_(a),
            "the 0 on the diagonal",
        ),
        (lambda d, a, b: by_row(d, 0.2, b), "expected"),
        (lambda d, a, b: by_row(d, a, 0.1), "expected"),
        (lambda d, a, b: by_row(d, a, b)[0], "expected shape"),
    ]
    assert_answers_back(check_row_margin, by_row)
    assert_tells_apart(check_row_margin, right, wrong, row_inputs)


def centred(m, alpha):
    low, high = float(alpha - m.max()), 0.0
    for _ in range(60):
        c = (low + high) / 2
        low, high = (low, c) if (m + c).clamp(min=0).mean() > alpha else (c, high)
    return (m + c).clamp(min=0)


def exactly(m, alpha):
    """Without an interval: try how many of the largest stay above 0."""
    ordered = sorted((float(x) for x in m), reverse=True)
    for count in range(len(ordered), 0, -1):
        c = (alpha * len(ordered) - sum(ordered[:count])) / count
        if ordered[count - 1] + c >= 0:
            return [max(0.0, float(x) + c) for x in m]
    raise AssertionError


def stepwise(m, alpha):
    for _ in range(100):
        m = m - (m.clamp(min=0).mean() - alpha)
    return np.maximum(m.numpy(), 0)


def test_centre():
    right = [
        centred,
        clip_and_centre,
        exactly,
        stepwise,
        lambda m, a: [sympy.Float(x) for x in exactly(m, a)],
    ]
    wrong = [
        (lambda m, a: m.clamp(min=0), "clipping alone"),
        (lambda m, a: m, "below 0"),
        (lambda m, a: m.clamp(min=0) * a / m.clamp(min=0).mean(), "you scaled"),
        (lambda m, a: m.clamp(min=0) - m.clamp(min=0).mean() + a, "before the clip"),
        (lambda m, a: (m - m.clamp(min=0).mean() + a).clamp(min=0), "one step"),
        (lambda m, a: centred(m, 0.2), "expected"),
        (lambda m, a: torch.full_like(m, a), "expected"),
        (lambda m, a: centred(m, a).mean(), "expected shape"),
    ]
    assert_answers_back(check_centre, centred)
    assert_tells_apart(check_centre, right, wrong, centre_inputs)


def nearly_orthogonal():
    vectors = torch.eye(4)
    vectors[0, 1] = 0.05
    return vectors


@pytest.mark.parametrize(
    "vectors",
    [
        nearly_orthogonal(),
        3 * nearly_orthogonal().numpy(),
        nearly_orthogonal().tolist(),
        pd.DataFrame(nearly_orthogonal().numpy()),
        [[sympy.Rational(1), sympy.Rational(1, 20), 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        [*torch.eye(4)[:3], torch.tensor([0.0, 0.0, -0.06, 1.0])],
    ],
)
def test_vectors_that_fool_the_careless_port(vectors):
    assert check_careless(vectors, strict=True).ok


@pytest.mark.parametrize(
    ("vectors", "hint"),
    [
        (torch.eye(4), "standard deviation 0.0000"),
        (torch.ones(4, 2), "standard deviation 0.0000"),
        (torch.tensor([[1.0, 0], [0, 1], [1, 1], [1, 2]]), "times too flat"),
        (torch.eye(4) + torch.eye(4).roll(1, 0), "times too flat"),
        (torch.eye(3), "shape [4, D]"),
        (nearly_orthogonal()[0], "shape [4, D]"),
        (torch.zeros(4, 4), "no direction"),
        (nearly_orthogonal() * float("inf"), "no direction"),
        ("four", "four vectors of numbers"),
    ],
)
def test_vectors_that_do_not(vectors, hint):
    verdict = check_careless(vectors)
    assert verdict.state == "off"
    assert hint in verdict.message
    with pytest.raises(AssertionError, match="not yet"):
        check_careless(vectors, strict=True)


def test_open_answers():
    assert check_careless(None).state == check_ports(...).state == "open"


@pytest.mark.parametrize(
    "answer",
    [
        ["clip", "diagonal", "right", "similarity"],
        ("clip", "diagonal", "right", "similarity"),
        "clip, diagonal, right, similarity",
        "Clip,Diagonal,Right,Similarity",
        [" clip", "DIAGONAL", "right ", "similarity"],
        {"a": "clip", "B": "diagonal", "C": "right", "D": "similarity"},
    ],
)
def test_the_runs_are_read(answer):
    assert check_ports(answer, strict=True).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (["right", "diagonal", "right", "similarity"], "A: "),
        (["clip", "clip", "right", "similarity"], "B: "),
        (["clip", "diagonal", "clip", "similarity"], "C: "),
        (["clip", "diagonal", "right", "right"], "D: "),
        (["diagonal", "clip", "similarity", "right"], "A: "),
        (["clip", "diagonal", "right"], "expected a word for each of A, B, C, D"),
        ("clip diagonal right similarity", "expected a word for each of A, B, C, D"),
        (["clip", "diagonal", "right", "gradient"], "got 'gradient'"),
        (4, "expected a word for each of A, B, C, D"),
    ],
)
def test_the_runs_are_misread(answer, hint):
    verdict = check_ports(answer)
    assert verdict.state == "off"
    assert hint in verdict.message
    with pytest.raises(AssertionError, match="not yet"):
        check_ports(answer, strict=True)
