"""What all maps share: checks, statistics over the negative pairs, clipping, a mean that stays alpha."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import checks_values

Within = Literal["batch", "text", "video"]
"""What the statistics run over: the negatives of the batch, of each text (rows), of each video (columns)."""

_NEWTON_STEPS = 60
_NEWTON_STEPS_UNSEEN = (4, 24)
"""How often the centre is looked for: until it is found; unseen, with one bound and with two."""


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


def checked(distances: Tensor, negatives: Tensor | None, detach: bool, ndim: int = 2) -> Tensor:
    """Distances [N, N] in float32 or wider, or several of them [K, N, N] (``ndim`` 3).

    Raises ValueError if they are not square, or ``negatives`` is no boolean [N, N] with a True.
    """
    shape = distances.shape[-2:]
    if distances.ndim != ndim or shape[0] != shape[1] or shape[0] < 2:
        raise ValueError(
            f"distances: expected a square matrix [N, N] with N >= 2, got shape {list(distances.shape)}"
        )
    if negatives is not None and (negatives.shape != shape or negatives.dtype != torch.bool):
        raise ValueError(
            f"negatives: expected a boolean matrix {list(shape)}, "
            f"got {negatives.dtype} {list(negatives.shape)}"
        )
    if negatives is not None and checks_values(negatives) and not bool(negatives.any()):
        raise ValueError("negatives: expected at least one negative pair, got none")
    wide = at_least_float32(distances)
    return wide.detach() if detach else wide


def centred(distances: Tensor, negatives: Tensor | None, within: Within = "batch") -> tuple[Tensor, Tensor]:
    """Distances minus their mean over the negative pairs, and their population standard deviation.

    Of [N, N] or [K, N, N]. The first has the same shape, 0 for the pairs that are no negatives; the second is
    of each matrix [1, 1] for the batch, [N, 1] for texts, [1, N] for videos, 0 where there is no negative.
    """
    if negatives is None and within == "batch" and not distances.requires_grad:
        n = distances.shape[-1] * (distances.shape[-1] - 1)
        # A sum over the whole matrix, its diagonal 0, is five times as fast as one that skips the diagonal.
        # Counted from one of them, equal distances come out equal: no rounding of their mean remains.
        apart = distances - distances[..., :1, 1:2]
        diagonal = apart.diagonal(dim1=-2, dim2=-1)
        diagonal.zero_()
        apart.sub_(apart.sum((-2, -1), keepdim=True) / n)
        diagonal.zero_()
        return apart, spread_of(apart, None, within)
    negatives = off_diagonal_mask(distances) if negatives is None else negatives
    reduced = _reduced(within)
    count = negatives.sum(*reduced).clamp_min(1).to(distances.dtype)
    mean = torch.where(negatives, distances, 0).sum(*reduced) / count
    apart = torch.where(negatives, distances - mean, 0)
    return apart, spread_of(apart, negatives, within)


def spread_of(apart: Tensor, negatives: Tensor | None, within: Within = "batch") -> Tensor:
    """Population standard deviation of values whose mean is 0, as ``centred`` returns both."""
    # The norm instead of torch.std: 15 times faster on a CPU, and its gradient at 0 is 0, not NaN.
    reduced = _reduced(within)
    norm: Tensor = torch.linalg.vector_norm(apart, 2, *reduced)
    if negatives is not None:
        return norm / negatives.sum(*reduced).clamp_min(1).to(apart.dtype).sqrt()
    others = apart.shape[-1] - 1
    return norm / math.sqrt(others * apart.shape[-1] if within == "batch" else others)


def combine(
    distances: Tensor,
    weights: Sequence[float | Tensor],
    negatives: Tensor | None,
    eps: float,
    within: Within = "batch",
) -> tuple[Tensor, Tensor]:
    """One z-score out of several distances [K, N, N], spread as that of one of them; the weights sum to 1.

    Every distance is standardised and the weighted sum is standardised again, because an average of z-scores
    is less spread than each. Returns a matrix [N, N], 0 for the pairs that are no negatives, and the factor
    that makes the z-score of it. The z-score's standard deviation is the weighted mean of ``std / (std +
    eps)``: 1 but for eps, so that one distance alone has its own z-score.
    """
    apart, std = centred(distances, negatives, within)
    # [K, 1, 1], [K, N, 1] or [K, 1, N]
    scale = _column(weights, apart) / (std + eps)
    if len(distances) == 1:
        return apart[0], scale[0]
    total = (apart * scale if apart.requires_grad else apart.mul_(scale)).sum(dim=0)
    # eps is in the spread already; here it keeps rounding noise small where the distances cancel.
    return total, (std * scale).sum(dim=0) / spread_of(total, negatives, within).clamp_min(eps)


def _column(weights: Sequence[float | Tensor], like: Tensor) -> Tensor:
    """Numbers or tensors of one as [K, 1, 1]."""
    if any(isinstance(weight, Tensor) for weight in weights):
        each = [torch.as_tensor(weight, dtype=like.dtype, device=like.device) for weight in weights]
        return torch.stack([weight.reshape(1, 1) for weight in each])
    return torch.tensor([[[weight]] for weight in weights], dtype=like.dtype, device=like.device)


def finished(
    margin: Tensor,
    alpha: float,
    negatives: Tensor | None,
    min_margin: float | None,
    max_margin: float | None,
    recentre: Within | None = None,
) -> Tensor:
    """Clip, then give the pairs that are no negatives the margin ``alpha``; ``margin`` may be overwritten.

    With ``recentre``, where a bound is active, margins are shifted before clipping so that the mean after it
    is ``alpha`` again, in the batch or for every text or video.
    """
    if _may_clip(margin, min_margin, max_margin):
        if recentre is not None:
            shift = _centre(margin, alpha, negatives, min_margin, max_margin, recentre)
            margin = margin + shift if margin.requires_grad else margin.add_(shift)
        margin = margin.clamp_(min_margin, max_margin)
    if negatives is not None:
        return torch.where(negatives, margin, alpha)
    if margin.requires_grad:  # autograd knows no fill_diagonal_
        return margin.diagonal_scatter(margin.new_full((margin.shape[0],), alpha))
    return margin.fill_diagonal_(alpha)


def size_of(alpha: float, low: float | None, high: float | None) -> float:
    """The largest absolute value of mean margin and bounds, or .001: what rounding is measured by."""
    return max(abs(alpha), abs(low or 0.0), abs(high or 0.0)) or 1e-3


def _may_clip(margin: Tensor, low: float | None, high: float | None) -> bool:
    """Whether a bound could be active. What is no negative is at alpha, between the bounds."""
    if not checks_values(margin):
        return low is not None or high is not None
    # A number is compared faster than a tensor of one.
    return (low is not None and margin.amin().item() < low) or (
        high is not None and margin.amax().item() > high
    )


def _centre(
    margin: Tensor,
    alpha: float,
    negatives: Tensor | None,
    low: float | None,
    high: float | None,
    within: Within,
) -> Tensor | float:
    """The shift that keeps the mean at alpha, by the cheapest way there is."""
    simple = within == "batch" and negatives is None and not margin.requires_grad
    if simple and low is not None and high is None and checks_values(margin):
        found = _shift_of_few(margin, alpha, low)
        if found is not None:
            return found
    return _shift(margin, alpha, negatives, low, high, within)


def _shift_of_few(margin: Tensor, alpha: float, low: float) -> float | None:
    """As ``_shift``, from those alone that lie near the lower bound; None if it takes more of them."""
    values, n = margin.cpu().numpy(), margin.shape[0] * (margin.shape[0] - 1)
    reach = low + 0.05 * (alpha - low)
    few = values[values < reach].astype(np.float64)  # numpy: for so few, torch's steps take longer
    shift, lifted = 0.0, 0
    # Every step lifts those that are below the bound, which lowers all and brings more below it, or none.
    while lifted < len(below := few[few < low - shift]) < n:
        lifted = len(below)
        shift = (float(below.sum()) - lifted * low) / (n - lifted)
    return shift if low - shift < reach else None


def _shift(
    margin: Tensor,
    alpha: float,
    negatives: Tensor | None,
    low: float | None,
    high: float | None,
    within: Within,
) -> Tensor:
    """The c with mean(clip(margin + c)) = alpha: Newton's steps on a broken line, bracketed for two bounds.

    Expects margins whose mean is alpha, and alpha for the pairs that are no negatives.
    """
    raw, reduced, n = margin.detach(), _reduced(within), margin.shape[0]
    whole = n * n if within == "batch" else n
    if negatives is None:
        count: Tensor | float = whole - (n if within == "batch" else 1)
    else:
        count = negatives.sum(*reduced).to(raw.dtype)
    args = (alpha, low, high, reduced, whole, count)
    shift = torch.zeros_like(raw.sum(*reduced))
    # At the left end every margin is at most alpha after clipping, at the right end at least.
    left, right = alpha - raw.amax(*reduced), alpha - raw.amin(*reduced)
    watched, enough = checks_values(raw), 16 * torch.finfo(raw.dtype).eps * size_of(alpha, low, high)
    bent = low is not None and high is not None
    for _ in range(_NEWTON_STEPS if watched else _NEWTON_STEPS_UNSEEN[bent]):
        excess, slope = _excess(raw, shift, *args)
        if watched and bool((excess.abs() <= enough).all()):
            break
        step = shift - excess / slope
        if bent:
            left, right = torch.where(excess < 0, shift, left), torch.where(excess > 0, shift, right)
            inside = (step > left) & (step < right)  # not at the ends, between which it could go round
            step = torch.where(inside | (excess == 0), step, (left + right) / 2)
        shift = step
    if margin.requires_grad:  # one more step, which changes nothing but lets the gradient through
        excess, slope = _excess(margin, shift, *args)
        shift = shift - excess / slope.detach()
    return shift


def _excess(
    margin: Tensor,
    shift: Tensor,
    alpha: float,
    low: float | None,
    high: float | None,
    reduced: tuple[tuple[int, ...], bool],
    whole: int,
    count: float | Tensor,
) -> tuple[Tensor, Tensor]:
    """By how much the mean after clipping is above alpha, and how fast it grows with the shift.

    ``count`` of ``whole`` entries are negatives; the others are alpha, which is known without a mask.
    """
    kept = margin.clamp(None if low is None else low - shift, None if high is None else high - shift)
    other = (alpha + shift).clamp(low, high)
    total = kept.sum(*reduced) + whole * shift - (whole - count) * other
    free = (kept == margin).sum(*reduced) - (whole - count) * (other == alpha + shift)
    # Without a negative (count 0) there is nothing to shift; without a free one, the next step bisects.
    some = torch.as_tensor(count, dtype=margin.dtype, device=margin.device).clamp_min(1)
    excess = (total - count * alpha) / some
    return excess, (free / some).clamp_min(1e-12)


def _reduced(within: Within) -> tuple[tuple[int, ...], bool]:
    """The dimensions that a statistic runs over, and whether they are kept."""
    if within not in ("batch", "text", "video"):
        raise ValueError(f"within: expected 'batch', 'text' or 'video', got {within!r}")
    return {"batch": ((-2, -1), True), "text": ((-1,), True), "video": ((-2,), True)}[within]


def off_diagonal_mask(x: Tensor) -> Tensor:
    """All pairs but an item with itself, boolean [N, N], of [N, N] or [K, N, N]."""
    return ~torch.eye(x.shape[-1], dtype=torch.bool, device=x.device)
