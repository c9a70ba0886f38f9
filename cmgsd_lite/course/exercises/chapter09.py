"""Checkers of chapter 09: a paired difference, reading intervals, unfair controls, Holm's correction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge, not_attempted

INTERVALS = {"A": (0.2, 1.4), "B": (-0.9, 0.7), "C": (-2.1, -0.3), "D": (-0.1, 3.9)}
"""Intervals of row minus control, in points, as the notebook prints them."""

UNFAIR = {"b", "c", "e"}


def check_paired_difference(function: Callable[..., Any]) -> Verdict:
    """Check the mean difference of two conditions over seeds and queries.

    Args:
        function: Of the learner: sums a video by seed [S, V] of two conditions, and the number of queries of
            each video [V], to one number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_paired_difference(lambda first, second, count: None)
        · not attempted yet
    """
    first = np.array([[100.0, 500.0, 0.0], [0.0, 400.0, 100.0]])
    second = np.array([[0.0, 100.0, 100.0], [0.0, 300.0, 0.0]])
    count = np.array([1.0, 6.0, 1.0])
    difference = first - second
    right = difference.mean(axis=0).sum() / count.sum()
    return judge(
        call(function, first.copy(), second.copy(), count.copy()),
        right,
        "every query counts once, every seed as much as the others",
        [
            (-right, "the sign is the other way round: first minus second"),
            (difference.sum() / count.sum(), "you added the seeds up: take their mean"),
            (
                (difference / count).mean(),
                "that gives every video the same weight; a video with six queries has six",
            ),
            (difference.mean(), "you divided by the number of videos: the sums are over queries"),
            (
                difference.mean(axis=0) / count,
                "these are differences by video; the question is for one number",
            ),
            (difference.sum(axis=1) / count.sum(), "one number a seed is a step; now their mean"),
        ],
        otherwise="sum the differences over videos, divide by all queries, take the mean over seeds",
    )


def check_readings(answer: Any) -> Verdict:
    """Check what four intervals say.

    Args:
        answer: Letter to ``"better"``, ``"worse"`` or ``"open"``.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_readings(None)
        · not attempted yet
    """
    if not_attempted(answer):
        return Verdict("open")
    if not isinstance(answer, dict) or set(answer) != set(INTERVALS):
        return Verdict("off", f"expected a dictionary with the letters {', '.join(INTERVALS)}")
    if any(not_attempted(value) for value in answer.values()):
        return Verdict("open")
    if not set(answer.values()) <= {"better", "worse", "open"}:
        return Verdict("off", "expected 'better', 'worse' or 'open' for each")
    wrong = [name for name, (low, high) in INTERVALS.items() if answer[name] != _reading(low, high)]
    if not wrong:
        return Verdict(
            "correct", "zero inside leaves the question open; it does not show that there is no effect"
        )
    hints = {
        "A": "A: the whole interval lies on one side of zero",
        "B": "B: zero is inside; the middle of an interval decides nothing",
        "C": "C: look at the sign of both ends",
        "D": "D: a large middle does not help as long as zero is inside",
    }
    return Verdict("off", "; ".join(hints[name] for name in wrong))


def check_unfair(answer: Any) -> Verdict:
    """Check which of five comparisons are unfair.

    Args:
        answer: Letters of the unfair ones.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_unfair(None)
        · not attempted yet
    """
    if not_attempted(answer):
        return Verdict("open")
    if isinstance(answer, str) or not isinstance(answer, Collection):
        return Verdict("off", "expected a set of letters")
    letters = {str(letter).lower() for letter in answer}
    if not letters:
        return Verdict("open")
    if letters == UNFAIR:
        return Verdict("correct", "one thing may differ: the meaning of the margin, nothing else")
    reasons = {
        "a": "one of yours differs from the row in meaning alone: that is what a control is for",
        "b": "one you left out has another reduction: softening differs between them",
        "c": "one you left out trained with a larger gradient: look at what the weights sum to",
        "d": "one of yours is fair: validation is what choices are made on",
        "e": "one you left out used the test videos before they were to decide",
    }
    wrong = sorted(letters ^ UNFAIR)
    unknown = [letter for letter in wrong if letter not in reasons]
    return Verdict("off", f"no such letter: {unknown[0]}" if unknown else reasons[wrong[0]])


def check_holm(function: Callable[[list[float]], Any]) -> Verdict:
    """Check a learner's Holm correction.

    Args:
        function: p values to corrected p values, in the same order.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_holm(lambda p: None)
        · not attempted yet
    """
    p = [0.02, 0.4, 0.006, 0.021]
    ranked = sorted(p)
    stepped = [len(p) * 0.006, 3 * 0.02, 2 * 0.021, 0.4]
    rising = dict(zip(ranked, np.maximum.accumulate(stepped), strict=True))
    unrisen = dict(zip(ranked, stepped, strict=True))
    answer = call(function, list(p))
    if isinstance(answer, list | tuple) and not_attempted(next(iter(answer), None)):
        return Verdict("open")
    verdict = judge(
        answer,
        [rising[value] for value in p],
        "the smallest has to pass against all of them, the next against one less, and so on",
        [
            ([min(1.0, len(p) * value) for value in p], "that is Bonferroni: every value times their number"),
            ([len(p) * value for value in p], "that is Bonferroni, and a probability above 1"),
            (
                [unrisen[value] for value in p],
                "a larger p may not end below a smaller one: carry the maximum",
            ),
            ([rising[value] for value in ranked], "give them back in the order in which they came"),
            (
                [min(1.0, value * (place + 1)) for place, value in enumerate(ranked)],
                "the largest factor belongs to the smallest p",
            ),
        ],
        otherwise="sort; multiply by 4, 3, 2, 1; carry the maximum; put back in order",
    )
    if not verdict.ok:
        return verdict
    return judge(
        call(function, [0.6, 0.7]),
        [1.0, 1.0],
        verdict.message,
        [([1.2, 1.2], "a probability is never above 1")],
    )


def _reading(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else "open"
