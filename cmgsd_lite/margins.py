"""From distance to margin: what the margin of a pair at distance d should be.

Every function takes distances [N, N] within one modality and gives margins [N, N]: row and column i and j
are two items of a batch. Batch statistics run over the negative pairs alone; the diagonal (an item
against itself, distance 0) would triple the spread of a typical batch and flatten the margin.
Margins are detached unless one asks otherwise: with a gradient the model learns to call its
violators similar instead of separating them.

Controls: ``permute_margin`` keeps the histogram and destroys the meaning, a negative ``beta`` reverses it,
``oracle_margin`` is made from the truth, ``mask_margin`` removes known false negatives.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cmgsd_lite.similarity import at_least_float32

REMOVED = float("-inf")
"""The margin of a pair that the losses leave out. Zero does not do it: the hinge stays active while
sim[i, j] > sim[i, i]."""


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
    d, kept = _checked(distances, negatives, detach)
    mean, std = _statistics(d, kept)
    # alpha + beta * (d - mean) / (std + eps), as one scale and one shift: half the passes over [N, N].
    scale = beta / (std + eps)
    margin = (d * scale).add_(alpha - mean * scale)
    return _finished(margin, alpha, kept, min_margin, max_margin)


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
    _, kept = _checked(distances, negatives, detach)
    values = (off_diagonal(z) if kept is None else z[kept]).flatten()
    # kthvalue, not quantile: that refuses more than 16 million entries, the pairs of a batch of 4,096.
    threshold = values.kthvalue(math.ceil(nearest * values.numel())).values
    return _finished(alpha + beta * (z - threshold).clamp_max(0), alpha, kept, min_margin, max_margin)


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
    d, kept = _checked(distances, negatives, detach)
    return _finished(alpha + beta * d, alpha, kept, min_margin, max_margin)


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
    _, kept = _checked(distances, negatives, detach)
    return _finished(alpha * torch.exp(beta * z), alpha, kept, min_margin, max_margin)


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
    d, kept = _checked(distances, negatives, detach=True)
    margin = torch.full_like(d, alpha).masked_fill(d < threshold, below)
    return _finished(margin, alpha, kept, None, None)


def oracle_margin(relevance: Tensor, alpha: float = 0.2, beta: float = 0.05, **options: float) -> Tensor:
    """The z-score margin made from the truth: distance = 1 - relevance. A control, not a method.

    Args:
        relevance: Graded relevance [N, N] in [0, 1] of text i to video j.
        alpha: As in ``zscore_margin``.
        beta: As in ``zscore_margin``.
        options: Handed on to ``zscore_margin``.

    Returns:
        Margins [N, N]. A batch is drawn from a data set that knows the truth; no other has this.

    Raises:
        ValueError: As ``zscore_margin``.

    Source:
        ours; the idea of a margin from labels is Falcon et al. (ICMR 2022).

    Example:
        >>> truth = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> bool(oracle_margin(truth)[0, 1] < oracle_margin(truth)[0, 2])
        True
    """
    return zscore_margin(1 - at_least_float32(relevance), alpha, beta, **options)  # type: ignore[arg-type]


def mask_margin(false_negatives: Tensor, alpha: float = 0.2) -> Tensor:
    """The fixed margin with the known false negatives removed. A control.

    Args:
        false_negatives: Boolean [N, N], True where video j is a right answer to text i although not its own.
        alpha: Margin of all the others.

    Returns:
        Margins [N, N], ``REMOVED`` where masked; the diagonal is ``alpha`` whatever the mask says of it.

    Raises:
        ValueError: If the mask is not a square boolean matrix with N >= 2.

    Source:
        ours.

    Example:
        >>> mask_margin(torch.tensor([[False, True], [False, False]]))
        tensor([[0.2000,   -inf],
                [0.2000, 0.2000]])
    """
    if false_negatives.dtype != torch.bool:
        raise ValueError(f"false_negatives: expected a boolean matrix, got {false_negatives.dtype}")
    d, kept = _checked((~false_negatives).float(), None, detach=True)
    return _finished(torch.full_like(d, alpha).masked_fill(d == 0, REMOVED), alpha, kept, None, None)


def permute_margin(margin: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Shuffle who is who: the same histogram of margins, no meaning. The control for softening.

    Args:
        margin: Margins [N, N].
        generator: Where the permutation is drawn from (on the CPU); None takes torch's own.

    Returns:
        ``margin[p][:, p]`` for a random permutation p: the diagonal stays on the diagonal.

    Raises:
        ValueError: If ``margin`` is not square.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> m = permute_margin(torch.diag(torch.tensor([1.0, 2.0])), torch.Generator().manual_seed(0))
        >>> sorted(m.diagonal().tolist())
        [1.0, 2.0]
    """
    if margin.ndim != 2 or margin.shape[0] != margin.shape[1]:
        raise ValueError(f"margin: expected a square matrix [N, N], got shape {list(margin.shape)}")
    order = torch.randperm(margin.shape[0], generator=generator).to(margin.device)
    return margin[order][:, order]


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


def _checked(distances: Tensor, negatives: Tensor | None, detach: bool) -> tuple[Tensor, Tensor | None]:
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1] or distances.shape[0] < 2:
        raise ValueError(
            f"distances: expected a square matrix [N, N] with N >= 2, got shape {list(distances.shape)}"
        )
    if negatives is not None and (negatives.shape != distances.shape or negatives.dtype != torch.bool):
        raise ValueError(
            f"negatives: expected a boolean matrix {list(distances.shape)}, "
            f"got {negatives.dtype} {list(negatives.shape)}"
        )
    if negatives is not None and not bool(negatives.any()):
        raise ValueError("negatives: expected at least one negative pair, got none")
    wide = at_least_float32(distances)
    return (wide.detach() if detach else wide), negatives


def _statistics(distances: Tensor, negatives: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and population standard deviation over the negative pairs."""
    values = off_diagonal(distances) if negatives is None else distances[negatives]
    mean = values.mean()
    # The norm instead of torch.std: 15 times faster on a CPU, and its gradient at 0 is 0, not NaN.
    std = torch.linalg.vector_norm(values - mean) / math.sqrt(values.numel())
    return mean, std


def _finished(
    margin: Tensor,
    alpha: float,
    negatives: Tensor | None,
    min_margin: float | None,
    max_margin: float | None,
) -> Tensor:
    """Clip, then give the pairs that are no negatives the plain margin; ``margin`` is ours to overwrite."""
    if min_margin is not None or max_margin is not None:
        margin = margin.clamp_(min_margin, max_margin)
    if negatives is not None:
        return torch.where(negatives, margin, alpha)
    if margin.requires_grad:  # autograd knows no fill_diagonal_
        return margin.diagonal_scatter(margin.new_full((margin.shape[0],), alpha))
    return margin.fill_diagonal_(alpha)
