"""Checkers of chapter 08: the choice of the epoch, the floor of nDCG, smaller galleries, four logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker
from cmgsd_lite.course.exercises.verdict import Verdict, judge_words

LOGS = {
    "A": (
        "InfoNCE",
        (4.35, 3.38, 3.02, 2.95, 4.24, 3.34, 2.94, 2.76),
        (42.1, 51.7, 55.5, 56.2, 34.5, 51.6, 55.5, 56.6),
    ),
    "B": (
        "hardest",
        (0.29, 0.25, 0.24, 0.23, 0.22, 0.22, 0.21, 0.21),
        (24.5, 26.2, 25.2, 36.9, 42.8, 47.0, 51.8, 55.7),
    ),
    "C": (
        "InfoNCE",
        (5.39, 5.02, 4.91, 4.86, 4.86, 4.85, 4.86, 4.84),
        (3.6, 3.7, 3.9, 4.2, 4.1, 4.0, 4.0, 3.9),
    ),
    "D": (
        "InfoNCE",
        (5.29, 4.46, 4.18, 3.98, 3.80, 3.70, 3.62, 3.62),
        (10.8, 18.4, 24.5, 28.6, 31.1, 33.5, 34.3, 34.4),
    ),
}
"""The loss's name, and loss and validation R@10 of eight epochs on MiniVTT, seed 0. A: 4 epochs at .001, then
the weights alone and 4 epochs at .01. C: the captions' vectors shuffled. D: learning rate .1."""

DIAGNOSES = {"A": "restart", "B": "healthy", "C": "pairs", "D": "rate"}
WHY = {
    "A": "what happens between epochs 4 and 5, and never again?",
    "B": "a hinge that comes down to its margin: what does R@10 do meanwhile?",
    "C": "which loss has a model that knows nothing about 128 pairs, and which R@10 a random ranking of 300?",
    "D": "it learns, so the pairs are right, and nothing jumps; but how far does it get, how does it begin?",
}


@checker
def check_choose_epoch(function: Callable[..., Any]) -> Verdict:
    """Check the choice of the epoch.

    Args:
        function: Of the recalls [epochs, 3], to the number of an epoch, from 1.

    Example:
        >>> check_choose_epoch(lambda recalls: None)
        · not attempted yet
    """
    said = "the mean of three recalls is steadier than any one of them"
    return check_function(function, choose_epoch, recalls, said, EPOCH_MISTAKES)


def recalls(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """R@1, R@5 and R@10 of n epochs, in percent; with three and more the best epoch comes twice."""
    drawn = torch.randint(10, 90, (n, 3), generator=generator).float().sort(dim=1).values
    if n > 2:
        places = torch.randperm(n, generator=generator)[:2]
        drawn[places] = drawn[drawn.sum(dim=1).argmax()].clone()
    return (drawn,)


def choose_epoch(recalls: Tensor) -> int:
    """The first epoch with the best mean."""
    return int(recalls.sum(dim=1).argmax()) + 1


def _latest(recalls: Tensor) -> int:
    return len(recalls) - int(recalls.sum(dim=1).flip(0).argmax())


EPOCH_MISTAKES = (
    (lambda recalls: choose_epoch(recalls) - 1, "epochs are counted from 1"),
    (_latest, "of equal epochs the earliest"),
    (lambda recalls: int(recalls[:, 2].argmax()) + 1, "that is the best by R@10 alone"),
    (lambda recalls: int(recalls[:, 0].argmax()) + 1, "that is the best by R@1 alone"),
    (len, "that is the last epoch, not the best"),
    (lambda recalls: choose_epoch(-recalls), "that is the worst epoch"),
    (lambda recalls: recalls.mean(dim=1).max(), "that is the best recall itself: return the epoch's number"),
)


@checker
def check_above_floor(function: Callable[..., Any]) -> Verdict:
    """Check nDCG as the share of the band above a random ranking.

    Args:
        function: Of nDCG and the floor, both in percent, to percent.

    Example:
        >>> check_above_floor(lambda ndcg, floor: None)
        · not attempted yet
    """
    said = "worse than random is negative, and should be"
    return check_function(function, above_floor, scores, said, FLOOR_MISTAKES, tolerance=1e-2)


def scores(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """An nDCG and a floor in percent; some lie below the floor."""
    floor = float(torch.randint(20, 80, (), generator=generator))
    return float(torch.randint(10, 99, (), generator=generator)), floor


def above_floor(ndcg: float, floor: float) -> float:
    """Percent of the way from the floor to 100."""
    return 100 * (ndcg - floor) / (100 - floor)


FLOOR_MISTAKES = (
    (lambda ndcg, floor: (ndcg - floor) / (100 - floor), "in percent, please"),
    (lambda ndcg, floor: ndcg - floor, "that is the distance; which part of the way to 100 is it?"),
    (lambda ndcg, floor: 100 * ndcg / floor, "a ratio of the two: the floor should give 0"),
    (
        lambda ndcg, floor: 100 * (ndcg - floor) / floor,
        "relative to the floor; what is there to earn above it?",
    ),
    (
        lambda ndcg, floor: 100 * (ndcg - floor) / ndcg,
        "relative to the nDCG; what is there to earn above the floor?",
    ),
    (
        lambda ndcg, floor: max(0.0, above_floor(ndcg, floor)),
        "a ranking worse than random earns less than nothing: do not clip",
    ),
)


@checker
def check_rank_in_smaller(function: Callable[..., Any]) -> Verdict:
    """Check the mean rank of a caption's own video in a smaller gallery.

    Args:
        function: Of the rank, the number of videos and how many are kept, to a mean rank.

    Example:
        >>> check_rank_in_smaller(lambda rank, videos, kept: rank * kept / videos)
        ✗ not yet: rank 1 should stay rank 1: count those ahead of it, not the rank itself
    """
    said = "rank 34 of 1,000 is about rank 11 of 300: what R@10 calls lost is nearly found"
    return check_function(function, rank_in_smaller, galleries, said, RANK_MISTAKES)


def galleries(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """A rank, the number of videos (a few to some hundreds), and how many are kept."""
    videos = int(torch.randint(3, 4 + 5 * n**2, (), generator=generator))
    rank, kept = (int(torch.randint(1, videos + 1, (), generator=generator)) for _ in range(2))
    return rank, videos, kept


def rank_in_smaller(rank: int, videos: int, kept: int) -> float:
    """One, and of those ahead the share that stays."""
    return 1 + (rank - 1) * (kept - 1) / (videos - 1)


RANK_MISTAKES = (
    (
        lambda rank, videos, kept: rank * kept / videos,
        "rank 1 should stay rank 1: count those ahead of it, not the rank itself",
    ),
    (
        lambda rank, videos, kept: 1 + (rank - 1) * kept / videos,
        "the own video is kept for certain: of the others, how many stay?",
    ),
    (
        lambda rank, videos, kept: (rank - 1) * (kept - 1) / (videos - 1),
        "so many stay ahead of it; which rank is that?",
    ),
    (lambda rank, videos, kept: rank, "those ahead do not all stay"),
    (
        lambda rank, videos, kept: 1 + (rank - 1) * (videos - 1) / max(kept - 1, 1),
        "that is a larger gallery: the rank grew",
    ),
)


@checker
def check_diagnosis(answer: Any) -> Verdict:
    """Check what four logs tell.

    Args:
        answer: A word for each of A, B, C, D: a dict, or a list in this order.

    Example:
        >>> check_diagnosis(["rate", "healthy", "pairs", "restart"])
        ✗ not yet: A: what happens between epochs 4 and 5, and never again?
    """
    said = "ln 128 = 4.85 is what knowing nothing costs; and a hinge at its margin may be on its way"
    return judge_words(answer, DIAGNOSES, WHY, said)
