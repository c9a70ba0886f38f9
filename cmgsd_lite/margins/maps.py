"""The maps from distance to margin: one straight line in the z-score, and what one may try instead."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

from cmgsd_lite.margins.matrices import (
    Within,
    centred,
    checked,
    combine,
    finished,
    off_diagonal,
    off_diagonal_mask,
)


def zscore_margin(
    distances: Tensor,
    alpha: float = 0.2,
    beta: float = 0.05,
    *,
    min_margin: float | None = 0.0,
    max_margin: float | None = None,
    eps: float = 1e-4,
    negatives: Tensor | None = None,
    detach: bool = True,
    recentre: bool = True,
    within: Within = "batch",
) -> Tensor:
    """The default map: alpha + beta * z-score of the distance, clipped.

    Args:
        distances: [N, N], any unit; float32 or wider inside.
        alpha: Margin of a pair at the mean distance, and the mean margin, in units of the similarity.
        beta: Change of the margin for one standard deviation of distance, to be chosen like a temperature.
            Negative reverses the meaning (a control), 0 is the fixed margin.
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        eps: Added to the standard deviation. Not smaller than 1e-4 in float32: rounding noise among equal
            distances would become margins.
        negatives: Boolean [N, N], True for the pairs that count (default: all off the diagonal). The others
            get the margin ``alpha``.
        detach: Whether to stop the gradient. False is for showing what goes wrong.
        recentre: Where a bound is active, shift the margins before clipping so that their mean stays
            ``alpha``; clipping alone would raise it. The spread is beta where no bound is active.
        within: Statistics of the ``"batch"``, of each ``"text"``'s negatives (rows) or each ``"video"``'s
            (columns).

    Returns:
        Margins [N, N]; the diagonal is ``alpha``.

    Raises:
        ValueError: On a distance matrix that is not square with N >= 2, or without any negative pair, or on
            an alpha outside the bounds, around which no margins can be centred.

    Source:
        Reconstruction of the paper's "adaptive margin" (docs/METHOD.md); constants are ours. The z-score
        with clip and stop-gradient has a precedent in AdaFace (CVPR 2022); re-centring is ours.

    Example:
        >>> d = torch.tensor([[0.0, 0.2, 1.0], [0.2, 0.0, 0.6], [1.0, 0.6, 0.0]])
        >>> zscore_margin(d, alpha=0.2, beta=0.1)[0]
        tensor([0.2000, 0.0776, 0.3224])
    """
    if recentre:
        check_alpha(alpha, min_margin, max_margin)
    apart, std = centred(checked(distances, negatives, detach), negatives, within)
    margin = _line(apart, beta / (std + eps), alpha)
    return finished(margin, alpha, negatives, min_margin, max_margin, within if recentre else None)


def combined_margin(
    distances: Sequence[Tensor] | Tensor,
    weights: Sequence[float | Tensor],
    alpha: float = 0.2,
    beta: float | Tensor = 0.05,
    *,
    min_margin: float | None = 0.0,
    max_margin: float | None = None,
    eps: float = 1e-4,
    negatives: Tensor | None = None,
    detach: bool = True,
    within: Within = "batch",
    nearest: float | None = None,
) -> Tensor:
    """One margin out of several distances, whose spread is beta whatever their weights.

    Every distance is standardised, the weighted sum is standardised again (an average of z-scores has a
    smaller spread than each), and one clip follows. A distance alone gives its ``zscore_margin``.

    Args:
        distances: [N, N] each, any unit; or one tensor of them [K, N, N].
        weights: One for each, summing to 1; numbers or tensors of one.
        alpha, beta, min_margin, max_margin, eps, negatives, detach, within: As in ``zscore_margin``.
        nearest: None, or a share in (0, 1] for the map of ``nearest_margin``.

    Returns:
        Margins [N, N]; the diagonal is ``alpha``.

    Raises:
        ValueError: As ``zscore_margin``, and if there is no distance.

    Source:
        ours (docs/METHOD.md, "The reconstruction").

    Example:
        >>> near = torch.tensor([[0.0, 0.2, 1.0], [0.2, 0.0, 0.6], [1.0, 0.6, 0.0]])
        >>> combined_margin([near, near], [0.5, 0.5], alpha=0.2, beta=0.1)[0]
        tensor([0.2000, 0.0776, 0.3224])
    """
    if len(distances) == 0:
        raise ValueError("distances: expected at least one matrix, got none")
    if nearest is None:
        check_alpha(alpha, min_margin, max_margin)
    if isinstance(distances, Tensor):
        wide = checked(distances, negatives, detach, ndim=3)
    else:
        wide = torch.stack([checked(d, negatives, detach) for d in distances])
    total, factor = combine(wide, weights, negatives, eps, within)
    if nearest is not None:
        z = total * factor
        return _released(z, alpha, beta, nearest, negatives, min_margin, max_margin, within)
    return finished(_line(total, beta * factor, alpha), alpha, negatives, min_margin, max_margin, within)


def _line(x: Tensor, slope: float | Tensor, level: float) -> Tensor:
    """``level + slope * x``; ``x`` may be overwritten."""
    return level + slope * x if x.requires_grad else x.mul_(slope).add_(level)


def check_alpha(alpha: float, min_margin: float | None, max_margin: float | None) -> None:
    """Raise ValueError if a bound is no number, or margins between them cannot have the mean ``alpha``."""
    for name, bound in (("min_margin", min_margin), ("max_margin", max_margin)):
        number = bound is None or (hasattr(bound, "__float__") and abs(bound) <= sys.float_info.max)
        if not number:
            raise ValueError(f"{name}: expected a finite number or None, got {bound!r}")
    if min_margin is not None and min_margin > alpha:
        raise ValueError(f"min_margin: expected at most the mean margin {alpha}, got {min_margin}")
    if max_margin is not None and max_margin < alpha:
        raise ValueError(f"max_margin: expected at least the mean margin {alpha}, got {max_margin}")


def nearest_margin(
    distances: Tensor,
    alpha: float = 0.2,
    beta: float = 0.1,
    nearest: float = 0.1,
    *,
    min_margin: float | None = 0.0,
    max_margin: float | None = None,
    eps: float = 1e-4,
    negatives: Tensor | None = None,
    detach: bool = True,
    within: Within = "batch",
) -> Tensor:
    """Smaller margins for the nearest pairs alone: alpha + beta * min(z - z of the quantile, 0), clipped.

    The z-score margin gives every pair another margin, so any spread softens the loss. Here all pairs beyond
    the quantile keep ``alpha``: what changes are the pairs that the distance takes for false negatives.

    Args:
        distances: [N, N], any unit; float32 or wider inside.
        alpha: Margin of a pair beyond the quantile.
        beta: Decrease of the margin for one standard deviation of distance below the quantile.
        nearest: Share of the negative pairs, in (0, 1], that are nearer than the quantile.
        min_margin, max_margin, eps, negatives, detach: As in ``zscore_margin``.
        within: As in ``zscore_margin``; the share is one of the batch's, text's or video's negatives.

    Returns:
        Margins [N, N]; the diagonal is ``alpha``. Of n negative pairs those nearer than the pair of rank
        ceil(nearest * n) get a smaller margin.

    Raises:
        ValueError: As ``zscore_margin``, and if ``nearest`` is not in (0, 1].

    Source:
        ours.

    Example:
        >>> d = torch.tensor([[0.0, 0.2, 1.0], [0.2, 0.0, 0.6], [1.0, 0.6, 0.0]])
        >>> nearest_margin(d, alpha=0.2, beta=0.1, nearest=0.5)[0]
        tensor([0.2000, 0.0776, 0.2000])
    """
    options = {"min_margin": None, "eps": eps, "negatives": negatives, "detach": detach, "within": within}
    z = zscore_margin(distances, 0.0, 1.0, **options)  # type: ignore[arg-type]
    return _released(z, alpha, beta, nearest, negatives, min_margin, max_margin, within)


def _released(
    z: Tensor,
    alpha: float,
    beta: float | Tensor,
    nearest: float,
    negatives: Tensor | None,
    min_margin: float | None,
    max_margin: float | None,
    within: Within,
) -> Tensor:
    if not 0 < nearest <= 1:
        raise ValueError(f"nearest: expected a share in (0, 1], got {nearest}")
    threshold = _of_rank(z, nearest, negatives, within)
    return finished(alpha + beta * (z - threshold).clamp_max(0), alpha, negatives, min_margin, max_margin)


def _of_rank(z: Tensor, share: float, negatives: Tensor | None, within: Within) -> Tensor:
    """The value of rank ceil(share * n) among those of n negative pairs: of the batch, or of each anchor."""
    n = z.shape[0]
    if negatives is None and within == "batch":
        values = off_diagonal(z).flatten()
        # kthvalue, not quantile: that refuses more than 16 million entries, the pairs of a batch of 4,096.
        return values.kthvalue(math.ceil(share * n * (n - 1) - 1e-9)).values
    # How many there are is known to the device alone, so all are sorted, the others behind them.
    negatives = off_diagonal_mask(z) if negatives is None else negatives
    values, dim = torch.where(negatives, z, torch.inf), 0 if within == "video" else 1
    if within == "batch":
        values, negatives = values.view(1, -1), negatives.view(1, -1)
    place = torch.ceil(share * negatives.sum(dim, keepdim=True).double() - 1e-9).long().clamp_min(1) - 1
    return values.sort(dim).values.gather(dim, place)


def affine_margin(
    distances: Tensor,
    alpha: float = 0.0,
    beta: float = 1.0,
    *,
    min_margin: float | None = 0.0,
    max_margin: float | None = None,
    negatives: Tensor | None = None,
    detach: bool = True,
) -> Tensor:
    """A straight line in the distance itself: alpha + beta * d, clipped. No batch statistics.

    Args:
        distances: [N, N], any unit.
        alpha: Margin of a pair at distance 0, also given to the diagonal.
        beta: Margin for one unit of distance.
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        negatives, detach: As in ``zscore_margin``.

    Returns:
        Margins [N, N].

    Raises:
        ValueError: As ``zscore_margin``.

    Source:
        ours; with alpha = 0, beta = 1 and d = 1 - relevance it is the relevance margin of
        Falcon et al. (ICMR 2022).

    Example:
        >>> affine_margin(torch.tensor([[0.0, 0.5], [0.5, 0.0]]), alpha=0.1, beta=0.2)
        tensor([[0.1000, 0.2000],
                [0.2000, 0.1000]])
    """
    d = checked(distances, negatives, detach)
    return finished(alpha + beta * d, alpha, negatives, min_margin, max_margin)


def exponential_margin(
    distances: Tensor,
    alpha: float = 0.2,
    beta: float = 0.25,
    *,
    min_margin: float | None = None,
    max_margin: float | None = None,
    eps: float = 1e-4,
    negatives: Tensor | None = None,
    detach: bool = True,
) -> Tensor:
    """Exponential in the z-score: alpha * exp(beta * z). Positive without a clip.

    Args:
        distances: [N, N], any unit.
        alpha: Margin of a pair at the batch's mean distance.
        beta: Relative change of the margin for one standard deviation: to first order this is
            ``zscore_margin`` with slope alpha * beta.
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        eps, negatives, detach: As in ``zscore_margin``.

    Returns:
        Margins [N, N].

    Raises:
        ValueError: As ``zscore_margin``.

    Source:
        ours.

    Example:
        >>> d = torch.tensor([[0.0, 0.2, 1.0], [0.2, 0.0, 0.6], [1.0, 0.6, 0.0]])
        >>> bool((exponential_margin(d, beta=2.0) > 0).all())
        True
    """
    z = zscore_margin(distances, 0.0, 1.0, min_margin=None, eps=eps, negatives=negatives, detach=detach)
    return finished(alpha * torch.exp(beta * z), alpha, negatives, min_margin, max_margin)


def threshold_margin(
    distances: Tensor,
    alpha: float = 0.2,
    threshold: float = 0.5,
    *,
    below: float = 0.0,
    negatives: Tensor | None = None,
) -> Tensor:
    """A step: ``alpha`` from the threshold upwards, ``below`` under it.

    Args:
        distances: [N, N], any unit.
        alpha: Margin of the pairs with d >= threshold, and of the diagonal.
        threshold: In units of the distance.
        below: Margin of the nearer pairs; ``REMOVED`` leaves them out of the loss, which 0 does not.
        negatives: As in ``zscore_margin``.

    Returns:
        Margins [N, N]; a step has no gradient to stop.

    Raises:
        ValueError: As ``zscore_margin``.

    Source:
        ours; with ``REMOVED`` the hard masking of TMR (ICCV 2023) and DropTriple (2023).

    Example:
        >>> threshold_margin(torch.tensor([[0.0, 0.4], [0.6, 0.0]]))
        tensor([[0.2000, 0.0000],
                [0.2000, 0.2000]])
    """
    d = checked(distances, negatives, detach=True)
    margin = torch.full_like(d, alpha).masked_fill(d < threshold, below)
    return finished(margin, alpha, negatives, None, None)
