"""InfoNCE, the strong plain loss that every margin has to be compared with."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.nn import functional

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_positive, margin_pair
from cmgsd_lite.losses.hinge import FAR_BELOW, negative_pairs
from cmgsd_lite.validation import checks_values


class InfoNCELoss(RetrievalLoss):
    """Symmetric InfoNCE, with an optional margin added to the negatives' logits.

    The margin enters as ``(sim + margin - mean(margin)) / temperature`` off the diagonal, so a constant
    margin changes nothing and only its spread counts; a single number is warned of once. It uses ``margin``
    (default: none) and ``ids``; called as every loss (``RetrievalLoss``).

    Args:
        temperature: In units of the similarity.

    Raises:
        ValueError: If the temperature is not positive.

    Source:
        van den Oord et al. 2018, symmetric as in CLIP (Radford et al. 2021); the centred margin is ours.

    Example:
        >>> InfoNCELoss(temperature=1.0)(torch.zeros(2, 2))
        tensor(0.6931)
    """

    warned_of_margin = False

    def __init__(self, temperature: float = 0.05) -> None:
        super().__init__()
        self.temperature = checked_positive("temperature", temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs: the mean of both directions' cross-entropies, >= 0."""
        margins = margin_pair(0.0 if given.margin is None else given.margin, sim)
        if given.margin is not None and not isinstance(margins[0], Tensor) and checks_values(sim):
            self._warn_of_margin()
        negatives = negative_pairs(sim, margins[0], given.ids)
        if margins[1] is margins[0]:
            return self.of_margins(sim, margins, (negatives, negatives))
        return self.of_margins(sim, margins, (negatives, negative_pairs(sim, margins[1], given.ids)))

    def of_margins(
        self,
        sim: Tensor,
        margins: tuple[float | Tensor, float | Tensor],
        negatives: tuple[Tensor | None, Tensor | None],
    ) -> Tensor:
        """Return the loss of checked margins and negatives, one each for text to video and video to text."""
        text_to_video = _contrast(*self._logits(sim, margins[0], negatives[0]))
        logits, kept = self._logits(sim, margins[1], negatives[1])
        return text_to_video / 2 + _contrast(logits.T, kept.T) / 2

    def _logits(self, sim: Tensor, margin: float | Tensor, negatives: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scores with the centred margin on the negatives, and which pairs are negatives."""
        if negatives is None:
            negatives = ~torch.eye(sim.shape[0], dtype=torch.bool, device=sim.device)
        kept = torch.where(negatives, torch.as_tensor(margin, dtype=sim.dtype, device=sim.device), 0.0)
        centred = kept - kept.sum() / negatives.sum().clamp_min(1)
        shift = torch.where(negatives, centred, FAR_BELOW)
        shift = shift.diagonal_scatter(shift.new_zeros(sim.shape[0]))
        return (sim + shift.to(sim.dtype)) / self.temperature, negatives

    def _warn_of_margin(self) -> None:
        if not self.warned_of_margin:
            self.warned_of_margin = True
            warnings.warn(
                "InfoNCELoss: margin: a number changes nothing here, only differences count: expected [N, N]",
                stacklevel=7,
            )

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"temperature={self.temperature}"


def _contrast(logits: Tensor, negatives: Tensor) -> Tensor:
    """Cross-entropy of the diagonal over the anchors (rows) that have a negative at all."""
    anchors = negatives.any(dim=1)
    own = torch.arange(logits.shape[0], device=logits.device)
    per_anchor = functional.cross_entropy(logits, own, reduction="none")
    return torch.where(anchors, per_anchor, 0).sum() / anchors.sum().clamp_min(1)
