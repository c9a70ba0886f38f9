"""Checkers of chapter 00: counting false negatives, right answers in first place, and a larger batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict


def _truths(generator: torch.Generator, n: int) -> tuple[Tensor]:
    """Draw a table of what is true; some captions are wrong about their own clip."""
    return (torch.rand(n, n, generator=generator) < 0.5,)


def _searches(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Draw similarities without ties, of more queries than clips, and what is true."""
    order = torch.argsort(torch.rand(n + 2, n, generator=generator), dim=1)
    sim = order / 10 + hundredths(generator, n + 2, 1, low=-1, high=0.5)
    return sim, torch.rand(n + 2, n, generator=generator) < 0.5


def _batches(generator: torch.Generator, n: int) -> tuple[float, int, int]:
    """Draw false negatives a caption, the size of the batch they were counted in, and of a larger one."""
    small, more = (int(torch.randint(n, 40 * n, (), generator=generator)) for _ in range(2))
    return float(hundredths(generator, low=0.1, high=9.0)), small + 2, small + 2 + more


def _false_negatives(true: Tensor) -> Tensor:
    return (true & ~torch.eye(len(true), dtype=torch.bool)).sum()


def _right_first(sim: Tensor, true: Tensor) -> Tensor:
    return 100 * true[torch.arange(len(sim)), sim.argmax(dim=1)].double().mean()


def _larger_batch(per_caption: float, n: int, larger: int) -> float:
    return per_caption * (larger - 1) / (n - 1)


COUNTING = (
    (lambda true: true.sum(), "the diagonal is in your count: an own clip is no negative"),
    (
        lambda true: true.sum() - len(true),
        "you took N off the total, but a caption may be wrong about its own clip: leave out the diagonal",
    ),
    (
        lambda true: _false_negatives(~true),
        "these are the true negatives: pairs of which the caption is false",
    ),
    (
        lambda true: (true & ~torch.eye(len(true), dtype=torch.bool)).any(dim=1).sum(),
        "you counted captions that have a false negative, not pairs",
    ),
    (
        lambda true: true.triu(1).sum(),
        "caption 1 with clip 2 and caption 2 with clip 1 are two pairs: look below the diagonal as well",
    ),
    (lambda true: _false_negatives(true) / true.numel(), "the number of pairs is asked for"),
)
FIRST = (
    (lambda sim, true: _right_first(sim, true) / 100, "nearly: the course gives metrics in percent"),
    (
        lambda sim, true: 100 * true.double().mean(),
        "that is the share of true pairs, what a random first clip would give: use sim",
    ),
    (
        lambda sim, true: _right_first(-sim, true),
        "you took the clip with the lowest similarity of each query",
    ),
    (
        lambda sim, true: _right_first(sim.T, true.T),
        "you looked for the best query of each clip: rows are queries, so look along a row",
    ),
    (lambda sim, true: _right_first(sim, true) * len(sim) / 100, "divide by the number of queries"),
)
LARGER = (
    (
        lambda per_caption, n, larger: per_caption,
        "the share of false ones stays; the number of negatives does not",
    ),
    (
        lambda per_caption, n, larger: per_caption * larger / n,
        "nearly: in a batch of n a caption has one negative fewer than n",
    ),
    (
        lambda per_caption, n, larger: per_caption * larger * (larger - 1) / (n * (n - 1)),
        "that is how the number in the whole batch grows; a single caption is asked about",
    ),
    (
        lambda per_caption, n, larger: per_caption * (n - 1) / (larger - 1),
        "in a larger batch there are more of them, not fewer",
    ),
)


@checker
def check_count_false_negatives(function: Callable[[Tensor], Any]) -> Verdict:
    """Check a function that counts the false negatives of a batch.

    Args:
        function: bool [N, N] (caption i is true of clip j) to a number.

    Example:
        >>> check_count_false_negatives(lambda true: None)
        · not attempted yet
    """
    said = "true although not the partner: the loss is told that each of these is wrong"
    return check_function(function, _false_negatives, _truths, said, COUNTING)


@checker
def check_right_first(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the percentage of queries whose best clip is one that the sentence is true of.

    Args:
        function: Similarities and _truths [queries, clips] to percent.

    Example:
        >>> check_right_first(lambda sim, true: None)
        · not attempted yet
    """
    said = "this metric asks whether the answer is right, not whose sentence it was"
    return check_function(function, _right_first, _searches, said, FIRST)


@checker
def check_larger_batch(function: Callable[[float, int, int], Any]) -> Verdict:
    """Check how many false negatives a caption has in a larger batch.

    Args:
        function: False negatives a caption, the size of its batch, and a larger size, to a number.

    Example:
        >>> check_larger_batch(lambda per_caption, n, larger: None)
        · not attempted yet
    """
    said = "the share stays, the number grows with the batch: large batches do not wash false negatives away"
    return check_function(function, _larger_batch, _batches, said, LARGER, tolerance=1e-3)
