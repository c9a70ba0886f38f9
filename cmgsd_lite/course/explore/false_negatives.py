"""Explore the false negatives of a batch: an anchor's clips, their margins, and the forces on the pairs.

``anchor_figure`` is the static twin of ``explore_false_negatives``: the same picture without the controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from cmgsd_lite.course.plots.base import facet_lines, show_figure
from cmgsd_lite.course.plots.false_negatives import Candidate, plot_anchor
from cmgsd_lite.data.minivtt import clip
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.losses.hinge import Reduction

REDUCTIONS: tuple[Reduction, ...] = ("smooth", "hardest", 4, "mean")
ALT = (
    "Clips of one batch side by side, each with what is in it in words: the caption's own clip, some of its "
    "false negatives and its hardest true negatives. Bars below show the margin of each and the force on the "
    "pair, for each kind of margin."
)


@dataclass(frozen=True)
class ExploredBatch:
    """A batch of MiniVTT with what is known about it.

    Args:
        captions: N texts.
        video_ids: N names of clips.
        sim: Similarities of a model [N, N]; rows are texts, columns are videos.
        true: Boolean [N, N]: is caption i true of clip j?
        margins: One number or [N, N] by name, such as ``{"fixed": 0.2, "adaptive": ...}``.

    Raises:
        ValueError: If the shapes do not fit, or there is no margin.

    Example:
        >>> ids = ["video0", "video1"]
        >>> batch = ExploredBatch(["a", "b"], ids, torch.eye(2), np.eye(2, dtype=bool), {"fixed": 0.2})
    """

    captions: Sequence[str]
    video_ids: Sequence[str]
    sim: Tensor
    true: NDArray[np.bool_]
    margins: Mapping[str, float | Tensor]

    def __post_init__(self) -> None:
        n = len(self.captions)
        if len(self.video_ids) != n:
            raise ValueError(f"video_ids: expected {n} like captions, got {len(self.video_ids)}")
        for name, shape in (("sim", self.sim.shape), ("true", self.true.shape)):
            if tuple(shape) != (n, n):
                raise ValueError(f"{name}: expected shape {[n, n]}, got {list(shape)}")
        if not self.margins:
            raise ValueError("margins: expected at least one, got none")

    def false_negatives(self) -> NDArray[np.bool_]:
        """Mark the pairs that are no partners although the caption is true of the clip, [N, N]."""
        return self.true & ~np.eye(len(self.captions), dtype=bool)

    def anchors(self) -> list[int]:
        """List the captions that are true of their own clip and have 1 to 20 false negatives."""
        count = self.false_negatives().sum(axis=1)
        return np.flatnonzero(self.true.diagonal() & (count >= 1) & (count <= 20)).tolist()


def pair_forces(sim: Tensor, margin: float | Tensor, reduction: Reduction = "smooth") -> Tensor:
    """Gradient of the ranking loss with respect to every similarity, as multiples of one anchor's weight.

    Args:
        sim: Similarities [N, N].
        margin: A number, or one for every pair [N, N].
        reduction: Of the loss, not ``"sum"``.

    Returns:
        [N, N]: 2 N dL/dS. Positive: descent pushes text i and video j apart; negative: it pulls.
        One full push of one direction is 1, so that with the hardest negative entries are 0, 1 or 2.

    Raises:
        ValueError: As ``MaxMarginRankingLoss``.

    Source:
        ours.

    Example:
        >>> pair_forces(torch.tensor([[0.5, 0.4], [0.1, 0.9]]), 0.2, "hardest")
        tensor([[-1.,  1.],
                [ 0.,  0.]])
    """
    scores = sim.detach().clone().requires_grad_()
    loss = MaxMarginRankingLoss(reduction=reduction)(scores, margin=margin)
    return torch.autograd.grad(loss, scores)[0] * 2 * len(sim)


def anchor_figure(
    batch: ExploredBatch, anchor: int, reduction: Reduction = "smooth", most: int = 4, hard: int = 2
) -> Figure:
    """Draw an anchor caption with its own clip, its false negatives and its hardest true negatives.

    Args:
        batch: What is explored.
        anchor: Row of the caption.
        reduction: Of the loss whose forces are drawn.
        most: Most false negatives to show, those with the highest similarity.
        hard: How many true negatives to show, those with the highest similarity.

    Returns:
        The figure: pictures, margins, forces.

    Raises:
        ValueError: If ``anchor`` is no row.

    Source:
        ours.

    Example:
        >>> figure = anchor_figure(batch, 3)  # doctest: +SKIP
    """
    n = len(batch.captions)
    if not 0 <= anchor < n:
        raise ValueError(f"anchor: expected 0 to {n - 1}, got {anchor}")
    false = batch.false_negatives()[anchor]
    order = batch.sim[anchor].argsort(descending=True).tolist()
    shown = [(anchor, "own clip" if batch.true[anchor, anchor] else "own clip, caption wrong")]
    shown += [(j, "false negative") for j in order if false[j]][:most]
    shown += [(j, "true negative") for j in order if j != anchor and not false[j]][:hard]
    margins = {name: _row(value, anchor, n) for name, value in batch.margins.items()}
    forces = {name: pair_forces(batch.sim, value, reduction)[anchor] for name, value in batch.margins.items()}
    candidates = [
        Candidate(
            clip(batch.video_ids[j]).frames()[4],
            f"{what}\nsimilarity {batch.sim[anchor, j]:.2f}",
            # The own clip has no margin, and its pull would dwarf the pushes: it stands there as a number.
            {name: float("nan") if j == anchor else float(row[j]) for name, row in margins.items()},
            {name: float("nan") if j == anchor else float(row[j]) for name, row in forces.items()},
            _pulls({name: float(row[j]) for name, row in forces.items()}) if j == anchor else "",
            facet_lines(clip(batch.video_ids[j]).facets()),
        )
        for j, what in shown
    ]
    return plot_anchor(batch.captions[anchor], candidates, f"push, {reduction}\n(1 = one full push)")


def explore_false_negatives(
    batch: ExploredBatch, name: str = "03-explorer-slider", reductions: Sequence[Reduction] = REDUCTIONS
) -> ipywidgets.VBox:
    """Choose an anchor with a slider and a reduction from a list; the picture follows.

    Args:
        batch: What is explored.
        name: File name of the picture for slides.
        reductions: To choose from.

    Returns:
        The widget; a notebook displays it.

    Raises:
        ValueError: If no caption of the batch has between 1 and 20 false negatives.

    Source:
        ours.

    Example:
        >>> explore_false_negatives(batch)  # doctest: +SKIP
    """
    anchors = batch.anchors()
    if not anchors:
        raise ValueError("batch: expected a caption with 1 to 20 false negatives, found none")
    slider = ipywidgets.IntSlider(
        value=0, min=0, max=len(anchors) - 1, description="anchor", continuous_update=False
    )
    choice = ipywidgets.Dropdown(options=[(str(r), r) for r in reductions], description="reduction")

    def draw(number: int, reduction: Reduction) -> None:
        show_figure(anchor_figure(batch, anchors[number], reduction), name, ALT)

    picture = ipywidgets.interactive_output(draw, {"number": slider, "reduction": choice})
    return ipywidgets.VBox([ipywidgets.HBox([slider, choice]), picture])


def _pulls(forces: Mapping[str, float]) -> str:
    return "pulled closer\n" + "\n".join(f"{name} {-force:.2f}" for name, force in forces.items())


def _row(margin: float | Tensor, anchor: int, n: int) -> Tensor:
    return margin[anchor] if isinstance(margin, Tensor) else torch.full((n,), margin)
