"""Checkers of chapter 13, "Scaling out"."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, as_numbers, not_attempted
from cmgsd_lite.course.scaling import Meter


def unit_vectors(generator: torch.Generator, n: int) -> tuple[Tensor]:
    """Draw unit vectors in three dimensions, at least three: the spread of one distance rounds below 0."""
    return (normalize(hundredths(generator, max(n, 3), 3) + 0.003),)


def _cosines(unit: Tensor) -> Tensor:
    return (unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)]


def _spread(unit: Tensor) -> Tensor:
    return _cosines(unit).std(correction=0)


def _with_squares_of_the_diagonal(unit: Tensor) -> Tensor:
    n, cosines = len(unit), _cosines(unit)
    return ((unit @ unit.T).square().sum() / (n * (n - 1)) - cosines.mean() ** 2).sqrt()


SPREAD = (
    (lambda unit: _spread(unit) ** 2, "that is the variance: take its root"),
    (lambda unit: (unit @ unit.T).std(correction=0), "the N cosines of 1 with itself are in it"),
    (lambda unit: _cosines(unit).std(), "divide by N (N - 1), not by one less"),
    (lambda unit: 1 - _cosines(unit).mean(), "that is the mean; squares of cosines are wanted"),
    (lambda unit: _cosines(unit).square().mean().sqrt(), "take the mean's square off"),
    (_with_squares_of_the_diagonal, "take the N ones off the squares, too"),
)


@checker
def check_spread(function: Callable[[Tensor], Any]) -> Verdict:
    """Check the standard deviation of all distances between different items, made without a matrix [N, N].

    Args:
        function: Of unit vectors [N, D] to one number.

    Example:
        >>> check_spread(lambda unit: (unit @ unit.T).std(correction=0))
        ✗ not yet: the N cosines of 1 with itself are in it
    """
    said = "the squares of all cosines are the squares of a D x D matrix"
    verdict = check_function(function, _spread, unit_vectors, said, SPREAD, tolerance=2e-3)
    if verdict.ok and _stands(function, n=200):
        verdict = Verdict("off", "right, but for 200 items a matrix of 200 x 200 stood: do without it")
    return verdict


def _stands(function: Callable[[Tensor], Any], n: int) -> bool:
    """Whether a function makes something as large as [n, n], with torch or with numpy."""
    (unit,) = unit_vectors(torch.Generator().manual_seed(1), n)
    try:
        with Meter(n, 3) as meter:
            function(unit)
    except Exception:
        unit = unit.numpy()  # type: ignore[assignment]
    tracemalloc.start()  # numpy tells it what it takes, torch does not
    function(unit)
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return bool(max(meter.largest, taken) >= 4 * n * n)


@checker
def check_split_matrix(answer: Any) -> Verdict:
    """Check a matrix on which two processes, each for itself, measure R@1 of 100 % and the whole has 0.

    Args:
        answer: Similarities [4, 4] of any kind of numbers; pairs 0 and 1 lie in the first process.

    Example:
        >>> check_split_matrix(torch.eye(4))
        ✗ not yet: the whole matrix gives text 0 its own video first: R@1 of all is 100 %
    """
    if not_attempted(answer):
        return Verdict("open")
    sim = as_numbers(answer)
    if sim is None or sim.shape != (4, 4):
        got = type(answer).__name__ if sim is None else f"shape {list(sim.shape)}"
        return Verdict("off", f"expected a matrix of 4 x 4 numbers, got {got}")
    if not bool((sim.abs() <= 1).all()):
        return Verdict("off", "a cosine lies between -1 and 1")
    own = sim.diagonal()[:, None]
    process = torch.tensor([0, 0, 1, 1])
    same = process[:, None] == process
    others = ~torch.eye(4, dtype=torch.bool)
    beaten_at_home = ((sim >= own) & same & others).any(1)
    if bool(beaten_at_home.any()):
        text = int(beaten_at_home.nonzero()[0, 0])
        return Verdict("off", f"text {text} does not find its own video first in its own process")
    first = ~((sim >= own) & others).any(1)  # a tie is no first place, as in chapter 01
    if bool(first.any()):
        text, share = int(first.nonzero()[0, 0]), 100 * float(first.float().mean())
        return Verdict(
            "off", f"the whole matrix gives text {text} its own video first: R@1 of all is {share:.0f} %"
        )
    return Verdict("correct", "what is never compared can not go wrong: measure on the whole gallery")


def memory_of_a_machine(generator: torch.Generator, n: int) -> tuple[int, int, int]:
    """Draw a memory in bytes, rows of a block and a width."""
    memory, block, width = (int(torch.randint(1, 100, (), generator=generator)) for _ in range(3))
    return memory * 1000 ** min(n, 4) + 7, 8 * block, 4 * width


def _largest_batch(memory: int, block: int, width: int) -> int:
    return memory // (4 * (block + 2 * width))


BATCH = (
    (lambda m, b, d: m // (b + 2 * d), "a number of float32 takes 4 bytes"),
    (lambda m, b, d: m // (4 * b), "the embeddings need room, too"),
    (lambda m, b, d: m // (4 * (b + d)), "texts and videos: two matrices of embeddings"),
    (lambda m, b, d: m // (8 * d), "the block [block, N] stands there as well"),
    (lambda m, b, d: math.isqrt(m // 4), "no square stands there: blocks instead"),
    (lambda m, b, d: m / (4 * (b + 2 * d)), "a whole number of pairs, rounded down"),
    (lambda m, b, d: (m - 4 * b) // (8 * d), "a block has a column for every video: block times N numbers"),
    (lambda m, b, d: round(m / (4 * (b + 2 * d))), "rounded to the nearest it may not fit"),
    (lambda m, b, d: -(-m // (4 * (b + 2 * d))), "rounded up it does not fit"),
)


@checker
def check_largest_batch(function: Callable[[int, int, int], Any]) -> Verdict:
    """Check how many pairs fit into a memory when the square is made in blocks.

    Args:
        function: Of memory in bytes, rows of a block and width D to N.

    Example:
        >>> check_largest_batch(lambda memory, block, width: memory // (block + 2 * width))
        ✗ not yet: a number of float32 takes 4 bytes
    """
    return check_function(
        function,
        _largest_batch,
        memory_of_a_machine,
        "without the square, the batch grows with the memory and not with its root",
        BATCH,
        tolerance=1e-6,
    )
