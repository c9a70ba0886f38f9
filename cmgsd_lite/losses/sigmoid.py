"""The sigmoid loss: every pair of the batch is judged on its own, as a match or as none."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmgsd_lite.losses.base import Inputs, RetrievalLoss
from cmgsd_lite.losses.checks import checked_finite, checked_margin, checked_positive
from cmgsd_lite.losses.contrastive import Positives, checked_positives, shared_positives
from cmgsd_lite.losses.hinge import negative_pairs
from cmgsd_lite.losses.learned import check_parameters
from cmgsd_lite.similarity import at_least_float32


class SigmoidLoss(RetrievalLoss):
    """Sigmoid loss (SigLIP), with an optional margin added to the scores of the negatives.

    ``sum over pairs of -log sigmoid(z * (scale * (sim + margin) + bias)) / N``, z = 1 for positives, whose
    margin is 0, and z = -1 for negatives. There is one term a pair, not one a direction: a margin for every
    pair is one matrix, and a pair of matrices, one a direction, is refused. A constant margin counts,
    unlike in InfoNCE. It uses ``margin`` (instead of its own) and ``ids``; called as every loss
    (``RetrievalLoss``).

    Relations: ``margin=CMGSDLoss(...).margins(sim, ...)["combined"]`` makes its margin adaptive; 0 is the
    published loss.

    Cosines reach 1 at most: with the published start, scale 10 and bias -10, every pair counts as no match,
    and a matching one with cosine 1 is a toss-up. Few positives among N^2 pairs make that a good start,
    from which scale and bias have to be learned. Held fixed (``learnable=False``), the bias belongs between
    ``-scale`` and 0: ``-bias / scale`` is the cosine from which on a pair counts as a match. ``fit``
    optimises the two without weight decay; Adam moves ``bias`` by at most about the learning rate a step:
    where training is short, start nearer to the end (in 10 epochs of MiniVTT scale 20 and bias -8 do best
    of seven tried).

    Args:
        scale: Of the similarity, 1 / temperature; it is learned as its logarithm, without bounds.
        bias: Added to the scaled similarity.
        margin: Added to every negative's similarity, used when none is given to the call.
        positives: What pairs with equal ``ids`` are. ``"leave out"``: neither; ``"share"``: positives.
        learnable: Whether scale and bias are parameters of the loss.

    Raises:
        ValueError: On a setting out of range; in a call also if the loss lies on another device than ``sim``.

    Source:
        Zhai et al., "Sigmoid Loss for Language Image Pre-Training" (ICCV 2023, arXiv 2303.15343); the margin
        and known positives are ours.

    Example:
        >>> round(SigmoidLoss()(torch.eye(2)).item(), 3)  # log 2 for the own pair, next to nothing for others
        0.693
    """

    log_scale: nn.Parameter | None
    learned_bias: nn.Parameter | None

    def __init__(
        self,
        scale: float = 10.0,
        bias: float = -10.0,
        margin: float = 0.0,
        positives: Positives = "leave out",
        learnable: bool = True,
    ) -> None:
        super().__init__()
        self.margin, self.positives = checked_finite("margin", margin), checked_positives(positives)
        self.fixed_scale, self.fixed_bias = checked_positive("scale", scale), checked_finite("bias", bias)
        start = {"log_scale": math.log(self.fixed_scale), "learned_bias": self.fixed_bias}
        for name, value in start.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value)) if learnable else None)

    @property
    def scale(self) -> float | Tensor:
        """A number, or a scalar with gradient if it is learnable."""
        return self.fixed_scale if self.log_scale is None else at_least_float32(self.log_scale).exp()

    @property
    def bias(self) -> float | Tensor:
        """A number, or a scalar with gradient if it is learnable."""
        return self.fixed_bias if self.learned_bias is None else at_least_float32(self.learned_bias)

    def learned(self) -> dict[str, float]:
        """Return scale and bias as they are now, by name, if they are learnable."""
        if self.log_scale is None:
            return {}
        now = {"scale": self.scale, "bias": self.bias}
        return {name: round(float(torch.as_tensor(value).detach()), 6) for name, value in now.items()}

    def compute(self, sim: Tensor, given: Inputs) -> Tensor:
        """Return the loss of checked inputs, >= 0."""
        check_parameters(self, sim)
        if isinstance(given.margin, tuple | list):
            raise ValueError("margin: expected one for every pair, got two: a pair has one term in this loss")
        margin = checked_margin(self.margin if given.margin is None else given.margin, sim)
        positives = shared_positives(sim, margin, given.ids if self.positives == "share" else None)
        negatives = negative_pairs(sim, margin, given.ids)
        negatives = ~positives if negatives is None else negatives
        # Not the margin of a pair that is left out: -inf times a gradient of 0 is NaN.
        shift = torch.where(negatives, torch.as_tensor(margin, dtype=sim.dtype, device=sim.device), 0.0)
        logits = self.scale * (sim + shift) + self.bias
        losses = -functional.logsigmoid(torch.where(positives, logits, -logits))
        losses = torch.where(positives | negatives, losses, 0.0)
        return losses.sum() / sim.shape[0]

    def extra_repr(self) -> str:
        """Show the settings in ``repr``."""
        now = self.learned() or {"scale": self.fixed_scale, "bias": self.fixed_bias}
        shared = "" if self.positives == "leave out" else f", positives={self.positives!r}"
        learnable = "" if self.learned() else ", learnable=False"
        return f"scale={now['scale']}, bias={now['bias']}{shared}{learnable}"
