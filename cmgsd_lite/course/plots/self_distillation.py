"""Figures of CMGSD at work: its margins, what comes out, and what the model learns of distance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from cmgsd_lite.course.plots.base import line_style, new_axes

PROGRESS = "fraction of training done"


def plot_matrices(matrices: Mapping[str, ArrayLike], unit: str = "margin (cosine units)") -> Figure:
    """Draw small matrices side by side with their numbers, all on one colour scale.

    Args:
        matrices: [N, N] each, by the title of their panel; N of at most 8 stays readable. The diagonal is
            left white: it holds the positives, which have no margin.
        unit: What the colours stand for.

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


def plot_two_questions(results: Mapping[str, Mapping[str, float]], ax: Axes | None = None) -> Axes:
    """Draw nDCG against R@10: a path for each reduction, from one row of it to the next.

    Args:
        results: ``R@10`` and ``nDCG`` by row, named ``"row with reduction"``; rows in the order of the path.
        ax: Where to draw; a new figure by default.

    Source:
        ours.

    Example:
        >>> one, other = {"R@10": 30, "nDCG": 87}, {"R@10": 39, "nDCG": 90}
        >>> ax = plot_two_questions({"fixed with hardest": one, "CMGSD with hardest": other})
    """
    ax = plt.subplots(figsize=(10, 5), layout="constrained")[1] if ax is None else ax
    paths: dict[str, list[tuple[str, float, float]]] = {}
    for name, row in results.items():
        kind, _, reduction = name.partition(" with ")
        paths.setdefault(reduction, []).append((kind, row["R@10"], row["nDCG"]))
    for i, (reduction, points) in enumerate(paths.items()):
        style = line_style(i)
        ax.plot(
            [x for _, x, _ in points],
            [y for *_, y in points],
            marker="o",
            markersize=9,
            label=reduction,
            **style,
        )
        for place, (kind, x, y) in enumerate(points):
            beside: dict[str, Any] = {"xytext": (9, -5)}
            if place == 1:  # of three, the middle one: its name would lie on its neighbours'
                beside = {"xytext": (-9, 8), "ha": "right"}
            ax.annotate(kind, (x, y), textcoords="offset points", color=style["color"], fontsize=14, **beside)
    ax.set(xlabel="R@10 (%): the own clip is found", ylabel="nDCG (%): true clips stand high")
    ax.legend(title="reduction", loc="upper left")
    ax.margins(x=0.15, y=0.12)
    return ax
