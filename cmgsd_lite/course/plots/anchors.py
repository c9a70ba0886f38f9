"""One caption and its negatives: the margins that teachers give them, still and for the live ``anchor``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from cmgsd_lite.course.known import KnownBatch
from cmgsd_lite.course.plots.base import PALETTE
from cmgsd_lite.margins import zscore_margin


def anchor_data(batch: KnownBatch, teachers: Sequence[str], anchors: Sequence[int]) -> dict[str, Any]:
    """Gather what the moving picture ``anchor`` shows: alpha .2, beta .05, in thousandths.

    Args:
        batch: Of MiniVTT.
        teachers: By name in the package.
        anchors: Rows of the captions to choose from.

    Returns:
        ``captions``, ``true`` (of each, is it true of the other clips?), and by teacher ``margins`` and
        ``nearest`` (three clips in words).

    Source:
        ours.

    Example:
        >>> anchor_data(batch, ["text"], [0, 1])["captions"]  # doctest: +SKIP
    """
    margins = {name: zscore_margin(batch.distances(name)) for name in teachers}
    true, clips, texts = batch.true, batch.clips, batch.texts
    others = {i: [j for j in range(len(texts)) if j != i] for i in anchors}

    def nearest(row: ArrayLike, i: int) -> list[str]:
        order = [others[i][k] for k in np.argsort(np.asarray(row)[others[i]], kind="stable")[:3]]
        return [f"{clips[j].facets()} ({'true' if true[i, j] else 'not true'})" for j in order]

    return {
        "captions": [texts[i] for i in anchors],
        "true": [[int(true[i, j]) for j in others[i]] for i in anchors],
        "margins": {
            n: [[round(1000 * float(m[i, j])) for j in others[i]] for i in anchors]
            for n, m in margins.items()
        },
        "nearest": {name: [nearest(margin[i], i) for i in anchors] for name, margin in margins.items()},
    }


def plot_anchor_margins(margins: Mapping[str, ArrayLike], true: ArrayLike, caption: str) -> Figure:
    """Draw the margins of one caption's negatives under several teachers, a row each.

    Args:
        margins: Of the other clips [K], by the name of the teacher.
        true: Boolean [K]: is the caption true of the clip?
        caption: For the title.

    Returns:
        The figure: triangles are single false negatives, bars above them count the true ones, all rows on one
        scale of margins.

    Raises:
        ValueError: If there is no teacher, or one with another number of margins.

    Source:
        ours.

    Example:
        >>> figure = plot_anchor_margins({"text": [0.1, 0.2]}, [True, False], "a cat")
    """
    right = np.asarray(true, bool)
    if not margins or any(np.shape(values) != right.shape for values in margins.values()):
        raise ValueError(f"margins: expected at least one teacher, each with {len(right)} margins")
    figure, axes = plt.subplots(
        len(margins),
        1,
        figsize=(9, 0.95 * len(margins) + 1.3),
        layout="constrained",
        sharex=True,
        squeeze=False,
    )
    for ax, (name, values) in zip(axes[:, 0], margins.items(), strict=True):
        x = np.asarray(values, np.float64)
        edges = np.arange(0, max(0.4, x.max()) + 0.01, 0.01)
        count, _ = np.histogram(x[~right], edges)
        ax.bar(
            edges[:-1], count, width=0.01, align="edge", color=PALETTE[0], alpha=0.7, label="true negatives"
        )
        most = max(1, int(count.max()))
        places, several = np.unique(x[right].round(2), return_counts=True)
        low = np.full(len(places), -0.3 * most)
        ax.plot(places, low, "^", color=PALETTE[1], markersize=8, label="false negatives")
        for place, number in zip(places, several, strict=True):
            if number > 1:
                below = {"textcoords": "offset points", "ha": "center", "va": "top", "fontsize": "small"}
                ax.annotate(f"×{number}", (place, low[0]), (0, -5), **below)
        ax.axvline(0.2, color="0.4", linestyle=":", linewidth=1)
        ax.set(ylim=(-0.9 * most, 1.1 * most))
        ax.set_yticks([0, most])
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    axes[-1, 0].set_xlabel("margin (units of the similarity; the fixed one is dotted)")
    axes[0, 0].legend(fontsize="small", loc="upper right")
    figure.suptitle(f"“{caption}”")
    return figure
