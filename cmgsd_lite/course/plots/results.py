"""Figures of results: curves of trainings, histograms of margins, tables as dot plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes


def plot_loss(histories: Mapping[str, Sequence[Mapping[str, Any]]], ax: Axes | None = None) -> Axes:
    """Draw the training loss over epochs, one line a condition.

    Args:
        histories: Of ``fit``, by name.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes. Losses of different reductions have different scales: compare shapes, not heights.

    Source:
        ours.

    Example:
        >>> ax = plot_loss({"infonce": [{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]})
    """
    ax = new_axes(ax)
    for i, (name, history) in enumerate(histories.items()):
        first = history[0]["loss"]
        ax.plot(
            [r["epoch"] for r in history], [r["loss"] / first for r in history], label=name, **line_style(i)
        )
    ax.set(xlabel="epoch", ylabel="training loss / its first epoch", ylim=(0, None))
    ax.legend(fontsize="small")
    return ax


def plot_recall(
    histories: Mapping[str, Sequence[Mapping[str, Any]]], key: str = "R@10", ax: Axes | None = None
) -> Axes:
    """Draw a validation metric over epochs (text to video), one line a condition.

    Args:
        histories: Of ``fit`` with validation videos, by name.
        key: Which metric.
        ax: Where to draw; a new figure by default.

    Source:
        ours.

    Example:
        >>> ax = plot_recall({"infonce": [{"epoch": 1, "validation": {"t2v": {"R@10": 30.0}}}]})
    """
    ax = new_axes(ax)
    for i, (name, history) in enumerate(histories.items()):
        values = [r["validation"]["t2v"][key] for r in history]
        ax.plot([r["epoch"] for r in history], values, label=name, **line_style(i))
    unit = "" if key in ("MdR", "MnR") else " (%)"
    ax.set(xlabel="epoch", ylabel=f"validation {key}, text to video{unit}")
    ax.legend(fontsize="small")
    return ax


def plot_margins(
    counts: Mapping[str, ArrayLike], bins: ArrayLike, fixed: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how often each margin occurs in a batch, one outline a condition.

    Args:
        counts: Pairs in each bin, by name.
        bins: Edges of the bins, in units of the similarity.
        fixed: The fixed margin, as a vertical line.
        ax: Where to draw; a new figure by default.

    Source:
        ours.

    Example:
        >>> ax = plot_margins({"cmgsd": [1, 2]}, [0.1, 0.2, 0.3], fixed=0.2)
    """
    ax = new_axes(ax)
    for i, (name, count) in enumerate(counts.items()):
        share = np.asarray(count) / max(np.sum(np.asarray(count)), 1)
        ax.stairs(100 * share, np.asarray(bins), label=name, **line_style(i))
    if fixed is not None:
        ax.axvline(fixed, color="black", linewidth=1, label="fixed margin")
    ax.set(xlabel="margin (cosine units)", ylabel="share of negative pairs (%)")
    ax.legend(fontsize="small")
    return ax


def plot_table(
    rows: Sequence[Mapping[str, Any]], key: str = "R@10", floor: float | None = None, ax: Axes | None = None
) -> Axes:
    """Draw one metric of a result table: a dot for every seed, a bar for the mean.

    Args:
        rows: ``rows`` of ``metrics.json``.
        key: Which metric, text to video.
        floor: Of a random ranking, as a vertical line.
        ax: Where to draw; a new figure by default.

    Source:
        ours.

    Example:
        >>> run = {"t2v": {"R@10": 40.0}}
        >>> ax = plot_table([{"name": "infonce", "per_seed": [run], "mean": run}])
    """
    ax = new_axes(ax)
    for place, row in enumerate(rows):
        values = [run["t2v"][key] for run in row["per_seed"]]
        ax.plot(values, [place] * len(values), "o", color=PALETTE[0], alpha=0.6, markersize=5)
        ax.plot([row["mean"]["t2v"][key]] * 2, [place - 0.3, place + 0.3], color=PALETTE[3], linewidth=2.5)
    if floor is not None:
        ax.axvline(floor, color="black", linestyle=":", label="random ranking")
        ax.legend(fontsize="small")
    ax.set_yticks(range(len(rows)), [row["name"] for row in rows])
    ax.invert_yaxis()
    unit = " (rank)" if key in ("MdR", "MnR") else " (%)"
    ax.set(xlabel=f"{key}, text to video{unit}; dots are seeds, bars their mean")
    ax.grid(axis="x", alpha=0.3)
    return ax
