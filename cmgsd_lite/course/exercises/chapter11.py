"""Checkers of chapter 11, "Your own model"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from cmgsd_lite.course.exercises.checking import (
    check_function,
    checker,
    hundredths,
    inputs_generator,
)
from cmgsd_lite.course.exercises.verdict import Verdict, letters_of, not_attempted


def experts_of_videos(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Draw unit vectors [n, 3, 2] of experts, zeros where one is missing, and which are there [n, 3]."""
    angle = hundredths(generator, n, 3, low=-3, high=3)
    present = torch.rand(n, 3, generator=generator) < 0.6
    present[torch.arange(n), torch.randint(3, (n,), generator=generator)] = True
    vectors = torch.stack([angle.cos(), angle.sin()], dim=2)
    return vectors * present[:, :, None], present


def _mean_of_present(vectors: Tensor, present: Tensor) -> Tensor:
    return vectors.sum(dim=1) / present.sum(dim=1, keepdim=True)


EMBEDDING = (
    (lambda v, p: v[:, 0], "only the first expert, and it may be missing"),
    (lambda v, p: v.flatten(1), "joined end to end: videos that lack different experts look far"),
    (lambda v, p: v.amax(1), "the maximum is no mean: zeros of missing experts can win it"),
    (lambda v, p: v.mean(0), "that is a mean over videos; experts are dimension 1"),
)


@checker
def check_expert_embedding(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the one embedding of a video with several experts; its length is left open, as for distances.

    Args:
        function: Of ``vectors`` [N, E, D], zeros where missing, and ``present`` [N, E], to [N, D].

    Example:
        >>> check_expert_embedding(lambda vectors, present: vectors[:, 0])
        ✗ not yet: only the first expert, and it may be missing
    """
    return check_function(
        function,
        _mean_of_present,
        experts_of_videos,
        "a missing expert neither turns the embedding nor stands for anything",
        EMBEDDING,
        prepare=lambda answer: normalize(answer, dim=-1) if answer.ndim == 2 else answer,
    )


SAID = {
    "healthy": "one of its columns is out of the ordinary from the first line on",
    "progress is not handed over": "then lambda would be the same in every line",
    "beta is too large": "then many margins would be clipped at 0",
    "logits instead of cosines": "then gap and spread would be too large for cosines",
}
PATIENTS = {
    "A": "progress is not handed over",
    "B": "beta is too large",
    "C": "healthy",
    "D": "logits instead of cosines",
}


@checker
def check_diagnoses(answer: Mapping[str, str] | None) -> Verdict:
    """Check which log has which fault.

    Args:
        answer: The finding for each of A to D, in any case; None for those that are still open.

    Example:
        >>> check_diagnoses(dict.fromkeys("ABCD", "healthy"))  # doctest: +ELLIPSIS
        ✗ not yet: A does not look like that: ...
    """
    if not_attempted(answer) or answer == {}:
        return Verdict("open")
    if not isinstance(answer, Mapping):
        return Verdict("off", f"expected a dictionary with a finding for A, B, C and D, got {answer!r}")
    given = {str(name).strip().upper(): finding for name, finding in answer.items()}
    if all(not_attempted(finding) for finding in given.values()):
        return Verdict("open")
    for name, right in PATIENTS.items():
        said = " ".join(str(given.get(name, "")).split()).casefold()
        if said not in SAID:
            return Verdict("off", f"{name}: expected one of {'; '.join(SAID)}; got {given.get(name)!r}")
        if said != right:
            return Verdict("off", f"{name} does not look like that: {SAID[said]}")
    return Verdict("correct", "each fault shows in one column, and none of them in the loss")


FAIR = frozenset("BE")
REPORTS = {
    "A": "A: is `hardest` the best plain loss that was at hand?",
    "C": "C: which of its rows was allowed to choose?",
    "D": "D: who chose the seed that is shown?",
    "F": "F: what was the test split used for?",
}
LEFT_OUT = {
    "B": "one report that you leave out has equal budgets, a fair choice and an interval without 0",
    "E": "an honest 'cannot tell' is a fair sentence, too",
}


@checker
def check_fair_reports(answer: Any) -> Verdict:
    """Check which of six sentences their experiments carry.

    Args:
        answer: The letters, as a text or a collection, in any order and case.

    Example:
        >>> check_fair_reports("A")
        ✗ not yet: A: is `hardest` the best plain loss that was at hand?
    """
    if not_attempted(answer):
        return Verdict("open")
    letters = set(letters_of(answer))
    known = FAIR | set(REPORTS)
    if not letters or not letters <= known:
        return Verdict("off", f"expected letters of {', '.join(sorted(known))}, got {answer!r}")
    for letter in sorted(letters - FAIR):
        return Verdict("off", REPORTS[letter])
    for letter in sorted(FAIR - letters):
        return Verdict("off", LEFT_OUT[letter])
    return Verdict("correct", "equal budgets, a choice away from the test, all seeds, the interval read")


@checker
def check_own_loss(function: Callable[[Tensor], Any]) -> Verdict:
    """Check that a function of ``sim`` can be trained with, whatever its idea.

    Args:
        function: Of ``sim`` [N, N] to a number with a gradient.

    Example:
        >>> check_own_loss(lambda sim: -sim.mean())
        ✗ not yet: your loss rewards similar negatives: they beat the own pairs, and it falls as they rise
    """
    generator = inputs_generator()
    drawn = [hundredths(generator, n, n, low=-0.8, high=0.8) for n in (2, 3, 4, 6, 8) for _ in range(6)]
    # Own pairs below all others: there it has to be clear which way is down.
    upside_down = [sim.abs() + 0.1 - 2 * torch.diag(sim.diagonal().abs() + 0.1) for sim in drawn]
    extremes = [torch.eye(4), torch.full((4, 4), 0.3), -torch.eye(4)]
    for sim in drawn + extremes + upside_down:
        try:
            leaf = sim.clone().requires_grad_()
            value = function(leaf)
            if not_attempted(value):
                return Verdict("open")
            if not isinstance(value, Tensor) or not value.requires_grad:
                return Verdict("off", "no gradient arrives: return a tensor made of sim, not detached")
            if value.numel() != 1:
                return Verdict("off", f"expected one number, got shape {list(value.shape)}: reduce the pairs")
            value.backward()  # type: ignore[no-untyped-call]
        except Exception as error:
            return Verdict("off", f"your function stops with {type(error).__name__}: {error}")
        if fault := _fault(function, sim, value, leaf.grad):
            return Verdict("off", fault)
    return Verdict("correct", "it can be trained with; now let five seeds say whether it is any good")


def _fault(function: Callable[[Tensor], Any], sim: Tensor, value: Tensor, slope: Tensor | None) -> str:
    """What is wrong with a loss at one matrix, or ""."""
    if slope is None:
        return "no gradient arrives: return a tensor made of sim"
    if not bool(torch.isfinite(value).all() and torch.isfinite(slope).all()):
        return f"value or gradient is not finite at sim = {sim.tolist()}: a root or logarithm of 0?"
    own, negatives = float(slope.diagonal().sum()), float(slope.sum() - slope.diagonal().sum())
    if own > 1e-6:
        return "your loss punishes similar partners: at some sim it rises when the diagonal rises"
    others = sim.masked_fill(torch.eye(len(sim), dtype=torch.bool), 2).amin(1)
    upside_down = bool((sim.diagonal() < others).all())
    if upside_down and negatives < -1e-6:
        return "your loss rewards similar negatives: they beat the own pairs, and it falls as they rise"
    if upside_down and own > -1e-9 and negatives < 1e-9:
        return f"no push at sim = {sim.tolist()}, where own pairs lie below others"
    order = torch.arange(len(sim)).flip(0)
    again = torch.as_tensor(function(sim[order][:, order].clone().requires_grad_()))
    if not torch.allclose(again.detach(), value.detach(), atol=1e-4):
        return "the loss changes when the pairs of the batch change places"
    return ""
