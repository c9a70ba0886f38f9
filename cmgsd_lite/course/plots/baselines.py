"""Figures of the other answers: what each does to a pair, how often a mask is right, and the bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
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
    similarity: ArrayLike,
    true_answer: ArrayLike,
    panels: Sequence[PairPanel],
    across: str = "similarity of the captions (cosine)",
    columns: int = 3,
) -> Figure:
    """Draw what several answers ask of the same pairs, against how alike the pair's items are.

    Args:
        similarity: How alike a guide finds the pair's items [P].
        true_answer: Boolean [P], True for the false negatives.
        panels: One for each answer.
        across: What stands on the horizontal axis.
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
    size = (3.3 * columns, 3.2 * rows + 0.3)
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, sharex=True)
    limits = _limits(panels)
    removable = any(np.isnan(np.asarray(panel.margin, np.float64)).any() for panel in panels)
    for ax, panel in zip(axes.flat, panels, strict=False):
        margin = np.asarray(panel.margin, np.float64)
        if margin.shape != x.shape or true.shape != x.shape:
            raise ValueError(f"{panel.title}: expected {x.shape} pairs, got {margin.shape} and {true.shape}")
        _pairs(ax, x, true, margin, *limits[panel.unit], removable)
        ax.set_title(panel.title, fontsize="medium")
        ax.set_ylabel(panel.unit, fontsize="small")
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel(across, fontsize="small")
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


def plot_pushes(pushes: Mapping[str, ArrayLike], pair: tuple[int, int]) -> Figure:
    """Draw which share of the push apart falls on each pair of a small batch, one panel an answer.

    Args:
        pushes: Slopes of a loss [N, N] by name; partners on the diagonal, what is pulled together is below 0.
        pair: The false negative, framed.

    Returns:
        The figure: percent of all push on negatives.

    Source:
        ours.

    Example:
        >>> figure = plot_pushes({"hardest": [[0, 2, 0], [1, 0, 1], [0, 0, 0]]}, (0, 1))
    """
    size = (3.4 * len(pushes), 3.7)
    figure, axes = plt.subplots(1, len(pushes), figsize=size, layout="constrained", squeeze=False)
    for ax, (name, values) in zip(axes.flat, pushes.items(), strict=True):
        apart = np.maximum(np.asarray(values, np.float64), 0)
        np.fill_diagonal(apart, 0)
        shares = 100 * apart / max(apart.sum(), 1e-12)
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for (i, j), value in np.ndenumerate(shares):
            colour = "white" if value > 50 else "black"
            ax.text(j, i, "" if i == j else f"{value:.0f} %", ha="center", va="center", color=colour)
        i, j = pair
        ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=PALETTE[1], linewidth=4))
        ax.set(
            title=name, xlabel="video", ylabel="text", xticks=range(len(shares)), yticks=range(len(shares))
        )
    return figure


def plot_bench(runs: Mapping[str, Sequence[Mapping[str, float]]], keys: Sequence[str]) -> Figure:
    """Draw losses in groups by the plain loss that they are built on, one panel a metric.

    Args:
        runs: By name, each seed's metrics in percent. ``"smooth"`` is a plain loss, ``"smooth + mask"`` an
            answer built on it; a name that ends with a star knows the truth.
        keys: Metrics to draw.

    Returns:
        The figure: dots are seeds, bars their mean, a thin line the mean of the group's plain loss.

    Source:
        ours.

    Example:
        >>> runs = {"smooth": [{"R@10": 63.0}], "smooth + mask": [{"R@10": 64.0}]}
        >>> figure = plot_bench(runs, ("R@10",))
    """
    size = (2.4 + 2.5 * len(keys), 1.2 + 0.29 * len(runs))
    figure, axes = plt.subplots(1, len(keys), figsize=size, layout="constrained", squeeze=False, sharey=True)
    bases = list(dict.fromkeys(name.partition(" + ")[0] for name in runs))
    for ax, key in zip(axes.flat, keys, strict=True):
        for place, (name, of_seeds) in enumerate(runs.items()):
            base = name.partition(" + ")[0]
            values = [run[key] for run in of_seeds]
            colour = PALETTE[bases.index(base)]
            ax.plot(
                values, [place] * len(values), "*" if name.endswith("*") else "o", color=colour, alpha=0.7
            )
            ax.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=2.5)
        for base in bases:
            group = [i for i, name in enumerate(runs) if name.partition(" + ")[0] == base]
            plain = float(np.mean([run[key] for run in runs[base]]))
            ax.plot([plain] * 2, [group[0] - 0.4, group[-1] + 0.4], color="0.5", linewidth=1, zorder=0)
        ax.set_xlabel(f"{key} (%)")
        ax.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(runs)), list(runs))
    axes[0, 0].invert_yaxis()
    return figure


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
    removable: bool,
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
    if removable:  # a label in each panel: one legend serves all
        ax.plot([], [], "x", color="black", markersize=4, label="removed (at the foot)")
    ax.set_ylim(foot - 0.1 * room, high + 0.1 * room)
