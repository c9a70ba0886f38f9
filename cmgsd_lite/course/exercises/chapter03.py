"""Checkers of chapter 03: a video's slot, order per anchor, and a matrix that pooling misreads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, as_numbers, not_attempted
from cmgsd_lite.evaluation.nearest import anchor_areas


def _truth(generator: torch.Generator, n: int) -> Tensor:
    """Which caption is true of which clip: the own clips mostly, and some others."""
    drawn = torch.rand(n, n, generator=generator)
    return torch.where(torch.eye(n, dtype=torch.bool), drawn < 0.8, drawn < 0.4)


def slot_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Draw similarities [N, N] of which no two are equal, negative ones too, and a truth."""
    order = torch.randperm(n * n, generator=generator).view(n, n)
    return order * 2 / (n * n) - 1, _truth(generator, n)


def _slot(sim: Tensor, true: Tensor) -> Tensor:
    outside = ~torch.eye(len(sim), dtype=torch.bool)
    hardest = sim.masked_fill(~outside, -torch.inf).argmax(dim=0)
    return true[hardest, torch.arange(len(sim))].float().mean()


def _false(true: Tensor) -> Tensor:
    return true & ~torch.eye(len(true), dtype=torch.bool)


_SLOT = (
    (
        lambda sim, true: _slot(sim.T, true.T),
        "that is the share of the texts: a video's negatives stand in its column",
    ),
    (
        lambda sim, true: true[sim.argmax(dim=0), torch.arange(len(sim))].float().mean(),
        "the positive is among your candidates: leave the diagonal out before the maximum",
    ),
    (
        lambda sim, true: (
            true[(sim * (1 - torch.eye(len(sim)))).argmax(dim=0), torch.arange(len(sim))].float().mean()
        ),
        "a diagonal of 0 is not out of the way: similarities may be negative",
    ),
    (lambda sim, true: _slot(sim, true.T), "you look up true with the video first: its rows are texts"),
    (
        lambda sim, true: _false(true).sum() / (len(sim) * (len(sim) - 1)),
        "that is the share among all negatives; only the hardest of each video counts",
    ),
    (
        lambda sim, true: _false(true).any(dim=0).float().mean(),
        "that asks for any false negative; only the hardest counts",
    ),
    (lambda sim, true: _slot(sim, true) * len(sim), "that is a count; the share is of the N videos"),
    (lambda sim, true: 100 * _slot(sim, true), "a share from 0 to 1, not percent"),
)


@checker
def check_video_anchors(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the share of videos whose hardest negative text is a false negative.

    Args:
        function: Of ``sim`` [N, N] and the boolean truth [N, N] to a share in 0..1.

    Example:
        >>> check_video_anchors(lambda sim, true: None)
        · not attempted yet
    """
    said = "the anchor of a column is a video, its negatives are the other texts of that column"
    return check_function(function, _slot, slot_inputs, said, _SLOT)


def order_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Draw similarities [N, N] in tenths, some equal, and a truth with both kinds for some text and video."""
    n += 1
    while True:
        false = _false(_truth(generator, n))
        counts = [false.sum(dim=1), false.sum(dim=0)]
        if all(bool(((count > 0) & (count < n - 1)).any()) for count in counts):
            return (hundredths(generator, n, n) * 10).round() / 10, false


def _both_kinds(false: Tensor) -> Tensor:
    """Which texts have a false and a true negative."""
    count = false.sum(dim=1)
    return (count > 0) & (count < len(false) - 1)


def order(sim: Tensor, false: Tensor, ties: float = 0.5, own: bool = False, each: bool = True) -> Tensor:
    """Share of pairs (false, true negative) of a text in which the false one lies above."""
    kept = ~torch.eye(len(sim), dtype=torch.bool) | own
    above = (sim[:, :, None] > sim[:, None, :]) + ties * (sim[:, :, None] == sim[:, None, :])
    pairs = (false & kept)[:, :, None] & (~false & kept)[:, None, :]
    has = pairs.any(dim=(1, 2))
    shares = (above * pairs).sum(dim=(1, 2))[has] / pairs.sum(dim=(1, 2))[has]
    return shares.mean() if each else (above * pairs).sum() / pairs.sum()


def _pooled(sim: Tensor, false: Tensor) -> float:
    return anchor_areas(-sim.numpy(), false.numpy())["auc_batch"] / 100


_ORDER = (
    (_pooled, "that compares pairs of different texts: only negatives of one text with each other"),
    (lambda sim, false: order(sim.T, false.T), "that is per video: the negatives of a text stand in its row"),
    (
        lambda sim, false: order(sim, false, each=False),
        "every text counts once: first the share of a text, then the mean over texts",
    ),
    (
        lambda sim, false: order(sim, false) * _both_kinds(false).float().mean(),
        "a text without one of the two kinds has no share: leave it out of the mean",
    ),
    (lambda sim, false: 1 - order(sim, false), "that is how often it lies below"),
    (lambda sim, false: order(sim, false, ties=0), "equal similarities count half"),
    (lambda sim, false: order(sim, false, own=True), "the own clip is no negative: leave the diagonal out"),
    (lambda sim, false: 100 * order(sim, false), "a share from 0 to 1, not percent"),
)


@checker
def check_order(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check how often a false negative of a text lies above a true one of the same text.

    Args:
        function: Of similarities and false negatives, [N, N] each, to a share in 0..1.

    Example:
        >>> check_order(lambda sim, false: None)
        · not attempted yet
    """
    said = "a hinge compares the negatives of one anchor, so this is the order that it sees"
    return check_function(function, order, order_inputs, said, _ORDER)


@checker
def check_pooling_trap(sim: Any, false: Any) -> Verdict:
    """Check a matrix whose texts are all in perfect order while the pooled order is worse than chance.

    Args:
        sim: Similarities [N, N], from -1 to 1.
        false: The false negatives [N, N], boolean or 0 and 1.

    Returns:
        The verdict, with the two orders that the matrix has.

    Example:
        >>> check_pooling_trap(None, None)
        · not attempted yet
    """
    if not_attempted(sim) or not_attempted(false):
        return Verdict("open")
    sim, false = as_numbers(sim), as_numbers(false)
    if (
        sim is None
        or false is None
        or sim.ndim != 2
        or sim.shape[0] != sim.shape[1]
        or sim.shape != false.shape
    ):
        return Verdict("off", "expected two square matrices of the same size, numbers in the first")
    if not bool((sim.abs() <= 1).all()):
        return Verdict("off", "similarities lie between -1 and 1")
    if not bool(((false == 0) | (false == 1)).all()):
        return Verdict("off", "false negatives are marked with True and False, or 1 and 0")
    marked = false.bool()
    if bool(marked.diagonal().any()):
        return Verdict(
            "off", "an own clip is a positive, no false negative: leave the diagonal of false empty"
        )
    if int(_both_kinds(marked).sum()) < 2:
        return Verdict(
            "off", "at least two texts need a false and a true negative each: what else could be pooled?"
        )
    each, pooled = 100 * float(order(sim, marked)), 100 * _pooled(sim, marked)
    found = f"per text {each:.0f}, pooled {pooled:.0f}"
    if each < 100:
        return Verdict(
            "off", f"{found}: within every text, each false negative has to lie above each true one"
        )
    if pooled >= 50:
        return Verdict(
            "off", f"{found}: give the texts different levels, those with few false negatives the high ones"
        )
    return Verdict("correct", f"{found}: pooling compares the levels of texts, which no ranking ever does")
