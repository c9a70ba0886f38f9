"""The named conditions that are compared: which loss, with which settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from cmgsd_lite import baselines
from cmgsd_lite.losses import (
    CMGSDLoss,
    InfoNCELoss,
    MaxMarginRankingLoss,
    PermutedCMGSDLoss,
    RandomMarginLoss,
)
from cmgsd_lite.losses.base import RetrievalLoss
from cmgsd_lite.losses.contrastive import Positives
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.losses.selected import SelectedSourcesLoss
from cmgsd_lite.losses.sigmoid import SigmoidLoss
from cmgsd_lite.schedules import LinearRamp
from cmgsd_lite.validation import store_plain

Kind = Literal[
    "fixed",
    "cmgsd",
    "permuted",
    "random",
    "infonce",
    "sigmoid",
    "infonce-cmgsd",
    "infonce-permuted",
    "infonce-random",
    "oracle",
    "mask",
    "guided-mask",
    "caption-threshold",
    "drop-triple",
    "mean-margin",
    "debiased",
    "relevance-target",
    "soft-targets",
    "soft-truth",
]


@dataclass(frozen=True)
class LossConfig:
    """Settings of a loss; plain values only, so that they go through JSON.

    Args:
        kind: ``"fixed"`` margin, ``"cmgsd"``, ``"permuted"`` and ``"random"`` (its controls), ``"infonce"``,
            InfoNCE with the margins of CMGSD (``"infonce-cmgsd"``, its controls ``"infonce-permuted"`` and
            ``"infonce-random"``), ``"sigmoid"``; with the truth: ``"oracle"`` margin, ``"mask"``,
            ``"soft-truth"``; and the baselines of ``cmgsd_lite.baselines``.
        margin: alpha, in units of the similarity.
        beta: Change of the margin for one standard deviation of distance; negative reverses its meaning.
        reduction: As in ``MaxMarginRankingLoss``.
        form: ``"averaged"`` or ``"summed"``.
        schedule: ``"ramp"``, ``"static"``, ``"dynamic"`` or a fixed lambda.
        ramp: Start and end of the ramp, as fractions of training.
        temperature: Of InfoNCE; of sigmoid, 1 / scale.
        sources: Which distances the margin is made from, of ``text_static``, ``video_static``,
            ``text_dynamic``, ``video_dynamic``; None for all.
        base: Loss under a mask: ``"hinge"`` or ``"infonce"``.
        strength: The one setting of a baseline (share, threshold, scale, prior or weight), of the fixed
            margin the temperature of its smooth reduction, sigmoid's bias; None for the default.
        nearest: As in ``CMGSDLoss``, for cmgsd and its control.
        teacher: Names of the teachers that a training asks for static distances, as for ``fit``; None for the
            teacher features of the text and of the video.
        positives: As in ``InfoNCELoss``, for infonce, sigmoid and soft targets.
        learnable: Whether InfoNCE's temperature is learned, also under soft targets.
        scale: As in ``CMGSDLoss``, for cmgsd, its control and InfoNCE with their margins.
        within: As there.

    Source:
        The values are those of the prototypes (docs/METHOD.md), not the paper's: its were not available.

    Example:
        >>> LossConfig("cmgsd", reduction=4).build()
        CMGSDLoss(...
    """

    kind: Kind
    margin: float = 0.2
    beta: float = 0.05
    reduction: Reduction = "hardest"
    form: Literal["averaged", "summed"] = "averaged"
    schedule: Literal["ramp", "static", "dynamic"] | float = "ramp"
    ramp: tuple[float, float] = (0.2, 0.6)
    temperature: float = 0.05
    sources: tuple[str, ...] | None = None
    base: Literal["hinge", "infonce"] = "infonce"
    strength: float | None = None
    nearest: float | None = None
    teacher: tuple[str, ...] | None = None
    positives: Positives = "leave out"
    learnable: bool = False
    scale: Literal["combined", "each"] = "combined"
    within: Literal["batch", "anchor"] = "batch"

    def __post_init__(self) -> None:
        store_plain(self)

    def build(self, seed: int = 0) -> RetrievalLoss:
        """Build the loss.

        Args:
            seed: Of what the permuted and the random control draw; the others ignore it.

        Returns:
            A loss; only that of a learnable temperature and the sigmoid loss have parameters.

        Raises:
            ValueError: On a setting out of range, or an unknown kind.
        """
        # InfoNCE's; the hinge's smooth reduction has its own default.
        temperature = self.temperature if self.base == "infonce" else None
        hinge: dict[str, Any] = {"base": self.base, "reduction": self.reduction}
        under = {**hinge, "margin": self.margin, "temperature": temperature}
        losses: dict[str, Callable[[], RetrievalLoss]] = {
            "fixed": lambda: MaxMarginRankingLoss(self.margin, self.reduction, self._strength(0.03)),
            "cmgsd": lambda: self._adaptive(CMGSDLoss, reduction=self.reduction),
            "permuted": lambda: self._adaptive(PermutedCMGSDLoss, reduction=self.reduction, seed=seed),
            "random": lambda: RandomMarginLoss(self.margin, self.beta, self.reduction, seed=seed),
            "infonce": lambda: InfoNCELoss(self.temperature, self.positives, self.learnable),
            "sigmoid": lambda: SigmoidLoss(
                1 / self.temperature, self._strength(-8.0), positives=self.positives
            ),
            "infonce-cmgsd": lambda: self._adaptive(
                baselines.MarginInfoNCELoss, temperature=self.temperature
            ),
            "infonce-permuted": lambda: self._adaptive(
                baselines.PermutedMarginInfoNCELoss, temperature=self.temperature, seed=seed
            ),
            "infonce-random": lambda: RandomMarginLoss(
                self.margin, self.beta, base="infonce", temperature=self.temperature, seed=seed
            ),
            "oracle": lambda: baselines.RelevanceMarginLoss(self.margin, self.beta, self.reduction),
            "mask": lambda: baselines.TrueMaskLoss(self._strength(1.0), **under),
            "guided-mask": lambda: baselines.GuidedMaskLoss(self._strength(0.02), **under),
            "caption-threshold": lambda: baselines.CaptionThresholdLoss(self._strength(0.6), **under),
            "drop-triple": lambda: baselines.DropTripleLoss(self._strength(0.75), **under),
            "mean-margin": lambda: baselines.AdaptiveMeanMarginLoss(
                self._strength(0.5), temperature=self.temperature, **hinge
            ),
            "debiased": lambda: baselines.DebiasedInfoNCELoss(self._strength(0.03), self.temperature),
            "relevance-target": baselines.AdaptiveRelevanceMarginLoss,
            "soft-targets": lambda: self._soft("distances"),
            "soft-truth": lambda: self._soft("relevance"),
        }
        if self.kind not in losses:
            raise ValueError(f"kind: expected one of {', '.join(get_args(Kind))}, got {self.kind!r}")
        return losses[self.kind]()

    def _adaptive(self, loss: Callable[..., RetrievalLoss], **own: Any) -> RetrievalLoss:
        """A loss with the margins of CMGSD, from the sources that were chosen."""
        schedule = LinearRamp(*self.ramp) if self.schedule == "ramp" else self.schedule
        of_margin = ("margin", "beta", "form", "nearest", "scale", "within")
        adaptive = loss(schedule=schedule, **{name: getattr(self, name) for name in of_margin}, **own)
        return adaptive if self.sources is None else SelectedSourcesLoss(adaptive, self.sources)

    def _soft(self, targets: Literal["distances", "relevance"]) -> RetrievalLoss:
        return baselines.SoftTargetLoss(
            self._strength(0.5),
            self.temperature,
            targets,
            positives=self.positives,
            learnable=self.learnable,
        )

    def _strength(self, default: float) -> float:
        return default if self.strength is None else self.strength


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

MORE: dict[str, LossConfig] = {
    "infonce-learned": LossConfig("infonce", learnable=True),
    "sigmoid": LossConfig("sigmoid"),
    "soft-targets": LossConfig("soft-targets"),
    "guided-mask": LossConfig("guided-mask"),
}
"""Further rows, trained where they are asked for by name."""

ADDED: dict[str, Any] = {
    "teacher": None,
    "positives": "leave out",
    "learnable": False,
    "scale": "each",
    "within": "batch",
}
"""Settings that older checkpoints do not have, with the value that they were trained with."""


def condition(name: str, **changes: object) -> LossConfig:
    """Look a condition of ``CONDITIONS`` or ``MORE`` up by name, with the settings changed that are not None.

    Raises ValueError if there is no such condition.
    """
    known = {**CONDITIONS, **MORE}
    if name not in known:
        raise ValueError(f"condition: expected one of {', '.join(known)}; got {name!r}")
    wanted: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    return replace(known[name], **wanted)
