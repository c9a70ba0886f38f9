"""Checkers of chapter 08: steps of an epoch, the choice of the epoch, floors of nDCG and recall."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge, not_attempted

VIDEOS, CAPTIONS_EACH, BATCH = 4107, 20, 128
History = Sequence[dict[str, Any]]


def check_steps(steps: Any, captions_seen: Any) -> Verdict:
    """Check the number of steps and of captions in an epoch.

    Args:
        steps: Optimizer steps in one epoch.
        captions_seen: Captions that the model sees in it.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_steps(None, None)
        · not attempted yet
    """
    if not_attempted(steps) or not_attempted(captions_seen):
        return Verdict("open")
    whole = VIDEOS // BATCH
    verdict = judge(
        steps,
        whole,
        "",
        [
            (math.ceil(VIDEOS / BATCH), "the last, partial batch is dropped"),
            (VIDEOS / BATCH, "steps are whole numbers: what happens to the rest?"),
            (VIDEOS * CAPTIONS_EACH // BATCH, "an epoch takes one caption a video, not all twenty"),
            (math.ceil(VIDEOS * CAPTIONS_EACH / BATCH), "an epoch takes one caption a video, not all twenty"),
        ],
        otherwise="the number of steps is off: how many whole batches are in an epoch?",
    )
    if not verdict.ok:
        return verdict
    return judge(
        captions_seen,
        whole * BATCH,
        "a few videos sit an epoch out; the next epoch draws anew",
        [
            (VIDEOS, "the steps are right; are the videos of the dropped batch seen?"),
            (whole, "the steps are right; a step sees a whole batch of captions"),
            (VIDEOS * CAPTIONS_EACH, "the steps are right; of each video one caption is drawn"),
            (whole * BATCH * CAPTIONS_EACH, "the steps are right; of each video one caption is drawn"),
        ],
        otherwise="the steps are right, the number of captions is off",
    )


def check_choose_epoch(choose_epoch: Callable[[History], int]) -> Verdict:
    """Check the choice of the epoch from a history.

    Args:
        choose_epoch: Of the learner: the history of ``fit`` to the number of an epoch, from 1.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_choose_epoch(lambda history: None)
        · not attempted yet
    """
    # Mean recall: 40, 44, 50, 50, 43.67, 45; every typical mistake picks another epoch.
    recalls = [(20, 40, 60), (19, 41, 72), (25, 50, 75), (24, 50, 76), (28, 43, 60), (22, 46, 67)]
    losses = [0.50, 0.30, 0.25, 0.22, 0.10, 0.12]
    backwards = [(1, 2, 3), (30, 60, 90), (9, 9, 9), (9, 9, 9), (9, 9, 9), (9, 9, 9)]
    history = [
        {
            "epoch": number + 1,
            "loss": losses[number],
            "validation": {
                "t2v": dict(zip(("R@1", "R@5", "R@10"), map(float, recalls[number]), strict=True)),
                "v2t": dict(zip(("R@1", "R@5", "R@10"), map(float, backwards[number]), strict=True)),
            },
        }
        for number in range(len(recalls))
    ]
    two = "epoch 2? Records have their own number in `epoch`, counted from 1; and it is text to video"
    return judge(
        call(choose_epoch, history),
        3,
        "the mean of three recalls is steadier than any one of them",
        [
            (4, "two epochs are equal, or nearly so by R@10 alone: the mean of the three, and the earliest"),
            (5, "the training loss (or R@1 alone) chose for you; it knows nothing of unseen videos"),
            (6, "that is the last epoch, not the best"),
            (2, two),
            (1, "the lowest recall? or the highest loss?"),
            (50, "that is the best recall itself: return the epoch's number"),
        ],
        otherwise="that is not the number of the best epoch",
    )


def check_above_floor(above_floor: Callable[[float, float], float]) -> Verdict:
    """Check nDCG as the share of the band above a random ranking.

    Args:
        above_floor: Of the learner: nDCG and the floor, both in percent, to percent.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_above_floor(lambda ndcg, floor: None)
        · not attempted yet
    """
    ndcg, floor = 80.0, 60.0
    verdict = judge(
        call(above_floor, ndcg, floor),
        50.0,
        "",
        [
            (0.5, "in percent, please"),
            (ndcg - floor, "that is the distance from the floor; what part of the way to 100 is it?"),
            (100 * ndcg / floor, "a ratio of the two: the floor itself should give 0"),
            (100 * (ndcg - floor) / floor, "relative to the floor; what is there to earn above it?"),
            (100 * (ndcg - floor) / ndcg, "relative to the nDCG; what is there to earn above the floor?"),
        ],
        otherwise="for an nDCG of 80 over a floor of 60 the value is off",
    )
    if not verdict.ok:
        return verdict
    return judge(
        call(above_floor, 50.0, 75.0),
        -100.0,
        "worse than random is negative, and should be",
        [(0.0, "a ranking worse than random earns less than nothing: do not clip")],
        otherwise="below the floor the value is off",
    )


def check_random_recall(in_300: Any, in_1000: Any) -> Verdict:
    """Check R@10 of a random ranking in galleries of 300 and 1,000.

    Args:
        in_300: Percent, gallery of 300.
        in_1000: Percent, gallery of 1,000.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_random_recall(None, None)
        · not attempted yet
    """
    if not_attempted(in_300) or not_attempted(in_1000):
        return Verdict("open")
    try:
        answer = [float(in_300), float(in_1000)]
    except (TypeError, ValueError):
        return Verdict("off", "expected two numbers")
    right = [1000 / 300, 1.0]
    return judge(
        answer,
        right,
        "more than three times as easy, before any model comes in",
        [
            ([v / 100 for v in right], "in percent, please"),
            ([v / 10 for v in right], "that is R@1: ten places may hold the right video"),
            (right[::-1], "the two are the wrong way round"),
            ([10.0, 10.0], "ten of how many?"),
        ],
        tolerance=0.035,
        otherwise="the values are off: in how many of the places does the right video count as found?",
    )
