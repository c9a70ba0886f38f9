"""DropTriple's idea: once warmed up, the model itself says which negatives to drop."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import at_least, check_between, unimodal_similarity
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.schedules import checked_fraction


class DropTripleLoss(MaskingLoss):
    """Ranking loss that drops negatives which the model itself finds similar: dynamic CMGSD's hard twin.

    After a warm-up, a pair is dropped where the model's own embeddings of its two texts, or of its two
    videos, are as similar as a threshold or more. It needs ``text`` or ``video`` and uses ``ids`` and
    ``progress`` (None counts as warmed up).

    Args:
        threshold: Cosine in [-1, 1].
        warm_up: Fraction of training before anything is dropped.
        base: ``"hinge"`` (theirs) or ``"infonce"``.
        margin: Of the hinge.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``; the hardest negative is theirs.
        temperature: Of InfoNCE or of the smooth reduction; None for .05 and .03.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Yan et al., "Cross-Modal Retrieval for Motion and Text via DropTriple Loss" (2023,
        arXiv 2305.04195), in the short form of docs/METHOD.md: one threshold for both modalities, and either
        modality is enough. Warm-up as a fraction of training is ours.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> DropTripleLoss().dropped(torch.eye(3), text=x, progress=0.5)[0]
        tensor([False,  True, False])
    """

    needs = (("text", "video"),)

    def __init__(
        self,
        threshold: float = 0.75,
        warm_up: float = 0.2,
        base: Base = "hinge",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float | None = None,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        self.threshold = check_between("threshold", threshold, -1.0, 1.0)
        self.warm_up = checked_fraction("warm_up", warm_up)

    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]; no gradient flows through the decision."""
        own = {"text": given.text, "video": given.video}
        near = [unimodal_similarity(k, x.detach(), sim) for k, x in own.items() if x is not None]
        dropped = at_least(reduce(torch.maximum, near), self.threshold)
        return dropped if given.progress is None else dropped & (given.progress >= self.warm_up)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"threshold={self.threshold}, warm_up={self.warm_up}"
