"""CMGSD: the ranking loss whose margin grows with the distance between positive and negative."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.blocks import Map, Mix, Scores, loss_of_distances
from cmgsd_lite.losses.checks import checked_finite
from cmgsd_lite.losses.hinge import Reduction, negative_pairs
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.losses.sources import Source, sources_of, stacked_distances
from cmgsd_lite.margins import combined_margin, nearest_margin, zscore_margin
from cmgsd_lite.margins.maps import check_alpha
from cmgsd_lite.margins.matrices import Within
from cmgsd_lite.schedules import Constant, LinearRamp, checked_fraction
from cmgsd_lite.validation import checks_values

STATIC = ("text_teacher", "video_teacher", "distances")
DYNAMIC = ("text", "video")
Pair = tuple[Tensor, Tensor]


class CMGSDLoss(RetrievalLoss):
    """Ranking loss whose margin grows with the distance between positive and negative (CMGSD).

    Distances are measured within one modality: *static* ones between frozen teacher features, *dynamic*
    ones between the model's own embeddings, both for texts and for videos; ready matrices (``distances``)
    are static too. Every distance matrix becomes a margin matrix (``zscore_margin``), and the schedule's
    lambda says how much the dynamic ones count. Active weights always sum to one: a gain can not come from a
    larger gradient. A source without input is dropped and the others of its kind share its weight equally;
    a loss of this kind adds no parameter and nothing at test time.

    The margins have mean alpha and, where no bound is active, spread beta, at every lambda: the standardised
    distances are averaged, standardised again, and clipped once around a centre that keeps the mean
    (``scale="combined"``).

    Called as every loss (``RetrievalLoss``). It uses ``text``, ``video``, ``text_teacher``,
    ``video_teacher``, ``distances``, ``ids`` and ``progress`` (without it, static and dynamic distances have
    equal weight where the schedule is a ramp), and refuses ``margin``, which it makes itself.

    Relations: beta = 0 is ``MaxMarginRankingLoss``. Compare with that and with ``PermutedCMGSDLoss``: only
    the gain over the latter is adaptivity. Log ``margins``.

    Args:
        margin: alpha, the margin of a pair at the mean distance, in units of the similarity.
        beta: Change of the margin for one standard deviation of distance; 0 is the fixed margin.
        reduction: As in ``MaxMarginRankingLoss``.
        form: ``"averaged"``: one hinge, whose margin comes from the weighted mean of the distances.
            ``"summed"``: the weighted sum of one loss for each distance's margin.
        fixed_weight: Weight in [0, 1] of the plain margin alpha beside the others: the spread is
            (1 - fixed_weight) * beta.
        schedule: ``LinearRamp``, ``"static"`` (lambda = 0), ``"dynamic"`` (1) or a number in [0, 1].
        min_margin: Lower clip bound, or None.
        max_margin: Upper clip bound, or None.
        eps: Added to the standard deviation of the distances.
        detach: Whether the margin is held constant in the gradient. False is for showing what goes wrong.
        temperature: Of the smooth maximum.
        nearest: None for ``zscore_margin``: every pair gets its own margin. A share in (0, 1] for
            ``nearest_margin``: only so many pairs, the nearest, get a smaller one; alpha is then no mean.
        scale: ``"combined"``: as said above. ``"each"``: every distance gives its own margin, clipped
            without regard to the mean, and the margins are averaged; their spread is below beta.
        within: Statistics over the negatives of the ``"batch"``, or of every ``"anchor"``: each text for text
            to video, each video for video to text, which gives two margins a pair.

    Raises:
        ValueError: On a setting out of range, or an alpha outside the bounds.

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
        scale: Literal["combined", "each"] = "combined",
        within: Literal["batch", "anchor"] = "batch",
    ) -> None:
        super().__init__()
        if scale not in ("combined", "each"):
            raise ValueError(f"scale: expected 'combined' or 'each', got {scale!r}")
        if within not in ("batch", "anchor"):
            raise ValueError(f"within: expected 'batch' or 'anchor', got {within!r}")
        self.min_margin = None if min_margin is None else checked_finite("min_margin", min_margin)
        self.max_margin = None if max_margin is None else checked_finite("max_margin", max_margin)
        self.margin, self.beta = checked_finite("margin", margin), checked_finite("beta", beta)
        if scale == "combined" and nearest is None:
            check_alpha(self.margin, self.min_margin, self.max_margin)
        self.nearest = None if nearest is None else checked_finite("nearest", nearest)
        if self.nearest is not None and not 0 < self.nearest <= 1:
            raise ValueError(f"nearest: expected None or a share in (0, 1], got {nearest}")
        if form not in ("averaged", "summed"):
            raise ValueError(f"form: expected 'averaged' or 'summed', got {form!r}")
        self.eps = checked_finite("eps", eps)
        if not self.eps >= 0:
            raise ValueError(f"eps: expected a number >= 0, got {eps}")
        self.form, self.fixed_weight = form, checked_fraction("fixed_weight", fixed_weight)
        self.schedule = _checked_schedule(schedule)
        self.needs = _needs(self.schedule)
        self.detach, self.scale, self.within = detach, scale, within
        self.ranking = MaxMarginRankingLoss(margin, reduction, temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs, >= 0."""
        sources = sources_of(sim, given)
        weights = _active(self._weights(sources, given.progress))
        negatives = negative_pairs(sim, ids=given.ids)
        names = ["combined"] if self.form == "averaged" else list(weights)
        margins = self._margins(names, sources, weights, negatives, sim, given)
        losses = [self.ranking.of_margins(sim, margins[name], (negatives, negatives)) for name in names]
        if self.form == "averaged":
            return losses[0]
        return torch.stack([w * loss for w, loss in zip(weights.values(), losses, strict=True)]).sum()

    def in_blocks(self, scores: Scores, given: Inputs) -> Tensor:
        """Return the same without ``sim`` or a distance matrix standing whole."""
        sources = sources_of(scores.like, given, in_blocks=True)
        weights = _active(self._weights(sources, given.progress))
        bounds = (self.min_margin, self.max_margin)
        return loss_of_distances(
            scores,
            {name: source.in_blocks(scores) for name, source in sources.items() if name in weights},
            {name: float(weight) for name, weight in weights.items()},
            Map(self.margin, self.beta, *bounds, self.eps, nearest=self.nearest),
            Mix(self.form, self.scale, self.within == "anchor"),
            given.ids,
            self._order(len(scores.like), scores.like.new_empty(0), given),
            self.ranking.how,
        )

    def why_whole(self, given: Inputs) -> str:
        """Why the loss of these inputs needs a whole ``sim``."""
        if not self.detach:
            return "detach=False needs whole distances"
        return super().why_whole(given) or self.ranking.why_whole(Inputs())

    def margins(self, sim: Tensor, **inputs: Any) -> dict[str, Tensor]:
        """Return every margin matrix, for looking at; the arguments are those of the call.

        Returns:
            Those that exist of ``text_static``, ``video_static``, ``distances['name']`` for every ready
            matrix, ``text_dynamic``, ``video_dynamic``, and ``combined``, what the averaged form uses; [N, N]
            each, the diagonal is alpha. Within an anchor there are two of each: ``combined_text_to_video``,
            ``combined_video_to_text`` and so on.

        Raises:
            TypeError, ValueError: As the call.
        """
        sim, given, _ = self.checked(sim, Inputs(**inputs))
        sources = sources_of(sim, given)
        weights = _active(self._weights(sources, given.progress))
        negatives, names = negative_pairs(sim, ids=given.ids), [*sources, "combined"]
        found = self._margins(names, sources, weights, negatives, sim, given)
        if self.within == "batch":
            return {name: first for name, (first, _) in found.items()}
        endings = ("text_to_video", "video_to_text")
        return {
            f"{name}_{end}": m for name, pair in found.items() for end, m in zip(endings, pair, strict=True)
        }

    def _margins(
        self,
        names: list[str],
        sources: dict[str, Source],
        weights: dict[str, float | Tensor],
        negatives: Tensor | None,
        sim: Tensor,
        given: Inputs,
    ) -> dict[str, Pair]:
        """The margins of the two directions by name; one matrix twice where statistics are the batch's."""
        anchors: tuple[Within, ...] = ("batch",) if self.within == "batch" else ("text", "video")
        found = {}
        for name in names:
            if name == "combined":
                of_anchors = [self._combined(sources, weights, negatives, within, sim) for within in anchors]
            else:
                of_anchors = [self._margin(sources, name, negatives, within, sim) for within in anchors]
            found[name] = (of_anchors[0], of_anchors[-1])
        order = self._order(len(sim), sim, given)
        return found if order is None else {name: _permuted(pair, order) for name, pair in found.items()}

    def _order(self, n: int, sim: Tensor, given: Inputs) -> Tensor | None:
        """Hook of the permuted control: the order of the N items in the finished margins."""
        return None

    def _weights(
        self, sources: dict[str, Source], progress: float | Tensor | None
    ) -> dict[str, float | Tensor]:
        """The weight of every source and of the fixed margin; they sum to one."""
        static = [name for name, source in sources.items() if not source.dynamic]
        dynamic = [name for name, source in sources.items() if source.dynamic]
        share: float | Tensor = 0.5
        if progress is not None or isinstance(self.schedule, Constant):
            share = self.schedule(0.0 if progress is None else progress)
        share = 1.0 if not static else 0.0 if not dynamic else share
        adaptive = 1 - self.fixed_weight
        return {
            "fixed": self.fixed_weight,
            **{name: adaptive * (1 - share) / len(static) for name in static},
            **{name: adaptive * share / len(dynamic) for name in dynamic},
        }

    def _combined(
        self,
        sources: dict[str, Source],
        weights: dict[str, float | Tensor],
        negatives: Tensor | None,
        within: Within,
        sim: Tensor,
    ) -> Tensor:
        """The margin of the averaged form [N, N]."""
        adaptive = {name: weight for name, weight in weights.items() if name != "fixed"}
        whole = 1 - self.fixed_weight
        if self.scale == "each" or not adaptive or not whole:
            margins = {name: self._margin(sources, name, negatives, within, sim) for name in weights}
            weighted = [weight * margins[name] for name, weight in weights.items()]
            return sum(weighted[1:], weighted[0])
        names = sorted(adaptive, key=lambda name: sources[name].ready)  # features first
        used = [sources[name] for name in names]
        shares, beta = [adaptive[name] / whole for name in names], whole * self.beta
        settings = {**self._settings(negatives, within), "nearest": self.nearest}
        if self.detach:
            margin = combined_margin(stacked_distances(used), shares, self.margin, beta, **settings)
            if not checks_values(margin) or math.isfinite(margin.sum().item()):
                return margin
        # One by one: that names the features that are not finite, and takes rows too long to be squared.
        distances = [source.distances(self.detach) for source in used]
        return combined_margin(distances, shares, self.margin, beta, **settings)

    def _margin(
        self, sources: dict[str, Source], name: str, negatives: Tensor | None, within: Within, sim: Tensor
    ) -> Tensor:
        """The margin of one source alone [N, N], or the fixed one."""
        if name == "fixed":
            return torch.full_like(sim, self.margin, requires_grad=False)
        d, settings = sources[name].distances(self.detach), self._settings(negatives, within)
        if self.nearest is not None:
            return nearest_margin(d, self.margin, self.beta, self.nearest, **settings)
        return zscore_margin(d, self.margin, self.beta, recentre=self.scale == "combined", **settings)

    def _settings(self, negatives: Tensor | None, within: Within) -> dict[str, Any]:
        names = ("min_margin", "max_margin", "eps", "detach")
        return {**{name: getattr(self, name) for name in names}, "negatives": negatives, "within": within}

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        unusual = {
            "nearest": (self.nearest, None),
            "scale": (self.scale, "combined"),
            "within": (self.within, "batch"),
        }
        more = "".join(f", {name}={value!r}" for name, (value, usual) in unusual.items() if value != usual)
        return f"beta={self.beta}, form={self.form!r}, schedule={self.schedule}{more}"


def _permuted(pair: Pair, order: Tensor) -> Pair:
    first, second = pair
    moved = first[order][:, order]
    return moved, moved if second is first else second[order][:, order]


def _active(weights: dict[str, float | Tensor]) -> dict[str, float | Tensor]:
    """Those that count; a weight whose value is not looked at stays, whatever it is."""
    return {name: weight for name, weight in weights.items() if isinstance(weight, Tensor) or weight > 0}


def _checked_schedule(
    schedule: LinearRamp | Constant | Literal["static", "dynamic"] | float,
) -> LinearRamp | Constant:
    if isinstance(schedule, LinearRamp | Constant):
        return schedule
    if isinstance(schedule, str) and schedule in ("static", "dynamic"):
        return Constant(float(schedule == "dynamic"))
    if hasattr(schedule, "__float__"):
        return Constant(checked_fraction("schedule", schedule))
    raise ValueError(f"schedule: expected a LinearRamp, 'static', 'dynamic' or a number, got {schedule!r}")


def _needs(schedule: LinearRamp | Constant) -> tuple[tuple[str, ...], ...]:
    if isinstance(schedule, Constant) and schedule.value in (0, 1):
        return (DYNAMIC if schedule.value else STATIC,)
    return (STATIC + DYNAMIC,)
