"""InfoNCE with soft targets: what looks like a right answer gets a share of the target."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import (
    check_between,
    checked_relevance,
    every_negative,
    nearest_limit,
    standardised_mean,
    static_sources,
)
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.checks import checked_finite, checked_positive
from cmgsd_lite.losses.contrastive import InfoNCELoss
from cmgsd_lite.losses.reductions import Masks


class SoftTargetLoss(InfoNCELoss):
    """InfoNCE whose target is shared out: ``(1 - weight) * hard + weight * soft`` for every anchor.

    The soft target of text anchor i over the videos, and likewise of a video anchor over the texts, is

    - from ``"distances"``: ``softmax(-z[i] / softness)``, z the mean of the teachers' distances, each
      standardised over the batch's negatives. The nearest share of the negatives, and whatever is nearer,
      count as equally near: else the own pair, which features put at distance 0, would take all.
    - from ``"relevance"``: row i of the truth divided by its sum; the own pair counts as wholly true.

    The hard target is InfoNCE's. Pairs left out have no share. At its best the loss is not 0 but the entropy
    of the targets. It needs ``text_teacher``, ``video_teacher`` or ``distances``, or else ``relevance``, and
    uses ``ids``.

    Relations: ``weight=0``, or a relevance of 1 on the diagonal and 0 elsewhere, is ``InfoNCELoss``.

    Args:
        weight: Of the soft targets, in [0, 1].
        temperature: As in ``InfoNCELoss``.
        targets: ``"distances"`` of frozen teachers, or ``"relevance"``, the graded truth (a control).
        softness: Temperature of the targets from distances, in standard deviations of distance. On MiniVTT
            the own pair keeps .6 to .7 of a target, whatever the teacher; false negatives get .2 by
            directed text distances, .1 by text features and .03 by video features.
        nearest: The share of the negatives, in (0, 1], that count as equally near.
        settings: The others of ``InfoNCELoss``.

    Raises:
        ValueError: On a setting out of range.

    Source:
        Soft targets in a contrastive loss: Andonian et al. (CVPR 2022), SoftCLIP (Gao et al., AAAI 2024);
        distances within one modality, standardised, are ours.

    Example:
        >>> truth = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
        >>> loss = SoftTargetLoss(weight=1.0, temperature=1.0, targets="relevance")
        >>> loss(torch.zeros(2, 2), relevance=truth)
        tensor(0.6931)
    """

    no_margin = "makes soft targets, which say what a margin would"

    def __init__(
        self,
        weight: float = 0.5,
        temperature: float = 0.05,
        targets: Literal["distances", "relevance"] = "distances",
        softness: float = 0.2,
        nearest: float = 0.005,
        **settings: Any,
    ) -> None:
        super().__init__(temperature, **settings)
        if targets not in ("distances", "relevance"):
            raise ValueError(f"targets: expected 'distances' or 'relevance', got {targets!r}")
        self.nearest = checked_finite("nearest", nearest)
        if not 0 < self.nearest <= 1:
            raise ValueError(f"nearest: expected a share in (0, 1], got {nearest}")
        self.weight = check_between("weight", weight, 0.0, 1.0)
        self.softness = checked_positive("softness", softness)
        teachers = ("text_teacher", "video_teacher", "distances")
        self.needs = (teachers if targets == "distances" else ("relevance",),)

    def targets(self, sim: Tensor, given: Inputs, positives: Masks) -> tuple[Tensor, Tensor]:
        """Return the targets of text and of video anchors, shares [anchors, candidates]."""
        own = torch.eye(sim.shape[0], dtype=torch.bool, device=sim.device)
        known = own if positives[0] is None else positives[0]
        negatives = every_negative(sim, given.ids)
        if self.needs == (("relevance",),):
            assert given.relevance is not None  # ``needs`` says so
            # Their softmax is a row of the truth, divided by its sum.
            scores = torch.log(torch.where(own, 1.0, checked_relevance(given.relevance, sim)))
        else:
            scores = -standardised_mean(static_sources(sim, given), negatives) / self.softness
            scores = torch.minimum(scores, nearest_limit(scores, self.nearest, negatives))
        scores = torch.where(negatives | known, scores, -torch.inf).to(sim.dtype)
        hard = super().targets(sim, given, (known, known))
        assert hard is not None  # positives are given
        return (
            torch.lerp(hard[0], torch.softmax(scores, dim=1), self.weight),
            torch.lerp(hard[1], torch.softmax(scores.T, dim=1), self.weight),
        )

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"{super().extra_repr()}, weight={self.weight}, softness={self.softness}"
