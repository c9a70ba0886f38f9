"""Figures of the derivation of the margin: what the map does to distances, and what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes


def plot_maps(distances: Mapping[str, ArrayLike], margins: Mapping[str, ArrayLike], bins: int = 40) -> Figure:
    """Draw the distances of some teachers side by side with the margins that are made of them.

    Args:
        distances: Distances by the name of the teacher.
        margins: Margins by the same names, in units of the similarity.
        bins: Of each histogram.

    Returns:
        The figure: distances on the left, margins on the right.

    Raises:
        ValueError: If the names differ, or there is none.

    Source:
        ours.

    Example:
        >>> figure = plot_maps({"teacher": [0.1, 0.9]}, {"teacher": [0.15, 0.25]})
    """
    if not distances or list(distances) != list(margins):
        raise ValueError(f"margins: expected the names {list(distances)}, got {list(margins)}")
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    for ax, values, unit in (
        (left, distances, "distance"),
        (right, margins, "margin (units of the similarity)"),
    ):
        together = np.concatenate([np.asarray(value, np.float64).ravel() for value in values.values()])
        edges = np.histogram_bin_edges(together, bins)
        for number, (name, value) in enumerate(values.items()):
            density, _ = np.histogram(np.asarray(value).ravel(), edges, density=True)
            ax.stairs(density, edges, label=name, linewidth=1.8, **line_style(number))
        ax.set(xlabel=unit, ylabel="density")
    left.legend(fontsize="small")
    return figure


def plot_lines(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    xlabel: str,
    ylabel: str,
    ax: Axes | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> Axes:
    """Draw some lines over one axis.

    Args:
        x: [K].
        lines: [K] each, by name.
        xlabel: With its unit.
        ylabel: With its unit.
        ax: Where to draw; a new figure by default.
        marks: Places on the x-axis with a text, drawn as thin vertical lines.

    Returns:
        The Axes.

    Raises:
        ValueError: If there is no line, or one of another length than ``x``.

    Source:
        ours.

    Example:
        >>> ax = plot_lines([0, 1], {"margin": [0.1, 0.3]}, "distance", "margin")
    """
    places = np.asarray(x, np.float64)
    if not lines or any(np.shape(line) != places.shape for line in lines.values()):
        raise ValueError(f"lines: expected at least one, each of shape {list(places.shape)}")
    ax = new_axes(ax)
    for number, (name, line) in enumerate(lines.items()):
        ax.plot(places, np.asarray(line), label=name, linewidth=2, **line_style(number))
    for place, text in marks:
        ax.axvline(place, color="grey", linewidth=0.8)
        ax.annotate(
            text, (place, 1), (3, -3), xycoords=("data", "axes fraction"), textcoords="offset points",
            va="top", fontsize="small",
        )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize="small")
    return ax


def plot_by_group(
    groups: Mapping[str, ArrayLike], ylabel: str, ax: Axes | None = None, level: float | None = None
) -> Axes:
    """Draw a box for each group of values.

    Args:
        groups: Values by the name of the group.
        ylabel: With its unit.
        ax: Where to draw; a new figure by default.
        level: Where to draw a horizontal line for comparison.

    Returns:
        The Axes. Boxes span the middle half, whiskers 1.5 times its height; outliers are left out.

    Raises:
        ValueError: If there is no group, or an empty one.

    Source:
        ours.

    Example:
        >>> ax = plot_by_group({"no hinge": [-0.1, 0.0], "two hinges": [0.5, 0.6]}, "gradient")
    """
    values = {name: np.asarray(group, np.float64).ravel() for name, group in groups.items()}
    if not values or any(value.size == 0 for value in values.values()):
        raise ValueError("groups: expected at least one value in each group, got none")
    ax = new_axes(ax)
    boxes = ax.boxplot(list(values.values()), showfliers=False, patch_artist=True, widths=0.5)
    for number, box in enumerate(boxes["boxes"]):
        box.set(facecolor=(*PALETTE[number], 0.5))
    ax.set_xticks(range(1, len(values) + 1), list(values))
    if level is not None:
        ax.axhline(level, color="black", linestyle="--", linewidth=1)
    ax.set_ylabel(ylabel)
    return ax
