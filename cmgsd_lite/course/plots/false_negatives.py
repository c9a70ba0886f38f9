"""Figures of false negatives: how many there are, where they stand, and how much of the push they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from cmgsd_lite.course.histograms import GROUPS, VIEWS
from cmgsd_lite.course.plots.base import PALETTE, line_style, loss_style, new_axes

LOOKS = {"positives": (2, "-"), "false negatives": (1, "--"), "true negatives": (0, "-.")}
"""Colour of the palette and dash of each group."""


def plot_false_negative_counts(counts: Mapping[str, ArrayLike], ax: Axes | None = None) -> Axes:
    """Draw the share of captions that have at least k false negatives in their batch.

    Args:
        counts: False negatives of each caption, whole numbers, by the name of the data.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes. Mean and median stand in the legend.

    Raises:
        ValueError: If there is no count.

    Source:
        ours.

    Example:
        >>> ax = plot_false_negative_counts({"default": [0, 0, 3]})
    """
    if not counts or any(np.size(value) == 0 for value in counts.values()):
        raise ValueError("counts: expected at least one caption of each name, got none")
    ax = new_axes(ax)
    largest = max(int(np.max(np.asarray(value))) for value in counts.values())
    at_least = np.arange(1, max(largest, 1) + 1)
    for number, (name, value) in enumerate(counts.items()):
        found = np.asarray(value).ravel()
        share = [100 * float((found >= k).mean()) for k in at_least]
        label = f"{name}: mean {found.mean():.1f}, median {np.median(found):.0f}"
        ax.plot(at_least, share, label=label, linewidth=2, **line_style(number))
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.set(xlabel="at least so many false negatives in the batch", ylabel="share of captions (%)")
    ax.set_ylim(0, None)
    ax.legend(fontsize="small")
    return ax


def plot_groups(panels: Mapping[str, Sequence[ArrayLike]], view: str, columns: int = 3) -> Figure:
    """Draw where positives, false and true negatives stand, each panel on the same axes.

    Args:
        panels: Shares of each of ``GROUPS`` in percent, as ``group_shares`` counts them, by the title.
        view: One of ``VIEWS``.
        columns: Panels side by side.

    Returns:
        The figure. Each line is the share of its own group: few pairs are not hidden by many.

    Raises:
        ValueError: If there is no panel.

    Source:
        ours.

    Example:
        >>> figure = plot_groups({"before": group_shares(sim, false, "cosine")}, "cosine")  # doctest: +SKIP
    """
    if not panels:
        raise ValueError("panels: expected at least one, got none")
    rows = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(11, 0.8 + 2.7 * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax in list(grid.flat)[len(panels) :]:
        ax.remove()
    for ax, (title, shares) in zip(grid.flat, panels.items(), strict=False):
        for name, share in zip(GROUPS, shares, strict=True):
            colour, dash = LOOKS[name]
            edges = np.linspace(*VIEWS[view], len(np.asarray(share)) + 1)
            ax.stairs(share, edges, color=PALETTE[colour], linestyle=dash, linewidth=1.8, label=name)
        ax.set_title(title)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(GROUPS))
    figure.supxlabel(
        "similarity (cosine)" if view == "cosine" else "spreads above the mean of the text's negatives"
    )
    figure.supylabel("share of its own group (%)")
    return figure


def plot_shares(shares: Mapping[str, float], chance: float, ax: Axes | None = None, label: str = "") -> Axes:
    """Draw one bar a loss, with a line where chance would put them.

    Args:
        shares: In percent, by the name of the loss.
        chance: In percent: the share among all pairs.
        ax: Where to draw; a new figure by default.
        label: Of the axis, with its unit.

    Raises:
        ValueError: If there is no share.

    Source:
        ours.

    Example:
        >>> ax = plot_shares({"mean": 12.0, "hardest": 27.0}, chance=3.0)
    """
    if not shares:
        raise ValueError("shares: expected at least one, got none")
    ax = new_axes(ax)
    for place, (name, share) in enumerate(shares.items()):
        ax.barh(place, share, 0.7, color=loss_style(name)["color"])
        ax.annotate(f"{share:.0f} %", (share, place), (4, 0), textcoords="offset points", va="center")
    ax.axvline(chance, color="black", linestyle="--", label=f"among all negatives: {chance:.0f} %")
    ax.set_yticks(range(len(shares)), list(shares))
    ax.invert_yaxis()
    ax.set(xlabel=label)
    ax.margins(x=0.12)
    ax.legend(loc="upper right")
    return ax


def plot_turn(panels: Mapping[str, ArrayLike]) -> Figure:
    """Draw twin texts 1 and 2, their videos, and pairs 3 and 4 on a circle, one circle a case.

    Args:
        panels: By title, degrees [2, 3]: the texts, then the videos, of the twins, of pair 3 and of pair 4.

    Returns:
        The figure: triangles are texts, dots videos.

    Raises:
        ValueError: If there is no case.

    Source:
        ours.

    Example:
        >>> figure = plot_turn({"start": [[0, -45, 180], [40, -45, 180]]})
    """
    if not panels:
        raise ValueError("panels: expected at least one, got none")
    figure, grid = plt.subplots(1, len(panels), figsize=(11, 3.8), squeeze=False, layout="constrained")
    around = np.linspace(0, 2 * np.pi, 121)
    for ax, (title, degrees) in zip(grid[0], panels.items(), strict=True):
        ax.plot(np.cos(around), np.sin(around), color="0.8", zorder=0)
        for radius, marker, row in zip(
            (0.93, 1.07), ("^", "o"), np.asarray(degrees, np.float64), strict=True
        ):
            for pair, (colour, angle) in enumerate(zip((2, 3, 7), np.deg2rad(row), strict=True)):
                x, y = radius * np.cos(angle), radius * np.sin(angle)
                ax.scatter([x], [y], marker=marker, s=70, color=[PALETTE[colour]], edgecolor="white")
                kind, number = "text" if marker == "^" else "video", ("1 = 2", "3", "4")[pair]
                out = 0.6 if marker == "^" else 1.42
                ax.text(
                    out * np.cos(angle), out * np.sin(angle), f"{kind}\n{number}", ha="center", va="center"
                )
        ax.set(xlim=(-1.75, 1.75), ylim=(-1.35, 1.35), aspect="equal", xticks=[], yticks=[], title=title)
        ax.set_frame_on(False)
    return figure
