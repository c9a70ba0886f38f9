"""DropTriple's idea: once warmed up, the model itself says which negatives to drop."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import check_between, unimodal_similarity
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.hinge import Ids, Reduction, checked
from cmgsd_lite.schedules import check_fraction


class DropTripleLoss(MaskingLoss):
    """Ranking loss that drops negatives which the model itself finds similar: dynamic CMGSD's hard twin.

    After a warm-up, a pair is dropped where the model's own embeddings of its two texts, or of its two
    videos, are more similar than a threshold.

    Args:
        threshold: Cosine in [-1, 1].
        warm_up: Fraction of training before anything is dropped.
        base: ``"hinge"`` (theirs) or ``"infonce"``.
        margin: Of the hinge.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``; the hardest negative is theirs.
        temperature: Of InfoNCE.

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

    def __init__(
        self,
        threshold: float = 0.75,
        warm_up: float = 0.2,
        base: Base = "hinge",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float = 0.05,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        check_fraction("warm_up", warm_up)
        self.threshold, self.warm_up = check_between("threshold", threshold, -1.0, 1.0), warm_up

    def forward(
        self,
        sim: Tensor,
        text: Tensor | None = None,
        video: Tensor | None = None,
        progress: float | None = None,
        ids: Ids | None = None,
    ) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            text: The model's own text embeddings [N, D].
            video: The model's own video embeddings [N, D]; at least one of the two.
            progress: Fraction of training done; None counts as warmed up.
            ids: One name an item [N]; pairs with equal ids are left out.

        Returns:
            Scalar >= 0; no gradient flows through the decision to drop.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, _ = checked(sim, 0.0)
        return self.without(sim, self.dropped(sim, text, video, progress), ids)

    def dropped(
        self,
        sim: Tensor,
        text: Tensor | None = None,
        video: Tensor | None = None,
        progress: float | None = None,
    ) -> Tensor:
        """Return which pairs are dropped, boolean [N, N], the diagonal False."""
        given = {"text": text, "video": video}
        own = [unimodal_similarity(name, x, sim) for name, x in given.items() if x is not None]
        if not own:
            raise ValueError("text, video: expected at least one, got none")
        dropped = (reduce(torch.maximum, own) > self.threshold).fill_diagonal_(False)
        if progress is not None:
            check_fraction("progress", progress)
            if progress < self.warm_up:
                return torch.zeros_like(dropped)
        return dropped

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"threshold={self.threshold}, warm_up={self.warm_up}"
