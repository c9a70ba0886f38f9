"""CMGSD: the ranking loss whose margin grows with the distance between positive and negative."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_finite
from cmgsd_lite.losses.hinge import Ids, Reduction, negative_pairs
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.losses.sources import Source, sources_of
from cmgsd_lite.margins import nearest_margin, zscore_margin
from cmgsd_lite.schedules import Constant, LinearRamp, checked_fraction

STATIC = ("text_teacher", "video_teacher", "distances")
DYNAMIC = ("text", "video")


class CMGSDLoss(RetrievalLoss):
    """Ranking loss whose margin grows with the distance between positive and negative (CMGSD).

    Distances are measured within one modality: *static* ones between frozen teacher features, *dynamic*
    ones between the model's own embeddings, both for texts and for videos; ready matrices (``distances``)
    are static too. Every distance matrix becomes a margin matrix (``zscore_margin``), and the schedule's
    lambda says how much the dynamic ones count. Active weights always sum to one: a gain can not come from a
    larger gradient. A source without input is dropped and the others of its kind share its weight equally;
    a loss of this kind adds no parameter and nothing at test time.

    Called as every loss (``RetrievalLoss``). It uses ``text``, ``video``, ``text_teacher``,
    ``video_teacher``, ``distances``, ``ids`` and ``progress`` (without it, static and dynamic distances have
    equal weight where the schedule is a ramp), and refuses ``margin``, which it makes itself.

    Relations: beta = 0 is ``MaxMarginRankingLoss``. Compare with that and with ``PermutedCMGSDLoss``: only
    the gain over the latter is adaptivity. Log ``margins``.

    Args:
        margin: alpha, the margin of a pair at the mean distance, in units of the similarity.
        beta: Change of the margin for one standard deviation of distance; 0 is the fixed margin.
        reduction: As in ``MaxMarginRankingLoss``.
        form: ``"averaged"``: one hinge with the weighted mean of the clipped margins. ``"summed"``: the
            weighted sum of one loss for each margin matrix.
        fixed_weight: Weight in [0, 1] of the plain margin alpha beside the others.
        schedule: ``LinearRamp``, ``"static"`` (lambda = 0), ``"dynamic"`` (1) or a number in [0, 1].
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        eps: Added to the standard deviation of the distances.
        detach: Whether the margin is held constant in the gradient. False is for showing what goes wrong.
        temperature: Of the smooth maximum.
        nearest: None for ``zscore_margin``: every pair gets its own margin. A share in (0, 1] for
            ``nearest_margin``: only so many pairs, the nearest of each distance, get a smaller one.

    Raises:
        ValueError: On a setting out of range.

    Source:
        He et al., "Improving Video Retrieval by Adaptive Margin" (SIGIR 2021): a reconstruction from the
        abstract and an independent public port (MOT++, for text-to-motion, which takes the max over the
        summed hinges instead); constants and corrections are ours.

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> text, video = torch.randn(2, 4, 8, generator=generator)
        >>> sim = cosine_similarity_matrix(text, video)
        >>> loss = CMGSDLoss(beta=0.05, schedule="dynamic")(sim, text=text, video=video)
    """

    no_margin = "makes its own from the distances; its argument margin is alpha"

    def __init__(
        self,
        margin: float = 0.2,
        beta: float = 0.05,
        reduction: Reduction = "hardest",
        form: Literal["averaged", "summed"] = "averaged",
        fixed_weight: float = 0.0,
        schedule: LinearRamp | Constant | Literal["static", "dynamic"] | float = LinearRamp(0.2, 0.6),
        min_margin: float | None = 0.0,
        max_margin: float | None = None,
        eps: float = 1e-4,
        detach: bool = True,
        temperature: float = 0.03,
        nearest: float | None = None,
    ) -> None:
        super().__init__()
        if nearest is not None and not 0 < nearest <= 1:
            raise ValueError(f"nearest: expected None or a share in (0, 1], got {nearest}")
        if form not in ("averaged", "summed"):
            raise ValueError(f"form: expected 'averaged' or 'summed', got {form!r}")
        if not eps >= 0:
            raise ValueError(f"eps: expected a number >= 0, got {eps}")
        self.margin, self.beta = checked_finite("margin", margin), checked_finite("beta", beta)
        self.form, self.fixed_weight = form, checked_fraction("fixed_weight", fixed_weight)
        self.schedule = _checked_schedule(schedule)
        self.needs = _needs(self.schedule)
        self.min_margin, self.max_margin, self.eps, self.detach = min_margin, max_margin, eps, detach
        self.nearest = nearest
        self.ranking = MaxMarginRankingLoss(margin, reduction, temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs, >= 0."""
        weights = self._weights(sources := sources_of(sim, given), given.progress)
        active = {name: weight for name, weight in weights.items() if weight > 0}
        wanted = {name: source for name, source in sources.items() if name in active}
        margins = self._source_margins(sim, wanted, given)
        margins["fixed"] = sim.new_full((), self.margin, requires_grad=False)
        if self.form == "summed":
            losses = [weight * self._ranked(sim, margins[name], given.ids) for name, weight in active.items()]
            return torch.stack(losses).sum()
        return self._ranked(sim, _weighted(margins, active), given.ids)

    def margins(self, sim: Tensor, **inputs: Any) -> dict[str, Tensor]:
        """Return every margin matrix, for looking at; the arguments are those of the call.

        Returns:
            Those that exist of ``text_static``, ``video_static``, ``distances['name']`` for every ready
            matrix, ``text_dynamic``, ``video_dynamic``, and ``combined``, their weighted mean; [N, N] each,
            the diagonal is alpha.

        Raises:
            TypeError, ValueError: As the call.
        """
        sim, given, _ = self.checked(sim, Inputs(**inputs))
        sources = sources_of(sim, given)
        weights = self._weights(sources, given.progress)
        margins = self._source_margins(sim, sources, given)
        fixed = {"fixed": torch.full(sim.shape, self.margin, device=sim.device)}
        active = {name: weight for name, weight in weights.items() if weight > 0}
        return {**margins, "combined": _weighted({**margins, **fixed}, active)}

    def _ranked(self, sim: Tensor, margin: Tensor, ids: Ids | None) -> Tensor:
        return self.ranking.compute(sim, Inputs(margin=margin, ids=ids))

    def _weights(self, sources: dict[str, Source], progress: float | None) -> dict[str, float]:
        """The weight of every source and of the fixed margin; they sum to one."""
        static = [name for name, source in sources.items() if not source.dynamic]
        dynamic = [name for name, source in sources.items() if source.dynamic]
        share = 0.5
        if progress is not None or isinstance(self.schedule, Constant):
            share = self.schedule(0.0 if progress is None else progress)
        share = 1.0 if not static else 0.0 if not dynamic else share
        adaptive = 1 - self.fixed_weight
        return {
            "fixed": self.fixed_weight,
            **{name: adaptive * (1 - share) / len(static) for name in static},
            **{name: adaptive * share / len(dynamic) for name in dynamic},
        }

    def _source_margins(self, sim: Tensor, sources: dict[str, Source], given: Inputs) -> dict[str, Tensor]:
        negatives = negative_pairs(sim, ids=given.ids)
        to_margin = zscore_margin if self.nearest is None else partial(nearest_margin, nearest=self.nearest)
        margins = {
            name: to_margin(
                source.distances(self.detach),
                self.margin,
                self.beta,
                min_margin=self.min_margin,
                max_margin=self.max_margin,
                eps=self.eps,
                negatives=negatives,
                detach=self.detach,
            )
            for name, source in sources.items()
        }
        return self._arranged(margins, sim, given)

    def _arranged(self, margins: dict[str, Tensor], sim: Tensor, given: Inputs) -> dict[str, Tensor]:
        """Hook of the permuted control."""
        return margins

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        nearest = "" if self.nearest is None else f", nearest={self.nearest}"
        return f"beta={self.beta}, form={self.form!r}, schedule={self.schedule}{nearest}"


def _weighted(margins: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    (first, weight), *others = weights.items()
    total = margins[first] * weight if weight != 1 else margins[first]
    for name, weight in others:
        total = torch.add(total, margins[name], alpha=weight)
    return total


def _checked_schedule(
    schedule: LinearRamp | Constant | Literal["static", "dynamic"] | float,
) -> LinearRamp | Constant:
    if isinstance(schedule, LinearRamp | Constant):
        return schedule
    if schedule in ("static", "dynamic"):
        return Constant(float(schedule == "dynamic"))
    if isinstance(schedule, int | float):
        return Constant(checked_fraction("schedule", schedule))
    raise ValueError(f"schedule: expected a LinearRamp, 'static', 'dynamic' or a number, got {schedule!r}")


def _needs(schedule: LinearRamp | Constant) -> tuple[tuple[str, ...], ...]:
    if isinstance(schedule, Constant) and schedule.value in (0, 1):
        return (DYNAMIC if schedule.value else STATIC,)
    return (STATIC + DYNAMIC,)
