"""Checkers of chapter 02: cross-entropy with a margin, who gets the push, the k hardest, and four logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot, softmax

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, judge, letters_of, not_attempted
from cmgsd_lite.losses import MaxMarginRankingLoss

LOGS = {
    "A": {"loss": 0.25, "crowding": 0.83, "own": 0.845, "negatives": 0.828, "spread": 0.032},
    "B": {"loss": 0.26, "crowding": 0.23, "own": 0.364, "negatives": 0.117, "spread": 0.093},
    "C": {"loss": 0.06, "crowding": 0.03, "own": 0.322, "negatives": 0.006, "spread": 0.158},
    "D": {"loss": 0.20, "crowding": 0.82, "own": 0.552, "negatives": 0.490, "spread": 0.026},
}
"""Last lines of four trainings of the small model, rounded: own and negatives are mean similarities."""


def cross_entropy_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, float, float]:
    """Draw similarities [N, N], a margin and a temperature."""
    margin, temperature = hundredths(generator, 2, low=0.1, high=0.5).tolist()
    return hundredths(generator, n, n), margin, temperature


def _cross_entropy(sim: Tensor, margin: float, temperature: float) -> Tensor:
    outside = 1 - torch.eye(len(sim))
    logits = (sim + margin * outside) / temperature
    return torch.logsumexp(logits, dim=0) - logits.diagonal()


_CROSS_ENTROPY = (
    (
        lambda sim, margin, temperature: _cross_entropy(sim.T, margin, temperature),
        "that is text to video: a video looks for its text along its column",
    ),
    (
        lambda sim, margin, temperature: _cross_entropy(sim, 0, temperature),
        "your margin changes nothing: is it on the negatives only?",
    ),
    (
        lambda sim, margin, temperature: _cross_entropy(sim, margin * temperature, temperature),
        "the margin is in units of the similarity: add it before you divide",
    ),
    (lambda sim, margin, temperature: _cross_entropy(sim, margin, 1), "the temperature is missing"),
    (
        lambda sim, margin, temperature: _cross_entropy(sim, margin, temperature).mean(),
        "one number for each video was asked for: leave out the mean",
    ),
    (
        lambda sim, margin, temperature: temperature * _cross_entropy(sim, margin, temperature),
        "that is smooth: the cross-entropy itself is not multiplied with the temperature",
    ),
)


@checker
def check_cross_entropy(function: Callable[..., Any]) -> Verdict:
    """Check the cross-entropy of every video that looks for its text, with a margin on the negatives.

    Args:
        function: Of similarities [N, N], a margin and a temperature; to [N].

    Example:
        >>> check_cross_entropy(lambda sim, margin, temperature: None)
        · not attempted yet
    """
    said = "with a margin on the negatives, cross-entropy is smooth divided by the temperature"
    return check_function(function, _cross_entropy, cross_entropy_inputs, said, _CROSS_ENTROPY, gradient=True)


def share_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, float]:
    """Draw an anchor's violations [N] and a temperature."""
    return hundredths(generator, n, low=-0.6, high=0.6), float(hundredths(generator, low=0.05, high=0.5))


def _shares(violations: Tensor, temperature: float) -> Tensor:
    powers = torch.exp(violations / temperature)
    return powers / (1 + powers.sum())


_SHARES = (
    (
        lambda violations, temperature: softmax(violations / temperature, dim=0),
        "yours always sum to 1: the 1 under the logarithm has a part too",
    ),
    (
        lambda violations, temperature: _shares(violations, temperature) / temperature,
        "that is the slope of the cross-entropy: smooth has the temperature in front",
    ),
    (lambda violations, temperature: _shares(violations, 1), "the temperature is missing"),
    (
        lambda violations, temperature: (
            one_hot(violations.argmax(), len(violations)) * (violations.max() > 0)
        ),
        "that is the hardest alone, the limit of a temperature of 0",
    ),
    (
        lambda violations, temperature: torch.sigmoid(violations / temperature),
        "yours takes each negative alone: the others stand in the same logarithm",
    ),
)


@checker
def check_push_shares(function: Callable[..., Any]) -> Verdict:
    """Check how the push of ``smooth`` is shared among the negatives of an anchor.

    Args:
        function: Of an anchor's violations [N] and a temperature; the slope of each [N].

    Example:
        >>> check_push_shares(lambda violations, temperature: None)
        · not attempted yet
    """
    said = "a softmax with a zero among the violations: what the zero gets is not pushed at all"
    return check_function(function, _shares, share_inputs, said, _SHARES)


def k_inputs(generator: torch.Generator, n: int) -> tuple[Tensor, float, int]:
    """Draw similarities [N, N] with N of at least 3, a margin, and k from 1 to N - 1."""
    n += 1
    k = int(torch.randint(1, n, (), generator=generator))
    return hundredths(generator, n, n), float(hundredths(generator, low=0.1, high=0.4)) + 0.005, k


def _k_hardest(sim: Tensor, margin: float, k: int) -> Tensor:
    value: Tensor = MaxMarginRankingLoss(margin, k)(sim)
    return value


def _directions(sim: Tensor, margin: float, own: float = 0.0) -> tuple[Tensor, Tensor]:
    outside = 1 - torch.eye(len(sim))
    rows = torch.relu(margin + sim - sim.diagonal()[:, None]) * outside + own * (1 - outside)
    columns = torch.relu(margin + sim - sim.diagonal()[None, :]) * outside + own * (1 - outside)
    return rows, columns.T


def _largest(sim: Tensor, margin: float, k: int, own: float = 0.0) -> Tensor:
    return torch.cat([hinges.topk(k, dim=1).values for hinges in _directions(sim, margin, own)])


_K_HARDEST = (
    (
        lambda sim, margin, k: _largest(sim, margin, k)[: len(sim)].mean(),
        "that is text to video alone: take the mean with the other direction",
    ),
    (
        lambda sim, margin, k: _largest(sim, margin, k)[len(sim) :].mean(),
        "that is video to text alone: take the mean with the other direction",
    ),
    (
        lambda sim, margin, k: 2 * _largest(sim, margin, k).mean(),
        "you added the two directions: take their mean",
    ),
    (
        lambda sim, margin, k: _largest(sim, margin, k).sum(dim=1).mean(),
        "you summed over the k negatives of an anchor: take their mean",
    ),
    (
        lambda sim, margin, k: (lambda h: h[h > 0].mean() if (h > 0).any() else h.sum())(
            _largest(sim, margin, k)
        ),
        "zeros count as well: divide by k, not by the number of violations",
    ),
    (lambda sim, margin, k: _largest(sim, margin, 1).mean(), "that is the hardest one alone, whatever k"),
    (
        lambda sim, margin, k: _largest(sim, margin, k, own=margin).mean(),
        "the diagonal is among your negatives: its hinge is 0, not the margin",
    ),
    (
        lambda sim, margin, k: (
            lambda h: (h.topk(k, dim=1).values.mean() + h.topk(k, dim=0).values.mean()) / 2
        )(_directions(sim, margin)[0]),
        "where a video looks for its text the positive is the video's own: S_jj, not S_ii",
    ),
    (
        lambda sim, margin, k: torch.cat(
            [h.flatten().topk(k * len(sim)).values for h in _directions(sim, margin)]
        ).mean(),
        "every anchor has its own k hardest: look for them row by row and column by column",
    ),
)


@checker
def check_k_hardest(function: Callable[..., Any]) -> Verdict:
    """Check the loss over the k hardest negatives of every anchor.

    Args:
        function: Of similarities [N, N], a margin and k; to a scalar.

    Example:
        >>> check_k_hardest(lambda sim, margin, k: None)
        · not attempted yet
    """
    said = "between the hardest one and all of them: one bad negative no longer decides alone"
    return check_function(function, _k_hardest, k_inputs, said, _K_HARDEST)


@checker
def check_logs(answer: Any) -> Verdict:
    """Check the order of four logs, from the best model to the worst.

    Args:
        answer: Their letters, as a text or a list.

    Example:
        >>> check_logs("A, B, C, D")  # doctest: +ELLIPSIS
        ✗ not yet: ...
    """
    if not_attempted(answer):
        return Verdict("open")
    letters = letters_of(answer)
    if sorted(letters) != sorted(LOGS):
        said = f"expected the letters {', '.join(LOGS)}, each once, the best first; got {answer!r}"
        return Verdict("off", said)
    # Validation R@10 of the four: B 64.7, D 62.2, C 46.4, A 18.1.
    return judge(
        letters,
        "BDCA",
        "A and D agree in loss, crowding and spread, and have an R@10 of 18 % and 62 %",
        [
            ("CDAB", "that is the order of the losses: what does a loss of one kind say about another kind?"),
            (
                "CBDA",
                "that is the order of crowding, or of own - negatives: how far do the negatives spread?",
            ),
            ("CBAD", "that is the order of the spreads, the largest first: a spread has a unit of its own"),
            ("ACDB", "that is the worst one first"),
        ],
        otherwise="how many spreads does the own clip lie above the negatives in each?",
    )
