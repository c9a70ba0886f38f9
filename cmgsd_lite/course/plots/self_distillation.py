"""Figures of CMGSD at work: whom the margin listens to, what the model learns of distance, the margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes

HATCHES = ("", "//", "..", "\\\\", "xx")
PROGRESS = "fraction of training done"


def plot_matrices(matrices: Mapping[str, ArrayLike], unit: str = "margin (cosine units)") -> Figure:
    """Draw small matrices side by side with their numbers, all on one colour scale.

    Args:
        matrices: [N, N] each, by the title of their panel; N of at most 8 stays readable. The diagonal is
            left white: it holds the positives, which have no margin.
        unit: What the colours stand for.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no matrix, or one that is not square.

    Source:
        ours.

    Example:
        >>> figure = plot_matrices({"static": [[0.2, 0.1], [0.1, 0.2]]})
    """
    values = {name: np.array(matrix, dtype=np.float64) for name, matrix in matrices.items()}
    if not values:
        raise ValueError("matrices: expected at least one, got none")
    for name, matrix in values.items():
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"matrices: expected square ones, got shape {list(matrix.shape)} for {name!r}")
        np.fill_diagonal(matrix, np.nan)
    low, high = (f(np.concatenate([m.ravel() for m in values.values()])) for f in (np.nanmin, np.nanmax))
    figure, axes = plt.subplots(
        1, len(values), figsize=(3.2 * len(values) + 1, 3.6), layout="constrained", squeeze=False
    )
    for ax, (name, matrix) in zip(axes[0], values.items(), strict=True):
        image = ax.imshow(matrix, cmap="cividis", vmin=low, vmax=high)
        for (i, j), value in np.ndenumerate(matrix):
            if i != j:
                dark = value < (low + high) / 2
                ax.text(j, i, f"{value:.3f}", ha="center", va="center", color="white" if dark else "black")
        ax.set(title=name, xlabel="video j", ylabel="text i")
        ax.set_xticks(range(len(matrix)))
        ax.set_yticks(range(len(matrix)))
    figure.colorbar(image, ax=list(axes[0]), label=unit)
    return figure


def plot_weights(progress: ArrayLike, weights: Mapping[str, ArrayLike], ax: Axes | None = None) -> Axes:
    """Draw how much each part of the margin counts over training, stacked; they should fill up to 1.

    Args:
        progress: Fractions of training [T], rising.
        weights: Of each part at those moments [T], in 0..1, by name.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: If a part has another length than ``progress``.

    Source:
        ours.

    Example:
        >>> ax = plot_weights([0, 1], {"static": [1, 0], "dynamic": [0, 1]})
    """
    ax = new_axes(ax)
    moments = np.asarray(progress, np.float64)
    bottom = np.zeros_like(moments)
    for i, (name, weight) in enumerate(weights.items()):
        height = np.asarray(weight, np.float64)
        if height.shape != moments.shape:
            raise ValueError(f"weights: expected {len(moments)} for {name!r}, got shape {list(height.shape)}")
        ax.fill_between(
            moments,
            bottom,
            bottom + height,
            facecolor=PALETTE[i % len(PALETTE)],
            edgecolor="white",
            hatch=HATCHES[i % len(HATCHES)],
            label=name,
        )
        bottom = bottom + height
    ax.set(xlabel=PROGRESS, ylabel="weight in the margin", xlim=(moments[0], moments[-1]), ylim=(0, None))
    ax.legend(fontsize="small", loc="center right")
    return ax


def plot_agreement(
    progress: ArrayLike,
    curves: Mapping[str, ArrayLike],
    levels: Mapping[str, float] | None = None,
    unit: str = "AUC",
    ax: Axes | None = None,
) -> Axes:
    """Draw how well distances agree with the truth over training.

    Args:
        progress: Fractions of training [T].
        curves: Agreement at those moments [T], by name: dynamic distances.
        levels: Agreement of distances that do not change, by name, as grey lines: static ones.
        unit: What the agreement is measured by, for the axis.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes.

    Raises:
        ValueError: If a curve has another length than ``progress``.

    Source:
        ours.

    Example:
        >>> ax = plot_agreement([0, 1], {"dynamic text": [0.7, 0.8]}, {"static text": 0.78})
    """
    ax = new_axes(ax)
    moments = np.asarray(progress, np.float64)
    for i, (name, curve) in enumerate(curves.items()):
        values = np.asarray(curve, np.float64)
        if values.shape != moments.shape:
            raise ValueError(f"curves: expected {len(moments)} for {name!r}, got shape {list(values.shape)}")
        ax.plot(moments, values, label=name, linewidth=1.8, **line_style(i))
    for (name, level), dash in zip((levels or {}).items(), ("--", ":", "-.", "-"), strict=False):
        ax.axhline(level, color="black", linestyle=dash, linewidth=1, label=name)
    ax.set(xlabel=PROGRESS, ylabel=unit)
    ax.legend(fontsize="small")
    return ax


def plot_margins_over_training(
    progress: ArrayLike,
    groups: Mapping[str, Sequence[ArrayLike]],
    fixed: float | None = None,
    ramp: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the margins of groups of pairs over training: the mean, and a band for four pairs in five.

    Args:
        progress: Fractions of training [T].
        groups: For each group the margins of its pairs at those moments: T arrays of one or more numbers.
        fixed: The fixed margin, as a horizontal line.
        ramp: Start and end of the schedule's ramp, shaded.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes; bands go from the 10th to the 90th percentile.

    Raises:
        ValueError: If a group has another length than ``progress``.

    Source:
        ours.

    Example:
        >>> ax = plot_margins_over_training([0, 1], {"false negatives": [[0.1, 0.2], [0.1, 0.1]]}, fixed=0.2)
    """
    ax = new_axes(ax)
    moments = np.asarray(progress, np.float64)
    if ramp is not None:
        ax.axvspan(*ramp, color="0.92", label="ramp")
    for i, (name, margins) in enumerate(groups.items()):
        if len(margins) != len(moments):
            raise ValueError(f"groups: expected {len(moments)} for {name!r}, got {len(margins)}")
        values = [np.asarray(m, np.float64).ravel() for m in margins]
        low, high = ([np.quantile(v, share) for v in values] for share in (0.1, 0.9))
        style = line_style(i)
        ax.fill_between(moments, low, high, color=style["color"], alpha=0.2)
        ax.plot(moments, [v.mean() for v in values], linewidth=2, label=name, **style)
    if fixed is not None:
        ax.axhline(fixed, color="black", linewidth=1, linestyle=":", label="fixed margin")
    ax.set(xlabel=PROGRESS, ylabel="margin (cosine units)", ylim=(0, None))
    ax.legend(fontsize="small")
    return ax
