"""GISTEmbed's idea: a frozen guide says which negatives look like right answers; they are left out."""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import (
    ROUNDING,
    at_least,
    check_between,
    every_negative,
    nearest_limit,
    similarity_of,
    standardised_mean,
    static_sources,
)
from cmgsd_lite.baselines.masking import Base, MaskingLoss
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.losses.sources import Source


class GuidedMaskLoss(MaskingLoss):
    """Leave out the negatives that a frozen guide takes for right answers.

    GISTEmbed's guide scores a query against its positive and its negatives, and masks the negatives that it
    scores above the positive. Here the guide is what is known within one modality, ``g[i, j]``:

    - teachers' features: the cosine of the items of pairs i and j, the mean over the teachers given. The
      positive has ``g[i, i] = 1``, which nothing exceeds: how near is near is said by one of the rules below;
    - ready ``distances``, not symmetric where they are directed: 1 - distance from caption i to video j,
      whose positive has a score of its own, as GISTEmbed's has. Entry (i, j) concerns the pair (text i,
      video j) in both directions of the loss.

    One of three rules says what is left out:

    - ``share``: this share of the batch's negative pairs, the nearest. It needs no scale. Where a ready
      matrix is among the sources, pairs are ranked by the mean of the distances, each standardised over the
      negatives;
    - ``gap``: where ``g[i, j] >= g[i, i] - gap``, GISTEmbed's absolute margin, in the unit of the distance;
    - ``relative``: where ``g[i, j] >= g[i, i] * (1 - relative)``, its relative margin. For features, whose
      ``g[i, i]`` is 1, this is ``gap``.

    In any case:

    - Ties with the limit are left out as well: of equal pairs none is less of a false negative.
    - Pairs that teachers' features cannot tell apart (equal captions or clips) are always left out.
    - A ``share`` above 0 leaves out the nearest pair at least, however small the batch.
    - If that were every negative of the whole batch, the farthest of them stay: a guide that finds all alike
      says nothing, and a batch of two pairs, or of equal captions alone, keeps the plain loss.

    It needs ``text_teacher``, ``video_teacher`` or ``distances`` and uses ``ids``.

    Args:
        share: In [0, 1].
        gap: Instead of ``share``, >= 0; of features in [0, 2].
        base: ``"infonce"`` or ``"hinge"``.
        margin: Of the hinge.
        reduction: Of the hinge, as in ``MaxMarginRankingLoss``.
        temperature: Of InfoNCE or of the smooth reduction; None for .05 and .03.
        relative: Instead of ``share``, in [0, 1]. Ready distances then have to be 1 - similarity, in [0, 2].

    Raises:
        ValueError: Unless exactly one of ``share``, ``gap`` and ``relative`` is given, or on a setting out of
            range.

    Source:
        From the idea of Solatorio, "GISTEmbed" (2024, arXiv 2402.16829); both margins as in
        sentence-transformers' ``GISTEmbedLoss`` (``margin_strategy``), which leaves out scores above the
        limit, not those that equal it. The unimodal guide and ``share`` are ours.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
        >>> GuidedMaskLoss(gap=0.1, share=None).dropped(torch.eye(3), text_teacher=x)[0]
        tensor([False,  True, False])
    """

    needs = (("text_teacher", "video_teacher", "distances"),)

    def __init__(
        self,
        share: float | None = 0.02,
        gap: float | None = None,
        base: Base = "infonce",
        margin: float = 0.2,
        reduction: Reduction = "hardest",
        temperature: float | None = None,
        relative: float | None = None,
    ) -> None:
        super().__init__(base, margin, reduction, temperature)
        if [share, gap, relative].count(None) != 2:
            raise ValueError(
                f"share, gap, relative: expected exactly one of them, got {share}, {gap} and {relative}"
            )
        self.share = None if share is None else check_between("share", share, 0.0, 1.0)
        self.gap = None if gap is None else check_between("gap", gap, 0.0, 2.0)
        self.relative = None if relative is None else check_between("relative", relative, 0.0, 1.0)

    def pairs_to_drop(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return which pairs to leave out, boolean [N, N]."""
        negatives = every_negative(sim, given.ids)
        sources = static_sources(sim, given)
        guide = self._guide(sources, negatives)
        alike = [at_least(similarity_of(s), 1.0) for s in sources if not s.ready]
        near = torch.stack([at_least(guide, self._limit(guide, negatives)), *alike]).any(dim=0)
        # Were every negative dropped, the farthest would stay.
        all_dropped = (near | ~negatives).all()
        lowest = torch.where(negatives, guide, torch.inf).amin()
        return negatives & near & ~(all_dropped & (guide <= lowest + ROUNDING))

    def _guide(self, sources: list[Source], negatives: Tensor) -> Tensor:
        """What the guide makes of every pair; higher is nearer."""
        if self.share is not None and any(source.ready for source in sources):
            return -standardised_mean(sources, negatives)
        if self.relative is not None:
            return torch.stack([similarity_of(source, bounded=True) for source in sources]).mean(dim=0)
        return torch.stack([similarity_of(source) for source in sources]).mean(dim=0)

    def _limit(self, guide: Tensor, negatives: Tensor) -> float | Tensor:
        """The lowest score that is left out: one for all, or one for each text [N, 1]."""
        own = guide.diagonal()[:, None]
        if self.gap is not None:
            return own - self.gap
        if self.relative is not None:
            return own * (1 - self.relative)
        if not self.share:
            return torch.inf
        return nearest_limit(guide, self.share, negatives)

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"share={self.share}, gap={self.gap}, relative={self.relative}"
