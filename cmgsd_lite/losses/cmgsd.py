"""CMGSD: the ranking loss whose margin grows with the distance between positive and negative."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses.hinge import Ids, Reduction, checked, negative_pairs
from cmgsd_lite.losses.ranking import MaxMarginRankingLoss
from cmgsd_lite.margins import nearest_margin, permute_margin, zscore_margin
from cmgsd_lite.schedules import Constant, LinearRamp, check_fraction


class CMGSDLoss(nn.Module):
    """Ranking loss whose margin grows with the distance between positive and negative (CMGSD).

    Distances are measured within one modality: *static* ones between frozen teacher features, *dynamic*
    ones between the model's own embeddings, both for texts and for videos. Every distance matrix becomes
    a margin matrix (``zscore_margin``), and the schedule's lambda says how much the dynamic ones count.
    Active weights always sum to one: a gain can not come from a larger gradient. A source without input
    is dropped and the others share its weight; a loss of this kind adds no parameter and nothing at
    test time.

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
        check_fraction("fixed_weight", fixed_weight)
        if eps < 0:
            raise ValueError(f"eps: expected a number >= 0, got {eps}")
        self.margin, self.beta, self.form, self.fixed_weight = margin, beta, form, fixed_weight
        self.schedule = _checked_schedule(schedule)
        self.min_margin, self.max_margin, self.eps, self.detach = min_margin, max_margin, eps, detach
        self.nearest = nearest
        self.ranking = MaxMarginRankingLoss(margin, reduction, temperature)

    def forward(
        self,
        sim: Tensor,
        text: Tensor | None = None,
        video: Tensor | None = None,
        text_teacher: Tensor | None = None,
        video_teacher: Tensor | None = None,
        progress: float | None = None,
        ids: Ids | None = None,
    ) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            text: The model's own text embeddings [N, D]; normalised inside.
            video: The model's own video embeddings [N, D].
            text_teacher: Frozen text features [N, D'].
            video_teacher: Frozen video features [N, D''].
            progress: Fraction of training done. None gives teachers and model equal weight where the
                schedule is a ramp.
            ids: One name an item [N]; pairs with equal ids are left out of loss and statistics.

        Returns:
            Scalar >= 0, in float32 or wider.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, _ = checked(sim, self.margin)
        sources = _present(text, video, text_teacher, video_teacher)
        weights = self._weights(sources, progress)
        wanted = {name: sources[name] for name, weight in weights.items() if weight > 0 and name in sources}
        margins = self._arranged(self._source_margins(sim, wanted, ids))
        margins["fixed"] = torch.as_tensor(self.margin, dtype=sim.dtype)
        active = {name: weight for name, weight in weights.items() if weight > 0}
        if self.form == "summed":
            losses = [weight * self.ranking(sim, margins[name], ids) for name, weight in active.items()]
            return torch.stack(losses).sum()
        loss: Tensor = self.ranking(sim, _weighted(margins, active), ids)
        return loss

    def margins(
        self,
        sim: Tensor,
        text: Tensor | None = None,
        video: Tensor | None = None,
        text_teacher: Tensor | None = None,
        video_teacher: Tensor | None = None,
        progress: float | None = None,
        ids: Ids | None = None,
    ) -> dict[str, Tensor]:
        """Return every margin matrix, for looking at; the arguments are those of the call.

        Returns:
            Those that exist of ``text_static``, ``video_static``, ``text_dynamic``, ``video_dynamic``, and
            ``combined``, their weighted mean; [N, N] each, the diagonal is alpha.

        Raises:
            ValueError: As the call.
        """
        sim, _ = checked(sim, self.margin)
        sources = _present(text, video, text_teacher, video_teacher)
        weights = self._weights(sources, progress)
        margins = self._arranged(self._source_margins(sim, sources, ids))
        fixed = {"fixed": torch.full(sim.shape, self.margin, device=sim.device)}
        active = {name: weight for name, weight in weights.items() if weight > 0}
        return {**margins, "combined": _weighted({**margins, **fixed}, active)}

    def _weights(self, sources: dict[str, Tensor], progress: float | None) -> dict[str, float]:
        """The weight of every source and of the fixed margin; they sum to one."""
        static = [name for name in sources if name.endswith("_static")]
        dynamic = [name for name in sources if name.endswith("_dynamic")]
        for wanted, found, arguments in (
            ("static", static, "text_teacher or video_teacher"),
            ("dynamic", dynamic, "text or video"),
        ):
            if self.schedule == Constant(float(wanted == "dynamic")) and not found:
                raise ValueError(f"{arguments}: the {wanted} schedule needs one of them, got none")
        if not sources:
            raise ValueError("text, video, text_teacher, video_teacher: expected at least one, got none")
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

    def _source_margins(self, sim: Tensor, sources: dict[str, Tensor], ids: Ids | None) -> dict[str, Tensor]:
        negatives = negative_pairs(sim, ids=ids)
        to_margin = zscore_margin if self.nearest is None else partial(nearest_margin, nearest=self.nearest)
        return {
            name: to_margin(
                _distances_like(sim, name, features, self.detach),
                self.margin,
                self.beta,
                min_margin=self.min_margin,
                max_margin=self.max_margin,
                eps=self.eps,
                negatives=negatives,
                detach=self.detach,
            )
            for name, features in sources.items()
        }

    def _arranged(self, margins: dict[str, Tensor]) -> dict[str, Tensor]:
        """Hook of the permuted control."""
        return margins

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        nearest = "" if self.nearest is None else f", nearest={self.nearest}"
        return f"beta={self.beta}, form={self.form!r}, schedule={self.schedule}{nearest}"


class PermutedCMGSDLoss(CMGSDLoss):
    """The control of ``CMGSDLoss``: its own margin matrices with the batch shuffled at every step.

    The histogram of margins is the same, the meaning is gone. What it gains over the fixed margin is
    *softening*; only what ``CMGSDLoss`` gains over it is *adaptivity*.

    Args:
        seed: Of the shuffling. The generator's state is part of ``state_dict``, so that a resumed
            training continues with the same shuffles.
        settings: As for ``CMGSDLoss``.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> loss = PermutedCMGSDLoss(beta=0.05, schedule="dynamic", seed=1)
    """

    def __init__(self, *args: Any, seed: int = 0, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.generator = torch.Generator().manual_seed(seed)

    def _arranged(self, margins: dict[str, Tensor]) -> dict[str, Tensor]:
        # One permutation for all matrices of a step: their mean must keep its histogram too.
        state = self.generator.get_state()
        arranged = {}
        for name, margin in margins.items():
            self.generator.set_state(state)
            arranged[name] = permute_margin(margin, self.generator)
        return arranged

    def margins(self, *args: Any, **inputs: Any) -> dict[str, Tensor]:
        """Return the margins with the shuffle that the next call will use; looking does not use it up."""
        state = self.generator.get_state()
        margins = super().margins(*args, **inputs)
        self.generator.set_state(state)
        return margins

    def get_extra_state(self) -> Tensor:
        """Return the generator's state, for checkpoints."""
        return self.generator.get_state()

    def set_extra_state(self, state: Tensor) -> None:
        """Take up the generator's state from a checkpoint."""
        self.generator.set_state(state)


def _present(
    text: Tensor | None, video: Tensor | None, text_teacher: Tensor | None, video_teacher: Tensor | None
) -> dict[str, Tensor]:
    given = {
        "text_static": text_teacher,
        "video_static": video_teacher,
        "text_dynamic": text,
        "video_dynamic": video,
    }
    return {name: features for name, features in given.items() if features is not None}


_ARGUMENT = {
    "text_static": "text_teacher",
    "video_static": "video_teacher",
    "text_dynamic": "text",
    "video_dynamic": "video",
}


def _distances_like(sim: Tensor, name: str, features: Tensor, detach: bool) -> Tensor:
    argument = _ARGUMENT[name]
    if features.ndim != 2 or features.shape[0] != sim.shape[0]:
        raise ValueError(f"{argument}: expected [{sim.shape[0]}, D] like sim, got {list(features.shape)}")
    if features.device != sim.device:
        raise ValueError(f"{argument}: expected on {sim.device} like sim, got {features.device}")
    try:
        return cosine_distances(features.detach() if detach else features)
    except ValueError as error:
        raise ValueError(f"{argument}: expected finite features, got NaN or infinite entries") from error


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
        check_fraction("schedule", schedule)
        return Constant(float(schedule))
    raise ValueError(f"schedule: expected a LinearRamp, 'static', 'dynamic' or a number, got {schedule!r}")
