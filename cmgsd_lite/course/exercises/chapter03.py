"""Checkers of chapter 03: the slot of the hardest negative, exact duplicates, and twins of captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge, not_attempted

CaptionsOf = Mapping[str, Sequence[str]]


def check_video_anchors(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the share of videos whose hardest negative text is a false negative.

    Args:
        function: Of ``sim`` [N, N] and the boolean truth [N, N] to a share in 0..1.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_video_anchors(lambda sim, true: None)
        · not attempted yet
    """
    sim = torch.tensor(
        [
            [0.6, 0.5, 0.1, 0.2, 0.0],
            [0.3, 0.7, 0.2, 0.1, 0.4],
            [0.4, 0.6, 0.5, 0.3, 0.1],
            [0.1, 0.2, 0.4, 0.8, 0.3],
            [0.2, 0.1, 0.3, 0.4, 0.9],
        ]
    )
    true = torch.eye(5, dtype=torch.bool)
    true[2, 0] = true[2, 1] = true[2, 4] = true[4, 3] = true[0, 2] = True
    true[3, 3] = False  # a caption that is wrong about its own clip
    negatives = sim.clone().fill_diagonal_(-2)
    items = torch.arange(5)
    false = true & ~torch.eye(5, dtype=torch.bool)
    right = true[negatives.argmax(dim=0), items].float().mean()
    return judge(
        call(function, sim, true),
        right,
        "the anchor of a column is a video, its negatives are the texts of that column",
        [
            (
                true[items, negatives.argmax(dim=1)].float().mean(),
                "that is the share of the texts: a video's negatives stand in its column",
            ),
            (
                true[sim.argmax(dim=0), items].float().mean(),
                "the positive is among your candidates: leave the diagonal out before the maximum",
            ),
            (false.float().sum() / 20, "that is the share among all negatives; only the hardest count here"),
            (5 * right, "that is a count; the share is of the N videos"),
            (false.any(dim=0).float().mean(), "that asks for any false negative; only the hardest counts"),
        ],
    )


def check_duplicates(loss_value: Any, gradient_length: Any) -> Verdict:
    """Check loss and gradient of a batch of two exact duplicates at margin .3, reduction hardest.

    Args:
        loss_value: The loss, in units of the similarity.
        gradient_length: Of the gradient with respect to the weights.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_duplicates(0.0, 0.0)
        ✗ not yet: the similarities cancel, the margin does not: a hinge of M + 0 is left
    """
    if not_attempted(loss_value) or not_attempted(gradient_length):
        return Verdict("open")
    try:
        answer = [float(loss_value), float(gradient_length)]
    except (TypeError, ValueError):
        return Verdict("off", "expected two numbers")
    if abs(answer[0] - 0.3) < 1e-4 and abs(answer[1]) > 1e-4:
        return Verdict("off", "the loss is a constant, whatever the weights: what is its derivative?")
    return judge(
        answer,
        [0.3, 0.0],
        "a loss that can not fall: the anchor's slot is taken and nothing is learnt",
        [
            ([0.0, 0.0], "the similarities cancel, the margin does not: a hinge of M + 0 is left"),
            ([0.6, 0.0], "the loss is the mean of the two directions, not their sum"),
            ([1.2, 0.0], "each anchor has one hardest negative, and the loss is a mean"),
            ([0.15, 0.0], "both directions have the hinge M; their mean is not its half"),
            ([0.2, 0.0], "the margin is .3 here"),
        ],
        otherwise="the values are off; write the hinge with equal similarities",
    )


def check_twin_share(function: Callable[[CaptionsOf], Any]) -> Verdict:
    """Check the share of caption rows with a twin at another video, upper and lower case the same.

    Args:
        function: Of captions by video to a share in 0..1.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_twin_share(lambda captions_of: None)
        · not attempted yet
    """
    captions_of = {
        "video1": ["A dog runs", "a dog", "a dog", "the red dog", "An owl", "an owl"],
        "video2": ["a Dog", "a boat", "a bird flies"],
        "video3": ["a boat", "a dog", "something"],
    }
    # Twins: "a dog" x 4, "a boat" x 2 of 12 rows. "an owl" repeats at its own video only.
    return judge(
        call(function, {name: list(captions) for name, captions in captions_of.items()}),
        6 / 12,
        "a lower bound for the false negatives, however one spells",
        [
            (5 / 12, "upper and lower case still make a difference in yours"),
            (8 / 12, "a caption repeated at its own video is no twin: it must stand at another one"),
            (6.0, "that is a count; the share is of all rows"),
            (2 / 7, "you count different captions once; the share is of the rows"),
            (2 / 12, "each twin is a row of its own: count all of them, not one for each text"),
            (4 / 12, "the first row of a text has a twin too: count it as well"),
            (50.0, "a share from 0 to 1, not percent"),
        ],
    )
