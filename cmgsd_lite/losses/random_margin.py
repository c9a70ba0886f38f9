"""The margin without any teacher: a control for softening that knows no distance at all."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_finite
from cmgsd_lite.losses.contrastive import InfoNCELoss
from cmgsd_lite.losses.control import SEEDS, mixed, step_key
from cmgsd_lite.losses.hinge import Reduction, negative_pairs
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.margins import zscore_margin
from cmgsd_lite.margins.maps import check_alpha
from cmgsd_lite.validation import as_plain, checked_whole


class RandomMarginLoss(RetrievalLoss):
    """The control of ``CMGSDLoss`` without a teacher: a Gaussian margin of the same mean and spread.

    Every step draws one number a pair, so that the margins of (i, j) and (j, i) differ, while both directions
    share that of (i, j). The draws are standardised, clipped and re-centred as distances are. Like the
    shuffle of ``PermutedCMGSDLoss`` they are a function of the seed and of ``progress`` where it is given,
    otherwise of the seed and of the inputs; a call changes no state. It uses ``ids`` and ``progress``, and
    refuses ``margin``.

    Relations: beta = 0 is ``MaxMarginRankingLoss`` or ``InfoNCELoss``. ``PermutedCMGSDLoss`` keeps the
    histogram of a teacher's margins, this one does not. Either amounts to a temperature, which
    ``losses.expected.twin_temperature`` measures: the smooth reduction with it needs no noise.

    Args:
        margin: alpha, the mean margin, in units of the similarity.
        beta: Standard deviation of the margin where no bound is active.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        base: ``"hinge"`` or ``"infonce"``: the loss that is given the margin.
        temperature: Of the smooth reduction or of InfoNCE; None for .03 and .05.
        seed: Of the draws.
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.

    Raises:
        ValueError: On a setting out of range.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> loss = RandomMarginLoss(beta=0.1, reduction="hardest", seed=1)
        >>> loss(torch.eye(3), progress=0.5)
        tensor(0.)
    """

    no_margin = "makes its own out of chance; its argument margin is the mean"

    def __init__(
        self,
        margin: float = 0.2,
        beta: float = 0.05,
        reduction: Reduction = "hardest",
        base: Literal["hinge", "infonce"] = "hinge",
        temperature: float | None = None,
        seed: int = 0,
        min_margin: float | None = 0.0,
        max_margin: float | None = None,
    ) -> None:
        super().__init__()
        if base not in ("hinge", "infonce"):
            raise ValueError(f"base: expected 'hinge' or 'infonce', got {base!r}")
        self.margin, self.beta = checked_finite("margin", margin), checked_finite("beta", beta)
        check_alpha(self.margin, min_margin, max_margin)
        self.min_margin, self.max_margin = as_plain(min_margin), as_plain(max_margin)
        self.seed = checked_whole("seed", seed, SEEDS)
        hinge = MaxMarginRankingLoss(margin, reduction, 0.03 if temperature is None else temperature)
        contrast = InfoNCELoss(0.05 if temperature is None else temperature)
        self.ranking: MaxMarginRankingLoss | InfoNCELoss = hinge if base == "hinge" else contrast

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs, >= 0."""
        negatives = negative_pairs(sim, ids=given.ids)
        margin = zscore_margin(
            gaussian_noise(sim, step_key(self.seed, sim, given)),
            self.margin,
            self.beta,
            min_margin=self.min_margin,
            max_margin=self.max_margin,
            negatives=negatives,
        )
        return self.ranking.of_margins(sim, (margin, margin), (negatives, negatives))

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"beta={self.beta}, seed={self.seed}"


def gaussian_noise(like: Tensor, key: Tensor) -> Tensor:
    """Independent standard Gaussian numbers, a function of the shape and the key alone.

    Args:
        like: A tensor whose shape, precision and device are wanted.
        key: A scalar int64, from ``step_key``.

    Returns:
        The shape of ``like``; the same on every device but for the last digits.

    Source:
        ours: the quantiles of hashed numbers (SplitMix64).

    Example:
        >>> noise = gaussian_noise(torch.empty(100, 100), torch.tensor(7))
        >>> bool(noise.mean().abs() < 0.05), bool((noise.std() - 1).abs() < 0.05)
        (True, True)
    """
    counted = torch.arange(like.numel(), device=like.device).view(like.shape)
    # Two rounds: the key and the counter are mixed before they meet. 53 bits fill a float64 in (0, 1).
    bits = (mixed(key ^ mixed(counted)) >> 11) & ((1 << 53) - 1)
    noise: Tensor = torch.special.ndtri((bits.double() + 0.5) * 2.0**-53)
    return noise.to(like.dtype)
