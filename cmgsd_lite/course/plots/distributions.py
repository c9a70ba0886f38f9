"""Figures of similarities by what is true: positives, true negatives and false negatives."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import seaborn
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from numpy.typing import ArrayLike, NDArray

from cmgsd_lite.course.plots.base import PALETTE, new_axes

GROUPS = ("positives", "false negatives", "true negatives")
_LOOK = {"positives": (2, "-"), "false negatives": (1, "-"), "true negatives": (0, "--")}


class Example(NamedTuple):
    """A caption with its own clip and another clip of which it is true as well.

    Args:
        caption: Its text.
        own: One frame of its own clip, RGB [H, W, 3].
        other: One frame of the other clip.
        note: A line under the pair.
        own_facets: What is in the own clip, in words, below its frame.
        other_facets: The same of the other clip.
    """

    caption: str
    own: NDArray[np.uint8]
    other: NDArray[np.uint8]
    note: str = ""
    own_facets: str = ""
    other_facets: str = ""


def plot_similarity_distributions(
    groups: Mapping[str, ArrayLike], ax: Axes | None = None, bins: int = 60
) -> Axes:
    """Draw how often each similarity occurs among positives, false negatives and true negatives.

    Args:
        groups: Similarities (cosine units) of some of ``GROUPS``, by name; empty groups are left out.
        ax: Where to draw; a new figure by default.
        bins: Bins over the range of all groups together.

    Returns:
        The Axes. Every outline has the same area, however many pairs it stands for; a short line at the top
        marks each mean.

    Raises:
        ValueError: On an unknown group, or if all are empty.

    Source:
        ours.

    Example:
        >>> ax = plot_similarity_distributions({"positives": [0.5, 0.6], "true negatives": [0.0, 0.1]})
    """
    unknown = set(groups) - set(GROUPS)
    if unknown:
        raise ValueError(f"groups: expected some of {', '.join(GROUPS)}, got {', '.join(sorted(unknown))}")
    values = {name: np.asarray(groups[name], np.float64).ravel() for name in GROUPS if name in groups}
    values = {name: value for name, value in values.items() if value.size}
    if not values:
        raise ValueError("groups: expected at least one similarity, got none")
    ax = new_axes(ax)
    together = np.concatenate(list(values.values()))
    edges = np.histogram_bin_edges(together, bins, (together.min() - 0.01, together.max() + 0.01))
    for name, value in values.items():
        colour, dash = _LOOK[name]
        look = {"color": PALETTE[colour], "linestyle": dash, "linewidth": 1.8, "label": name}
        # Counted beforehand: seaborn takes a second for the millions of pairs of a training set.
        counts, middles = np.histogram(value, edges)[0], (edges[:-1] + edges[1:]) / 2
        seaborn.histplot(
            x=middles,
            weights=counts,
            bins=list(edges),
            stat="density",
            element="step",
            fill=False,
            ax=ax,
            **look,
        )
        ax.plot([value.mean()] * 2, [0.94, 1.0], color=PALETTE[colour], transform=ax.get_xaxis_transform())
    ax.set(xlabel="similarity of text and video (cosine)", ylabel="density")
    ax.set_ylim(0, ax.get_ylim()[1] * 1.08)
    ax.legend(fontsize="small")
    return ax


def plot_truth_page(
    panels: Mapping[str, Mapping[str, ArrayLike]], examples: Sequence[Example], note: str = ""
) -> Figure:
    """Draw one page: similarity distributions side by side, and clips that were pushed apart wrongly.

    Args:
        panels: Groups of ``plot_similarity_distributions``, by the title of their panel.
        examples: Shown in a row, the own clip above the other one.
        note: Text at the foot of the page.

    Raises:
        ValueError: If there is no panel.

    Source:
        ours.

    Example:
        >>> figure = plot_truth_page({"before training": {"positives": [0.1], "true negatives": [0.0]}}, [])
    """
    if not panels:
        raise ValueError("panels: expected at least one, got none")
    width, rows = 3.4 * max(len(panels), 2), 1 + bool(examples)
    figure = plt.figure(figsize=(width, 3.4 + 4.6 * bool(examples)), layout="constrained")
    grid = figure.add_gridspec(rows, 1, height_ratios=[3.4, 4.6][:rows])
    upper = GridSpecFromSubplotSpec(1, len(panels), grid[0])
    for number, (title, groups) in enumerate(panels.items()):
        ax = plot_similarity_distributions(groups, figure.add_subplot(upper[number]))
        ax.set_title(title, fontsize="medium")
        if number:
            ax.set_ylabel("")
            ax.get_legend().remove()  # type: ignore[union-attr]
    if examples:
        lower = GridSpecFromSubplotSpec(2, len(examples), grid[1])
        for number, example in enumerate(examples):
            below = "\n".join(text for text in (example.other_facets, example.note) if text)
            upper_ax, lower_ax = (figure.add_subplot(lower[row, number]) for row in (0, 1))
            _picture(upper_ax, example.own, _wrapped(example.caption), "its clip", example.own_facets)
            _picture(lower_ax, example.other, "", "also true", below)
    if note:
        figure.supxlabel(note, fontsize="small")
    return figure


def _picture(ax: Axes, frame: NDArray[np.uint8], title: str, side: str, below: str = "") -> None:
    ax.imshow(frame)
    ax.set_title(title, fontsize="small")
    ax.set_ylabel(side, fontsize="small")
    ax.set_xlabel(below, fontsize="small")
    ax.set_xticks([])
    ax.set_yticks([])


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(f"“{text}”", 24))
