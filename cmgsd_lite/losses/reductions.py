"""The reductions that turn a matrix of violations into one number, and their gradients.

The field calls several of these reductions "max-margin ranking loss". They are different losses: a
margin or a learning rate found for one does not transfer to another.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from cmgsd_lite.losses.hinge import FAR_BELOW, Reduction, hinge_against, spread_margin
from cmgsd_lite.validation import checks_values

SOFT = ("smooth", "infonce")
Margins = tuple[float | Tensor, float | Tensor]
"""A number or [N, N] for text to video and for video to text; the same object if they are equal."""
Masks = tuple[Tensor | None, Tensor | None]
"""Boolean [N, N] for text to video and for video to text, or None for the usual case."""


def reduce_directions(
    sim: Tensor,
    margins: Margins,
    negatives: Masks,
    reduction: Reduction | Literal["infonce"],
    temperature: float = 0.03,
) -> Tensor:
    """Reduce the raised similarities of each direction to a scalar and add the two.

    Args:
        sim: Similarities [N, N], or for ``"infonce"`` logits.
        margins: Of each direction, in the unit of ``sim``.
        negatives: As ``negative_pairs`` returns them, for each direction.
        reduction: ``"mean"``: over all pairs; ``"sum"``; ``"hardest"``: the largest of each anchor, mean
            over anchors; an int k: mean of the min(k, available) largest of each anchor, zeros included;
            ``"smooth"``: temperature * softplus(logsumexp(violation / temperature)), mean over anchors;
            ``"infonce"``: cross-entropy whose class is the anchor's own pair, mean over anchors.
        temperature: Of ``"smooth"``, in units of the similarity.

    Returns:
        Scalar >= 0. Anchors without any negative are left out of the mean over anchors.

    Source:
        ``mean``: CE, MMT; ``sum`` and ``hardest``: VSE++; ``infonce``: van den Oord et al. 2018; the others
        ours.

    Example:
        >>> sim = torch.tensor([[0.5, 0.6], [0.2, 0.5]])
        >>> reduce_directions(sim, (0.2, 0.2), (None, None), "hardest")
        tensor(0.3000)
    """
    given = (margins, negatives, reduction, temperature)
    if _is_quick(sim, margins, reduction):
        if torch.is_grad_enabled() and sim.requires_grad:
            return _ReadyGradient.apply(sim, *given)  # type: ignore[no-untyped-call, no-any-return]
        if reduction in SOFT:  # rounded as with a gradient, which costs less here than a second exponential
            return _with_gradient(sim, *given)[0]
    return _reduced(sim, *given)


def mean_over_anchors(per_anchor: Tensor, negatives: Tensor | None) -> Tensor:
    """Mean over the anchors that have a negative.

    Args:
        per_anchor: [anchors].
        negatives: Boolean [anchors, negatives], or None for all off the diagonal.

    Returns:
        Scalar; 0 if there is no such anchor.

    Source:
        ours.

    Example:
        >>> mean_over_anchors(torch.tensor([1.0, 3.0]), torch.tensor([[False, False], [True, False]]))
        tensor(3.)
    """
    if negatives is None:
        return per_anchor.mean()
    anchors = negatives.any(dim=1)
    return torch.where(anchors, per_anchor, 0).sum() / anchors.sum().clamp_min(1)


def _reduced(
    sim: Tensor, margins: Margins, negatives: Masks, reduction: str | int, temperature: float
) -> Tensor:
    """The reductions as they are defined; autograd finds the gradient."""
    off = _off_negatives(reduction)
    raised, positive = sim + spread_margin(sim, margins[0], negatives[0], *off), sim.diagonal()
    to_video = _direction(raised, positive, negatives[0], reduction, temperature)
    if margins[1] is not margins[0]:
        raised = sim + spread_margin(sim, margins[1], negatives[1], *off)
    return to_video + _direction(raised.T, positive, _turned(negatives[1]), reduction, temperature)


def _off_negatives(reduction: str | int) -> tuple[float, float]:
    """The margin of own pairs and of those left out; a softmax with its own pair stays finite."""
    return (0.0, -torch.inf) if reduction == "infonce" else (FAR_BELOW, FAR_BELOW)


def _turned(negatives: Tensor | None) -> Tensor | None:
    return None if negatives is None else negatives.T


def _direction(
    raised: Tensor, positive: Tensor, negatives: Tensor | None, reduction: str | int, temperature: float
) -> Tensor:
    """One direction; rows are anchors.

    An anchor's own similarity is the same for all its negatives, so for every reduction but ``mean`` and
    ``sum`` it is subtracted after the maximum has been taken: the same value, without a second matrix.
    """
    n = len(raised)
    if reduction in ("mean", "sum"):
        return hinge_against(raised, positive).sum() * _of_each(raised, negatives, reduction)
    if reduction == "infonce":
        own = torch.arange(n, device=raised.device)
        return mean_over_anchors(functional.cross_entropy(raised, own, reduction="none"), negatives)
    if reduction == "hardest":
        # amax shares the gradient among ties, so that the order of the batch does not matter.
        return mean_over_anchors(torch.relu(raised.amax(dim=1) - positive), negatives)
    if reduction == "smooth":
        violation = torch.logsumexp(raised / temperature, dim=1) - positive / temperature
        return mean_over_anchors(temperature * _softplus(violation), negatives)
    largest = torch.relu(raised.topk(min(int(reduction), n - 1), dim=1).values - positive[:, None])
    return mean_over_anchors(largest.sum(dim=1) / _counted(negatives, largest.shape[1]), negatives)


def _of_each(sim: Tensor, negatives: Tensor | None, reduction: str | int) -> Tensor:
    """The weight of every pair in a mean or sum of pairs, or of every anchor [N] in a mean over anchors."""
    n, of_pairs = len(sim), reduction in ("mean", "sum")
    if reduction == "sum":
        return sim.new_ones(())
    if negatives is None:
        return sim.new_full(() if of_pairs else (n,), 1 / (n * (n - 1) if of_pairs else n))
    if of_pairs:
        return 1 / negatives.sum().clamp_min(1).to(sim.dtype)
    anchors = negatives.any(dim=1).to(sim.dtype)
    return anchors / anchors.sum().clamp_min(1)


def _counted(negatives: Tensor | None, most: int) -> int | Tensor:
    """Of how many largest an anchor's mean is."""
    return most if negatives is None else negatives.sum(dim=1).clamp(1, most)


def _softplus(x: Tensor) -> Tensor:
    # Exactly: torch's own turns into a straight line above 20.
    return torch.logaddexp(x, torch.zeros_like(x))


def _is_quick(sim: Tensor, margins: Margins, reduction: str | int) -> bool:
    """Whether ``_with_gradient`` is of use: for an ordinary backward, to ``sim`` alone."""
    if torch.compiler.is_compiling():  # makes passes of its own
        return False
    # torch.func.grad and its like refuse a Function of this form; torch has no public test for them.
    if torch._C._are_functorch_transforms_active():
        return False
    if any(isinstance(margin, Tensor) and margin.requires_grad for margin in margins):
        return False
    return reduction not in SOFT or (margins[1] is margins[0] and checks_values(sim))


class _ReadyGradient(torch.autograd.Function):
    """``_reduced`` with its gradient, in a third of the passes over the matrix that autograd makes."""

    @staticmethod
    def forward(ctx: Any, sim: Tensor, *given: Any) -> Tensor:
        value, gradient = _with_gradient(sim, *given)
        ctx.save_for_backward(sim, gradient)
        ctx.given = given
        return value

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        sim, gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: autograd has to see how the gradient comes about
            (gradient,) = torch.autograd.grad(_reduced(sim, *ctx.given), sim, create_graph=True)
        return gradient * incoming, None, None, None, None


def _with_gradient(
    sim: Tensor, margins: Margins, negatives: Masks, reduction: str | int, temperature: float
) -> tuple[Tensor, Tensor]:
    """The value, and its gradient [N, N]."""
    if reduction in SOFT:
        found = _of_one_exponential(sim, margins[0], negatives, reduction, temperature)
        return found or _by_autograd(sim, margins, negatives, reduction, temperature)
    raised = _raised(sim, margins[0], negatives[0], reduction)
    other = raised.clone() if margins[1] is margins[0] else _raised(sim, margins[1], negatives[1], reduction)
    to_video, of_text = _hinge_with_gradient(raised, sim.diagonal(), negatives[0], reduction)
    to_text, of_video = _hinge_with_gradient(other.T, sim.diagonal(), _turned(negatives[1]), reduction)
    return to_video + to_text, of_text.add_(of_video.T)


def _by_autograd(sim: Tensor, *given: Any) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        sim = sim.detach().requires_grad_()
        value = _reduced(sim, *given)
        return value.detach(), torch.autograd.grad(value, sim)[0]


def _raised(sim: Tensor, margin: float | Tensor, negatives: Tensor | None, reduction: str | int) -> Tensor:
    """Similarity plus margin as in ``_reduced``: a new matrix, to be overwritten."""
    own, left_out = _off_negatives(reduction)
    if negatives is not None:
        return sim + spread_margin(sim, margin, negatives, own, left_out)
    raised = sim + margin
    raised.diagonal().copy_(sim.diagonal() + own)
    return raised


def _hinge_with_gradient(
    raised: Tensor, positive: Tensor, negatives: Tensor | None, reduction: str | int
) -> tuple[Tensor, Tensor]:
    """The value of one direction, and its gradient in the place of ``raised``; rows are anchors.

    A negative that counts is 1 in ``counts``, and what it counts is the weight of its anchor, or of all. An
    anchor's own pair is drawn up by as much as its negatives are pushed down.
    """
    weight = _of_each(raised, negatives, reduction)
    # Ones and zeros are numbers here: torch works on them several times faster than on booleans.
    if reduction in ("mean", "sum"):
        counts = raised.sub_(positive[:, None]).relu_()
        value = counts.sum() * weight
        counts.sign_()
    elif reduction == "hardest":
        largest = raised.amax(dim=1)
        violation = torch.relu(largest - positive)
        value = mean_over_anchors(violation, negatives)
        counts = torch.eq(raised, largest[:, None], out=raised)
        # Ties share, so that the order of the batch does not matter.
        weight = weight * violation.sign() / counts.sum(dim=1)
    else:
        # The rows of a transposed matrix are searched in half the time where they lie in one piece.
        top = raised.contiguous().topk(min(int(reduction), len(raised) - 1), dim=1)
        violations = torch.relu(top.values - positive[:, None])
        counted = _counted(negatives, violations.shape[1])
        value, weight = mean_over_anchors(violations.sum(dim=1) / counted, negatives), weight / counted
        counts = raised.zero_().scatter_(1, top.indices, violations.sign())
    gradient = counts.mul_(weight[..., None])
    gradient.diagonal().sub_(gradient.sum(dim=1))
    return value, gradient


def _of_one_exponential(
    sim: Tensor, margin: float | Tensor, negatives: Masks, reduction: str | int, temperature: float
) -> tuple[Tensor, Tensor] | None:
    """Both directions of ``"smooth"`` or ``"infonce"``; None where their maxima lie too far apart."""
    x, positive = _raised(sim, margin, negatives[0], reduction), sim.diagonal()
    if reduction == "smooth":
        x, positive = x.div_(temperature), positive / temperature
    largest = x.amax()
    shares = x.sub_(largest).exp_()
    sums = shares.sum(dim=1), shares.sum(dim=0)
    # Below the smallest float32, 1e-38, shares are missing: of a sum as large as this nothing that counts.
    if not torch.minimum(*sums).min() > 1e-20:
        return None
    value, weights = x.new_zeros(()), []
    for total, mask in zip(sums, (negatives[0], _turned(negatives[1])), strict=True):
        violation, weight = largest + total.log() - positive, _of_each(x, mask, reduction)
        if reduction == "smooth":
            weight, violation = weight * torch.sigmoid(violation), temperature * _softplus(violation)
        value += mean_over_anchors(violation, mask)
        weights.append(weight)
    gradient = shares.mul_((weights[0] / sums[0])[:, None] + weights[1] / sums[1])
    gradient.diagonal().sub_(weights[0] + weights[1])
    return value, gradient
