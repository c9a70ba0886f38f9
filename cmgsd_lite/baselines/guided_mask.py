"""GISTEmbed's idea: a frozen guide says which negatives look like right answers; they are left out."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import check_between, every_negative, unimodal_similarity
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.hinge import Ids, Reduction, checked


class GuidedMaskLoss(MaskingLoss):
    """Leave out the negatives that a frozen guide takes for right answers.

    GISTEmbed's guide scores a query against its positive and its negatives and masks the negatives that it
    scores above the positive. Frozen teachers of one modality cannot score a text against a video, so here
    the guide's score of a pair is the similarity between the pair's items within a modality, ``g[i, j]``:
    the mean of the cosines of those teachers that are given. Its score of the positive is then
    ``g[i, i] = 1``, which nothing exceeds; what counts as "above" is set by ``share`` or by ``gap``.

    Args:
        share: Leave out this share of the batch's negative pairs, those with the highest ``g`` (ties at the
            limit stay in). Free of the teachers' scale.
        gap: Instead of ``share``: leave out where ``g[i, j] > g[i, i] - gap = 1 - gap``.
        base: ``"infonce"`` or ``"hinge"``.
        margin: Of the hinge.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        temperature: Of InfoNCE.

    Raises:
        ValueError: Unless exactly one of ``share`` in [0, 1] and ``gap`` in [0, 2] is given, or on another
            setting out of range.

    Source:
        From the idea of Solatorio, "GISTEmbed" (2024, arXiv 2402.16829); the unimodal guide and ``share``
        are ours, ``gap`` is the absolute margin that later public implementations of it offer.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> GuidedMaskLoss(gap=0.1, share=None).dropped(torch.eye(3), text_teacher=x)[0]
        tensor([False,  True, False])
    """

    def __init__(
        self,
        share: float | None = 0.02,
        gap: float | None = None,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float = 0.05,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        if (share is None) == (gap is None):
            raise ValueError(f"share, gap: expected exactly one of them, got {share} and {gap}")
        self.share = None if share is None else check_between("share", share, 0.0, 1.0)
        self.gap = None if gap is None else check_between("gap", gap, 0.0, 2.0)

    def forward(
        self,
        sim: Tensor,
        text_teacher: Tensor | None = None,
        video_teacher: Tensor | None = None,
        ids: Ids | None = None,
    ) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            text_teacher: Frozen text features [N, D].
            video_teacher: Frozen video features [N, D']; at least one of the two.
            ids: One name an item [N]; pairs with equal ids are left out.

        Returns:
            Scalar >= 0.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, _ = checked(sim, 0.0)
        return self.without(sim, self.dropped(sim, text_teacher, video_teacher, ids), ids)

    def dropped(
        self,
        sim: Tensor,
        text_teacher: Tensor | None = None,
        video_teacher: Tensor | None = None,
        ids: Ids | None = None,
    ) -> Tensor:
        """Return which pairs are left out, boolean [N, N]; the arguments are those of the call."""
        given = {"text_teacher": text_teacher, "video_teacher": video_teacher}
        scores = [unimodal_similarity(name, x, sim) for name, x in given.items() if x is not None]
        if not scores:
            raise ValueError("text_teacher, video_teacher: expected at least one, got none")
        guide = reduce(torch.add, scores) / len(scores)
        negatives = every_negative(sim, ids)
        return negatives & (guide > self._limit(guide[negatives]))

    def _limit(self, scores: Tensor) -> float | Tensor:
        if self.gap is not None:
            return 1 - self.gap
        kept = len(scores) - int((self.share or 0.0) * len(scores))
        return scores.kthvalue(kept).values if kept else -torch.inf

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"share={self.share}, gap={self.gap}"
