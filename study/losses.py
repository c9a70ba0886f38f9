"""From a row of the plan, the value of its knob and what was chosen before to a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.baselines import GuidedMaskLoss, RelevanceMarginLoss, SoftTargetLoss, TrueMaskLoss
from cmgsd_lite.losses import (
    CMGSDLoss,
    InfoNCELoss,
    MaxMarginRankingLoss,
    PermutedCMGSDLoss,
    RandomMarginLoss,
)
from cmgsd_lite.losses.base import RetrievalLoss
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.schedules import LinearRamp
from cmgsd_lite.teachers import Teacher
from study import plan

REDUCTIONS: dict[str, Reduction] = {"hardest": "hardest", "8-hardest": 8, "smooth": "smooth"}
SCHEDULES: dict[str, Any] = {"own": "dynamic", "ramp": LinearRamp()}


@dataclass(frozen=True)
class Base:
    """What the first stage chose: the hinge under everything with a margin or a mask, and InfoNCE's knob.

    Args:
        hinge: Plain row, of ``HINGES``.
        value: Its knob: the margin, of ``"smooth"`` the temperature.
        infonce: InfoNCE's temperature.

    Example:
        >>> Base("smooth", 0.05, 0.05).settings()
        {'margin': 0.2, 'reduction': 'smooth', 'temperature': 0.05}
    """

    hinge: str
    value: float
    infonce: float

    def settings(self) -> dict[str, Any]:
        """Margin, reduction and temperature of the hinge."""
        return hinge_settings(self.hinge, self.value)


def hinge_settings(row: str, value: float) -> dict[str, Any]:
    """Margin, reduction and temperature of a plain ranking loss.

    Args:
        row: Of ``HINGES``.
        value: Its knob.

    Example:
        >>> hinge_settings("hardest", 0.1)
        {'margin': 0.1, 'reduction': 'hardest', 'temperature': 0.03}
    """
    smooth = row == "smooth"
    return {
        "margin": plan.MARGIN if smooth else value,
        "reduction": REDUCTIONS[row],
        "temperature": value if smooth else 0.03,
    }


def build_loss(row: str, value: float, base: Base | None, seed: int) -> RetrievalLoss:
    """Build the loss of a row.

    Args:
        row: Of ``ROWS``, or ``"hinge"`` for the hinge itself.
        value: Of its knob.
        base: What was chosen before; None for the plain rows.
        seed: Of what the placebos draw.

    Raises:
        ValueError: If the row stands on a hinge and there is none.

    Example:
        >>> build_loss("infonce", 0.05, None, seed=0)
        InfoNCELoss(temperature=0.05)
    """
    if row in REDUCTIONS:
        return MaxMarginRankingLoss(**hinge_settings(row, value))
    if row == "infonce":
        return InfoNCELoss(value)
    if row == "random-untuned":
        return RandomMarginLoss(plan.MARGIN, value, "hardest", seed=seed)
    if base is None:
        raise ValueError(f"{row}: expected the hinge that was chosen before, got none")
    hinge = base.settings()
    if row == "random":
        return RandomMarginLoss(beta=value, seed=seed, **hinge)
    if row == "permuted":
        return PermutedCMGSDLoss(beta=value, schedule="static", seed=seed, **hinge)
    if row == "mask":
        return GuidedMaskLoss(value, base="hinge", **hinge)
    if row == "soft":
        return SoftTargetLoss(value, base.infonce)
    if row == "oracle":
        return RelevanceMarginLoss(beta=value, **hinge)
    if row == "true-mask":
        return TrueMaskLoss(value, base="hinge", **hinge)
    beta = -value if row == "reversed" else value
    return CMGSDLoss(beta=beta, schedule=SCHEDULES.get(row, "static"), **hinge)


class NoisyTeacher:
    """A teacher whose distances are blurred by Gaussian noise of a fixed kind: the same pair, the same noise.

    Args:
        teacher: To blur.
        noise: Spread of the noise in units of ``spread``.
        spread: Of the teacher's distances.
        captions: How many captions there are.
        videos: How many videos.
        seed: Of the noise.

    Example:
        >>> NoisyTeacher(teacher, 1.0, 0.2, 100, 10, seed=0)  # doctest: +SKIP
    """

    def __init__(
        self, teacher: Teacher, noise: float, spread: float, captions: int, videos: int, seed: int
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        # Sums of a few products of independent numbers: nearly Gaussian, without a table of all pairs.
        self.left = torch.randn(captions, 64, generator=generator) / 8
        self.right = torch.randn(videos, 64, generator=generator)
        self.teacher, self.size = teacher, noise * spread

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N], as ``Teacher`` says."""
        noise = self.left[captions] @ self.right[videos].T
        return self.teacher.distances(videos, captions) + self.size * noise
