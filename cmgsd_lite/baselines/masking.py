"""What all losses share that leave negatives out: the loss underneath, and how a pair is removed."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.contrastive import InfoNCELoss
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.margins import REMOVED
from cmgsd_lite.validation import as_plain

Base = Literal["infonce", "hinge"]


class MaskingLoss(RetrievalLoss):
    """A plain loss, InfoNCE or hinge, from which some negatives of a batch are left out.

    A subclass says which in ``pairs_to_drop(sim, given)``. An anchor whose negatives are all left out adds
    nothing to the loss.
    """

    no_margin = "leaves pairs out by a margin of its own; the margin of its hinge is set when it is built"

    def __init__(
        self,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float | None = None,
    ) -> None:
        super().__init__()
        if base not in ("infonce", "hinge"):
            raise ValueError(f"base: expected 'infonce' or 'hinge', got {base!r}")
        self.margin = as_plain(margin)
        # Both are built, so that a setting out of range never goes unnoticed.
        losses: dict[str, RetrievalLoss] = {
            "infonce": InfoNCELoss(0.05 if temperature is None else temperature),
            "hinge": MaxMarginRankingLoss(margin, reduction, 0.03 if temperature is None else temperature),
        }
        self.base = losses[base]

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the plain loss of the pairs that are left, >= 0."""
        dropped = self.pairs_to_drop(sim, given)
        margin = torch.full_like(sim, self.margin, requires_grad=False).masked_fill_(dropped, REMOVED)
        margin.fill_diagonal_(self.margin)
        return self.base.compute(sim, Inputs(margin=margin, ids=given.ids))

    @abstractmethod
    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]; a subclass writes it, the diagonal is ignored."""

    def dropped(self, sim: Tensor, **inputs: Any) -> Tensor:
        """Return which pairs are left out, boolean [N, N], the diagonal False; called as the loss."""
        sim, given, _ = self.checked(sim, Inputs(**inputs))
        return self.pairs_to_drop(sim, given).fill_diagonal_(False)
