"""Right answers of chapter 00 are accepted, typical wrong ones recognised."""

import numpy as np
import torch

from cmgsd_lite.course.exercises.chapter00 import (
    check_count_false_negatives,
    check_larger_batch,
    check_right_first,
)
from cmgsd_lite.course.exercises.checking import hundredths
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def truths(generator, n):
    return (torch.rand(n, n, generator=generator) < 0.6,)


def searches(generator, n):
    return torch.randn(n + 1, n, generator=generator), torch.rand(n + 1, n, generator=generator) < 0.5


def batches(generator, n):
    return float(hundredths(generator, low=1, high=5)), 7 * n, 23 * n


def count(true):
    return (true * (1 - torch.eye(len(true)))).sum()


def by_loops(true):
    return sum(bool(true[i, j]) for i in range(len(true)) for j in range(len(true)) if i != j)


COUNT_RIGHT = [
    count,
    by_loops,
    lambda true: true.sum() - true.diagonal().sum(),
    lambda true: int(true.sum() - true.trace()),
    lambda true: float(np.triu(true.numpy(), 1).sum() + np.tril(true.numpy(), -1).sum()),
]
COUNT_WRONG = [
    (lambda true: true.sum(), "the diagonal is in your count"),
    (lambda true: true.sum() - len(true), "may be wrong about its own clip"),
    (lambda true: count(~true), "true negatives"),
    (lambda true: count(true).clamp(max=1), "yours gives"),
    (lambda true: true.triu(1).sum(), "below the diagonal"),
    (lambda true: count(true) / true.numel(), "the number of pairs"),
    (lambda true: (true & ~torch.eye(len(true), dtype=torch.bool)).any(1).sum(), "captions that have"),
    (lambda true: 6, "yours gives 6"),
]


def test_counting():
    assert_answers_back(check_count_false_negatives, count)
    assert_tells_apart(check_count_false_negatives, COUNT_RIGHT, COUNT_WRONG, truths)


def right_first(sim, true):
    hits = torch.stack([row_true[row.argmax()] for row, row_true in zip(sim, true, strict=True)])
    return 100 * hits.double().mean()


FIRST_RIGHT = [
    right_first,
    lambda sim, true: 100 * true.gather(1, sim.argmax(1, keepdim=True)).double().mean(),
    lambda sim, true: (100 * np.take_along_axis(np.asarray(true), np.argmax(sim, 1)[:, None], 1)).mean(),
    lambda sim, true: 100 * (true & (sim == sim.amax(1, keepdim=True))).any(1).float().mean().item(),
    lambda sim, true: (
        100 * sum(t[s.topk(1).indices].item() for s, t in zip(sim, true, strict=True)) / len(sim)
    ),
]
FIRST_WRONG = [
    (lambda sim, true: right_first(sim, true) / 100, "percent"),
    (lambda sim, true: 100 * true.double().mean(), "share of true pairs"),
    (lambda sim, true: right_first(-sim, true), "lowest similarity"),
    (lambda sim, true: right_first(sim.T, true.T), "along a row"),
    (lambda sim, true: right_first(sim, true) * len(sim) / 100, "divide by the number of queries"),
    (lambda sim, true: 100 * true[:, 0].double().mean(), "yours gives"),
    (lambda sim, true: right_first(sim, ~true), "yours gives"),
    (lambda sim, true: true[torch.arange(len(sim)), sim.argmax(1)], "expected one number"),
]


def test_right_answers_in_first_place():
    assert_answers_back(check_right_first, right_first)
    assert_tells_apart(check_right_first, FIRST_RIGHT, FIRST_WRONG, searches)


def larger(per_caption, n, larger):
    return per_caption * (larger - 1) / (n - 1)


LARGER_RIGHT = [
    larger,
    lambda p, n, more: p / (n - 1) * (more - 1),
    lambda p, n, more: torch.tensor(p, dtype=torch.float64) * (more - 1) / (n - 1),
    lambda p, n, more: np.float64(p * n) / (n * (n - 1)) * (more - 1),
    lambda p, n, more: p + p / (n - 1) * (more - n),
]
LARGER_WRONG = [
    (lambda p, n, more: p, "the share of false ones stays"),
    (lambda p, n, more: p * more / n, "nearly"),
    (lambda p, n, more: p * more * (more - 1) / (n * (n - 1)), "the whole batch"),
    (lambda p, n, more: p * (n - 1) / (more - 1), "more of them"),
    (lambda p, n, more: p / (more - 1), "yours gives"),
    (lambda p, n, more: p + more - n, "yours gives"),
    (lambda p, n, more: p * (more - 1), "yours gives"),
    (lambda p, n, more: 32.2, "yours gives 32.2"),
]


def test_a_larger_batch():
    assert_answers_back(check_larger_batch, larger)
    assert_tells_apart(check_larger_batch, LARGER_RIGHT, LARGER_WRONG, batches)
