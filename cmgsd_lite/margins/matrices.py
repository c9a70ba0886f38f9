"""What all maps share: checks, statistics over the negative pairs, clipping, a mean that stays alpha."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import checks_values

Within = Literal["batch", "text", "video"]
"""What the statistics run over: the negatives of the batch, of each text (rows), of each video (columns)."""

_NEWTON_STEPS = 60
_NEWTON_STEPS_UNSEEN = 8
"""How often the centre is looked for: until it is found, and where that can not be seen."""


def off_diagonal(matrix: Tensor) -> Tensor:
    """All entries off the diagonal of a square matrix, as a view [N - 1, N].

    Args:
        matrix: [N, N], contiguous or not.

    Returns:
        The N * (N - 1) entries in row-major order. Dropping the first entry of the flattened matrix puts
        every diagonal entry at the end of a row of N + 1, where a slice removes it: no copy, no index.

    Raises:
        ValueError: If ``matrix`` is not square.

    Source:
        ours.

    Example:
        >>> off_diagonal(torch.arange(9).view(3, 3))
        tensor([[1, 2, 3],
                [5, 6, 7]])
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix: expected a square matrix [N, N], got shape {list(matrix.shape)}")
    n = matrix.shape[0]
    return matrix.flatten()[1:].view(n - 1, n + 1)[:, :-1]


def checked(distances: Tensor, negatives: Tensor | None, detach: bool) -> Tensor:
    """Check distances and the mask of negative pairs.

    Args:
        distances: [N, N], any unit.
        negatives: Boolean [N, N] with a True, or None for all off the diagonal.
        detach: Whether to stop the gradient.

    Returns:
        The distances in float32 or wider.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> checked(torch.zeros(2, 2, dtype=torch.float16), None, detach=True).dtype
        torch.float32
    """
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1] or distances.shape[0] < 2:
        raise ValueError(
            f"distances: expected a square matrix [N, N] with N >= 2, got shape {list(distances.shape)}"
        )
    if negatives is not None and (negatives.shape != distances.shape or negatives.dtype != torch.bool):
        raise ValueError(
            f"negatives: expected a boolean matrix {list(distances.shape)}, "
            f"got {negatives.dtype} {list(negatives.shape)}"
        )
    if negatives is not None and checks_values(negatives) and not bool(negatives.any()):
        raise ValueError("negatives: expected at least one negative pair, got none")
    wide = at_least_float32(distances)
    return wide.detach() if detach else wide


def statistics(
    distances: Tensor, negatives: Tensor | None, within: Within = "batch"
) -> tuple[Tensor, Tensor]:
    """Mean and population standard deviation over the negative pairs.

    Args:
        distances: [N, N], as ``checked`` returns them.
        negatives: Boolean [N, N], or None for all off the diagonal.
        within: The batch, each text's negatives or each video's.

    Returns:
        Two scalars for the batch, [N, 1] for texts, [1, N] for videos; 0 and 0 where there is no negative.

    Source:
        ours.

    Example:
        >>> statistics(torch.tensor([[9.0, 1.0], [3.0, 9.0]]), None)
        (tensor(2.), tensor(1.))
        >>> statistics(torch.tensor([[9.0, 1.0], [3.0, 9.0]]), None, "text")[0].flatten()
        tensor([1., 3.])
    """
    # The norm instead of torch.std: 15 times faster on a CPU, and its gradient at 0 is 0, not NaN.
    if negatives is None and within == "batch":
        values = off_diagonal(distances)
        mean = values.mean()
        return mean, torch.linalg.vector_norm(values - mean) / math.sqrt(values.numel())
    negatives = _off_diagonal_mask(distances) if negatives is None else negatives
    mean, count = _mean(distances, negatives, within)
    apart = torch.where(negatives, distances - mean, 0)
    return mean, torch.linalg.vector_norm(apart, 2, *_reduced(within)) / count.sqrt()


def combine(
    distances: Sequence[Tensor],
    weights: Sequence[float | Tensor],
    negatives: Tensor | None,
    eps: float,
    within: Within = "batch",
) -> tuple[Tensor, Tensor]:
    """One distance out of several, each counted in its own standard deviations.

    Args:
        distances: [N, N] each, any unit, as ``checked`` returns them; at least one.
        weights: One for each, summing to 1.
        negatives: As in ``statistics``.
        eps: Added to every standard deviation.
        within: As in ``statistics``.

    Returns:
        ``sum(weight * d / (std + eps))`` [N, N], and the spread that its z-score is to have: the weighted
        mean of ``std / (std + eps)``, 1 but for eps.

    Source:
        ours (docs/METHOD.md, "The reconstruction"): an average of z-scores has a smaller spread than one.

    Example:
        >>> d = torch.tensor([[0.0, 1.0], [3.0, 0.0]])
        >>> combine([d, d.T], [0.5, 0.5], None, eps=0.0)[0]
        tensor([[0., 2.],
                [2., 0.]])
    """
    total, spread = torch.zeros_like(distances[0]), distances[0].new_zeros(())
    for d, weight in zip(distances, weights, strict=True):
        std = statistics(d, negatives, within)[1]
        scale = weight / (std + eps)
        total, spread = total + d * scale, spread + std * scale
    return total, spread


def finished(
    margin: Tensor,
    alpha: float,
    negatives: Tensor | None,
    min_margin: float | None,
    max_margin: float | None,
    recentre: Within | None = None,
) -> Tensor:
    """Clip, then give the pairs that are no negatives the plain margin.

    Args:
        margin: [N, N]; it may be overwritten.
        alpha: The plain margin.
        negatives: Boolean [N, N], or None for all off the diagonal.
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        recentre: Where a bound is active, shift the margins before clipping so that the mean after it is
            ``alpha`` again, in the batch or for every text or video. None: clipped as they are.

    Returns:
        [N, N]; the diagonal is ``alpha``.

    Source:
        ours (docs/METHOD.md, "The reconstruction").

    Example:
        >>> raw = torch.tensor([[0.0, -0.1], [0.5, 0.0]])
        >>> finished(raw.clone(), 0.2, None, 0.0, None)
        tensor([[0.2000, 0.0000],
                [0.5000, 0.2000]])
        >>> finished(raw, 0.2, None, 0.0, None, recentre="batch")
        tensor([[0.2000, 0.0000],
                [0.4000, 0.2000]])
    """
    if min_margin is not None or max_margin is not None:
        if recentre is not None and _may_clip(margin, min_margin, max_margin):
            margin = margin + _shift(margin, alpha, negatives, min_margin, max_margin, recentre)
        margin = margin.clamp_(min_margin, max_margin)
    if negatives is not None:
        return torch.where(negatives, margin, alpha)
    if margin.requires_grad:  # autograd knows no fill_diagonal_
        return margin.diagonal_scatter(margin.new_full((margin.shape[0],), alpha))
    return margin.fill_diagonal_(alpha)


def _may_clip(margin: Tensor, low: float | None, high: float | None) -> bool:
    """Whether a bound could be active; the diagonal is looked at too, which costs no more than a search."""
    if not checks_values(margin):
        return True
    values = off_diagonal(margin.detach())
    return (low is not None and bool(values.amin() < low)) or (
        high is not None and bool(values.amax() > high)
    )


def _shift(
    margin: Tensor,
    alpha: float,
    negatives: Tensor | None,
    low: float | None,
    high: float | None,
    within: Within,
) -> Tensor:
    """The c with mean(clip(margin + c)) = alpha: Newton's steps on a broken line, in a bracket."""
    negatives = _off_diagonal_mask(margin) if negatives is None else negatives
    raw, reduced = margin.detach(), _reduced(within)
    largest = torch.finfo(raw.dtype).max
    # At the left end every margin is at most alpha after clipping, at the right end at least.
    left = alpha - torch.where(negatives, raw, -largest).amax(*reduced)
    right = alpha - torch.where(negatives, raw, largest).amin(*reduced)
    shift = torch.zeros_like(left)
    watched, enough = checks_values(raw), 16 * torch.finfo(raw.dtype).eps * max(abs(alpha), 1e-3)
    for _ in range(
        _NEWTON_STEPS if watched or low is not None and high is not None else _NEWTON_STEPS_UNSEEN
    ):
        excess, slope = _excess(raw, shift, alpha, negatives, low, high, within)
        if watched and bool((excess.abs() <= enough).all()):
            break
        left, right = torch.where(excess < 0, shift, left), torch.where(excess > 0, shift, right)
        step = shift - excess / slope.clamp_min(1e-30)
        inside = (step > left) & (step < right)  # not at the ends, between which it could go round
        shift = torch.where(excess == 0, shift, torch.where(inside, step, (left + right) / 2))
    if margin.requires_grad:  # one more step, which changes nothing but lets the gradient through
        excess, slope = _excess(margin, shift, alpha, negatives, low, high, within)
        shift = shift - excess / slope.detach().clamp_min(1e-30)
    # Where there is no negative the ends of the bracket are infinite and nothing is to be shifted.
    return torch.where(negatives.sum(*reduced) > 0, shift, 0)


def _excess(
    margin: Tensor,
    shift: Tensor,
    alpha: float,
    negatives: Tensor,
    low: float | None,
    high: float | None,
    within: Within,
) -> tuple[Tensor, Tensor]:
    """By how much the mean after clipping is above alpha, and how fast it grows with the shift."""
    moved = margin + shift
    clipped = moved.clamp(low, high)
    mean, count = _mean(clipped, negatives, within)
    free = (negatives & (clipped == moved)).sum(*_reduced(within))
    return mean - alpha, free / count


def _reduced(within: Within) -> tuple[tuple[int, ...], bool]:
    """The dimensions that a statistic runs over, and whether they are kept."""
    if within not in ("batch", "text", "video"):
        raise ValueError(f"within: expected 'batch', 'text' or 'video', got {within!r}")
    return {"batch": ((0, 1), False), "text": ((1,), True), "video": ((0,), True)}[within]


def _mean(values: Tensor, negatives: Tensor, within: Within) -> tuple[Tensor, Tensor]:
    """Mean over the negative pairs, and how many there are (at least 1, for the division)."""
    reduced = _reduced(within)
    count = negatives.sum(*reduced).clamp_min(1).to(values.dtype)
    return torch.where(negatives, values, 0).sum(*reduced) / count, count


def _off_diagonal_mask(x: Tensor) -> Tensor:
    return ~torch.eye(x.shape[0], dtype=torch.bool, device=x.device)
