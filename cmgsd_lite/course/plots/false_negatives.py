"""Figures of false negatives: how many there are, and what a loss does to them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes
from cmgsd_lite.course.plots.distributions import plot_similarity_distributions

HATCHES = ("", "//", "..", "xx")


class Candidate(NamedTuple):
    """One clip of a batch as an anchor caption sees it.

    Args:
        frame: RGB [H, W, 3].
        title: What the clip is to the caption.
        margins: By the name of the margin, in units of the similarity.
        forces: By the same names: the push against the pair, negative for a pull. NaN draws no bar.
        note: Text in place of the bars of the forces.
        facets: What is in the clip, in words, below the picture: its colours say nothing to some readers.
    """

    frame: NDArray[np.uint8]
    title: str
    margins: Mapping[str, float]
    forces: Mapping[str, float]
    note: str = ""
    facets: str = ""


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
    ax.set(xlabel="at least so many false negatives in the batch", ylabel="share of captions (%)")
    ax.set_ylim(0, None)
    ax.legend(fontsize="small")
    return ax


def plot_distributions_over_training(panels: Mapping[str, Mapping[str, Mapping[str, ArrayLike]]]) -> Figure:
    """Draw similarity distributions as a grid: one row a loss, one column a moment of training.

    Args:
        panels: Groups of ``plot_similarity_distributions`` by the name of the loss and of the moment; every
            loss has the same moments.

    Returns:
        The figure. All panels share the axis of similarities.

    Raises:
        ValueError: If there is no panel, or the moments differ.

    Source:
        ours.

    Example:
        >>> groups = {"positives": [0.5, 0.6], "true negatives": [0.0, 0.1]}
        >>> figure = plot_distributions_over_training({"mean": {"before": groups, "after": groups}})
    """
    moments = list(next(iter(panels.values()), {}))
    if not moments or any(list(row) != moments for row in panels.values()):
        raise ValueError("panels: expected the same moments, at least one, for every loss")
    figure, grid = plt.subplots(
        len(panels),
        len(moments),
        figsize=(3.2 * len(moments), 0.6 + 1.9 * len(panels)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for line, (name, row) in zip(grid, panels.items(), strict=True):
        for ax, moment in zip(line, moments, strict=True):
            plot_similarity_distributions(row[moment], ax)
            ax.get_legend().remove()
            ax.set(xlabel="", ylabel=f"{name}\ndensity" if moment == moments[0] else "")
            ax.set_title(moment if ax in grid[0] else "", fontsize="medium")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize="small")
    figure.supxlabel("similarity of text and video (cosine)", fontsize="medium")
    return figure


def plot_shares(
    shares: Mapping[str, Mapping[str, float]], chance: float, ax: Axes | None = None, label: str = ""
) -> Axes:
    """Draw groups of bars, with a line where chance would put them.

    Args:
        shares: In percent, by the name of the group and of the bar; every group has the same bars.
        chance: In percent: the share among all pairs.
        ax: Where to draw; a new figure by default.
        label: Of the axis, with its unit.

    Returns:
        The Axes.

    Raises:
        ValueError: If there is no share, or the bars of the groups differ.

    Source:
        ours.

    Example:
        >>> ax = plot_shares({"mean": {"fixed": 8.0}, "hardest": {"fixed": 20.0}}, chance=3.0)
    """
    names = list(next(iter(shares.values()), {}))
    if not names or any(list(group) != names for group in shares.values()):
        raise ValueError("shares: expected the same bars, at least one, in every group")
    ax = new_axes(ax)
    height = 0.8 / len(names)
    for number, name in enumerate(names):
        places = np.arange(len(shares)) + (number - (len(names) - 1) / 2) * height
        values = [group[name] for group in shares.values()]
        ax.barh(places, values, height * 0.92, color=PALETTE[number], hatch=HATCHES[number % 4], label=name)
        for place, value in zip(places, values, strict=True):
            ax.annotate(f"{value:.0f} %", (value, place), (4, 0), textcoords="offset points", va="center")
    ax.axvline(chance, color="black", linestyle="--", label=f"among all negatives: {chance:.0f} %")
    ax.set_yticks(range(len(shares)), list(shares))
    ax.invert_yaxis()
    ax.set(xlabel=label)
    ax.margins(x=0.12)
    ax.legend(fontsize="small", loc="upper right")
    return ax


def plot_over_epochs(
    curves: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    label: str = "",
    chance: float | None = None,
) -> Axes:
    """Draw one number an epoch, one line a loss.

    Args:
        curves: Values of the epochs from the first on, by name.
        ax: Where to draw; a new figure by default.
        label: Of the vertical axis, with its unit.
        chance: Where to draw a line for comparison.

    Returns:
        The Axes.

    Raises:
        ValueError: If there is no curve.

    Source:
        ours.

    Example:
        >>> ax = plot_over_epochs({"hardest": [7.0, 11.0]}, label="share (%)", chance=3.0)
    """
    if not curves:
        raise ValueError("curves: expected at least one, got none")
    ax = new_axes(ax)
    for number, (name, values) in enumerate(curves.items()):
        ax.plot(range(1, len(values) + 1), values, label=name, linewidth=2, **line_style(number))
    if chance is not None:
        ax.axhline(chance, color="grey", linewidth=1, label="among all negatives")
    ax.set(xlabel="epoch", ylabel=label)
    ax.set_ylim(0, None)
    ax.legend(fontsize="small")
    return ax


def plot_net_push(distances: ArrayLike, pushes: Mapping[str, ArrayLike], ax: Axes | None = None) -> Axes:
    """Draw how hard two near duplicates are driven apart, against how near they are.

    Args:
        distances: Distance of the two clips [K], cosine distance, > 0.
        pushes: Length of the gradient on the clips' difference [K], by the name of the case.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes, both of them logarithmic.

    Raises:
        ValueError: If a line has another length than ``distances``.

    Source:
        ours.

    Example:
        >>> ax = plot_net_push([0.01, 0.1], {"both terms active": [0.01, 0.1], "one term": [1.0, 1.0]})
    """
    x = np.asarray(distances, np.float64)
    ax = new_axes(ax)
    for number, (name, values) in enumerate(pushes.items()):
        y = np.asarray(values, np.float64)
        if y.shape != x.shape:
            raise ValueError(f"pushes: expected {x.size} values for {name!r}, got shape {list(y.shape)}")
        ax.loglog(x, y, label=name, linewidth=2, **line_style(number))
    ax.set(xlabel="distance of the two clips (cosine)", ylabel="gradient that drives them apart")
    ax.legend(fontsize="small")
    return ax


def plot_anchor(caption: str, candidates: Sequence[Candidate], note: str = "") -> Figure:
    """Draw an anchor caption's clips with the margin and the force of each pair below the picture.

    Args:
        caption: The anchor's text.
        candidates: The clips, its own first; all with the same margins and forces.
        note: Label of the axis of forces, with its unit.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no candidate.

    Source:
        ours.

    Example:
        >>> frame = np.zeros((8, 8, 3), np.uint8)
        >>> figure = plot_anchor("a dog", [Candidate(frame, "own", {"fixed": 0.2}, {"fixed": -1.0})])
    """
    if not candidates:
        raise ValueError("candidates: expected at least one, got none")
    count = len(candidates)
    figure = plt.figure(figsize=(max(1.45 * count + 0.8, 6), 5.6), layout="constrained")
    grid = figure.add_gridspec(3, count, height_ratios=[1.7, 1, 1])
    for number, candidate in enumerate(candidates):
        ax = figure.add_subplot(grid[0, number])
        ax.imshow(candidate.frame)
        ax.set_title(candidate.title, fontsize="small")
        ax.set_xlabel(candidate.facets, fontsize="x-small")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    _bars(figure.add_subplot(grid[1, :]), [c.margins for c in candidates], "margin (cosine)", legend=True)
    lower = figure.add_subplot(grid[2, :])
    _bars(lower, [c.forces for c in candidates], note, legend=False)
    for place, candidate in enumerate(candidates):
        lower.text(place, 0, candidate.note, ha="center", va="bottom", fontsize="small")
    figure.suptitle("\n".join(textwrap.wrap(f"“{caption}”", 80)), fontsize="medium")
    return figure


def _bars(ax: Axes, values: Sequence[Mapping[str, float]], label: str, legend: bool) -> None:
    names = list(values[0])
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        places = np.arange(len(values)) + (number - (len(names) - 1) / 2) * width
        heights = [value[name] for value in values]
        ax.bar(places, heights, width, color=PALETTE[number], hatch=HATCHES[number % 4], label=name)
        for place, height in zip(places, heights, strict=True):
            if np.isfinite(height):
                below = height < 0
                ax.annotate(
                    f"{height:.2f}",
                    (place, height),
                    (0, -2 if below else 2),
                    textcoords="offset points",
                    ha="center",
                    va="top" if below else "bottom",
                    fontsize="x-small",
                )
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xlim(-0.5, len(values) - 0.5)
    ax.set_xticks([])
    ax.margins(y=0.25)
    ax.set_ylabel(label, fontsize="small")
    if legend:
        ax.legend(fontsize="x-small", loc="center left")
