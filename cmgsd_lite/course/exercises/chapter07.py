"""Checkers of chapter 07: the average of z-scores, known positives, learning rates, a log with a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, judge, letters_of, not_attempted

Matrices = list[Tensor]


def combine_inputs(generator: torch.Generator, n: int) -> tuple[Matrices, Matrices, float]:
    """Lists of 0 to 3 matrices, never both empty, and a share strictly between 0 and 1."""
    numbers = [0, 0]
    while not sum(numbers):
        numbers = torch.randint(0, 4, (2,), generator=generator).tolist()
    static, dynamic = ([hundredths(generator, 2, 2, low=-2, high=2) for _ in range(k)] for k in numbers)
    return static, dynamic, float(hundredths(generator, low=0.1, high=0.9))


def _mean(matrices: Matrices) -> Tensor:
    return torch.stack(matrices).mean(dim=0) if matrices else torch.zeros(2, 2)


def _combined(static: Matrices, dynamic: Matrices, share: float) -> Tensor:
    if not static or not dynamic:
        return _mean([*static, *dynamic])
    return (1 - share) * _mean(static) + share * _mean(dynamic)


COMBINE_MISTAKES = (
    (
        lambda static, dynamic, share: _combined(static, dynamic, 1 - share),
        "λ is the share of the dynamic matrices",
    ),
    (
        lambda static, dynamic, share: (1 - share) * _mean(static) + share * _mean(dynamic),
        "where one kind is missing your weights sum to less than 1: share the rest out",
    ),
    (
        lambda static, dynamic, share: _mean([*static, *dynamic]),
        "a plain mean over all matrices: where is λ?",
    ),
    (
        lambda static, dynamic, share: (1 - share) * sum(static) + share * sum(dynamic),
        "each kind is a mean of its matrices: your weights sum to more than 1",
    ),
    (
        lambda static, dynamic, share: _mean(static) + _mean(dynamic),
        "the kinds are added up: your weights sum to 2",
    ),
)


@checker
def check_combine(combine: Callable[[Matrices, Matrices, float], Any]) -> Verdict:
    """Check the weighted mean of lists of z-score matrices.

    Args:
        combine: Of the learner: static [k matrices], dynamic [l matrices] and lambda to one matrix.

    Example:
        >>> check_combine(lambda static, dynamic, share: None)
        · not attempted yet
    """
    said = "whatever is missing, the weights sum to one"
    return check_function(combine, _combined, combine_inputs, said, COMBINE_MISTAKES)


def known_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Distances [N, N], not symmetric and not 0 on the diagonal, and ids of which some are equal."""
    n = max(n, 3)
    ids = torch.randint(0, n, (n,), generator=generator)
    ids[:2], ids[2] = 3, 8  # one known positive at least, and one negative
    return hundredths(generator, n, n, low=0, high=2), ids


def _spread(
    distances: Tensor,
    counted: Tensor,
    kept: Tensor,
    elsewhere: float = 0.2,
    correction: int = 0,
    spread_of: Tensor | None = None,
) -> Tensor:
    spread = distances[counted if spread_of is None else spread_of].std(correction=correction)
    z = (distances - distances[counted].mean()) / spread
    return torch.where(kept, 0.2 + 0.05 * z, elsewhere)


def _apart(ids: Tensor) -> Tensor:
    return ids[:, None] != ids[None, :]


def _off(ids: Tensor) -> Tensor:
    return ~torch.eye(len(ids), dtype=torch.bool)


def _with_ids(distances: Tensor, ids: Tensor) -> Tensor:
    return _spread(distances, _apart(ids), _apart(ids))


KNOWN_MISTAKES = (
    (
        lambda distances, ids: _spread(distances, _off(ids), _off(ids)),
        "the pair with equal ids is still a negative for you",
    ),
    (
        lambda distances, ids: _spread(distances, _off(ids), _apart(ids)),
        "the known positive still counts in mean and standard deviation",
    ),
    (
        lambda distances, ids: _spread(distances, _apart(ids), _apart(ids), spread_of=_off(ids)),
        "the known positive still counts in the standard deviation",
    ),
    (
        lambda distances, ids: _spread(distances, _off(ids) | ~_off(ids), _apart(ids)),
        "the diagonal counts in your mean and standard deviation",
    ),
    (
        lambda distances, ids: _spread(distances, _apart(ids), _apart(ids), 0.0),
        "known positives get α, not 0",
    ),
    (
        lambda distances, ids: _spread(distances, _apart(ids), _off(ids) | ~_off(ids)),
        "the statistics are right; pairs that are no negatives get α",
    ),
    (
        lambda distances, ids: _spread(distances, _apart(ids), _apart(ids), correction=1),
        "the population's standard deviation: correction=0",
    ),
)


@checker
def check_known_positives(margin_with_ids: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check margins whose statistics leave known positives out.

    Args:
        margin_with_ids: Of the learner: distances [N, N] and ids [N] to margins [N, N].

    Example:
        >>> check_known_positives(lambda distances, ids: None)
        · not attempted yet
    """
    said = "only negatives are counted, and only negatives are spread"
    return check_function(margin_with_ids, _with_ids, known_inputs, said, KNOWN_MISTAKES)


@checker
def check_learning_rates(sgd: Any, adam: Any) -> Verdict:
    """Check which rates give the plain loss the steps of a sum of three such losses.

    Args:
        sgd: Rate under SGD, where the sum has .01.
        adam: Rate under Adam, where the sum has .001.

    Example:
        >>> check_learning_rates(None, None)
        · not attempted yet
    """
    if not_attempted(sgd) or not_attempted(adam):
        return Verdict("open")
    return judge(
        [sgd, adam],
        [0.03, 0.001],
        "SGD's step is as long as the gradient; Adam divides by the gradient's size",
        [
            ([0.03, 0.003], "under Adam a constant factor stands above and below the line"),
            ([0.01, 0.001], "SGD: three equal terms have three times the gradient"),
            ([0.02, 0.001], "SGD: the fixed term is one of the three"),
            ([0.01 / 3, 0.001], "SGD, the wrong way round: the sum takes the longer steps"),
            ([0.001, 0.03], "the two are the wrong way round: SGD first"),
        ],
        tolerance=1e-5,
        otherwise="at β = 0 all three terms are one loss: how long is the step of each optimizer?",
    )


@checker
def check_log(faults: Any) -> Verdict:
    """Check which fault each of three logs has.

    Args:
        faults: Three letters, for the runs A, B and C.

    Example:
        >>> check_log(None)
        · not attempted yet
    """
    return judge(
        faults if not_attempted(faults) else letters_of(faults) or faults,
        "yzx",
        "a dip follows disagreement, a heap at 0 follows β, a late λ follows the clock",
        [
            ("zyx", "A: nothing is at 0 there, and the spread dips where both sources count"),
            ("yxz", "B: its λ is the ramp of this chapter, by the hand's sum"),
            ("xzy", "A: compare its λ with the ramp from .2 to .6, then its spread"),
            ("xyz", "A: compare its λ with the ramp from .2 to .6, then its spread"),
            ("zxy", "A: nothing is at 0 there, and the spread dips where both sources count"),
        ],
        otherwise="three letters out of x, y and z, for A, B and C",
    )
