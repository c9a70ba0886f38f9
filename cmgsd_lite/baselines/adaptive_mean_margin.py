"""AMM: the margin of an anchor is a share of the gap that the model has already made."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import every_negative
from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_finite, checked_positive
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.losses.reductions import reduce_directions


class AdaptiveMeanMarginLoss(RetrievalLoss):
    """Adaptive mean margin (AMM): ``margin_i = scale * (sim[i, i] - mean of the anchor's negatives)``.

    A cross-modal self-margin: one number for each anchor and direction, made from ``sim`` itself, held
    constant in the gradient. It asks more of anchors that are already well placed and nothing of a negative
    in particular, so it can not tell a false negative from a true one. It uses ``sim`` and ``ids`` alone.

    Args:
        scale: Share of the gap that becomes the margin; 0 is the plain loss without margin.
        base: ``"infonce"`` (theirs: the margin raises the anchor's negatives) or ``"hinge"``.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        temperature: Of InfoNCE.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Monfort et al., "Spoken Moments" (CVPR 2021, arXiv 2105.04489). Negatives alone in
        the mean, the stop-gradient and the hinge are ours.

    Example:
        >>> AdaptiveMeanMarginLoss(scale=0.5).margins(torch.tensor([[0.9, 0.1], [0.3, 0.5]]))[0]
        tensor([0.4000, 0.1000])
    """

    no_margin = "makes its own from sim"

    def __init__(
        self,
        scale: float = 0.5,
        base: Literal["infonce", "hinge"] = "infonce",
        reduction: Reduction = "hardest",
        temperature: float = 0.05,
    ) -> None:
        super().__init__()
        if base not in ("infonce", "hinge"):
            raise ValueError(f"base: expected 'infonce' or 'hinge', got {base!r}")
        self.scale, self.base = checked_finite("scale", scale), base
        self.reduction = MaxMarginRankingLoss(reduction=reduction).reduction
        self.temperature = checked_positive("temperature", temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs: the mean of both directions (for ``"sum"`` their sum), >= 0."""
        negatives = every_negative(sim, given.ids)
        of_text, of_video = self._gaps(sim, negatives)
        margins = of_text[:, None].expand_as(sim), of_video.expand_as(sim)
        if self.base == "infonce":
            # A known positive is no class either: far below, like every pair that is left out.
            margins = margins[0] / self.temperature, margins[1] / self.temperature
            return reduce_directions(sim / self.temperature, margins, (negatives, negatives), "infonce") / 2
        total = reduce_directions(sim, margins, (negatives, negatives), self.reduction)
        return total if self.reduction == "sum" else total / 2

    def margins(self, sim: Tensor, **inputs: Any) -> tuple[Tensor, Tensor]:
        """Return the margin of every text and of every video as anchors, [N] each, without gradient."""
        sim, given, _ = self.checked(sim, Inputs(**inputs))
        return self._gaps(sim, every_negative(sim, given.ids))

    def _gaps(self, sim: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
        sim = sim.detach()
        kept = torch.where(negatives, sim, 0)
        gaps = (sim.diagonal() - kept.sum(dim=d) / negatives.sum(dim=d) for d in (1, 0))
        of_text, of_video = (self.scale * gap for gap in gaps)
        return of_text, of_video

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"scale={self.scale}, base={self.base!r}"
