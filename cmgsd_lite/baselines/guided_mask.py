"""GISTEmbed's idea: a frozen guide says which negatives look like right answers; they are left out."""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import ROUNDING, at_least, check_between, every_negative, unimodal_similarity
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.hinge import Reduction


class GuidedMaskLoss(MaskingLoss):
    """Leave out the negatives that a frozen guide takes for right answers.

    GISTEmbed's guide scores a query against its positive and its negatives and masks the negatives that it
    scores above the positive. Frozen teachers of one modality cannot score a text against a video, so here
    the guide's score of a pair is the similarity between the pair's items within a modality, ``g[i, j]``:
    the mean of the cosines of those teachers that are given. Its score of the positive is then
    ``g[i, i] = 1``, which nothing exceeds; what counts as "as high" is set by ``share`` or by ``gap``.

    - Ties with the limit are left out as well: of equal pairs none is less of a false negative.
    - Pairs that a teacher cannot tell apart (equal captions or clips, distance 0) are always left out.
    - A ``share`` above 0 leaves out the nearest pair at least, however small the batch.
    - If that were every negative of the whole batch, the farthest of them stay: a guide that finds all alike
      says nothing, and a batch of two pairs, or of equal captions alone, keeps the plain loss.

    It needs ``text_teacher`` or ``video_teacher`` and uses ``ids``.

    Args:
        share: Leave out this share of the batch's negative pairs, those with the highest ``g``. Free of the
            teachers' scale.
        gap: Instead of ``share``: leave out where ``g[i, j] >= g[i, i] - gap = 1 - gap``.
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

    needs = (("text_teacher", "video_teacher"),)

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

    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]."""
        teachers = {"text_teacher": given.text_teacher, "video_teacher": given.video_teacher}
        scores = torch.stack([unimodal_similarity(k, x, sim) for k, x in teachers.items() if x is not None])
        guide, equal = scores.mean(dim=0), at_least(scores, 1.0).any(dim=0)
        negatives = every_negative(sim, given.ids)
        dropped = negatives & (at_least(guide, self._limit(guide[negatives])) | equal)
        if torch.equal(dropped, negatives):
            dropped &= guide > guide[negatives].min() + ROUNDING
        return dropped

    def _limit(self, scores: Tensor) -> float | Tensor:
        """The lowest guide score that is left out."""
        if self.gap is not None:
            return 1 - self.gap
        if not self.share:
            return torch.inf
        # A hair more, or .29 of 100 pairs would be 28.
        count = max(1, int(self.share * len(scores) + 1e-9))
        return scores.kthvalue(len(scores) - count + 1).values

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"share={self.share}, gap={self.gap}"
