"""Checkers of chapter 12, "Bring your own videos"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict


def film_lengths(generator: torch.Generator, n: int) -> tuple[float, int]:
    """Draw how long a film is, in seconds, and how many moments of it are wanted."""
    return round(float(hundredths(generator, low=1, high=60)), 2), n


def _moments(seconds: float, count: int) -> Any:
    return (np.arange(count) + 0.5) * seconds / count


MOMENTS = (
    (
        lambda seconds, count: np.linspace(0, seconds, count),
        "the first and the last moment of a film are often black: take the middle of each stretch",
    ),
    (
        lambda seconds, count: np.arange(count) * seconds / count,
        "that is where each stretch begins; its middle is wanted",
    ),
    (
        lambda seconds, count: (np.arange(count) + 1) * seconds / count,
        "that is where each stretch ends; its middle is wanted",
    ),
    (
        lambda seconds, count: (np.arange(count) + 1) * seconds / (count + 1),
        "these cut the film into one stretch more than asked for, and lie between them",
    ),
    (lambda seconds, count: _moments(1, count), "these are shares of the film: seconds"),
)


def split_clips(generator: torch.Generator, n: int) -> tuple[list[str], list[str]]:
    """Draw names of training and test clips: a film's name, "_", and the clip's number."""
    names = [f"day_{film}_{clip}" for film in range(2 * n) for clip in (0, 7, 10, 123)]
    order = [names[i] for i in torch.randperm(len(names), generator=generator).tolist()]
    return order[n : 3 * n], order[:n]


def _film(clip: str) -> str:
    return clip.rpartition("_")[0]


def _leaked(train: Sequence[str], test: Sequence[str]) -> float:
    films = {_film(clip) for clip in train}
    return 100 * sum(_film(clip) in films for clip in test) / len(test)


def _leaked_films(train: Sequence[str], test: Sequence[str]) -> float:
    films = {_film(clip) for clip in test}
    return 100 * len(films & {_film(clip) for clip in train}) / len(films)


LEAKS = (
    (
        lambda train, test: 100 * len(set(train) & set(test)) / len(test),
        "no clip is in both lists, and yet the split leaks: compare films",
    ),
    (
        lambda train, test: 100.0,
        "what stands in front of the first _ is not the film yet: day_3_1 is a clip of day_3",
    ),
    (lambda train, test: _leaked(train, test) / 100, "nearly: in percent"),
    (lambda train, test: _leaked(train, test) * len(test) / 100, "divide by the test clips"),
    (lambda train, test: _leaked(test, train), "the test clips are judged, not the others"),
    (lambda train, test: 100 - _leaked(train, test), "that is the share that is clean"),
    (_leaked_films, "that is the share of the films; a share of the test clips is wanted"),
)


def judged_parts(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw parts of a report: pairs in each, how many were looked at, and how many of those were true."""
    looked = torch.randint(2, 30, (n,), generator=generator)
    true = (torch.rand(n, generator=generator) * (looked + 1)).long()
    return looked + torch.randint(1, 900, (n,), generator=generator), looked, true


def _expected_true(pairs: Tensor, looked: Tensor, true: Tensor) -> Tensor:
    return (pairs * true / looked).sum()


PARTS = (
    (
        lambda pairs, looked, true: pairs.sum() * true.sum() / looked.sum(),
        "you threw the parts together: in the far part you looked at few of many, near at many of few",
    ),
    (
        lambda pairs, looked, true: pairs.sum() * (true / looked).mean(),
        "a part counts by how many pairs it has; yours count alike",
    ),
    (
        lambda pairs, looked, true: pairs.sum() * true[0] / looked[0],
        "the precision of the nearest pairs does not hold further down",
    ),
    (lambda pairs, looked, true: true.sum(), "those are the ones you saw; count all"),
    (
        lambda pairs, looked, true: ((pairs - looked) * true / looked).sum(),
        "these are the ones you did not see; those you saw are true as well",
    ),
    (lambda pairs, looked, true: _expected_true(pairs, looked, true) / pairs.sum(), "a number, not a share"),
)


def judged_pairs(generator: torch.Generator, n: int) -> tuple[Tensor, int]:
    """Draw judgements of a report's pairs, nearest first, and how many false negatives are wanted."""
    true = torch.rand(3 * n, generator=generator) < 0.5
    true[torch.randint(len(true), (), generator=generator)] = True
    wanted = int(torch.randint(1, int(true.sum()) + 1, (), generator=generator))
    return true.long(), wanted


def _looks(true: Tensor, wanted: int) -> int:
    return int((true.cumsum(0) < wanted).sum()) + 1


LOOKS = (
    (lambda true, wanted: _looks(true, wanted) - 1, "nearly: place 0 is the first look"),
    (lambda true, wanted: _looks(true, wanted) - wanted, "you left out those that were true"),
    (lambda true, wanted: wanted, "so few only if every pair of the report were right"),
    (
        lambda true, wanted: wanted * len(true) / true.sum(),
        "so it is in random order: the report puts the likely ones first",
    ),
    (lambda true, wanted: _looks(true.flip(0), wanted), "the nearest pair comes first, not last"),
    (
        lambda true, wanted: _looks(1 - true, min(wanted, int((1 - true).sum()))),
        "you counted the pairs that are not true",
    ),
)


@checker
def check_moments(function: Callable[[float, int], Any]) -> Verdict:
    """Check the moments at which frames of a film are taken: the middles of equal stretches.

    Args:
        function: Of a length in seconds and a count to that many moments, in seconds.

    Example:
        >>> check_moments(lambda seconds, count: [seconds * k / count for k in range(count)])
        ✗ not yet: that is where each stretch begins; its middle is wanted
    """
    said = "no moment is further than half a stretch from one that was looked at"
    return check_function(function, _moments, film_lengths, said, MOMENTS, tolerance=1e-3)


@checker
def check_leak(function: Callable[[list[str], list[str]], Any]) -> Verdict:
    """Check the share of test clips whose film is in the training list too.

    Args:
        function: Of names of training and test clips to percent of the test clips.

    Example:
        >>> check_leak(lambda train, test: 100 * len(set(train) & set(test)) / len(test))
        ✗ not yet: no clip is in both lists, and yet the split leaks: compare films
    """
    said = "anything above zero is a test on what was learned by heart: draw films, not clips"
    return check_function(function, _leaked, split_clips, said, LEAKS, tolerance=1e-2)


@checker
def check_expected_true(function: Callable[[Tensor, Tensor, Tensor], Any]) -> Verdict:
    """Check how many pairs of a report are true, judged by a look at some of each part.

    Args:
        function: Of the pairs of each part, those looked at and those of them that are true, to one number.

    Example:
        >>> check_expected_true(lambda pairs, looked, true: true.sum())
        ✗ not yet: those are the ones you saw; count all
    """
    said = "each part by its own precision; most of the true pairs may lie where the precision is low"
    return check_function(function, _expected_true, judged_parts, said, PARTS, tolerance=1e-2)


@checker
def check_looks(function: Callable[[Tensor, int], Any]) -> Verdict:
    """Check how many pairs of a report one has to look at until so many of them turned out true.

    Args:
        function: Of judgements (1 true, 0 not), nearest first, and a number wanted, to a number of pairs.

    Example:
        >>> check_looks(lambda true, wanted: wanted)
        ✗ not yet: so few only if every pair of the report were right
    """
    said = "what a report is worth is what it saves you from looking at"
    return check_function(function, _looks, judged_pairs, said, LOOKS)
