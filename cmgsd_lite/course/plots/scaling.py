"""Figures of scaling out: the square of a batch in three ways, false negatives by batch size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes


def plot_square(pairs: int = 12, processes: int = 2, block: int = 3) -> Figure:
    """Draw which pairs of a batch are seen: apart, gathered, and in blocks (at the third block).

    Args:
        pairs: N.
        processes: That share the batch.
        block: Rows of a block.

    Returns:
        Three squares; grey cells are not seen, pale ones were seen and forgotten.

    Source:
        ours.

    Example:
        >>> figure = plot_square()
    """
    owner = np.arange(pairs) * processes // pairs
    rows, strong = np.arange(pairs), np.full((pairs, pairs), 0.75)
    blocks = np.where(rows < 2 * block, 0.3, np.where(rows < 3 * block, 0.75, 0))[:, None]
    panels = {
        f"apart: {processes} processes, each for itself": strong * (owner[:, None] == owner),
        "gathered": strong,
        f"in blocks of {block} rows, at the third block": blocks * np.ones(pairs),
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
    for ax, (name, seen) in zip(axes, panels.items(), strict=True):
        who = 0 * owner if name.startswith("in blocks") else owner  # there all processes do the same
        colour = np.array([PALETTE[p % len(PALETTE)] for p in who])[:, None, :] * np.ones((1, pairs, 1))
        share = np.where(np.eye(pairs, dtype=bool) & (seen > 0), 1, seen)[..., None]
        ax.imshow(np.where(share > 0, share * colour + (1 - share), 0.88))
        ax.set(title=name, xlabel="videos", ylabel="texts", xticks=[], yticks=[])
    return figure


def plot_by_size(found: Mapping[int, Mapping[str, float]], ax: Axes | None = None) -> Axes:
    """Draw what of the false negatives grows with the batch and what does not.

    Args:
        found: As ``false_negatives_by_size`` returns it.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes, with a logarithmic scale of batch sizes.

    Source:
        ours.

    Example:
        >>> ax = plot_by_size({8: {"any": 13, "hardest": 9, "share": 3}})
    """
    ax = new_axes(ax)
    names = {
        "any": "captions with a false negative in the batch",
        "hardest": "captions whose hardest negative is false",
        "share": "negative pairs that are false",
    }
    for i, (key, name) in enumerate(names.items()):
        ax.plot(list(found), [row[key] for row in found.values()], marker="o", label=name, **line_style(i))
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(found), [f"{size:,}" for size in found])
    ax.set(xlabel="pairs in a batch", ylabel="share (%)", ylim=(0, 100))
    ax.legend(loc="upper left")
    return ax
