"""Checkers of chapter 04: the z-score map, the self-excusing gradient, and what removes a pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge
from cmgsd_lite.margins import zscore_margin

ALPHA, BETA = 0.2, 0.15


def check_margin_map(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check the z-score map with clip, alpha = .2.

    Args:
        function: Of distances [N, N] and beta to margins [N, N].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_margin_map(lambda distances, beta: None)
        · not attempted yet
    """
    d = torch.tensor([[0, 0.1, 0.9, 1.0], [0.1, 0, 0.8, 1.1], [0.9, 0.8, 0, 0.7], [1.0, 1.1, 0.7, 0]])
    pairs = ~torch.eye(4, dtype=torch.bool)

    def margins(
        counted: Tensor, sign: int = 1, correction: int = 0, least: float = 0.0, own: float | None = ALPHA
    ) -> Tensor:
        z = (d - d[counted].mean()) / d[counted].std(correction=correction)
        clipped = (ALPHA + sign * BETA * z).clamp(min=least)
        return clipped if own is None else torch.where(pairs, clipped, own)

    everything = torch.ones_like(pairs)
    return judge(
        call(function, d, BETA),
        margins(pairs),
        "mean and spread are yours to set, the order is the teacher's",
        [
            (margins(everything), "the diagonal is in your mean and standard deviation"),
            (margins(everything, own=None), "the diagonal is in your statistics, and gets no alpha"),
            (margins(pairs, sign=-1), "a similar pair gets a small margin: your sign is the other way"),
            (margins(pairs, correction=1), "the population's standard deviation: correction=0"),
            (margins(pairs, least=-9.0), "the clip at 0 is missing"),
            (margins(pairs, least=-9.0, own=None), "clip at 0, and give the diagonal alpha"),
            (margins(pairs, own=None), "the diagonal is no pair: it gets alpha"),
            (zscore_margin(d, ALPHA, BETA, eps=0.0), "clip alone: here the mean is centred at alpha again"),
            (
                torch.where(pairs, (ALPHA + BETA * (d - d[pairs].mean())).clamp(min=0), ALPHA),
                "divide by the standard deviation: margins must not depend on the ruler",
            ),
        ],
    )


def check_excuse(function: Callable[[Tensor, Tensor, float], Any]) -> Verdict:
    """Check the gradient that a live margin sends to the distances.

    Args:
        function: Of the counts of active hinges [K], the distances [K] and beta to the gradient [K].

    Returns:
        The verdict.

    Source:
        ours; the formula is METHOD.md's, "Pitfalls", 1.

    Example:
        >>> check_excuse(lambda g, distances, beta: None)
        · not attempted yet
    """
    g = torch.tensor([2.0, 1.0, 0.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    d = torch.tensor([0.2, 0.5, 0.9, 1.2, 0.8, 1.0], dtype=torch.float64)
    s = d.std(correction=0)
    z = (d - d.mean()) / s
    scale, gz = BETA / s, (g * z).mean()
    right = scale * (g - g.mean() - z * gz)
    return judge(
        call(function, g, d, BETA),
        right,
        "positive where hinges are active: descent brings violators nearer",
        [
            (-right, "that is the direction of the step; the gradient has the other sign"),
            (scale * (g - g.mean()), "the standard deviation depends on the distances too: the third term"),
            (scale * (g - z * gz), "the mean depends on the distances too: the second term"),
            (scale * g, "every distance also moves the mean and the standard deviation"),
            (BETA * (g - g.mean() - z * gz), "the slope of the map is beta / s: divide by s"),
            (right / BETA, "beta is missing"),
            (scale * (g - g.mean() - gz), "the third term is z times the mean of g z"),
            (scale * (g - g.mean() - z * g.mean() * z.mean()), "the mean of the product, not of the factors"),
            (scale * (g - g.mean() + z * gz), "the third term is taken off"),
        ],
        otherwise="the gradient is off; take the formula term by term",
    )


def check_removal(margin: Any) -> Verdict:
    """Check the margin below which a pair with scores between -5 and 5 is out of the hinge.

    Args:
        margin: The answer.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_removal(0)
        ✗ not yet: at margin 0 the hinge is active while the negative scores higher than the positive
    """
    return judge(
        margin,
        -10.0,
        "the largest possible difference of two scores, with a minus",
        [
            (0.0, "at margin 0 the hinge is active while the negative scores higher than the positive"),
            (-2.0, "that is the answer for cosines"),
            (-5.0, "the positive can score below 0: how far apart can the two be?"),
            (10.0, "a larger margin asks for more, not for less"),
            (5.0, "a larger margin asks for more, not for less"),
            (float("-inf"), "that removes it, but so do finite margins: which is the largest that does?"),
        ],
        otherwise="the value is off; how large can a score minus another score be?",
    )
