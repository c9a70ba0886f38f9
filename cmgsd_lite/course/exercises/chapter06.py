"""Checkers of chapter 06: how large beta may be, the reversed margin, and the permuted control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge


def check_largest_beta(answer: Any) -> Verdict:
    """Check the largest beta that clips no pair within two standard deviations, for alpha = .2.

    Args:
        answer: A number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_largest_beta(None)
        · not attempted yet
    """
    return judge(
        answer,
        0.1,
        "above alpha / 2 the clip starts to eat the histogram: near pairs can no longer be told apart",
        [
            (0.2, "that keeps one standard deviation; a pair two below the mean would have α - 2β < 0"),
            (0.4, "α + 2β? The clip is at the lower end, where the margin is α - 2β"),
            (0.05, "no pair is clipped there, but β may be larger"),
            (-0.1, "the sign: with β < 0 the *far* pairs would get the small margins"),
        ],
        otherwise="set the margin of a pair with z = -2 to 0 and solve for β",
    )


def check_reversed(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check a function that turns a margin matrix into its reversed control.

    Args:
        function: Of the learner: unclipped margins [N, N] and alpha to margins [N, N].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_reversed(lambda margin, alpha: None)
        · not attempted yet
    """
    alpha = 0.2
    margin = torch.tensor([[0.2, 0.05, 0.25], [0.1, 0.2, 0.3], [0.22, 0.28, 0.2]])
    return judge(
        call(function, margin, alpha),
        2 * alpha - margin,
        "mirrored at alpha: the same mean and the same spread, the opposite meaning",
        [
            (-margin, "the mean must stay at α: mirror at α, not at 0"),
            (alpha - margin, "now the mean is 0; reversing must keep it at α"),
            (margin.T, "a transpose swaps the two items of a pair; far stays far"),
            (margin.flip(0, 1), "this renames the pairs; it is a permutation, not a reversal"),
            (margin, "nothing has changed"),
        ],
        otherwise="M = α + β z; write the margin with -β and express it by M and α",
    )


def check_permuted(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check a function that permutes a margin matrix.

    Args:
        function: Of the learner: margins [N, N] and an order of the N items to margins [N, N].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_permuted(lambda margin, order: None)
        · not attempted yet
    """
    margin = torch.arange(25.0).view(5, 5) / 100
    order = torch.tensor([2, 0, 4, 1, 3])  # no item stays, and the inverse is another order
    return judge(
        call(function, margin, order),
        margin[order][:, order],
        "the histogram and the diagonal stay; who is who is gone",
        [
            (margin, "nothing has changed; index with order"),
            (margin[order], "only the rows are shuffled: the diagonal, the positives, is torn apart"),
            (margin[:, order], "only the columns are shuffled: the diagonal is torn apart"),
            (margin[order, order], "this picks N entries; you want N rows and then N columns"),
            (margin[order.argsort()][:, order.argsort()], "a permutation, but the inverse of the given one"),
        ],
        otherwise="rows and columns have to follow the same order",
    )
