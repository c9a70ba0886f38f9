"""Checkers of chapter 10, "Other answers"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, as_numbers, judge_words, not_attempted
from cmgsd_lite.losses import MaxMarginRankingLoss

FAIR = {"A": "tuning", "B": "circular", "C": "fair", "D": "control"}
WHY = {
    "A": "count the tries: how many settings had the mask, how many InfoNCE?",
    "B": "where does the margin come from, and what is the relevance of the nDCG counted from?",
    "C": "look again: tries, seeds, looks at the test; and a small difference may be honestly reported",
    "D": "what else, besides the meaning, differs between the margins and their control?",
}


@checker
def check_fair(answer: Any) -> Verdict:
    """Check which of four comparisons is fair, and what is wrong with the others.

    Args:
        answer: A word for each of A, B, C, D: a dict, or a list in this order.

    Example:
        >>> check_fair({"A": "fair", "B": "circular", "C": "fair", "D": "control"})
        ✗ not yet: A: count the tries: how many settings had the mask, how many InfoNCE?
    """
    said = "a fair comparison may report a difference that is none"
    return judge_words(answer, FAIR, WHY, said)


@checker
def check_masked_info_nce(function: Callable[..., Any]) -> Verdict:
    """Check InfoNCE with some pairs removed, on matrices of several sizes, with its gradient.

    Args:
        function: Of ``sim`` [N, N], ``removed`` boolean [N, N] and the temperature, to a scalar.

    Example:
        >>> check_masked_info_nce(lambda sim, removed, temperature: None)
        · not attempted yet
    """
    said = "a removed pair has the logit -inf, so it has no share in either softmax; partners stay"
    return check_function(
        function,
        masked,
        masked_inputs,
        said,
        MASK_MISTAKES,
        gradient=True,
        prepare=lambda x: torch.nan_to_num(x, nan=-1.0, posinf=-1.0),  # so that the mistake can be named
        tolerance=1e-3,
    )


def masked_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """Similarities, marked pairs (partners among them, a negative is left to each) and a temperature."""
    removed = torch.rand(n, n, generator=generator) < 0.4
    removed &= ~torch.eye(n, dtype=torch.bool).roll(1, dims=1)
    return hundredths(generator, n, n), removed, float(hundredths(generator, low=0.1, high=0.9))


def masked(sim: Tensor, removed: Tensor, temperature: float) -> Tensor:
    """InfoNCE without the marked pairs."""
    return _directions(_logits(sim, removed, temperature, float("-inf")))


def _logits(sim: Tensor, removed: Tensor, temperature: float, value: float, partners: bool = True) -> Tensor:
    kept = torch.eye(len(sim), dtype=torch.bool) & partners
    return (sim / temperature).masked_fill(removed & ~kept, value)


def _directions(logits: Tensor, backward: Tensor | None = None) -> Tensor:
    own = torch.arange(len(logits))
    return (cross_entropy(logits, own) + cross_entropy((logits if backward is None else backward).T, own)) / 2


def _texts_alone(sim: Tensor, removed: Tensor, temperature: float) -> Tensor:
    own = torch.arange(len(sim))
    return cross_entropy(_logits(sim, removed, temperature, float("-inf")), own)


MASK_MISTAKES = (
    (
        lambda sim, removed, t: _directions(_logits(sim, removed, t, float("-inf"), partners=False)),
        "a guide may mark a partner as well: what is the loss of an anchor whose partner is gone?",
    ),
    (
        lambda sim, removed, t: _directions(_logits(sim, removed, t, 0.0)),
        "a logit of 0 is a similarity of 0, not an absent pair: exp(0) = 1 still counts",
    ),
    (lambda sim, removed, t: _directions(sim / t), "nothing has been removed yet"),
    (
        lambda sim, removed, t: _directions(_logits(sim, removed, t, float("-inf")), sim / t),
        "removed for the texts only: the videos' softmax runs over the columns",
    ),
    (_texts_alone, "only one direction: texts look for videos and videos for texts"),
    (
        lambda sim, removed, t: _directions(_logits(sim, removed.T, t, float("-inf"))),
        "rows of `removed` are texts, columns are videos",
    ),
    (
        lambda sim, removed, t: _directions(
            _logits(sim, removed, t, float("-inf")), _logits(sim.T, removed, t, float("-inf")).T
        ),
        "for the videos you turned `sim` round, but not `removed`",
    ),
    (lambda sim, removed, t: masked(sim, removed, 1.0), "the temperature is missing"),
)


@checker
def check_nearest_of_each(function: Callable[..., Any]) -> Verdict:
    """Check the mask of each text's nearest negatives.

    Args:
        function: Of the guide [N, N] and ``k``, to a boolean matrix (zeros and ones will do).

    Example:
        >>> check_nearest_of_each(lambda guide, k: guide > 0.5)  # doctest: +ELLIPSIS
        ✗ not yet: for guide = [[...
    """
    said = "every caption loses equally many negatives now, the precise one too: no rule is free"
    return check_function(function, nearest_of_each, nearest_inputs, said, NEAREST_MISTAKES)


def nearest_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """A guide without ties, not symmetric, and a number of negatives."""
    guide = torch.randperm(n * n, generator=generator).reshape(n, n) / 100 - 0.1
    if n > 2:  # most partners are the nearest, as they are in truth, but a guide may be wrong about one
        guide[torch.arange(n - 1), torch.arange(n - 1)] += 1
    return guide, int(torch.randint(1, n, (), generator=generator))


def nearest_of_each(guide: Tensor, k: int) -> Tensor:
    """For each text the k nearest negatives."""
    return _k_of_each(guide.masked_fill(torch.eye(len(guide), dtype=torch.bool), -torch.inf), k)


def _k_of_each(scores: Tensor, k: int) -> Tensor:
    return torch.zeros(scores.shape, dtype=torch.bool).scatter(1, scores.topk(k, dim=1).indices, True)


def _of_batch(guide: Tensor, k: int) -> Tensor:
    scores = guide.masked_fill(torch.eye(len(guide), dtype=torch.bool), -torch.inf)
    return scores >= scores.flatten().sort(descending=True).values[k * len(guide) - 1]


NEAREST_MISTAKES = (
    (_k_of_each, "the partner is no negative, and it takes one of the k places"),
    (
        lambda guide, k: _k_of_each(guide, k) & ~torch.eye(len(guide), dtype=torch.bool),
        "the partner took one of the k places: leave it out before you choose, not after",
    ),
    (
        lambda guide, k: nearest_of_each(guide.T, k).T,
        "that is k of each video: a text's negatives stand in its row",
    ),
    (
        lambda guide, k: nearest_of_each(-guide, k),
        "those are the farthest: a high entry says that the video covers the text",
    ),
    (_of_batch, "that is the old rule, k a text on average: some rows lose more than k"),
    (lambda guide, k: ~nearest_of_each(guide, k), "True is what is removed"),
)


@checker
def check_built(answer: Any) -> Verdict:
    """Check a 3 x 3 matrix whose false negative (0, 1) may go without a trace.

    Args:
        answer: Similarities, rows are texts.

    Returns:
        The verdict. Any matrix with the properties is right.

    Example:
        >>> check_built([[0.5, 0.6, 0.1], [0.1, 0.6, 0.1], [0.1, 0.1, 0.5]])
        ✗ not yet: without the pair the loss is 0 instead of 0.0833: another negative has to be as near
    """
    if not_attempted(answer):
        return Verdict("open")
    sim = as_numbers(answer)
    if sim is None or sim.shape != (3, 3):
        return Verdict("off", "expected 3 x 3 numbers")
    if not bool((sim.abs() <= 1).all()):
        return Verdict("off", "similarities are cosines: between -1 and 1")
    loss = MaxMarginRankingLoss(0.2, "hardest")
    gone = torch.full_like(sim, 0.2)
    gone[0, 1] = -torch.inf
    before, after = float(loss(sim)), float(loss(sim, margin=gone))
    for name, own in (("text 0", sim[0, 0]), ("video 1", sim[1, 1])):
        if 0.2 + sim[0, 1] - own <= 1e-6:
            return Verdict("off", f"{name} keeps its margin to the pair (0, 1): there is nothing to remove")
    if abs(before - after) > 1e-6:
        said = f"without the pair the loss is {after:.3g} instead of {before:.3g}"
        return Verdict("off", f"{said}: another negative has to be as near")
    return Verdict("correct", "where negatives stand as near as the false one, its mask changes nothing")
