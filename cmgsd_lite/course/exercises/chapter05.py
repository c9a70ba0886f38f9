"""Checkers of chapter 05: AUC per caption, precision at the top, containment, a useless teacher praised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.chapter03 import order
from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, as_numbers, not_attempted
from cmgsd_lite.evaluation.nearest import anchor_areas, area_under_curve
from cmgsd_lite.margins import off_diagonal

FALSE = torch.tensor(
    [[i // 3 == 0 and j != 5 - i or i // 3 == 1 and j == 5 - i for j in range(6)] for i in range(6)]
)
FALSE.fill_diagonal_(False)
"""Which pairs are false negatives: captions 0 to 2 are true of four other clips, captions 3 to 5 of one."""
PRAISED, USELESS = 0.75, 0.5


def caption_auc(d: Tensor, false: Tensor) -> float:
    """The AUC per caption, as a share."""
    return anchor_areas(d, false)["auc_text"] / 100


def auc_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """Distances [N, N], with ties, and which pairs are false; one caption and one clip have both kinds."""
    n = max(n, 3)
    d = (hundredths(generator, n, n, low=0, high=2) * 10).round() / 10
    false = torch.rand(n, n, generator=generator) < 0.4
    false[0, 1], false[0, 2] = True, False
    false[1, 0], false[2, 0] = True, False
    return d, false


def _over_batch(d: Tensor, false: Tensor) -> float:
    outside = ~torch.eye(len(d), dtype=torch.bool)
    return area_under_curve(d[outside & false], d[outside & ~false])


AUC_MISTAKES = (
    (_over_batch, "that is the AUC over the batch; take it for each row, then the mean"),
    (lambda d, f: caption_auc(d.T, f.T), "that is per clip: a caption is a row"),
    (lambda d, f: order(-d, f, ties=0), "ties count half: equal distances for all must give .5"),
    (lambda d, f: order(-d, f, ties=1), "a tie is half right, not right"),
    (lambda d, f: order(-d, f, own=True), "the diagonal is in it: a caption's own clip is no negative"),
    (lambda d, f: 1 - caption_auc(d, f), "the other way round: false ones should be nearer"),
    (lambda d, f: 100 * caption_auc(d, f), "a share was asked for, not percent"),
)


@checker
def check_caption_auc(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the AUC per caption.

    Args:
        function: Of distances [N, N] and booleans [N, N] to a share.

    Example:
        >>> check_caption_auc(lambda d, false: None)
        · not attempted yet
    """
    message = "this is what a hinge from text to video sees"
    return check_function(function, caption_auc, auc_inputs, message, AUC_MISTAKES)


def precision(d: Tensor, false: Tensor, k: int) -> Tensor:
    """Share of false negatives among the k nearest pairs off the diagonal."""
    outside = ~torch.eye(len(d), dtype=torch.bool)
    return false[outside][d[outside].argsort()[:k]].float().mean()


def precision_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """Distances [N, N] without ties, which pairs are false, and k."""
    d = (torch.randperm(n * n, generator=generator) / 100).view(n, n)
    false = torch.rand(n, n, generator=generator) < 0.5
    return d, false, int(torch.randint(1, n * (n - 1) + 1, (), generator=generator))


def _of_each_row(d: Tensor, false: Tensor, k: int) -> Tensor:
    rows, right = (off_diagonal(x).reshape(len(d), -1) for x in (d, false))
    return right.gather(1, rows.argsort(1)[:, :k]).float().mean()


PRECISION_MISTAKES = (
    (
        lambda d, f, k: f.flatten()[d.flatten().argsort()[:k]].float().mean(),
        "the diagonal is in it: a caption and its own clip are no negative pair",
    ),
    (lambda d, f, k: precision(-d, f, k), "those are the farthest pairs"),
    (
        lambda d, f, k: (
            precision(d, f, k) * k / (f.bool() & ~torch.eye(len(d), dtype=torch.bool)).sum().clamp(min=1)
        ),
        "that is recall, the share of all false negatives; divide by k",
    ),
    (lambda d, f, k: precision(d, f, k) * k, "that is how many; the share was asked for"),
    (lambda d, f, k: 100 * precision(d, f, k), "a share was asked for, not percent"),
    (_of_each_row, "those are the k nearest of each row; take them of the whole batch"),
)


@checker
def check_precision(function: Callable[[Tensor, Tensor, int], Any]) -> Verdict:
    """Check the precision among the nearest pairs.

    Args:
        function: Of distances [N, N], booleans [N, N] and k to a share.

    Example:
        >>> check_precision(lambda d, false, k: None)
        · not attempted yet
    """
    message = "the pairs whose margins shrink most; with all pairs you get the floor"
    return check_function(function, precision, precision_inputs, message, PRECISION_MISTAKES)


WORDS = ("a", "red", "redhead", "dog", "doggy", "runs", "cat", "catfish", "on", "sand")


def containment(caption: str, others: Sequence[str]) -> float:
    """Share of a caption's different words that none of the others contains."""
    words = set(caption.split())
    return len(words - {word for other in others for word in other.split()}) / len(words)


def containment_inputs(generator: torch.Generator, n: int) -> tuple[Any, ...]:
    """A caption, with repeated words, and the captions of a clip."""

    def drawn(count: int) -> str:
        return " ".join(WORDS[i] for i in torch.randint(len(WORDS), (count,), generator=generator).tolist())

    return drawn(n + 1), [drawn(2) for _ in range(n)]


def _jaccard(caption: str, others: Sequence[str]) -> float:
    one, other = set(caption.split()), set(" ".join(others).split())
    return 1 - len(one & other) / len(one | other)


def _repeated(caption: str, others: Sequence[str]) -> float:
    known = set(" ".join(others).split())
    return sum(word not in known for word in caption.split()) / len(caption.split())


def _substring(caption: str, others: Sequence[str]) -> float:
    words, text = set(caption.split()), " ".join(others)
    return sum(word not in text for word in words) / len(words)


CONTAINMENT_MISTAKES = (
    (
        lambda c, o: containment(" ".join(o), [c]),
        "the other direction: it is the words of the caption that are looked for",
    ),
    (lambda c, o: 1 - containment(c, o), "that is the share that *is* contained; a distance is small for it"),
    (_jaccard, "you divide by all words of both: that is no directed distance"),
    (_repeated, "a word that the caption says twice counts once"),
    (_substring, "whole words: 'cat' is not in 'catfish'"),
    (
        lambda c, o: sum(containment(c, [one]) for one in o) / len(o),
        "that is the mean over the captions; a word may stand in any of them",
    ),
    (
        lambda c, o: min(containment(c, [one]) for one in o),
        "that looks at one caption at a time; a word may stand in any of them",
    ),
)


@checker
def check_containment(function: Callable[[str, list[str]], Any]) -> Verdict:
    """Check a containment without stems and weights.

    Args:
        function: Of a caption and a list of captions to a share.

    Example:
        >>> check_containment(lambda caption, others: None)
        · not attempted yet
    """
    message = "0 says that everything in the caption was also said of the other clip"
    return check_function(function, containment, containment_inputs, message, CONTAINMENT_MISTAKES)


@checker
def check_praised(distances: Any) -> Verdict:
    """Check distances that are useless per caption and praised by the AUC over the batch.

    Args:
        distances: [6, 6], for the false negatives in ``FALSE``.

    Returns:
        The verdict, with both numbers of the learner's own matrix.

    Example:
        >>> check_praised(torch.zeros(6, 6))
        ✗ not yet: AUC over the batch 50 %, 75 % is asked for; what does a vague caption have more of?
    """
    if not_attempted(distances):
        return Verdict("open")
    d = as_numbers(distances)
    if d is None:
        return Verdict("off", f"expected a matrix of numbers, got {type(distances).__name__}")
    if d.shape != (6, 6):
        return Verdict("off", f"expected shape [6, 6], got {list(d.shape)}")
    if not bool(d.isfinite().all()):
        return Verdict("off", "expected finite distances")
    batch, caption = _over_batch(d, FALSE), caption_auc(d, FALSE)
    if caption > USELESS + 1e-9:
        said = f"AUC per caption {100 * caption:.0f} %, at most {100 * USELESS:.0f} % is asked for"
        return Verdict("off", f"{said}; within a row nothing may be known")
    if batch < PRAISED:
        said = f"AUC over the batch {100 * batch:.0f} %, {100 * PRAISED:.0f} % is asked for"
        return Verdict("off", f"{said}; what does a vague caption have more of?")
    said = f"over the batch {100 * batch:.0f} %, per caption {100 * caption:.0f} %"
    return Verdict("correct", f"{said}: it knows which captions are vague, and no clip from another")
