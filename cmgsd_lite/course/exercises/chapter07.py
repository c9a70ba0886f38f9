"""Checkers of chapter 07: the mixture of margins, known positives, and the effective learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge, not_attempted

STATIC, DYNAMIC, SPREAD = (-2.236, 0.447), (-0.655, -1.964), 0.857
"""Z-scores of the pairs (0, 1) and (2, 3) in the notebook's four pairs, and the spread of their average."""


def check_twins(twins: Any, two_three: Any) -> Verdict:
    """Check the two margins at t = .3 with a ramp from .2 to .6.

    Args:
        twins: Margin of the pair (0, 1), in cosine units.
        two_three: Margin of the pair (2, 3).

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_twins(None, None)
        · not attempted yet
    """
    if not_attempted(twins) or not_attempted(two_three):
        return Verdict("open")

    def mixed(share: float, spread: float = SPREAD) -> list[float]:
        pairs = zip(STATIC, DYNAMIC, strict=True)
        return [0.2 + 0.05 * ((1 - share) * s + share * d) / spread for s, d in pairs]

    try:
        answer = [float(twins), float(two_three)]
    except (TypeError, ValueError):
        return Verdict("off", "expected two numbers")
    return judge(
        answer,
        mixed(0.25),
        "a quarter of the way up the ramp, the model's mistake weighs a quarter",
        [
            (mixed(0.3), "t is how far the training is, λ how far the ramp is: they differ"),
            (mixed(0.75), "λ is the share of the model; you gave it to the teacher"),
            (mixed(0.5), "λ = .3 / .6? The ramp does not start at 0"),
            (mixed(0.25)[::-1], "the two answers are the wrong way round"),
            (mixed(0.25, spread=1), "an average of z-scores: divide it by its own standard deviation"),
            (mixed(0.5, SPREAD / 2), "a sum, not an average: weights sum to 1"),
        ],
        tolerance=1.2e-3,
        otherwise="the values are off; first find λ(.3) for a ramp from .2 to .6",
    )


def check_combine(combine: Callable[[list[Tensor], list[Tensor], float], Tensor]) -> Verdict:
    """Check the weighted mean of lists of matrices of z-scores.

    Args:
        combine: Of the learner: static [k matrices], dynamic [l matrices] and lambda to one matrix.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_combine(lambda static, dynamic, share: None)
        · not attempted yet
    """
    one, two, three, four = (torch.full((2, 2), value) for value in (0.1, 0.2, 0.4, 0.6))
    share = 0.25
    full = call(combine, [one, two], [three], share)
    static, dynamic = torch.full((2, 2), 0.15), three
    verdict = judge(
        full,
        (1 - share) * static + share * dynamic,
        "",
        [
            (share * static + (1 - share) * dynamic, "λ is the share of the dynamic matrices"),
            (
                (1 - share) * 2 * static + share * dynamic,
                "each group is a mean: your weights sum to more than 1",
            ),
            ((one + two + three) / 3, "a plain mean over all matrices: where is λ?"),
            (static + dynamic, "the groups are added up: your weights sum to 2"),
        ],
        otherwise="with two static matrices, one dynamic and λ = .25 the mixture is off",
    )
    if not verdict.ok:
        return verdict
    for given, wanted, name in (
        (([], [three, four], share), torch.full((2, 2), 0.5), "static"),
        (([one, two], [], share), static, "dynamic"),
    ):
        weight = share if name == "static" else 1 - share
        verdict = judge(
            call(combine, *given),
            wanted,
            "",
            [(weight * wanted, f"without {name} matrices your weights sum to {weight}: share the rest out")],
            otherwise=f"without {name} matrices the others should be their plain mean",
        )
        if not verdict.ok:
            return verdict
    return Verdict("correct", "whatever is missing, the weights sum to one")


def check_known_positives(margin_with_ids: Callable[[Tensor, Tensor], Tensor]) -> Verdict:
    """Check margins whose statistics leave known positives out.

    Args:
        margin_with_ids: Of the learner: distances [N, N] and ids [N] to margins [N, N].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_known_positives(lambda distances, ids: None)
        · not attempted yet
    """
    distances = torch.tensor([[0, 0.1, 0.6, 1.0], [0.1, 0, 0.7, 0.9], [0.6, 0.7, 0, 0.5], [1.0, 0.9, 0.5, 0]])
    ids = torch.tensor([4, 4, 2, 8])
    negatives = ids[:, None] != ids[None, :]
    off = ~torch.eye(4, dtype=torch.bool)

    def margins(counted: Tensor, kept: Tensor, elsewhere: float = 0.2, correction: int = 0) -> Tensor:
        values = distances[counted]
        z = (distances - values.mean()) / values.std(correction=correction)
        return torch.where(kept, 0.2 + 0.05 * z, elsewhere)

    everywhere = torch.ones_like(off)
    return judge(
        call(margin_with_ids, distances, ids),
        margins(negatives, negatives),
        "only negatives are counted, and only negatives are spread",
        [
            (margins(off, off), "the pair with equal ids is still a negative for you"),
            (margins(off, negatives), "the known positive still counts in mean and standard deviation"),
            (margins(everywhere, negatives), "the diagonal counts in your mean and standard deviation"),
            (margins(negatives, negatives, 0.0), "known positives get α, not 0"),
            (margins(negatives, everywhere), "the statistics are right; pairs that are no negatives get α"),
            (
                margins(negatives, negatives, correction=1),
                "the population's standard deviation: correction=0",
            ),
        ],
        otherwise="the margins are off; which pairs are negatives, by ids?",
    )


def check_learning_rate(learning_rate: Any) -> Verdict:
    """Check which learning rate makes the plain loss as fast as a sum of three.

    Args:
        learning_rate: The answer.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_learning_rate(None)
        · not attempted yet
    """
    return judge(
        learning_rate,
        0.03,
        "three equal losses are three times the gradient, so three times the rate",
        [
            (0.01, "at β = 0 all terms are the same loss: how long is the gradient of their sum?"),
            (0.02, "the fixed term is in the sum too"),
            (0.01 / 3, "the wrong way round: the sum takes the longer steps"),
            (0.05, "this repository has no dynamic terms: count again"),
        ],
        tolerance=1e-4,
        otherwise="the value is off; how many equal terms are in the sum?",
    )
