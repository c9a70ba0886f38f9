"""Figures of retrieval: matrices, ranked scores, recall curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes


def plot_matrix(
    values: ArrayLike,
    ax: Axes | None = None,
    *,
    label: str = "similarity (cosine)",
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    signed: bool = False,
    digits: int = 2,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw a small matrix as coloured cells with their numbers, positives framed.

    Args:
        values: [N, M]: rows are texts, columns are videos.
        ax: Where to draw; a new figure by default.
        label: What the colours stand for, with its unit.
        rows: Names of the rows, "text 1" ... by default.
        columns: Names of the columns, "video 1" ... by default.
        signed: Whether zero is the middle of the colours (for gradients).
        digits: Decimals written into the cells.
        limits: Lowest and highest value of the colours; by default those of the matrix.

    Returns:
        The Axes, with a colour bar.

    Raises:
        ValueError: If ``values`` is no matrix.

    Source:
        ours.

    Example:
        >>> ax = plot_matrix([[0.9, 0.1], [0.2, 0.8]])
    """
    matrix = np.asarray(values, np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"values: expected a matrix [N, M], got shape {list(matrix.shape)}")
    ax = new_axes(ax)
    largest = float(np.abs(matrix).max()) or 1.0
    low, high = limits or ((-largest, largest) if signed else (float(matrix.min()), float(matrix.max())))
    image = ax.imshow(matrix, cmap="PuOr" if signed else "cividis", vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(matrix):
        share = (float(value) - low) / (high - low or 1)
        shade = np.dot(image.cmap(share)[:3], (0.3, 0.59, 0.11))
        text = f"{value:.{digits}f}" if round(value, digits) else "0"
        ax.text(j, i, text, ha="center", va="center", color="black" if shade > 0.5 else "white")
    edge = "black" if signed else PALETTE[3]  # PuOr has the palette's orange in it
    for i in range(min(matrix.shape)):
        ax.add_patch(Rectangle((i - 0.48, i - 0.48), 0.96, 0.96, fill=False, edgecolor=edge, lw=2.5))
    ax.set_yticks(range(matrix.shape[0]), rows or [f"text {i + 1}" for i in range(matrix.shape[0])])
    ax.set_xticks(range(matrix.shape[1]), columns or [f"video {j + 1}" for j in range(matrix.shape[1])])
    ax.tick_params(length=0)
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)
    return ax


def plot_ranked_scores(scores: ArrayLike, own: int, ax: Axes | None = None, unit: str = "video") -> Axes:
    """Draw the scores of one query from the best to the worst, the right answer in another colour.

    Args:
        scores: Of one query [items].
        own: Number of the right item.
        ax: Where to draw; a new figure by default.
        unit: What an item is called.

    Raises:
        ValueError: If ``own`` is no item.

    Source:
        ours.

    Example:
        >>> ax = plot_ranked_scores([0.4, 0.7, 0.1], own=0)
    """
    values = np.asarray(scores, np.float64)
    if not 0 <= own < len(values):
        raise ValueError(f"own: expected 0 to {len(values) - 1}, got {own}")
    ax = new_axes(ax)
    order = np.argsort(-values, kind="stable")
    for place, item in enumerate(order):
        right = item == own
        ax.barh(place, values[item], color=PALETTE[2] if right else PALETTE[7], hatch="//" if right else None)
    names = [f"{unit} {item + 1}" + (" (own)" if item == own else "") for item in order]
    ax.set_yticks(range(len(values)), names)
    ax.invert_yaxis()
    ax.set(xlabel="similarity (cosine)")
    return ax


def plot_recall_at_k(ranks: Mapping[str, ArrayLike], ax: Axes | None = None, up_to: int = 50) -> Axes:
    """Draw the share of queries whose right answer is among the first K, one line a name.

    Args:
        ranks: Ranks of the queries, from 1, by name.
        ax: Where to draw; a new figure by default.
        up_to: Largest K.

    Raises:
        ValueError: If there are no ranks.

    Source:
        ours.

    Example:
        >>> ax = plot_recall_at_k({"text to video": [1, 3, 20]})
    """
    if not ranks:
        raise ValueError("ranks: expected at least one list of ranks, got none")
    ax = new_axes(ax)
    ks = np.arange(1, up_to + 1)
    for i, (name, values) in enumerate(ranks.items()):
        share = 100 * (np.asarray(values, np.float64)[:, None] <= ks).mean(axis=0)
        ax.plot(ks, share, label=name, **line_style(i))
    for k in (1, 5, 10):
        ax.axvline(k, color="0.8", linewidth=1, zorder=0)
    ax.set(xlabel="K (places looked at)", ylabel="R@K (% of queries)", ylim=(0, 100), xlim=(1, up_to))
    ax.legend(fontsize="small")
    return ax
