"""Figures of the other answers: what each does to a pair, and how often a mask is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes


class PairPanel(NamedTuple):
    """One panel of ``plot_pair_margins``.

    Args:
        title: Name of the answer.
        margin: Of every pair [P], in units of the similarity; NaN where the pair is removed.
        unit: What stands on the vertical axis.
    """

    title: str
    margin: ArrayLike
    unit: str = "margin (cosine)"


def plot_pair_margins(
    similarity: ArrayLike, true_answer: ArrayLike, panels: Sequence[PairPanel], columns: int = 3
) -> Figure:
    """Draw what several answers ask of the same pairs, against how alike the pair's items are.

    Args:
        similarity: Cosine of the pair's items within a modality [P].
        true_answer: Boolean [P], True for the false negatives.
        panels: One for each answer.
        columns: Panels in a row.

    Returns:
        The figure: dots are pairs, rings false negatives; removed pairs are crosses in a strip at the foot.

    Raises:
        ValueError: If there is no panel, or one has another number of pairs.

    Source:
        ours.

    Example:
        >>> figure = plot_pair_margins([0.1, 0.9], [False, True], [PairPanel("fixed", [0.2, 0.2])])
    """
    if not panels:
        raise ValueError("panels: expected at least one, got none")
    x, true = np.asarray(similarity, np.float64), np.asarray(true_answer, bool)
    rows = -(-len(panels) // columns)
    size = (3.1 * columns, 2.5 * rows + 0.3)
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, sharex=True)
    limits = _limits(panels)
    for ax, panel in zip(axes.flat, panels, strict=False):
        margin = np.asarray(panel.margin, np.float64)
        if margin.shape != x.shape or true.shape != x.shape:
            raise ValueError(f"{panel.title}: expected {x.shape} pairs, got {margin.shape} and {true.shape}")
        _pairs(ax, x, true, margin, *limits[panel.unit])
        ax.set_title(panel.title, fontsize="medium")
        ax.set_ylabel(panel.unit, fontsize="small")
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("similarity of the captions (cosine)", fontsize="small")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def plot_mask_precision(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]], floor: float, ax: Axes | None = None
) -> Axes:
    """Draw how often a removed pair really was a false negative, against how many are removed.

    Args:
        curves: Share of pairs removed and share of them that are false negatives, in percent, by name.
        floor: Share of false negatives among all pairs, in percent: removing at random.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes, with a logarithmic horizontal axis.

    Source:
        ours.

    Example:
        >>> ax = plot_mask_precision({"text teacher": ([1.0, 10.0], [30.0, 10.0])}, floor=3.0)
    """
    ax = new_axes(ax)
    for i, (name, (share, precision)) in enumerate(curves.items()):
        ax.plot(np.asarray(share), np.asarray(precision), label=name, linewidth=2, **line_style(i))
    ax.axhline(floor, color="black", linewidth=1, label="at random")
    ax.set(
        xscale="log",
        xlabel="pairs removed (% of all negatives)",
        ylabel="of these, really false negatives (%)",
        ylim=(0, None),
    )
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(fontsize="small")
    return ax


def _limits(panels: Sequence[PairPanel]) -> dict[str, tuple[float, float]]:
    """Lowest and highest margin of all panels with one unit, so that these can be compared by eye."""
    limits = {}
    for unit in {panel.unit for panel in panels}:
        values = np.concatenate([np.ravel(panel.margin) for panel in panels if panel.unit == unit])
        values = values[np.isfinite(values)]
        limits[unit] = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    return limits


def _pairs(
    ax: Axes,
    x: NDArray[np.float64],
    true: NDArray[np.bool_],
    margin: NDArray[np.float64],
    low: float,
    high: float,
) -> None:
    kept = np.isfinite(margin)
    room = max(high - low, 0.1)
    foot = low - 0.15 * room
    ax.plot(
        x[kept & ~true], margin[kept & ~true], ".", color=PALETTE[0], markersize=2.5, label="true negative"
    )
    ax.plot(
        x[kept & true],
        margin[kept & true],
        "o",
        markeredgecolor=PALETTE[1],
        markerfacecolor="none",
        markersize=4.5,
        label="false negative",
    )
    for group, colour in ((~kept & ~true, PALETTE[0]), (~kept & true, PALETTE[1])):
        ax.plot(x[group], np.full(group.sum(), foot), "x", color=colour, markersize=4)
    # A label even where nothing is removed: one legend serves all panels.
    ax.plot([], [], "x", color="black", markersize=4, label="removed (at the foot)")
    ax.set_ylim(foot - 0.1 * room, high + 0.1 * room)
