"""Checkers of chapter 10, "Other answers"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from cmgsd_lite.baselines import AdaptiveMeanMarginLoss
from cmgsd_lite.course.exercises.verdict import Verdict, call, judge
from cmgsd_lite.losses import InfoNCELoss

REMAINING = 455 - 81
"""False negatives that a mask of 325 pairs leaves in, if 81 of the 325 are false negatives."""


def check_remaining(answer: Any) -> Verdict:
    """Check how many false negatives a mask leaves in.

    Args:
        answer: A number of pairs.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_remaining(130)
        ✗ not yet: you assume that every removed pair was a false negative; only a quarter of them were
    """
    return judge(
        answer,
        float(REMAINING),
        "most of them stay in, and three of four removed pairs were honest negatives",
        [
            (
                455.0 - 325.0,
                "you assume that every removed pair was a false negative; only a quarter of them were",
            ),
            (81.0, "these are the ones that were caught; the question is how many are left"),
            (325.0 - 81.0, "these are the true negatives that were thrown away"),
            (459.0 - 81.0, "the diagonal is no negative: a batch of 128 has 128 * 127 negative pairs"),
        ],
        tolerance=1.5,
        otherwise="count the negatives, the false ones among them, and those that were caught",
    )


def check_masked_info_nce(function: Callable[[Tensor, Tensor, float], Any]) -> Verdict:
    """Check InfoNCE with some pairs removed.

    Args:
        function: Of ``sim`` [N, N], ``removed`` boolean [N, N] and the temperature, to a scalar.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_masked_info_nce(lambda sim, removed, temperature: None)
        · not attempted yet
    """
    sim = torch.tensor([[0.7, 0.8, 0.1], [0.2, 0.6, 0.4], [0.3, 0.0, 0.5]])
    removed = torch.tensor([[False, True, False], [False, False, False], [True, False, False]])
    temperature = 0.2
    margin = torch.zeros(3, 3).masked_fill(removed, -torch.inf)
    own = torch.arange(3)

    def both(logits: Tensor, transposed: Tensor) -> Tensor:
        return (functional.cross_entropy(logits, own) + functional.cross_entropy(transposed, own)) / 2

    scaled = sim / temperature
    gone = scaled.masked_fill(removed, -torch.inf)
    zeroed = scaled.masked_fill(removed, 0.0)
    by_row = scaled.masked_fill(
        removed.any(dim=1, keepdim=True) & ~torch.eye(3, dtype=torch.bool), -torch.inf
    )
    return judge(
        call(function, sim, removed, temperature),
        InfoNCELoss(temperature)(sim, margin=margin),
        "a removed pair has the logit -inf, so it has no share in either softmax",
        [
            (
                both(zeroed, zeroed.T),
                "a logit of 0 is a similarity of 0, not an absent pair: exp(0) = 1 still counts",
            ),
            (both(scaled, scaled.T), "nothing has been removed yet"),
            (both(gone, scaled.T), "removed for the texts only: the videos' softmax runs over the columns"),
            (
                functional.cross_entropy(gone, own),
                "only one direction: texts look for videos and videos for texts",
            ),
            (both(by_row, by_row.T), "you removed every negative of the anchor, not the marked pair"),
            (both(gone * temperature, gone.T * temperature), "the temperature is missing"),
        ],
    )


def check_mean_margin(function: Callable[[Tensor, float], Any]) -> Verdict:
    """Check the adaptive mean margin of the texts as anchors.

    Args:
        function: Of ``sim`` [N, N] and the scale, to [N].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_mean_margin(lambda sim, scale: scale * sim.diagonal())
        ✗ not yet: the mean of the negatives is to be taken off the anchor's own similarity
    """
    sim = torch.tensor([[0.9, 0.1, 0.3], [0.4, 0.6, 0.5], [0.0, 0.2, 0.7]])
    scale = 0.5
    of_text, of_video = AdaptiveMeanMarginLoss(scale).margins(sim)
    own = sim.diagonal()
    negatives = ~torch.eye(3, dtype=torch.bool)
    hardest = torch.where(negatives, sim, -1).amax(dim=1)
    return judge(
        call(function, sim, scale),
        of_text,
        "one number for each anchor: it cannot tell one negative from another",
        [
            (of_video, "these are the margins of the videos: a text's negatives stand in its row"),
            (scale * (own - sim.mean(dim=1)), "the diagonal is in your mean: the positive is no negative"),
            (
                scale * (own - (sim.sum(dim=1) - own) / 3),
                "three items, but only two negatives: divide by N - 1",
            ),
            (own - (sim.sum(dim=1) - own) / 2, "the scale is missing"),
            (scale * own, "the mean of the negatives is to be taken off the anchor's own similarity"),
            (scale * (own - hardest), "that is the gap to the hardest negative; AMM takes their mean"),
        ],
    )


def check_debiased_negatives(function: Callable[[Tensor, Tensor, float, float], Any]) -> Verdict:
    """Check the corrected mean over negatives of debiased InfoNCE.

    Args:
        function: Of ``own`` (scalar similarity of the positive), ``others`` [n] those of the negatives, the
            prior and the temperature, to a scalar.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_debiased_negatives(lambda own, others, prior, temperature: None)
        · not attempted yet
    """
    prior, temperature = 0.1, 0.5
    hard = (torch.tensor(0.5), torch.tensor([0.3, 0.4, 0.1]))
    easy = (torch.tensor(0.9), torch.tensor([-0.8, -0.9]))
    answers = [call(function, own, others, prior, temperature) for own, others in (hard, easy)]
    for answer in answers:
        if isinstance(answer, Verdict):
            return answer
    try:
        given = [torch.as_tensor(answer).detach().to(torch.float64) for answer in answers]
    except (TypeError, ValueError, RuntimeError):
        return Verdict("off", f"expected numbers, got {type(answers[0]).__name__}")
    if any(answer.numel() != 1 for answer in given):
        return Verdict("off", "expected one number for the anchor, got several")

    def values(correct: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        floor = torch.exp(torch.tensor(-1 / temperature))
        cases = ((torch.exp(own / temperature), torch.exp(o / temperature).mean()) for own, o in (hard, easy))
        return torch.stack([correct(positive, mean, floor) for positive, mean in cases])

    return judge(
        torch.stack([answer.reshape(()) for answer in given]),
        values(lambda p, m, f: torch.maximum((m - prior * p) / (1 - prior), f)),
        "an estimate of the true negatives' mean that knows their number, and not who they are",
        [
            (
                values(lambda p, m, f: (m - prior * p) / (1 - prior)),
                "a mean of exponentials is never negative: bound it",
            ),
            (
                values(lambda p, m, f: torch.maximum((m - prior * p) / (1 - prior), torch.zeros(()))),
                "the bound is not 0: a cosine is at least -1, its exponential at least exp(-1 / temperature)",
            ),
            (
                values(lambda p, m, f: torch.maximum(m - prior * p, f)),
                "divide by 1 - prior: only so many are true",
            ),
            (
                values(lambda p, m, f: torch.maximum(m, f)),
                "nothing has been taken off for the false negatives",
            ),
            (
                values(lambda p, m, f: torch.maximum((m - prior) / (1 - prior), f)),
                "a false negative looks like the positive: take off prior * exp(own / temperature)",
            ),
        ],
    )
