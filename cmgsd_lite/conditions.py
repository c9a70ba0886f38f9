"""The named conditions that are compared: which loss, with which settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.schedules import LinearRamp


@dataclass(frozen=True)
class LossConfig:
    """Settings of a loss; plain values only, so that they go through JSON.

    Args:
        kind: ``"fixed"`` margin, ``"cmgsd"``, ``"permuted"`` (the control of cmgsd) or ``"infonce"``.
        margin: alpha, in units of the similarity.
        beta: Change of the margin for one standard deviation of distance.
        reduction: As in ``MaxMarginRankingLoss``.
        form: ``"averaged"`` or ``"summed"``.
        schedule: ``"ramp"``, ``"static"``, ``"dynamic"`` or a fixed lambda.
        ramp: Start and end of the ramp, as fractions of training.
        temperature: Of InfoNCE.

    Source:
        The values are those of the prototypes (docs/METHOD.md), not the paper's: its were not available.

    Example:
        >>> LossConfig("cmgsd", reduction=4).build()
        CMGSDLoss(...
    """

    kind: Literal["fixed", "cmgsd", "permuted", "infonce"]
    margin: float = 0.2
    beta: float = 0.05
    reduction: Reduction = "hardest"
    form: Literal["averaged", "summed"] = "averaged"
    schedule: Literal["ramp", "static", "dynamic"] | float = "ramp"
    ramp: tuple[float, float] = (0.2, 0.6)
    temperature: float = 0.05

    def build(self, seed: int = 0) -> nn.Module:
        """Build the loss.

        Args:
            seed: Of the permuted control's shuffling; the others ignore it.

        Returns:
            A loss without parameters.

        Raises:
            ValueError: On a setting out of range, or an unknown kind.
        """
        if self.kind == "fixed":
            return MaxMarginRankingLoss(self.margin, self.reduction)
        if self.kind == "infonce":
            return InfoNCELoss(self.temperature)
        schedule = LinearRamp(*self.ramp) if self.schedule == "ramp" else self.schedule
        settings = (self.margin, self.beta, self.reduction, self.form, 0.0, schedule)
        if self.kind == "cmgsd":
            return CMGSDLoss(*settings)
        if self.kind == "permuted":
            return PermutedCMGSDLoss(*settings, seed=seed)
        raise ValueError(f"kind: expected 'fixed', 'cmgsd', 'permuted' or 'infonce', got {self.kind!r}")


CONDITIONS: dict[str, LossConfig] = {
    "fixed-mean": LossConfig("fixed", reduction="mean"),
    "fixed-hardest": LossConfig("fixed", reduction="hardest"),
    "fixed-4": LossConfig("fixed", reduction=4),
    "fixed-smooth": LossConfig("fixed", reduction="smooth"),
    "cmgsd-hardest": LossConfig("cmgsd", reduction="hardest"),
    "cmgsd-4": LossConfig("cmgsd", reduction=4),
    "cmgsd-hardest-permuted": LossConfig("permuted", reduction="hardest"),
    "cmgsd-4-permuted": LossConfig("permuted", reduction=4),
    "infonce": LossConfig("infonce"),
}
"""The rows of the main job, in the order of its table."""


def condition(name: str, **changes: object) -> LossConfig:
    """Look a condition up by name, with some settings changed.

    Args:
        name: One of ``CONDITIONS``.
        changes: Settings of ``LossConfig``; those that are None are left as they are.

    Returns:
        The settings.

    Raises:
        ValueError: If there is no such condition.

    Source:
        ours.

    Example:
        >>> condition("cmgsd-4", beta=0.1).beta
        0.1
    """
    if name not in CONDITIONS:
        raise ValueError(f"condition: expected one of {', '.join(CONDITIONS)}; got {name!r}")
    return replace(CONDITIONS[name], **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
