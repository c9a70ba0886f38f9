"""Checkers of chapter 05: two kinds of distance, the AUC, and a static teacher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge
from cmgsd_lite.evaluation.agreement import area_under_curve


def check_euclidean_from_cosine(function: Callable[[Tensor], Any]) -> Verdict:
    """Check the way from the cosine distance of unit vectors to their Euclidean distance.

    Args:
        function: Of the learner: cosine distances, any shape, to Euclidean distances.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_euclidean_from_cosine(lambda d: None)
        · not attempted yet
    """
    d = torch.tensor([0.0, 0.125, 0.5, 1.0, 2.0])
    return judge(
        call(function, d),
        (2 * d).sqrt(),
        "on unit vectors both distances rank all pairs alike; only the spacing differs",
        [
            (2 * d, "this is the *squared* Euclidean distance"),
            (d.sqrt(), "|a - b|² has two squared lengths of 1 in it: a factor is missing"),
            ((2 * (1 - d)).sqrt().nan_to_num(), "d is the distance already, 1 minus the cosine"),
            (d, "the two differ: two orthogonal unit vectors are not 1 apart"),
        ],
        otherwise="write |a - b|² out for two vectors of length 1 and put 1 - d in for their product",
    )


def check_auc(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check a function that computes the AUC of two lists of distances.

    Args:
        function: Of the learner: distances of false negatives [P] and of true negatives [Q] to a number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_auc(lambda near, far: None)
        · not attempted yet
    """
    near, far = torch.tensor([0.1, 0.4, 0.4]), torch.tensor([0.3, 0.4, 0.9, 0.9, 0.05])
    smaller = (near[:, None] < far).float().mean()
    ties = (near[:, None] == far).float().mean()
    right = area_under_curve(near, far)
    return judge(
        call(function, near, far),
        right,
        ".5 is guessing, 1 is perfect; no threshold had to be chosen for it",
        [
            (smaller, "ties count half: a distance that is the same for all must score .5, not 0"),
            (smaller + ties, "a tie is half right, not right: a constant distance would score 1"),
            (1 - right, "the other way round: *near* should be smaller"),
            (right * 15, "that is the number of pairs in the right order; give the share"),
            (far.mean() - near.mean(), "a difference of means depends on the unit; count pairs instead"),
        ],
        otherwise="compare every entry of near with every entry of far: near[:, None] < far",
    )


def check_text_teacher(function: Callable[[Tensor, Tensor, int], Any]) -> Verdict:
    """Check a function that builds the static text teacher.

    Args:
        function: Of the learner: caption vectors [C, D], row of each caption's video [C] and the number of
            videos to one vector a video [V, D].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_text_teacher(lambda text, owner, videos: None)
        · not attempted yet
    """
    text = torch.tensor([[1.0, 0.0], [0.0, 3.0], [2.0, 2.0], [4.0, 0.0], [0.0, 0.0], [5.0, 1.0]])
    owner = torch.tensor([0, 0, 1, 2, 2, 2])
    total = torch.zeros(3, 2).index_add_(0, owner, text)
    mean = total / torch.bincount(owner)[:, None]
    return judge(
        call(function, text, owner, 3),
        mean,
        "a teacher may know all captions of a clip, the model sees one of them at a time",
        [
            (total, "these are sums: divide by the number of captions of each video"),
            (text[[0, 2, 3]], "that is the first caption alone; the privilege is to know all of them"),
            (text[[1, 2, 5]], "that is the last caption of each: an assignment overwrites, it does not add"),
            (total / len(text), "you divided by the number of all captions, not by each video's own"),
            (mean / mean.norm(dim=1, keepdim=True), "do not normalise: the cosine distance does it later"),
            (text.mean(0).expand(3, 2), "one mean over all videos tells none of them apart"),
        ],
        otherwise="add up the rows of each video (index_add_), then divide by how many there were (bincount)",
    )
