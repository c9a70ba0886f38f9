"""Figures of the derivation of the margin: what the map does to distances, and what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping

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
) -> Axes:
    """Draw some lines over one axis.

    Args:
        x: [K].
        lines: [K] each, by name.
        xlabel: With its unit.
        ylabel: With its unit.
        ax: Where to draw; a new figure by default.

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
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.legend(fontsize="small")
    return ax


def plot_triangle(
    own: float, other: float, between: float, alpha: float = 0.2, beta: float = 0.1, ax: Axes | None = None
) -> Axes:
    """Draw caption, own video and other video, and how far out a margin asks the other one to stand.

    Args:
        own: Distance from the caption to its own video.
        other: From the caption to the other video.
        between: Of the two videos; mean .5 and standard deviation .2 are thought of, as in the moving
            picture ``triangle``.
        alpha: The fixed margin, whose ring is dotted.
        beta: Change of the margin for one standard deviation, whose ring is drawn through.
        ax: Where to draw; a new figure by default.

    Raises:
        ValueError: If no triangle has these sides.

    Source:
        ours.

    Example:
        >>> ax = plot_triangle(0.35, 0.45, 0.3)
    """
    if not abs(own - other) <= between <= own + other:
        raise ValueError(f"between: expected {abs(own - other):.2f} to {own + other:.2f}, got {between}")
    ax = new_axes(ax)
    margin = max(0.0, alpha + beta * (between - 0.5) / 0.2)
    cosine = (own**2 + other**2 - between**2) / (2 * own * other)
    x, y = other * cosine, other * np.sqrt(max(0.0, 1 - cosine**2))
    ax.plot([0, own, x, 0], [0, 0, y, 0], color="0.6", linewidth=1)
    for radius, name, style in (
        (own + alpha, f"fixed margin {alpha:.2f}", {"color": "0.4", "linestyle": ":"}),
        (own + margin, f"margin by distance {margin:.2f}", {"color": PALETTE[0], "linestyle": "-"}),
    ):
        angle = np.linspace(0, 2 * np.pi, 200)
        ax.plot(radius * np.cos(angle), radius * np.sin(angle), label=name, linewidth=2, **style)
    for place, name, colour, marker in (
        ((0, 0), "caption", PALETTE[0], "^"),
        ((own, 0), "own video", PALETTE[2], "o"),
        ((x, y), "other video", PALETTE[1], "o"),
    ):
        ax.plot(*place, marker, color=colour, markersize=10)
        ax.annotate(name, place, (8, -14), textcoords="offset points")
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.set_frame_on(False)
    ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, 0))
    return ax
