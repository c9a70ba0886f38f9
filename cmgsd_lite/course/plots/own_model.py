"""The still twin of a training's log: margins of the last batch, and numbers over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cmgsd_lite.course.own_model import BINS
from cmgsd_lite.course.plots.base import line_style
from cmgsd_lite.course.plots.results import plot_margins


def plot_logs(logs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw the margins of the last batch of each log, the active hinges and the clipped margins.

    Args:
        logs: Lines of ``train_logged``, by name.

    Returns:
        Three panels with one colour a log.

    Source:
        ours.

    Example:
        >>> figure = plot_logs({"CMGSD": train_logged(CMGSDLoss())})  # doctest: +SKIP
    """
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    plot_margins({name: lines[-1]["margins"] for name, lines in logs.items()}, BINS, ax=axes[0])
    axes[0].set_title("margins of the last batch")
    for ax, key in zip(axes[1:], ("active", "clipped"), strict=True):
        for i, (name, lines) in enumerate(logs.items()):
            ax.plot([line[key] for line in lines], label=name, **line_style(i))
        ax.set(xlabel="step", ylabel="share (%)", ylim=(0, 100))
    axes[1].set_title("active hinges")
    axes[2].set_title("margins clipped at 0")
    return figure


def log_data(logs: Mapping[str, Sequence[Mapping[str, Any]]], every: int = 2) -> dict[str, Any]:
    """What the moving picture ``log`` draws.

    Args:
        logs: Lines of ``train_logged``, by name.
        every: Take one line of so many.

    Returns:
        Plain values, rounded.

    Source:
        ours.

    Example:
        >>> log_data({"one": [{"active": 1, "clipped": 0, "gap": 0, "spread": 1, "margins": [1]}]})["steps"]
        [0]
    """
    keys = ("active", "clipped", "gap", "spread")
    taken = {name: list(lines)[::every] for name, lines in logs.items()}
    runs = {
        name: {
            **{key: [round(line[key], 3) for line in lines] for key in keys},
            "margins": [line["margins"] for line in lines],
        }
        for name, lines in taken.items()
    }
    count = max(len(lines) for lines in taken.values())
    return {
        "runs": runs,
        "steps": [every * i for i in range(count)],
        "edges": [round(float(e), 2) for e in BINS],
    }
