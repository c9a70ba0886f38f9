"""Similarities by what is true, over a training: the frames of the moving picture ``distributions``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.small_training import in_units_of_anchors
from cmgsd_lite.evaluation.nearest import anchor_areas

GROUPS = ("positives", "false negatives", "true negatives")
VIEWS = {"each text once": (-4.0, 6.0), "each pair once": (-4.0, 6.0), "cosine": (-0.5, 1.0)}
"""Ends of the axis; what lies beyond is counted there. The first two are in each text's own units."""
BINS = 40


def group_shares(sim: Tensor, false: Tensor, view: str) -> list[list[float]]:
    """Count similarities of the three groups into bins.

    In ``"each pair once"`` all pairs are thrown together. In the other views only texts with a false negative
    count, and each of them weighs the same in every group: a few vague captions have most of the false ones.

    Args:
        sim: Similarities [N, N]: rows are texts, positives on the diagonal.
        false: The false negatives [N, N].
        view: One of ``VIEWS``.

    Returns:
        For each of ``GROUPS`` the percent in each of 40 bins.

    Raises:
        ValueError: On another view.

    Source:
        ours.

    Example:
        >>> false = torch.tensor([[False, True, False], [False, False, False], [False, False, False]])
        >>> [round(sum(shares)) for shares in group_shares(torch.eye(3), false, "cosine")]
        [100, 100, 100]
    """
    if view not in VIEWS:
        raise ValueError(f"view: expected one of {', '.join(VIEWS)}, got {view!r}")
    low, high = VIEWS[view]
    values = sim if view == "cosine" else in_units_of_anchors(sim)
    place = ((values - low) / (high - low) * BINS).long().clamp(0, BINS - 1)
    own = torch.eye(len(sim), dtype=torch.bool)
    has = false.any(dim=1, keepdim=True) | (view == "each pair once")
    shares = []
    for group in (own & has, false, ~own & ~false & has):
        each = 1.0 if view == "each pair once" else 1 / group.sum(dim=1, keepdim=True).clamp(min=1)
        weights = (each * group)[group]
        count = torch.bincount(place[group], weights, minlength=BINS)
        shares.append([round(x, 1) for x in (100 * count / count.sum().clamp(min=1)).tolist()])
    return shares


def order_of(sim: Tensor, false: Tensor) -> dict[str, float]:
    """How a model orders the clips of each text, in percent and per anchor: averaged over texts (or videos).

    Args:
        sim: Similarities [N, N]: rows are texts, positives on the diagonal.
        false: The false negatives [N, N].

    Returns:
        ``"FN above TN"``: how often a false negative of a text lies above a true one of the same text
        (chance: 50); ``"by video"``: the same among the texts of one video; ``"pooled"``: over all pairs at
        once; ``"own above FN"``: how often the own clip lies above a false negative of the text.

    Source:
        ours.

    Example:
        >>> truth = torch.tensor([[False, True, False], [False, False, False], [False, False, False]])
        >>> order_of(torch.tensor([[0.9, 0.8, 0.1], [0.2, 0.7, 0.3], [0.1, 0.4, 0.6]]), truth)["FN above TN"]
        100.0
    """
    areas = anchor_areas(-sim.numpy(), false.numpy())
    has = false.any(dim=1)
    above = (false & (sim.diagonal()[:, None] > sim)).sum(dim=1)[has] / false.sum(dim=1)[has]
    return {
        "FN above TN": areas["auc_text"],
        "by video": areas["auc_video"],
        "pooled": areas["auc_batch"],
        "own above FN": 100 * float(above.mean()),
    }


def distribution_frames(looks: Mapping[str, Sequence[Tensor]], false: Tensor) -> dict[str, Any]:
    """Everything that the moving picture ``distributions`` draws.

    Args:
        looks: Similarities [N, N] before training and after each epoch, by the name of the loss.
        false: The false negatives [N, N].

    Returns:
        Ranges of the axes, and for every loss and epoch shares and orders, ready for JSON.

    Source:
        ours.

    Example:
        >>> sorted(distribution_frames({"mean": [torch.eye(3)]}, torch.eye(3) > 2))
        ['losses', 'ranges']
    """
    return {
        "ranges": {view: list(ends) for view, ends in VIEWS.items()},
        "losses": {
            name: [
                {
                    "shares": {view: group_shares(sim, false, view) for view in VIEWS},
                    "order": {key: round(value, 1) for key, value in order_of(sim, false).items()},
                }
                for sim in moments
            ]
            for name, moments in looks.items()
        },
    }
