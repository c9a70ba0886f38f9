"""Adaptive relevance margins: the model's own similarity sets the target gap, with the opposite sign."""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import every_negative, unimodal_similarity
from cmgsd_lite.losses.base import Inputs, RetrievalLoss


class AdaptiveRelevanceMarginLoss(RetrievalLoss):
    """Regress the gap ``s(q, d+) - s(q, d-)`` to ``(1 + cos(d+, d-)) / 2``.

    The target *grows* with the similarity of positive and negative: near negatives are to be pushed further,
    as hard negatives. CMGSD asks the opposite of them. It is a regression: gaps that are too wide are pulled
    together as well, and there is no hinge that could be inactive. It needs ``text`` and ``video`` and uses
    ``ids``.

    Args:
        detach: Whether the target is held constant in the gradient.

    Source:
        From the idea of Gienapp et al., "Learning Effective Representations for Retrieval Using
        Self-Distillation with Adaptive Relevance Margins" (ICTIR 2025, arXiv 2407.21515), with squared error
        and all negatives of the batch. Theirs is query to document alone and lets the gradient into
        the target (``detach=False``); the second direction, with the target from texts, is ours.

    Example:
        >>> x = torch.eye(2)
        >>> AdaptiveRelevanceMarginLoss()(torch.eye(2), text=x, video=x)  # gaps of 1 against targets of .5
        tensor(0.2500)
    """

    needs = (("text",), ("video",))
    no_margin = "makes its own, the target gap, from the embeddings"

    def __init__(self, detach: bool = True) -> None:
        super().__init__()
        self.detach = detach

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs: the mean of both directions' mean squared errors."""
        negatives = every_negative(sim, given.ids)
        of_text, of_video = self._target("text", given.text, sim), self._target("video", given.video, sim)
        positive = sim.diagonal()
        # Text i is the anchor, video j the negative; then video j is the anchor, text i the negative.
        text_to_video = positive[:, None] - sim - of_video
        video_to_text = positive[None, :] - sim - of_text
        errors = text_to_video.square() + video_to_text.square()
        return torch.where(negatives, errors, 0).sum() / (2 * negatives.sum())

    def _target(self, name: str, x: Tensor | None, sim: Tensor) -> Tensor:
        assert x is not None  # ``needs`` says so
        target = (1 + unimodal_similarity(name, x, sim)).to(sim.dtype) / 2
        return target.detach() if self.detach else target

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"detach={self.detach}"
