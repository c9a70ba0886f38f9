"""InfoNCE, the strong plain loss that every margin has to be compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmgsd_lite.losses.hinge import FAR_BELOW, Ids, checked, negative_pairs
from cmgsd_lite.losses.ranking import checked_positive


class InfoNCELoss(nn.Module):
    """Symmetric InfoNCE, with an optional margin added to the negatives' logits.

    The margin enters as ``(sim + margin - mean(margin)) / temperature`` off the diagonal, so a constant
    margin changes nothing and only its spread counts.

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

    def __init__(self, temperature: float = 0.05) -> None:
        super().__init__()
        self.temperature = checked_positive("temperature", temperature)

    def forward(self, sim: Tensor, margin: float | Tensor | None = None, ids: Ids | None = None) -> Tensor:
        """Return the loss.

        Args:
            sim: Similarities [N, N].
            margin: None, a number (changes nothing) or one for every pair [N, N]; ``-inf`` leaves a
                pair out.
            ids: One name an item [N]; pairs with equal ids are left out.

        Returns:
            Scalar >= 0, the mean of both directions' cross-entropies.

        Raises:
            ValueError: Naming the argument, what was expected and what came.
        """
        sim, margin = checked(sim, 0.0 if margin is None else margin)
        negatives = negative_pairs(sim, margin, ids)
        if negatives is None:
            negatives = ~torch.eye(sim.shape[0], dtype=torch.bool, device=sim.device)
        kept = torch.where(negatives, margin, 0.0)
        centred = kept - kept.sum() / negatives.sum().clamp_min(1)
        shift = torch.where(negatives, centred, FAR_BELOW)
        shift = shift.diagonal_scatter(shift.new_zeros(sim.shape[0]))
        logits = (sim + shift.to(sim.dtype)) / self.temperature
        own = torch.arange(sim.shape[0], device=sim.device)
        return _contrast(logits, own, negatives) / 2 + _contrast(logits.T, own, negatives.T) / 2

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"temperature={self.temperature}"


def _contrast(logits: Tensor, own: Tensor, negatives: Tensor) -> Tensor:
    """Cross-entropy over the anchors (rows) that have a negative at all."""
    anchors = negatives.any(dim=1)
    per_anchor = functional.cross_entropy(logits, own, reduction="none")
    return torch.where(anchors, per_anchor, 0).sum() / anchors.sum().clamp_min(1)
