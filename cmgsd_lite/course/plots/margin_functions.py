"""Figures of the way from distance to margin: the functions, their two settings, and the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes

Floats = NDArray[np.float64]
MARGIN = "margin (cosine units)"
TALLEST = 25
"""Top of every histogram of margins, in percent of a group."""
LEAST = 30
"""Pairs at a level of relevance whose mean is drawn: that of fewer says little."""


def plot_margin_histogram(
    margins: ArrayLike,
    false_negatives: ArrayLike,
    bins: ArrayLike,
    ax: Axes | None = None,
    fixed: float | None = None,
) -> Axes:
    """Draw how often each margin occurs among false negatives and among true ones.

    Args:
        margins: Of P pairs; pairs that are removed (minus infinity) are counted in the title instead.
        false_negatives: bool [P].
        bins: Edges, in units of the similarity; margins beyond are counted in the outermost bins.
        ax: Where to draw; a new figure by default.
        fixed: The fixed margin, as a vertical line.

    Returns:
        The Axes, one scale whatever is drawn (a taller bin says its share); each outline sums to 100 % of its
        group, removed pairs included.

    Raises:
        ValueError: If the two differ in length.

    Source:
        ours.

    Example:
        >>> ax = plot_margin_histogram([0.1, 0.2, 0.3], [True, False, False], [0.0, 0.2, 0.4])
    """
    values, false = np.asarray(margins, np.float64).ravel(), np.asarray(false_negatives, bool).ravel()
    if values.shape != false.shape:
        raise ValueError(f"false_negatives: expected {values.size} like margins, got {false.size}")
    ax = new_axes(ax)
    edges, removed = np.asarray(bins, np.float64), np.isneginf(values)
    for name, group, colour, dash in (
        ("true negatives", ~false, PALETTE[0], "--"),
        ("false negatives", false, PALETTE[1], "-"),
    ):
        kept = values[group & ~removed].clip(edges[0], edges[-1])
        count, _ = np.histogram(kept, edges)
        share = 100 * count / max(group.sum(), 1)
        ax.stairs(share, edges, color=colour, linestyle=dash, linewidth=1.8, label=name)
        if share.max() > TALLEST:
            tallest = share.argmax()
            words = f"{share.max():.0f} %" + (f" below {edges[1]:.2g}" if tallest == 0 else "")
            ax.annotate(
                words, (edges[tallest], 0.8 * TALLEST), (6, 0), textcoords="offset points", color=colour
            )
        if kept.size:
            ax.plot([kept.mean()] * 2, [0.93, 1.0], color=colour, transform=ax.get_xaxis_transform())
    if fixed is not None:
        ax.axvline(fixed, color="black", linewidth=0.8)
    ax.set(xlabel=MARGIN, ylabel="share of the group (%)", ylim=(0, TALLEST))
    return ax


def plot_margin_grid(
    distances: ArrayLike,
    false_negatives: ArrayLike,
    rule: Any,
    alphas: Sequence[float],
    betas: Sequence[float],
) -> Figure:
    """Draw the histogram of margins for each pair of settings: rows are alphas, columns are betas.

    Args:
        distances: [N, N], handed to ``rule``.
        false_negatives: bool [N, N].
        rule: (distances, alpha, beta) to margins [N, N].
        alphas: One a row.
        betas: One a column.

    Returns:
        The figure; each title says the mean margin and how many margins are clipped to 0.

    Source:
        ours.

    Example:
        >>> d = np.array([[0.0, 0.4], [0.8, 0.0]])
        >>> figure = plot_margin_grid(d, d > 1, lambda d, alpha, beta: alpha + beta * d, [0.2], [0.05])
    """
    outside = ~np.eye(len(np.asarray(distances)), dtype=bool)
    false = np.asarray(false_negatives, bool)[outside]
    figure, axes = plt.subplots(
        len(alphas),
        len(betas),
        figsize=(2.6 * len(betas) + 0.4, 2.4 * len(alphas) + 0.4),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    bins = np.linspace(0, 3 * max(alphas), 61)
    for row, alpha in enumerate(alphas):
        for column, beta in enumerate(betas):
            values = np.asarray(rule(distances, alpha, beta))[outside]
            ax = plot_margin_histogram(values, false, bins, axes[row, column], fixed=alpha)
            ax.set_title(f"α = {alpha:g}, β = {beta:g}\n{describe(values)}", fontsize="medium")
            if row < len(alphas) - 1:
                ax.set_xlabel("")
            if column:
                ax.set_ylabel("")
    axes[0, -1].legend(fontsize="small", title="ticks above: means", title_fontsize="small")
    return figure


def plot_controls(margins: Mapping[str, ArrayLike], relevance: ArrayLike, fixed: float) -> Figure:
    """Draw margins under several controls: their histogram above, their mean at each relevance below.

    Args:
        margins: [N, N] each, by name; removed pairs are minus infinity.
        relevance: Truth [N, N] in [0, 1].
        fixed: The fixed margin, as a line.

    Returns:
        The figure; below, "removed" stands where a relevance has no pair left.

    Raises:
        ValueError: If there is no margin matrix.

    Source:
        ours.

    Example:
        >>> figure = plot_controls({"fixed": np.full((3, 3), 0.2)}, np.eye(3)[::-1], fixed=0.2)
    """
    if not margins:
        raise ValueError("margins: expected at least one matrix, got none")
    truth = np.asarray(relevance, np.float64)
    outside = ~np.eye(len(truth), dtype=bool)
    truth = truth[outside]
    figure, axes = plt.subplots(
        2,
        len(margins),
        figsize=(2.4 * len(margins) + 0.4, 5),
        layout="constrained",
        squeeze=False,
    )
    bins = np.linspace(0, 2 * fixed, 41)
    for column, (name, margin) in enumerate(margins.items()):
        values = np.asarray(margin, np.float64)[outside]
        upper, lower = axes[:, column]
        plot_margin_histogram(values, truth >= 1 - 1e-6, bins, upper, fixed=fixed)
        upper.set(title=name, xlim=(0, 2 * fixed))
        levels, means = _mean_by_level(values, truth)
        lower.plot(levels, means, "o-", color=PALETTE[2], markersize=4)
        for level in levels[np.isnan(means)]:
            lower.annotate("removed", (level, 0.05 * fixed), ha="right", color=PALETTE[2])
        lower.axhline(fixed, color="black", linewidth=0.8)
        lower.set(xlabel="relevance (truth)", xlim=(-0.05, 1.05), ylim=(-0.01, 1.8 * fixed))
        if column:
            upper.set_ylabel("")
        else:
            lower.set_ylabel(f"mean {MARGIN}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=2, fontsize="small")
    return figure


def plot_picks(
    picks: Mapping[str, Sequence[tuple[float, float]]], floor: float, ax: Axes | None = None
) -> Axes:
    """Draw which negatives are picked as the hardest: how far down by similarity, and how many are false.

    Args:
        picks: For each kind of margin a path of points (mean number of more similar negatives; share of false
            negatives among the picked, in percent), from small to large spread.
        floor: Share of false negatives among all, in percent.
        ax: Where to draw; a new figure by default.

    Source:
        ours.

    Example:
        >>> ax = plot_picks({"permuted": [(0, 28), (1, 25)], "adaptive": [(0, 28), (2, 9)]}, floor=3)
    """
    ax = new_axes(ax)
    for i, (name, points) in enumerate(picks.items()):
        style = line_style(i + 1)
        places, shares = zip(*points, strict=True)
        ax.plot(places, shares, marker="o", markersize=9, linewidth=2, label=name, **style)
        x, y = points[-1]
        # Where the next path ends just to the right, at this height, the name stands on the left.
        blocked = any(x < end[0] < 3 * x and abs(y - end[1]) < 2 for *_, end in picks.values())
        place = {"xytext": (-8, -14), "ha": "right"} if blocked else {"xytext": (8, 4)}
        ax.annotate(name, (x, y), **place, textcoords="offset points", color=style["color"], fontsize=14)
    ax.annotate("fixed", next(iter(picks.values()))[0], (8, 8), textcoords="offset points", fontsize=14)
    ax.axhline(floor, color="black", linestyle=":", label="all pairs")
    ax.annotate("all pairs", (0, floor), (4, 5), textcoords="offset points", fontsize=12)
    ax.set(xlabel="more similar negatives passed over (mean; from 1 on in powers)")
    ax.set_ylabel("false negatives\namong the picked (%)")
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xticks([0, 1, 3, 10, 30], ["0", "1", "3", "10", "30"])
    ax.set_xlim(-0.2, 90)
    ax.set_ylim(0, 33)
    return ax


def plot_noise(drawn: Mapping[str, float], expected: Mapping[str, float]) -> Figure:
    """Draw how often each contender was the hardest under noise, beside what a softmax gives it.

    Args:
        drawn: Share of the draws in which it was picked, in 0..1, by name.
        expected: Its share in the softmax, by the same names.

    Returns:
        The figure: full bars are drawn, frames expected.

    Source:
        ours.

    Example:
        >>> figure = plot_noise({"A": 0.6, "none": 0.4}, {"A": 0.62, "none": 0.38})
    """
    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    at = np.arange(len(drawn))
    ax.bar(at - 0.2, [100 * x for x in drawn.values()], 0.36, color=PALETTE[0], label="drawn")
    frame = {"color": "none", "edgecolor": PALETTE[1], "linewidth": 2.5}
    ax.bar(at + 0.2, [100 * expected[name] for name in drawn], 0.36, label="softmax", **frame)
    ax.set_xticks(at, list(drawn))
    ax.set(ylabel="is the hardest (%)")
    ax.legend()
    return figure


def describe(margins: ArrayLike) -> str:
    """Say the mean of some margins and how many are clipped to 0 or below.

    Args:
        margins: Any; removed pairs do not count for the mean.

    Returns:
        A short line.

    Source:
        ours.

    Example:
        >>> describe([0.0, 0.2, 0.4, 0.2])
        'mean 0.20, 25 % clipped'
    """
    values = np.asarray(margins, np.float64).ravel()
    kept = values[~np.isneginf(values)]
    mean = kept.mean() if kept.size else float("nan")
    return f"mean {mean:.2f}, {100 * np.mean(values <= 0):.0f} % clipped"


def _mean_by_level(margins: ArrayLike, relevance: ArrayLike) -> tuple[Floats, Floats]:
    """Mean margin at each tenth of relevance that enough pairs have; NaN where all of them are removed."""
    values, truth = np.asarray(margins, np.float64).ravel(), np.asarray(relevance, np.float64).ravel()
    rounded, kept = np.round(truth, 1), ~np.isneginf(values)
    levels = np.array([level for level in np.unique(rounded) if (rounded == level).sum() >= LEAST])
    groups = [values[(rounded == level) & kept] for level in levels]
    return levels, np.array([group.mean() if group.size else np.nan for group in groups])
