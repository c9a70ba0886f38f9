"""Checkers of chapter 04: margins fair to each text, the centre, vectors for a careless port, four runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, as_numbers, judge_words, not_attempted
from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.margins import off_diagonal, zscore_margin

FLAT, APART = 10.0, 1e-3


def row_margin(d: Tensor, alpha: float, beta: float) -> Tensor:
    """The z-score map with the statistics of each row, see ``zscore_margin(within="text")``."""
    return zscore_margin(d, alpha, beta, min_margin=None, eps=0.0, within="text")


def row_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """Distances [N, N] whose rows are not constant, alpha and beta."""
    n = max(n, 3)  # two negatives at least: one alone has no spread
    while True:
        d = hundredths(generator, n, n, low=0, high=2).fill_diagonal_(0)
        if float(off_diagonal(d).reshape(n, n - 1).std(1).min()) > 0.2:
            break
    alpha, beta = (
        float(hundredths(generator, low=low, high=high)) for low, high in ((0.1, 0.4), (0.02, 0.2))
    )
    return d, alpha, beta


def _with_diagonal(d: Tensor, alpha: float, beta: float) -> Tensor:
    z = (d - d.mean(1, keepdim=True)) / d.std(1, correction=0, keepdim=True)
    return (alpha + beta * z).fill_diagonal_(alpha)


def _with_sample_deviation(d: Tensor, alpha: float, beta: float) -> Tensor:
    others = len(d) - 1
    return row_margin(d, alpha, beta * math.sqrt((others - 1) / others))


ROW_MISTAKES = (
    (
        lambda d, a, b: zscore_margin(d, a, b, min_margin=None, eps=0.0),
        "those are the statistics of the whole batch: each row needs its own",
    ),
    (lambda d, a, b: row_margin(d.T, a, b).T, "those are columns; a text is a row"),
    (_with_diagonal, "the 0 on the diagonal is in your row's mean and spread"),
    (
        lambda d, a, b: a + b * (d - d.mean(1, keepdim=True)) / d.std(1, correction=0, keepdim=True),
        "the 0 on the diagonal is in your row's mean and spread; the diagonal itself gets alpha",
    ),
    (
        _with_sample_deviation,
        "your standard deviation divides by one less than there are negatives; take correction=0",
    ),
    (lambda d, a, b: row_margin(d, a, -b), "near pairs get small margins: your sign is turned"),
    (lambda d, a, b: row_margin(d, a, b).clamp(min=0), "no clip was asked for: it raises the mean"),
    (lambda d, a, b: row_margin(d, a, b).fill_diagonal_(0), "the diagonal holds positives; give it alpha"),
)


@checker
def check_row_margin(function: Callable[[Tensor, float, float], Any]) -> Verdict:
    """Check the z-score map with statistics of each row.

    Args:
        function: Of distances [N, N], alpha and beta to margins [N, N].

    Example:
        >>> check_row_margin(lambda d, alpha, beta: None)
        · not attempted yet
    """
    message = "now a vague caption's margins have the mean of all others; the package calls it within='text'"
    tolerance = 1e-3  # the package's 1e-4 beside the standard deviation is right as well
    return check_function(function, row_margin, row_inputs, message, ROW_MISTAKES, tolerance=tolerance)


def clip_and_centre(m: Tensor, alpha: float) -> Tensor:
    """Shift margins of mean alpha so that they have it after the clip at 0 as well."""
    low, high = alpha - m.max(), torch.zeros(())
    for _ in range(60):
        c = (low + high) / 2
        low, high = (low, c) if (m + c).clamp(min=0).mean() > alpha else (c, high)
    return (m + c).clamp(min=0)


def centre_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """Margins [K] of mean alpha, most of the time some below 0, and alpha."""
    alpha = float(hundredths(generator, low=0.1, high=0.4))
    m = hundredths(generator, n + 1, low=-0.6, high=0.8)
    return m + alpha - m.mean(), alpha


def _clip(m: Tensor, alpha: float) -> Tensor:
    return m.clamp(min=0)


CENTRE_MISTAKES = (
    (_clip, "clipping alone: the mean is above alpha now"),
    (lambda m, alpha: m, "some margins are below 0"),
    (
        lambda m, alpha: _clip(m, alpha) * alpha / _clip(m, alpha).mean(),
        "you scaled the margins; shift all of them by one number, before the clip",
    ),
    (
        lambda m, alpha: _clip(m, alpha) + alpha - _clip(m, alpha).mean(),
        "the shift comes before the clip: after it some margins fall below 0 again",
    ),
    (
        lambda m, alpha: (m + alpha - _clip(m, alpha).mean()).clamp(min=0),
        "one step is not enough: clipping the shifted margins raises their mean once more",
    ),
)


@checker
def check_centre(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check the clip that keeps the mean.

    Args:
        function: Of margins [K] with mean alpha, and alpha, to margins [K] of at least 0.

    Example:
        >>> check_centre(lambda m, alpha: None)
        · not attempted yet
    """
    message = "wish 2 holds again; where no margin is below 0 the shift is 0"
    return check_function(function, clip_and_centre, centre_inputs, message, CENTRE_MISTAKES)


@checker
def check_careless(vectors: Any) -> Verdict:
    """Check vectors whose distances make margins ten times too flat if the diagonal is counted.

    Args:
        vectors: Four of any length, of one width.

    Returns:
        The verdict, with the numbers of the learner's own batch.

    Example:
        >>> check_careless(torch.eye(4))  # doctest: +ELLIPSIS
        ✗ not yet: the distances between different vectors have standard deviation 0.0000...
    """
    if not_attempted(vectors):
        return Verdict("open")
    x = as_numbers(vectors)
    if x is None:
        return Verdict("off", f"expected four vectors of numbers, got {type(vectors).__name__}")
    if x.ndim != 2 or len(x) != 4:
        return Verdict("off", f"expected four vectors of one width, shape [4, D], got shape {list(x.shape)}")
    if not bool(x.isfinite().all()) or not bool(x.norm(dim=1).min() > 0):
        return Verdict("off", "a vector of length 0 (or one that is not finite) has no direction")
    d = cosine_distances(x)
    apart = float(off_diagonal(d).std(correction=0))
    if apart < APART:
        said = f"the distances between different vectors have standard deviation {apart:.4f}"
        return Verdict("off", f"{said}: above {APART} is asked for, so that there is something to flatten")
    times = float(d.std(correction=0)) / apart
    if times < FLAT:
        said = f"spread {float(d.std(correction=0)):.3f} with the diagonal, {apart:.3f} without"
        hint = "the distances should be large and nearly equal"
        return Verdict("off", f"{said}: {times:.1f} times too flat, {FLAT:.0f} is asked for; {hint}")
    return Verdict("correct", f"{times:.0f} times too flat: the port would report that beta hardly matters")


@checker
def check_ports(answer: Any) -> Verdict:
    """Check which fault each of four runs has, read from the statistics of its margins.

    Args:
        answer: Four words, as a list or as one text with commas; case does not count.

    Example:
        >>> check_ports("clip, clip, clip, clip")
        ✗ not yet: B: its mean depends on the size of the batch, and some of its margins lie below 0
    """
    said = "no single number gives the faults away; mean, least margin and N together do"
    return judge_words(answer, PORTS, CLUES, said)


PORTS = {"A": "clip", "B": "diagonal", "C": "right", "D": "similarity"}
"""What each of the described runs got wrong."""
CLUES = {
    "A": "no margin below 0, and the mean is too high in both batches alike",
    "B": "its mean depends on the size of the batch, and some of its margins lie below 0",
    "C": "mean and least margin are as they should be, and the similarities do not show in them",
    "D": "mean and least margin are as they should be; look at the last column",
}
