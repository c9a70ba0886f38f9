"""Controls: margins from the truth, without known false negatives, shuffled, or drawn without a distance."""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.margins.maps import zscore_margin
from cmgsd_lite.margins.matrices import checked, finished
from cmgsd_lite.similarity import at_least_float32

REMOVED = float("-inf")
"""The margin of a pair that the losses leave out. Zero does not do it: the hinge stays active while
sim[i, j] > sim[i, i]."""


def oracle_margin(relevance: Tensor, alpha: float = 0.2, beta: float = 0.05, **options: float) -> Tensor:
    """The z-score margin made from the truth: distance = 1 - relevance. A control, not a method.

    Args:
        relevance: Graded relevance [N, N] in [0, 1] of text i to video j.
        alpha, beta: As in ``zscore_margin``.
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
    d = checked((~false_negatives).float(), None, detach=True)
    return finished(torch.full_like(d, alpha).masked_fill(d == 0, REMOVED), alpha, None, None, None)


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


def random_margin(
    n: int,
    alpha: float = 0.2,
    beta: float = 0.05,
    *,
    generator: torch.Generator | None = None,
    **options: float | None,
) -> Tensor:
    """Gaussian margins without any distance behind them. The control for softening that has no teacher.

    Args:
        n: Number of pairs in the batch.
        alpha: Mean margin, in units of the similarity.
        beta: Standard deviation of the margin where no bound is active.
        generator: Where it is drawn from (on the CPU); None takes torch's own.
        options: Handed on to ``zscore_margin``, which standardises, clips and re-centres the draws.

    Returns:
        Margins [N, N], one draw a pair: unlike those of a distance not symmetric. The diagonal is ``alpha``.

    Raises:
        ValueError: As ``zscore_margin``.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> m = off_diagonal(random_margin(8, alpha=0.2, beta=0.05))
        >>> round(m.mean().item(), 4), round(m.std(correction=0).item(), 3)
        (0.2, 0.05)
    """
    return zscore_margin(torch.randn(n, n, generator=generator), alpha, beta, **options)  # type: ignore[arg-type]
