"""Figures of distances: do they know the false negatives, who is near whom, how good are teachers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes

MARKERS = ("o", "s", "^", "D", "v", "P")


def plot_arrows(points: Mapping[str, tuple[float, float]], ax: Axes | None = None) -> Axes:
    """Draw two-dimensional embeddings as arrows from the origin.

    Args:
        points: Coordinates by name.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes.

    Source:
        ours.

    Example:
        >>> ax = plot_arrows({"a": (1.0, 0.0), "b": (2.0, 0.0)})
    """
    ax = new_axes(ax)
    for i, (name, (x, y)) in enumerate(points.items()):
        colour = PALETTE[i % len(PALETTE)]
        # The first arrow is thick: one that lies on it does not hide it.
        width = 3 if i else 9
        ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "color": colour, "lw": width})
        ax.annotate(name, (x, y), (6, 6), textcoords="offset points", color=colour, fontsize="large")
    reach = 1.2 * max(max(abs(x), abs(y)) for x, y in points.values())
    ax.set(xlabel="first dimension", ylabel="second dimension", xlim=(-0.2, reach), ylim=(-0.2, reach))
    ax.set_aspect("equal")
    ax.grid(alpha=0.3)
    return ax


def plot_distance_groups(
    near: ArrayLike, far: ArrayLike, auc: float, name: str, ax: Axes | None = None, bins: int = 40
) -> Axes:
    """Draw the distances of false and of true negatives as two outlines of equal area.

    Args:
        near: Distances of the false negatives.
        far: Distances of the true negatives.
        auc: Shown in the title.
        name: Of the distance, for the title.
        ax: Where to draw; a new figure by default.
        bins: Over the common range.

    Returns:
        The Axes.

    Raises:
        ValueError: If either is empty.

    Source:
        ours.

    Example:
        >>> ax = plot_distance_groups([0.1, 0.2], [0.4, 0.9], 1.0, "text-static")
    """
    ax = new_axes(ax)
    values = {"false negatives": np.asarray(near).ravel(), "true negatives": np.asarray(far).ravel()}
    for group, found in values.items():
        if not found.size:
            raise ValueError(f"near, far: expected at least one distance of {group}, got none")
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    for (group, found), colour, dash in zip(
        values.items(), (PALETTE[1], PALETTE[0]), ("-", "--"), strict=True
    ):
        density, _ = np.histogram(found, edges, density=True)
        ax.stairs(density, edges, color=colour, linestyle=dash, linewidth=1.8, label=group)
    ax.set(xlabel="cosine distance", ylabel="density", title=f"{name}: AUC {auc:.2f}")
    return ax


def plot_quality(
    groups: Mapping[str, Mapping[str, tuple[float, float]]], unit: str = "AUC", guess: float = 0.5
) -> Figure:
    """Draw the quality of distances as dots with a line of one standard deviation to each side.

    Args:
        groups: Mean and standard deviation, by panel and by name of the distance.
        unit: What quality is measured by.
        guess: Quality of guessing, as a vertical line.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw.

    Source:
        ours.

    Example:
        >>> figure = plot_quality({"training clips": {"text-static": (0.79, 0.01)}})
    """
    if not groups:
        raise ValueError("groups: expected at least one, got none")
    figure, axes = plt.subplots(
        1, len(groups), figsize=(4.4 * len(groups) + 0.6, 4), layout="constrained", sharey=True, squeeze=False
    )
    names = list(dict.fromkeys(name for values in groups.values() for name in values))
    for i, (ax, (title, values)) in enumerate(zip(axes[0], groups.items(), strict=True)):
        for name, (mean, sd) in values.items():
            ax.errorbar(
                mean, names.index(name), xerr=sd, fmt=MARKERS[i % len(MARKERS)], color=PALETTE[i], capsize=3
            )
        ax.axvline(guess, color="black", linestyle=":", linewidth=1)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel=unit, title=title)
        ax.grid(axis="x", alpha=0.3)
    axes[0, 0].invert_yaxis()
    return figure


def plot_neighbours(
    anchor: NDArray[np.uint8],
    rows: Mapping[str, Sequence[tuple[NDArray[np.uint8], str, bool]]],
    title: str,
    anchor_note: str = "",
) -> Figure:
    """Draw one frame of an anchor clip, and of the nearest clips by each distance.

    Args:
        anchor: One frame of the anchor, RGB [H, W, 3].
        rows: For each distance the nearest clips: a frame, a line of text, and whether the caption is true
            of the clip.
        title: The anchor's caption.
        anchor_note: A line under the anchor.

    Returns:
        The figure; right answers have a thick coloured frame and are named as well.

    Raises:
        ValueError: If there is no row.

    Source:
        ours.

    Example:
        >>> frame = np.zeros((8, 8, 3), np.uint8)
        >>> figure = plot_neighbours(frame, {"text-static": [(frame, "a cat", True)]}, "a cat")
    """
    if not rows:
        raise ValueError("rows: expected at least one distance, got none")
    columns = max(len(row) for row in rows.values())
    figure = plt.figure(figsize=(1.9 * (columns + 1.4), 2.1 * len(rows) + 0.4), layout="constrained")
    grid = figure.add_gridspec(len(rows), columns + 1, width_ratios=[1.4] + [1] * columns)
    _frame(figure.add_subplot(grid[:, 0]), anchor, "anchor", anchor_note, "black", 1)
    for line, (name, found) in enumerate(rows.items()):
        for place, (frame, note, true) in enumerate(found, 1):
            heading = f"{place}. {'caption true' if true else 'not true'}"
            colour, width = (PALETTE[1], 4) if true else ("0.6", 1)
            ax = figure.add_subplot(grid[line, place])
            _frame(ax, frame, heading, note, colour, width)
            if place == 1:
                ax.set_ylabel(name, fontsize="large")
    figure.suptitle(f"“{title}”")
    return figure


def plot_against_quality(
    quality: ArrayLike,
    curves: Mapping[str, Sequence[ArrayLike]],
    levels: Mapping[str, float],
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a training gives against the quality of its teacher: a dot a seed, a line for the mean.

    Args:
        quality: Of each teacher [K].
        curves: For each name the results of every seed at each quality: K arrays.
        levels: Results without a teacher, as horizontal lines.
        xlabel: What quality is.
        ylabel: What the results are.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: If a curve has another length than ``quality``.

    Source:
        ours.

    Example:
        >>> results = {"static": [[89.0], [90.0]]}
        >>> ax = plot_against_quality([0.5, 0.8], results, {"fixed": 88.5}, "AUC", "nDCG (%)")
    """
    ax = new_axes(ax)
    x = np.asarray(quality, np.float64)
    for i, (name, results) in enumerate(curves.items()):
        if len(results) != len(x):
            raise ValueError(f"curves: expected {len(x)} for {name!r}, got {len(results)}")
        style = line_style(i)
        for place, values in zip(x, results, strict=True):
            ax.plot([place] * np.size(values), np.ravel(values), MARKERS[i], color=style["color"], alpha=0.5)
        ax.plot(x, [float(np.asarray(values).mean()) for values in results], linewidth=2, label=name, **style)
    for (name, level), dash in zip(levels.items(), ("--", ":", "-."), strict=False):
        ax.axhline(level, color="black", linestyle=dash, linewidth=1.2, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize="small", loc="center left")
    return ax


def _frame(ax: Axes, frame: NDArray[np.uint8], heading: str, note: str, colour: object, width: float) -> None:
    ax.imshow(frame)
    ax.set_title(heading, fontsize="small")
    ax.set_xlabel(note, fontsize="x-small")
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set(edgecolor=colour, linewidth=width)
