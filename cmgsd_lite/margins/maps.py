"""The maps from distance to margin: one straight line in the z-score, and what one may try instead."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cmgsd_lite.margins.matrices import checked, finished, off_diagonal, statistics


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
) -> Tensor:
    """The default map: alpha + beta * z-score of the distance, clipped.

    Args:
        distances: [N, N], any unit; float32 or wider inside.
        alpha: Margin of a pair at the batch's mean distance, in units of the similarity.
        beta: Change of the margin for one standard deviation of distance; alpha/8 to alpha/2 is the useful
            range for cosine scores. Negative reverses the meaning (a control), 0 is the fixed margin.
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        eps: Added to the standard deviation. Not smaller than 1e-4 in float32: rounding noise among equal
            distances would become margins.
        negatives: Boolean [N, N], True for the pairs that count (default: all off the diagonal). The others
            get the margin ``alpha``.
        detach: Whether to stop the gradient. False is for showing what goes wrong.

    Returns:
        Margins [N, N]; the diagonal is ``alpha``.

    Raises:
        ValueError: On a distance matrix that is not square with N >= 2, or without any negative pair.

    Source:
        Reconstruction of the paper's "adaptive margin" (docs/METHOD.md); constants are ours. The z-score
        with clip and stop-gradient has a precedent in AdaFace (CVPR 2022).

    Example:
        >>> d = torch.tensor([[0.0, 0.2, 1.0], [0.2, 0.0, 0.6], [1.0, 0.6, 0.0]])
        >>> zscore_margin(d, alpha=0.2, beta=0.1)[0]
        tensor([0.2000, 0.0776, 0.3224])
    """
    d = checked(distances, negatives, detach)
    mean, std = statistics(d, negatives)
    # alpha + beta * (d - mean) / (std + eps), as one scale and one shift: half the passes over [N, N].
    scale = beta / (std + eps)
    margin = (d * scale).add_(alpha - mean * scale)
    return finished(margin, alpha, negatives, min_margin, max_margin)


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
) -> Tensor:
    """Smaller margins for the nearest pairs alone: alpha + beta * min(z - z of the quantile, 0), clipped.

    The z-score margin gives every pair another margin, so any spread softens the loss. Here all pairs beyond
    the quantile keep ``alpha``: what changes are the pairs that the distance takes for false negatives.

    Args:
        distances: [N, N], any unit; float32 or wider inside.
        alpha: Margin of a pair beyond the quantile.
        beta: Decrease of the margin for one standard deviation of distance below the quantile.
        nearest: Share of the negative pairs, in (0, 1], that are nearer than the quantile.
        min_margin: As in ``zscore_margin``.
        max_margin: As in ``zscore_margin``.
        eps: As in ``zscore_margin``.
        negatives: As in ``zscore_margin``.
        detach: As in ``zscore_margin``.

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
    if not 0 < nearest <= 1:
        raise ValueError(f"nearest: expected a share in (0, 1], got {nearest}")
    z = zscore_margin(distances, 0.0, 1.0, min_margin=None, eps=eps, negatives=negatives, detach=detach)
    values = (off_diagonal(z) if negatives is None else z[negatives]).flatten()
    # kthvalue, not quantile: that refuses more than 16 million entries, the pairs of a batch of 4,096.
    threshold = values.kthvalue(math.ceil(nearest * values.numel())).values
    return finished(alpha + beta * (z - threshold).clamp_max(0), alpha, negatives, min_margin, max_margin)


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
        negatives: As in ``zscore_margin``.
        detach: As in ``zscore_margin``.

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
        eps: As in ``zscore_margin``.
        negatives: As in ``zscore_margin``.
        detach: As in ``zscore_margin``.

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
