"""Checkers of chapter 02: the hinge of the other direction, a collapsed model's loss, the k hardest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge
from cmgsd_lite.losses import MaxMarginRankingLoss, ranking_hinge

MARGIN = 0.2
# Another matrix than the chapter's: both directions have violations, and their sums differ.
SIM = torch.tensor(
    [
        [0.50, 0.55, 0.10, 0.41, 0.37],
        [0.20, 0.60, 0.47, 0.13, 0.52],
        [0.61, 0.35, 0.70, 0.58, 0.44],
        [0.42, 0.05, 0.33, 0.45, 0.19],
        [0.07, 0.29, 0.39, 0.31, 0.65],
    ]
)


def check_video_to_text(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check the hinge of every pair with the video as anchor.

    Args:
        function: Similarities [N, N] and a margin to [N, N].

    Returns:
        The verdict.

    Source:
        The field's standard hinge.

    Example:
        >>> check_video_to_text(lambda sim, margin: None)
        · not attempted yet
    """
    text_to_video, right = ranking_hinge(SIM, MARGIN)
    raised = MARGIN + SIM - SIM.diagonal()[None, :]
    return judge(
        call(function, SIM, MARGIN),
        right,
        "an anchor video looks along its column",
        [
            (text_to_video, "that is text to video: here the anchor is video j, with its own S[j, j]"),
            (right.T, "the values are right but transposed: keep rows as texts, columns as videos"),
            (torch.relu(raised), "the diagonal is not 0: a video's own text is no negative"),
            (raised.fill_diagonal_(0), "some entries are negative: a hinge is never below 0"),
            (
                torch.relu(SIM - SIM.diagonal()[None, :]).fill_diagonal_(0),
                "the margin is missing: add it before the hinge",
            ),
        ],
        otherwise="max(0, margin + S[i, j] - S[j, j]) off the diagonal, 0 on it",
    )


def check_collapsed_loss(answer: object) -> Verdict:
    """Check the hardest-negative loss of a collapsed model at a margin of 0.2.

    Args:
        answer: A number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_collapsed_loss(None)
        · not attempted yet
    """
    return judge(
        answer,
        MARGIN,
        "a training loss that sits at the margin is the sign to look for",
        [
            (0.0, "the hinge is margin + S - S, and all S are equal: what is left of it?"),
            (2 * MARGIN, "the loss is the mean of the two directions, not their sum"),
            (MARGIN / 2, "both directions have this value, so their mean has it too"),
        ],
        otherwise="put one number for every similarity into the hinge",
    )


def check_k_hardest(function: Callable[[Tensor, float, int], Any]) -> Verdict:
    """Check the loss over the k hardest negatives of every anchor.

    Args:
        function: Similarities [N, N], a margin and k to a scalar.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_k_hardest(lambda sim, margin, k: None)
        · not attempted yet
    """
    k = 3
    t2v, v2t = ranking_hinge(SIM, MARGIN)
    rows, columns = t2v.topk(k, dim=1).values, v2t.topk(k, dim=0).values
    both = torch.cat([rows, columns.T])
    return judge(
        call(function, SIM, MARGIN, k),
        MaxMarginRankingLoss(MARGIN, k)(SIM),
        "between the hardest one and all of them: one bad negative no longer decides alone",
        [
            (rows.mean(), "that is text to video alone: add the other direction and halve"),
            (columns.mean(), "that is video to text alone: add the other direction and halve"),
            (rows.mean() + columns.mean(), "you added the two directions: take their mean"),
            (
                rows.sum() + columns.sum(),
                "you took sums: take the mean over the k of an anchor, over anchors",
            ),
            (both.sum(1).mean(), "you summed over the k negatives of an anchor: take their mean"),
            (both[both > 0].mean(), "zeros count as well: divide by k, not by the number of violations"),
            (MaxMarginRankingLoss(MARGIN, "hardest")(SIM), "that is the hardest one alone; k was 3"),
            (MaxMarginRankingLoss(MARGIN, "mean")(SIM), "that is the mean over all negatives; k was 3"),
            (_with_diagonal(k), "the diagonal is among your negatives: its hinge is 0, not the margin"),
        ],
        otherwise="per anchor the mean of its k largest hinges, then over anchors, then over directions",
    )


def _with_diagonal(k: int) -> Tensor:
    own = SIM.diagonal()
    rows = torch.relu(MARGIN + SIM - own[:, None]).topk(k, dim=1).values
    columns = torch.relu(MARGIN + SIM - own[None, :]).topk(k, dim=0).values
    return (rows.mean() + columns.mean()) / 2
