"""Debiased InfoNCE: some of the negatives are positives, nobody knows which, but one may know how many."""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.baselines.inputs import check_between, every_negative
from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_positive


class DebiasedInfoNCELoss(RetrievalLoss):
    """InfoNCE with the expected share of false negatives taken out of the sum over negatives.

    With n negatives of an anchor, e = exp(sim / temperature) and prior p, the sum over negatives becomes
    ``n * max((mean of e over the negatives - p * e of the positive) / (1 - p), exp(-1 / temperature))``.
    The prior is one number for all pairs: no pair is treated as a false negative in particular. Where the
    positive stands out, the bound on the right is reached and the anchor's negatives get no gradient. It uses
    ``sim``, which has to hold cosines, and ``ids`` alone.

    Args:
        prior: Chance that a random other video is a right answer to a text, in [0, 1); 0 is InfoNCE.
        temperature: In units of the similarity, which has to be a cosine: the bound assumes >= -1.

    Raises:
        ValueError: On a setting out of range.

    Source:
        From the idea of Chuang et al., "Debiased Contrastive Learning" (NeurIPS 2020, arXiv 2007.00224), with
        the one positive of each anchor as the sample of its class; both directions of a batch of pairs are
        ours.

    Example:
        >>> DebiasedInfoNCELoss(prior=0.0, temperature=1.0)(torch.zeros(2, 2))
        tensor(0.6931)
    """

    no_margin = "corrects the number of negatives and has no margin"

    def __init__(self, prior: float = 0.03, temperature: float = 0.05) -> None:
        super().__init__()
        self.prior = check_between("prior", prior, 0.0, 0.999)
        self.temperature = checked_positive("temperature", temperature)

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs: the mean of both directions, >= 0."""
        negatives = every_negative(sim, given.ids)
        return (self._direction(sim, negatives) + self._direction(sim.T, negatives.T)) / 2

    def _direction(self, sim: Tensor, negatives: Tensor) -> Tensor:
        """One direction; rows are anchors."""
        logits = sim / self.temperature
        # Everything relative to the anchor's largest logit: exp(1 / .01) is beyond float32.
        top = logits.detach().amax(dim=1)
        powers = torch.where(negatives, torch.exp(logits - top[:, None]), 0)
        positive = torch.exp(logits.diagonal() - top)
        count = negatives.sum(dim=1)
        debiased = (powers.sum(dim=1) / count - self.prior * positive) / (1 - self.prior)
        floor = torch.exp(-1 / self.temperature - top)
        total = positive + count * torch.maximum(debiased, floor)
        return (torch.log(total) - (logits.diagonal() - top)).mean()

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        return f"prior={self.prior}, temperature={self.temperature}"
