"""The checkers of chapter 13 accept right answers of many forms and recognise wrong ones."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from cmgsd_lite.course.exercises.chapter13 import (
    check_largest_batch,
    check_split_matrix,
    check_spread,
    memory_of_a_machine,
    unit_vectors,
)
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def spread(unit):
    n, wide = len(unit), unit.double()
    mean = (wide.sum(dim=0).square().sum() - n) / (n * (n - 1))
    square = ((wide.T @ wide).square().sum() - n) / (n * (n - 1))
    return (square - mean**2).sqrt()


def in_numpy(unit):
    wide = np.asarray(unit, dtype=np.float64)
    n = len(wide)
    gram, total = wide.T @ wide, wide.sum(0)
    mean = (total @ total - n) / (n * (n - 1))
    return math.sqrt(((gram**2).sum() - n) / (n * (n - 1)) - mean**2)


def in_rows(unit):
    sums, n = torch.zeros(2, dtype=torch.float64), len(unit)
    for i in range(n):
        row = unit.double() @ unit[i].double()
        sums += torch.stack([row.sum() - row[i], row.square().sum() - row[i] ** 2])
    first, second = sums / (n * (n - 1))
    return (second - first**2).clamp_min(0).sqrt()


def cosines(unit):
    return (unit @ unit.T)[~torch.eye(len(unit), dtype=torch.bool)]


def square_in_numpy(unit):
    wide = np.asarray(unit)
    return np.std((wide @ wide.T)[~np.eye(len(wide), dtype=bool)])


def squares_of_the_diagonal_left_in(unit):
    n = len(unit)
    mean = (unit.sum(dim=0).square().sum() - n) / (n * (n - 1))
    return ((unit.T @ unit).square().sum() / (n * (n - 1)) - mean**2).sqrt()


def test_spread_without_the_square():
    right = [
        spread,
        in_numpy,
        in_rows,
        lambda unit: float(spread(unit)),
        lambda unit: spread(-unit),
    ]
    wrong = [
        (lambda unit: cosines(unit).std(correction=0), "do without it"),
        (square_in_numpy, "do without it"),
        (lambda unit: cosines(unit).std(), "one less"),
        (lambda unit: (unit @ unit.T).std(correction=0), "with itself"),
        (lambda unit: spread(unit) ** 2, "variance"),
        (lambda unit: 1 - cosines(unit).mean(), "mean"),
        (lambda unit: cosines(unit).square().mean().sqrt(), "square off"),
        (squares_of_the_diagonal_left_in, "off the squares"),
        (lambda unit: unit.std(), "yours gives"),
    ]
    assert_answers_back(check_spread, spread)
    assert_tells_apart(check_spread, right, wrong, unit_vectors)


GOOD = [[0.5, 0.1, 0.9, 0.0], [0.1, 0.5, 0.0, 0.9], [0.9, 0.0, 0.5, 0.1], [0.0, 0.9, 0.1, 0.5]]
TIED = [[0.5, 0.1, 0.5, 0.0], *GOOD[1:]]  # a tie is no first place
OTHER = [[0, -1, 1, 1], [-1, 0, 1, 1], [1, 1, 0, -1], [1, 1, -1, 0]]


@pytest.mark.parametrize(
    "answer",
    [GOOD, TIED, OTHER, torch.tensor(GOOD), np.array(OTHER), pd.DataFrame(GOOD), [tuple(r) for r in GOOD]],
)
def test_a_matrix_on_which_the_average_of_two_lies(answer):
    assert check_split_matrix(answer).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (torch.eye(4), "R@1 of all is 100 %"),
        (torch.ones(4, 4), "own process"),
        (torch.zeros(4, 4) + torch.eye(4) * 0.1 + torch.tensor([0, 0, 0, 0.4]), "text 2 does not find"),
        ([[0.5, 0.1, 0.9, 0], [0.1, 0.5, 0, 0.9], [0, 0, 0.5, 0.1], [0, 0, 0.1, 0.5]], "text 2"),
        ([[0.5, 0.6, 0.9, 0], *GOOD[1:]], "text 0 does not find"),
        ([[5 * x for x in row] for row in GOOD], "between -1 and 1"),
        (torch.eye(3), "4 x 4"),
        ("a matrix", "4 x 4"),
        ([[0.5, 0.1, 0.4, 0], *GOOD[1:]], "R@1 of all is 25 %"),
    ],
)
def test_matrices_that_do_not(answer, words):
    verdict = check_split_matrix(answer)
    assert verdict.state == "off"
    assert words in verdict.message


def test_no_matrix_is_open_and_strict_raises():
    assert check_split_matrix(None).state == check_split_matrix(...).state == "open"
    with pytest.raises(AssertionError, match="R@1 of all"):
        check_split_matrix(np.eye(4), strict=True)


def largest(memory, block, width):
    return memory // (4 * (block + 2 * width))


def test_largest_batch():
    right = [
        largest,
        lambda m, b, d: int(m / (4 * b + 8 * d)),
        lambda m, b, d: math.floor(m / 4 / (b + 2 * d)),
        lambda m, b, d: np.int64(m // (4 * b + 4 * d + 4 * d)),
        lambda m, b, d: torch.tensor(m // (4 * (b + d + d))),
    ]
    wrong = [
        (lambda m, b, d: m // (b + 2 * d), "4 bytes"),
        (lambda m, b, d: m // (4 * b), "embeddings need room"),
        (lambda m, b, d: m // (4 * (b + d)), "two matrices"),
        (lambda m, b, d: m // (8 * d), "block [block, N]"),
        (lambda m, b, d: math.isqrt(m // 4), "no square"),
        (lambda m, b, d: m / (4 * (b + 2 * d)), "rounded down"),
        (lambda m, b, d: -(-m // (4 * (b + 2 * d))), "does not fit"),
        (lambda m, b, d: (m - 4 * b) // (8 * d), "a column for every video"),
        (lambda m, b, d: round(m / (4 * (b + 2 * d))), "to the nearest"),
        (lambda m, b, d: m // (8 * (b + 2 * d)), "yours gives"),
        (lambda m, b, d: 6, "yours gives"),
    ]
    assert_answers_back(check_largest_batch, largest)
    for function in right:
        assert check_largest_batch(function).ok
    for function, words in wrong:
        verdict = check_largest_batch(function)
        assert verdict.state == "off"
        assert words in verdict.message
    assert memory_of_a_machine(torch.Generator().manual_seed(0), 2)[0] > 1000
