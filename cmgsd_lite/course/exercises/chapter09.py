"""Checkers of chapter 09: how many videos, Holm's correction, unfair controls, what an abstract may say."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sized
from typing import Any

import torch

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, letters_of, not_attempted

COMPARISONS = {
    "a": (True, "the control's spread was chosen too, on the same videos with as many tries: that is fair"),
    "b": (
        False,
        "the control was run at the row's spread, which was chosen for the row alone",
    ),
    "c": (
        False,
        "half the epochs: the control may differ in the margin's meaning alone, not in how long it learned",
    ),
    "d": (False, "the batch differs too: twice as many negatives for every caption"),
    "e": (
        True,
        "both see the same batches, only who gets which margin differs: that is a control",
    ),
    "f": (False, "the row's spread was chosen by the videos that then decide"),
}
"""Whether each comparison that the chapter describes is fair, and why."""

SENTENCES = {
    "a": (True, "the interval of that difference lies above zero"),
    "b": (
        False,
        "an interval with zero inside leaves the question open, it shows no absence",
    ),
    "c": (False, "one interval without zero and one with it are no difference between the two"),
    "d": (True, "that is what the two numbers are, and both are named with what they were measured on"),
    "e": (False, "the overlap of captions is close to what the text teacher measures: ask another relevance"),
}
"""Whether each sentence of the abstract follows from the table, and why."""


def videos_needed(of_videos: float, of_seeds: float, rest: float, seeds: float, error: float) -> float:
    """The smallest number of videos with which the standard error is at most ``error``, or infinity."""
    left = error**2 - of_seeds / seeds
    if left <= 0:
        return math.inf
    return math.ceil((of_videos + rest / seeds) / left - 1e-9)


def _components(generator: torch.Generator, n: int) -> tuple[float, float, float, int, float]:
    of_videos, of_seeds, rest = (
        float(hundredths(generator, low=low, high=high)) for low, high in ((1, 9), (0, 0.4), (1, 20))
    )
    kind = int(torch.randint(5, (), generator=generator))
    if kind == 0:  # a whole number of videos, without rounding
        return round(of_videos), 0.0, n * round(rest), n, 0.5
    if kind <= 2:  # the seeds alone have the whole error, or more: no number of videos is enough
        return of_videos, 0.25 * kind * n, rest, n, 0.5
    return of_videos, of_seeds, rest, n, float(hundredths(generator, low=0.1, high=0.6)) + 0.003


def _limited(answer: torch.Tensor) -> torch.Tensor:
    """None at all may be said by any number that is larger than all videos of the world."""
    return answer.clamp(max=1e12)


NEEDED = (
    (
        lambda v, s, r, n, e: math.ceil((v + r / n) / e**2 - 1e-9),
        "that leaves the seeds out: what they add does not shrink with the videos",
    ),
    (
        lambda v, s, r, n, e: videos_needed(v + r - r / n, s, r, n, e),
        "the remainder is averaged over the seeds as well",
    ),
    (
        lambda v, s, r, n, e: math.ceil((v + r / n) / abs(e**2 - s / n) - 1e-9),
        "where the seeds alone are above the wanted error, no number of videos is enough: answer infinity",
    ),
    (
        lambda v, s, r, n, e: videos_needed(v, s, r, n, math.sqrt(e)),
        "the standard error is a root: square the wanted one",
    ),
)


@checker
def check_videos_needed(function: Callable[..., Any]) -> Verdict:
    """Check how many videos a wanted standard error takes.

    Args:
        function: Of the learner: variances of videos, seeds and remainder, the number of seeds, the wanted
            error; to a whole number, or infinity.

    Example:
        >>> check_videos_needed(lambda *_: None)
        · not attempted yet
    """
    said = "beyond some point only more seeds help, and beyond some seeds only more videos"
    return check_function(function, videos_needed, _components, said, NEEDED, prepare=_limited)


def corrected(p_values: list[float]) -> list[float]:
    """Holm's correction, step by step."""
    found, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        found[i] = highest
    return found


def _unrisen(p_values: list[float]) -> list[float]:
    ranks = [sorted(p_values).index(p) for p in p_values]
    return [min(1.0, (len(p_values) - rank) * p) for rank, p in zip(ranks, p_values, strict=True)]


def _p_values(generator: torch.Generator, n: int) -> tuple[list[float]]:
    return ([float(p) for p in hundredths(generator, n, low=0.01, high=0.6)],)


HOLM = (
    (lambda p: [min(1.0, len(p) * x) for x in p], "that is Bonferroni: every value times their number"),
    (_unrisen, "a larger p may not end below a smaller one: carry the maximum"),
    (lambda p: sorted(corrected(p)), "give them back in the order in which they came"),
    (
        lambda p: [min(1.0, (sorted(p).index(x) + 1) * x) for x in p],
        "the largest factor belongs to the smallest p",
    ),
)


@checker
def check_holm(function: Callable[[list[float]], Any]) -> Verdict:
    """Check a learner's Holm correction.

    Args:
        function: p values to corrected p values, in the same order.

    Example:
        >>> check_holm(lambda p_values: None)
        · not attempted yet
    """
    said = "the smallest has to pass against all of them, the next against one less, and so on"
    return check_function(function, corrected, _p_values, said, HOLM)


@checker
def check_unfair(answer: Any) -> Verdict:
    """Check which comparisons are unfair.

    Args:
        answer: Letters of the unfair ones, in any form.

    Example:
        >>> check_unfair(None)
        · not attempted yet
    """
    said = "one thing may differ, the meaning of the margin; both sides choose as freely, on other videos"
    unfair = {letter for letter, (fair, _) in COMPARISONS.items() if not fair}
    return _letters(answer, unfair, COMPARISONS, said)


@checker
def check_sentences(answer: Any) -> Verdict:
    """Check which sentences of an abstract follow from its table.

    Args:
        answer: Letters of those that follow, in any form.

    Example:
        >>> check_sentences(None)
        · not attempted yet
    """
    follow = {letter for letter, (follows, _) in SENTENCES.items() if follows}
    said = "an interval is read from its ends, and a difference needs an interval of its own"
    return _letters(answer, follow, SENTENCES, said)


def _letters(
    answer: Any, right: Collection[str], reasons: Mapping[str, tuple[bool, str]], said: str
) -> Verdict:
    """Compare letters, given as a set, a list or a text such as "b, c"."""
    if not_attempted(answer) or (isinstance(answer, Sized) and len(answer) == 0):
        return Verdict("open")
    letters = set(letters_of(answer).lower())
    if not letters:
        return Verdict("off", f"expected letters such as {{'a', 'b'}}, got {answer!r}")
    if letters == set(right):
        return Verdict("correct", said)
    letter = min(letters ^ set(right))
    if letter not in reasons:
        return Verdict("off", f"no such letter: {letter}")
    return Verdict("off", f"look at {letter} again: {reasons[letter][1]}")
