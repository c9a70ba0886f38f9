"""The margins of CMGSD as clipped straight lines: from distances, weights and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cmgsd_lite.losses.blocks.centre import of_rank, prepare
from cmgsd_lite.losses.blocks.distances import Cosines, Distances
from cmgsd_lite.losses.blocks.engine import How, Margins, loss_in_blocks
from cmgsd_lite.losses.blocks.groups import Groups
from cmgsd_lite.losses.blocks.lines import Line, Map
from cmgsd_lite.losses.blocks.moments import Moments, moments
from cmgsd_lite.losses.blocks.scores import Scores
from cmgsd_lite.losses.hinge import Ids, check_some_negative, id_codes
from cmgsd_lite.margins.matrices import Within


def lines_of(
    distances: Sequence[Distances],
    weights: Sequence[float],
    to_margin: Map,
    anchors: bool,
    groups: Groups,
    like: Tensor,
    block: int,
) -> tuple[Line, Line]:
    """The margins of both directions out of several distances, as ``combined_margin`` makes them.

    Args:
        distances: Of the same N items.
        weights: One for each, summing to 1.
        to_margin: The settings.
        anchors: Whether statistics run over each anchor's negatives, which gives two lines; else one twice.
        groups: Which pairs are no negatives.
        like: The dtype and device of the scores.
        block: Rows of a block.

    Returns:
        Two lines, centred where that was asked for.

    Raises:
        ValueError: If whole columns are needed of distances that a callable gives row by row.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").
    """

    def one(within: Within) -> Line:
        found = moments(distances, groups, within, block)
        return _line_of(distances, weights, found, replace(to_margin, within=within), groups, like, block)

    with torch.autocast(like.device.type, enabled=False):
        if not anchors:
            line = one("batch")
            return line, line
        text = one("text")
        symmetric = all(isinstance(d, Cosines) for d in distances)
        return text, text.transposed() if symmetric else one("video")


def _line_of(
    distances: Sequence[Distances],
    weights: Sequence[float],
    found: Moments,
    to_margin: Map,
    groups: Groups,
    like: Tensor,
    block: int,
) -> Line:
    std = torch.stack([found.covariance[s, s].clamp_min(0).sqrt() for s in range(len(distances))])
    share = torch.stack([w / (d + to_margin.eps) for w, d in zip(weights, std, strict=True)])
    spread = (share * std).sum(0)
    variance = torch.einsum("s...,t...,st...->...", share, share, found.covariance)
    slopes = share * (spread / variance.clamp_min(0).sqrt().clamp_min(to_margin.eps))
    level = -(slopes * found.mean).sum(0)
    if to_margin.nearest is None:
        beta = to_margin.beta
        line = Line(distances, groups, slopes * beta, level * beta + to_margin.alpha, to_margin, like)
        if to_margin.recentre:
            prepare(line, block)
        return line
    return _nearest(distances, slopes, level, to_margin, to_margin.nearest, groups, like, block)


def _nearest(
    distances: Sequence[Distances],
    slopes: Tensor,
    level: Tensor,
    to_margin: Map,
    nearest: float,
    groups: Groups,
    like: Tensor,
    block: int,
) -> Line:
    """alpha + beta * min(z - threshold, 0) is a straight line with one more bound, at alpha."""
    standard = Map(0.0, 1.0, None, None, to_margin.eps, to_margin.within)
    if to_margin.within == "video":  # whole columns are rows of the transposed distances
        turned = [d.transposed() for d in distances]
        z = Line(turned, groups, slopes.mT, level.mT, replace(standard, within="text"), like)
        threshold = of_rank(z, nearest, block).mT
    else:
        z = Line(distances, groups, slopes, level, standard, like)
        threshold = of_rank(z, nearest, block)
    alpha, beta, low, high = to_margin.alpha, to_margin.beta, to_margin.low, to_margin.high
    if beta >= 0:
        high = alpha if high is None else min(alpha, high)
        high = high if low is None else max(low, high)
    else:
        low = alpha if low is None else max(alpha, low)
    bounded = replace(to_margin, low=low, high=high)
    return Line(distances, groups, slopes * beta, (level - threshold) * beta + alpha, bounded, like)


@dataclass(frozen=True)
class Mix:
    """How the margins of several distances are put together, as in ``CMGSDLoss``.

    Args:
        form: ``"averaged"`` or ``"summed"``.
        scale: ``"combined"`` or ``"each"``.
        anchors: Whether statistics run over each anchor's negatives, or the batch's.

    Source:
        ours.

    Example:
        >>> Mix().form
        'averaged'
    """

    form: str = "averaged"
    scale: str = "combined"
    anchors: bool = False


def loss_of_fixed_margin(scores: Scores, margin: float, ids: Ids | None, how: How) -> Tensor:
    """The loss with one margin for all pairs.

    Args:
        scores: The similarities.
        margin: In their units.
        ids: One name an item [N], or None.
        how: The reduction.

    Returns:
        Scalar.

    Raises:
        ValueError: As the loss that calls it.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").

    Example:
        >>> scores = scores_in_blocks(None, torch.eye(2), torch.eye(2), block=1)
        >>> loss_of_fixed_margin(scores, 1.5, None, How("mean"))
        tensor(0.5000)
    """
    fixed = Margins(len(scores.like), scores.like, margin)
    return loss_in_blocks(scores, (fixed, fixed), groups_of(ids, scores.like), how)


def loss_of_distances(
    scores: Scores,
    distances: Mapping[str, Distances],
    weights: Mapping[str, float],
    to_margin: Map,
    mix: Mix,
    ids: Ids | None,
    order: Tensor | None,
    how: How,
) -> Tensor:
    """The loss with the margins of CMGSD.

    Args:
        scores: The similarities.
        distances: By name.
        weights: Of every distance, and of the ``"fixed"`` margin, summing to 1.
        to_margin: From distance to margin.
        mix: How margins are put together.
        ids: One name an item [N], or None.
        order: The items in another order for the margins (the permuted control), or None.
        how: The reduction.

    Returns:
        Scalar.

    Raises:
        ValueError: As the loss that calls it.

    Source:
        ours (docs/METHOD.md, "The same loss without the square").

    Example:
        >>> scores = scores_in_blocks(None, torch.eye(2), torch.eye(2), block=1)
        >>> d = {"mine": Cosines(torch.eye(2))}
        >>> loss_of_distances(scores, d, {"mine": 1.0}, Map(1.5), Mix(), None, None, How("mean"))
        tensor(0.5000)
    """
    n, groups = len(scores.like), groups_of(ids, scores.like)
    known = groups if order is None else groups.permuted(order)
    mixed = {name: d if order is None else d.permuted(order) for name, d in distances.items()}

    def lines(weights: Mapping[str, float], to_margin: Map) -> tuple[Line, Line]:
        chosen = [mixed[name] for name in weights]
        share = list(weights.values())
        return lines_of(chosen, share, to_margin, mix.anchors, known, scores.like, scores.block)

    def loss(constant: float, *weighted: tuple[float, tuple[Line, Line]]) -> Tensor:
        text, video = (
            Margins(n, scores.like, constant, [(w, pair[side]) for w, pair in weighted]) for side in (0, 1)
        )
        return loss_in_blocks(scores, (text, video if mix.anchors else text), groups, how)

    fixed = weights.get("fixed", 0.0)
    adaptive = {name: weight for name, weight in weights.items() if name != "fixed"}
    if mix.scale == "each":
        to_margin = replace(to_margin, recentre=False)
    if mix.form == "summed":
        losses = [w * loss(0.0, (1.0, lines({name: 1.0}, to_margin))) for name, w in adaptive.items()]
        return torch.stack([*losses, *([fixed * loss(to_margin.alpha)] if fixed else [])]).sum()
    if mix.scale == "each" or not adaptive:
        each = [(w, lines({name: 1.0}, to_margin)) for name, w in adaptive.items()]
        return loss(fixed * to_margin.alpha, *each)
    whole = 1 - fixed
    shares = {name: weight / whole for name, weight in adaptive.items()}
    return loss(0.0, (1.0, lines(shares, replace(to_margin, beta=whole * to_margin.beta))))


def groups_of(ids: Ids | None, like: Tensor) -> Groups:
    """The items of a batch by their ids.

    Args:
        ids: One name an item [N], or None if all are different.
        like: [N, N] on the device of the scores.

    Returns:
        The groups.

    Raises:
        ValueError: If there are not N ids, or all are equal.

    Source:
        ours.

    Example:
        >>> groups_of(["a", "b", "a"], torch.eye(3)).negatives
        tensor([1, 2, 1])
    """
    groups = Groups(torch.arange(len(like), device=like.device) if ids is None else id_codes(ids, like))
    check_some_negative(groups.negatives)
    return groups
