"""What all losses share that leave negatives out: the loss underneath, and how a pair is removed."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from cmgsd_lite.losses.contrastive import InfoNCELoss
from cmgsd_lite.losses.hinge import Ids, Reduction
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.margins import REMOVED

Base = Literal["infonce", "hinge"]


class MaskingLoss(nn.Module):
    """A plain loss, InfoNCE or hinge, from which some negatives of a batch can be left out.

    An anchor whose negatives are all left out adds nothing to the loss.

    Args:
        base: ``"infonce"`` or ``"hinge"``.
        margin: Of the hinge, in units of the similarity.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        temperature: Of InfoNCE.

    Raises:
        ValueError: On a setting out of range.

    Source:
        ours.

    Example:
        >>> loss = MaskingLoss("infonce", temperature=1.0)
        >>> loss.without(torch.zeros(2, 2), torch.zeros(2, 2, dtype=torch.bool), None)
        tensor(0.6931)
    """

    def __init__(
        self,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float = 0.05,
    ) -> None:
        super().__init__()
        if base not in ("infonce", "hinge"):
            raise ValueError(f"base: expected 'infonce' or 'hinge', got {base!r}")
        self.margin = margin
        # Both are built, so that a setting out of range never goes unnoticed.
        losses = {"infonce": InfoNCELoss(temperature), "hinge": MaxMarginRankingLoss(margin, reduction)}
        self.base = losses[base]

    def without(self, sim: Tensor, dropped: Tensor, ids: Ids | None) -> Tensor:
        """Return the plain loss of the pairs that are left.

        Args:
            sim: Similarities [N, N], as ``checked`` returns them.
            dropped: Boolean [N, N], True for the pairs to leave out; the diagonal is ignored.
            ids: One name an item [N]; pairs with equal ids are left out too.

        Returns:
            Scalar >= 0.

        Raises:
            ValueError: As the plain loss.
        """
        margin = torch.full_like(sim, self.margin, requires_grad=False).masked_fill_(dropped, REMOVED)
        loss: Tensor = self.base(sim, margin.fill_diagonal_(self.margin), ids)
        return loss
