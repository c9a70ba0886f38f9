"""Checkers of chapter 06: the reversed margin, picks under noise, margins of an anchor, the fair control."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, judge, not_attempted


def margin_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, float]:
    """Unclipped margins [N, N] as of a z-score map: mean alpha off the diagonal, alpha on it, skewed."""
    n = max(n, 3)  # of two margins with mean alpha the transpose is the reversed one
    alpha = float(hundredths(generator, low=0.05, high=0.5))
    above = hundredths(generator, 2, n * (n - 1) // 3, low=0.01, high=0.25)
    away = torch.zeros(n * (n - 1))
    away[: 3 * above.shape[1]] = torch.cat([*above, -above.sum(dim=0)])
    margin = torch.full((n, n), alpha)
    margin[~torch.eye(n, dtype=torch.bool)] += away[torch.randperm(len(away), generator=generator)]
    return margin, alpha


def _reversed(margin: Tensor, alpha: float) -> Tensor:
    return 2 * alpha - margin


REVERSED_MISTAKES = (
    (lambda margin, alpha: -margin, "the mean must stay at α: mirror at α, not at 0"),
    (lambda margin, alpha: alpha - margin, "now the mean is 0; it must stay at α"),
    (
        lambda margin, alpha: _reversed(margin, alpha).clamp(min=0),
        "these margins were not clipped: do not clip them either, or their mean is no longer α",
    ),
    (
        lambda margin, alpha: margin.max() + margin.min() - margin,
        "the middle between largest and smallest is not the mean: mirror at α",
    ),
    (lambda margin, alpha: 0.4 - margin, "α is an argument: it need not be .2"),
    (lambda margin, alpha: margin.T, "a transpose swaps the items of a pair; far stays far"),
    (lambda margin, alpha: margin.flip(0, 1), "this renames the pairs: a permutation"),
    (lambda margin, alpha: margin, "nothing has changed"),
)


@checker
def check_reversed(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check a function that turns a margin matrix into its reversed control.

    Args:
        function: Of the learner: unclipped margins [N, N] and alpha to margins [N, N].

    Example:
        >>> check_reversed(lambda margin, alpha: None)
        · not attempted yet
    """
    said = "mirrored at α: the same mean and the same spread, the opposite meaning"
    return check_function(function, _reversed, margin_inputs, said, REVERSED_MISTAKES)


def violation_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, float]:
    """Violations [N], most of them below zero in some draws, and a temperature."""
    return hundredths(generator, n, low=-0.3, high=0.3), float(hundredths(generator, low=0.03, high=0.3))


def _picked(violations: Tensor, temperature: float) -> Tensor:
    powers = torch.exp(violations / temperature)
    return powers / (1 + powers.sum())


PICKED_MISTAKES = (
    (
        lambda violations, temperature: torch.softmax(violations / temperature, dim=0),
        "these sum to 1: the zero of the hinge competes as well, with violation 0",
    ),
    (
        lambda violations, temperature: _picked(violations * temperature, 1),
        "you multiply by the temperature: a small one should sharpen",
    ),
    (lambda violations, temperature: _picked(violations, 1), "where is the temperature?"),
    (
        lambda violations, temperature: torch.softmax(
            torch.cat([violations / temperature, torch.zeros(1)]), dim=0
        ),
        "the zero's own share is not asked for: [N], not [N + 1]",
    ),
    (
        lambda violations, temperature: torch.sigmoid(violations / temperature),
        "each negative against zero alone; all of them compete with each other",
    ),
    (
        lambda violations, temperature: _picked(violations.clamp(min=0), temperature),
        "noise can lift a negative violation too: do not clip before the softmax",
    ),
)


@checker
def check_picked(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check the probabilities with which negatives are picked under Gumbel margins.

    Args:
        function: Of the learner: violations [N] and a temperature to probabilities [N].

    Example:
        >>> check_picked(lambda violations, temperature: None)
        · not attempted yet
    """
    said = "the gradient of the smooth loss: what one draw picks, it shares out"
    return check_function(function, _picked, violation_inputs, said, PICKED_MISTAKES)


def anchor_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Similarities [N, N] without ties, the diagonal no higher than others, and a margin for every text."""
    sim = (torch.randperm(n * n, generator=generator).view(n, n) - n * n // 2) / 100
    return sim, hundredths(generator, n, low=0, high=0.6)


def _negatives(sim: Tensor) -> Tensor:
    return sim.masked_fill(torch.eye(len(sim), dtype=torch.bool), -torch.inf)


def _hardest(sim: Tensor, margins: Tensor) -> Tensor:
    return _negatives(sim).argmax(dim=1)


ANCHOR_MISTAKES = (
    (lambda sim, margins: sim.argmax(dim=1), "a text's own video is no negative"),
    (lambda sim, margins: _hardest(sim.T, margins), "that is the pick of every video: rows are texts"),
    (
        lambda sim, margins: sim.clone().fill_diagonal_(0).argmax(dim=1),
        "similarities may be negative: a 0 on the diagonal can still win",
    ),
    (
        lambda sim, margins: _hardest(sim + margins[None, :], margins),
        "your margin belongs to the video; here each text has one for all its negatives",
    ),
    (
        lambda sim, margins: _hardest((sim + margins[:, None]).T, margins),
        "that is the pick of every video: rows are texts",
    ),
    (
        lambda sim, margins: (sim + margins[:, None]).fill_diagonal_(0).argmax(dim=1),
        "similarities may be negative: a 0 on the diagonal can still win",
    ),
    (
        lambda sim, margins: _negatives(sim).amax(dim=1),
        "that is the similarity of the picked one: its column is asked for",
    ),
    (
        lambda sim, margins: _negatives(sim + margins[:, None]).amax(dim=1),
        "that is the height of the picked one: its column is asked for",
    ),
    (lambda sim, margins: _hardest(-sim, margins), "that is the least similar negative"),
)


@checker
def check_anchor_picks(answer: Any, function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the picks under one margin a text, and whether shuffling these margins changes them.

    Args:
        answer: ``"yes"`` or ``"no"``.
        function: Of the learner: similarities [N, N] and margins [N] to the picked columns [N].

    Example:
        >>> check_anchor_picks(None, lambda sim, margins: None)
        · not attempted yet
    """
    said = "a constant a row moves no maximum: text to video, no pick changes and nothing softens"
    found = check_function(function, _hardest, anchor_inputs, said, ANCHOR_MISTAKES)
    if not_attempted(answer) and found.state != "off":
        found = Verdict("open")
    elif found.ok:
        wrong = [("yes", "your own function says otherwise: hand it the same sim with other margins")]
        found = judge(answer, "no", said, wrong, otherwise='answer "yes" or "no"')
    return found


@checker
def check_fair_control(key: Any) -> Verdict:
    """Check which control of a report lets it speak of meaning.

    Args:
        key: ``"a"`` to ``"d"``.

    Example:
        >>> check_fair_control(None)
        · not attempted yet
    """
    return judge(
        key,
        "c",
        "the same margins without meaning, and as many tries to find its softening",
        [
            ("a", "against the fixed margin a gain may be softening alone"),
            ("b", "the row chose among six; this control was given what is best for another"),
            ("d", "reversed punishes right answers: almost anything is better than that"),
        ],
        otherwise="one key of the four",
    )
