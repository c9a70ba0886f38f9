"""Figures of one's own films: what a small encoder counts, and what a report saves one from looking at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cmgsd_lite.course.plots.base import line_style, new_axes


def plot_change(frames: NDArray[np.uint8], change: NDArray[np.bool_]) -> Figure:
    """Draw frames of a film, and below them what of each is other than in most of the frames.

    Args:
        frames: uint8 [F, H, W, 3].
        change: bool [F, H, W], the pixels to keep.

    Returns:
        Two rows of four frames.

    Source:
        ours.

    Example:
        >>> figure = plot_change(np.zeros((8, 4, 4, 3), np.uint8), np.zeros((8, 4, 4), bool))
    """
    figure, axes = plt.subplots(2, 4, figsize=(9, 4.7), layout="constrained")
    for column, at in zip(axes.T, range(0, len(frames), len(frames) // 4), strict=True):
        column[0].imshow(frames[at])
        column[1].imshow(np.where(change[at][..., None], frames[at], 235).astype(np.uint8))
        column[0].set_title(f"frame {at + 1}", fontsize="medium")
        for ax in column:
            ax.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("the frame")
    axes[1, 0].set_ylabel("what changes")
    return figure


def plot_report(judged: Sequence[bool], floor: float, ax: Axes | None = None) -> Axes:
    """Draw how many true pairs one has found after looking at so many, down the report and at random.

    Args:
        judged: Whether each pair is true, nearest first.
        floor: Percent of all pairs that are true.
        ax: Where to draw; a new figure by default.

    Source:
        ours.

    Example:
        >>> ax = plot_report([True, False], 4)
    """
    ax = new_axes(ax)
    looks = np.arange(len(judged) + 1)
    ax.plot(looks, looks, color="grey", linewidth=1, label="if every pair were true")
    ax.plot(looks, np.concatenate([[0], np.cumsum(judged)]), label="down the report", **line_style(0))
    ax.plot(looks, looks * floor / 100, label="captions and films at random", **line_style(1))
    ax.set(xlabel="pairs you looked at", ylabel="true ones among them", xlim=(0, None))
    ax.set_ylim(0, max(1, 1.3 * sum(judged)))  # the diagonal leaves the picture; the curves keep it
    ax.legend(loc="center right")
    return ax
