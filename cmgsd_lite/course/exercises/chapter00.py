"""Checkers of chapter 00: counting negatives, and counting the false ones among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge

BATCH = 128


def check_negatives(answer: object) -> Verdict:
    """Check the number of negatives in a batch of 128 pairs.

    Args:
        answer: A number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_negatives(None)
        · not attempted yet
    """
    n = BATCH
    return judge(
        answer,
        n * (n - 1),
        "128 right pairs against more than sixteen thousand that are declared wrong, unseen",
        [
            (n * n, "you counted the diagonal too: a caption and its own clip are no negative"),
            (n - 1, "that is for one caption; the batch has 128 of them"),
            (n, "that is the number of right pairs, the diagonal"),
            (n * (n - 1) // 2, "caption 1 with clip 2 and caption 2 with clip 1 are two pairs, not one"),
        ],
        otherwise="think of a table of 128 captions and 128 clips without its diagonal",
    )


def check_count_false_negatives(function: Callable[[Tensor], Any]) -> Verdict:
    """Check a function that counts the false negatives of a batch.

    Args:
        function: bool [N, N] (caption i is true of clip j) to a number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_count_false_negatives(lambda true: None)
        · not attempted yet
    """
    # The third caption is wrong about its own clip, so "subtract N" is no substitute for the diagonal.
    true = torch.tensor(
        [[1, 1, 0, 1, 1], [0, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]],
        dtype=torch.bool,
    )
    n, outside = len(true), ~torch.eye(len(true), dtype=torch.bool)
    right = int((true & outside).sum())
    return judge(
        call(function, true),
        right,
        "true although not the partner: the loss is told that each of these is wrong",
        [
            (int(true.sum()), "the diagonal is in your count: a caption's own clip is no false negative"),
            (
                int(true.sum()) - n,
                "you took N off the total, but a caption may be wrong about its own clip: "
                "leave the diagonal out itself",
            ),
            (int((~true & outside).sum()), "these are the true negatives: pairs where the caption is false"),
            (int((true & outside).any(dim=1).sum()), "you counted captions with a false negative, not pairs"),
            (
                int((true & outside).triu().sum()),
                "the matrix is not symmetric: look below the diagonal as well",
            ),
        ],
        otherwise="count the entries that are True and lie off the diagonal",
    )
