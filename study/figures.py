"""The pictures of the report, one a question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cmgsd_lite.course.plots.verdict import plot_decision, plot_differences, plot_dose, plot_levels

Summary = Mapping[str, Any]
NAMES = {"msrvtt": "MSR-VTT", "minivtt": "MiniVTT"}
SPREADS = {"directed+video": "CMGSD", "permuted": "permuted control", "random": "random margins"}


def decision(summary: Summary) -> Figure:
    """The score of choice over the spread of the margin: the row, its placebos, and the plain losses."""
    figure, axes = plt.subplots(1, len(summary["sets"]), figsize=(13, 5), squeeze=False)
    for ax, (name, of_set) in zip(axes[0], summary["sets"].items(), strict=True):
        rows = of_set["choice"]["rows"]
        levels = {row: max(rows[row]["scores"].values()) for row in ("hardest", "smooth", "infonce")}
        plot_decision({label: rows[row]["scores"] for row, label in SPREADS.items()}, levels, ax)
        ax.set_title(NAMES[name])
    return _tight(figure)


def teachers(summary: Summary) -> Figure:
    """What is gained over the best random row, over what the teacher knows, on the embedded world."""
    return _tight(plot_dose(doses(summary), unit="nDCG, over the best random row").figure)  # type: ignore[arg-type]


def doses(summary: Summary) -> dict[str, tuple[float, Mapping[str, float]]]:
    """Precision of each teacher of ``minivtt``, and its row's gain in nDCG over the best random row."""
    of_set = summary["sets"]["minivtt"]
    gains = of_set["pairs"][of_set["stands for"]["best random"]]
    return {
        row: (known["precision"], gains[row]["nDCG"])
        for row, known in summary["quality"].items()
        if row in gains
    }


def meaning(summary: Summary) -> Figure:
    """What directed text and video add over the best plain and the best random row, metric by metric."""
    figure, axes = plt.subplots(1, len(summary["sets"]), figsize=(13, 5), squeeze=False)
    for ax, (name, of_set) in zip(axes[0], summary["sets"].items(), strict=True):
        stands = of_set["stands for"]
        groups = {
            f"over {says}: {stands[says]}": [
                (metric, of_set["pairs"][stands[says]]["directed+video"][metric])
                for metric in ("nDCG", "nDCG (category)", "mAP@R", "R@10", "nDCG v2t", "R@10 v2t")
                if metric in of_set["pairs"][stands[says]]["directed+video"]
            ]
            for says in ("best plain", "best random")
        }
        plot_differences(groups, ax)
        ax.set_title(NAMES[name])
    return _tight(figure)


def when(summary: Summary) -> Figure:
    """How the gain in nDCG changes with the rate of false negatives, the batch, and noise on the teacher."""
    of_set = summary["sets"]["minivtt"]
    hinge = of_set["stands for"]["hinge"]
    rates: dict[str, dict[str, Any]] = {"over the hinge": {}, "over its permuted control": {}}
    of_rates = {
        "low": of_set["rates"]["minivtt-low"]["comparisons"],
        "default": [
            {"confirm": of_set["pairs"][hinge]["directed+video"]},
            {"confirm": of_set["pairs"]["permuted"]["directed+video"]},
        ],
        "high": of_set["rates"]["minivtt-high"]["comparisons"],
    }
    for level, found in of_rates.items():
        for line, one in zip(rates, found, strict=False):
            rates[line][level] = one["confirm"]["nDCG"]
    batches = {
        line: {size: found[against]["nDCG"] for size, found in of_set["batches"].items()}
        for line, against in zip(rates, (hinge, "permuted"), strict=True)
    }
    noises = {"over the hinge": {noise: found["nDCG"] for noise, found in of_set["noises"].items()}}
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.5), sharey=True)
    plot_levels(rates, axes[0], "rate of false negatives", "nDCG")
    plot_levels(batches, axes[1], "pairs in a batch, equal steps", "nDCG")
    plot_levels(noises, axes[2], "noise on the teacher, in its own spread", "nDCG")
    return _tight(figure)


def use(summary: Summary) -> Figure:
    """Margin, mask and soft targets by the same teacher, each against the best plain row."""
    figure, axes = plt.subplots(1, len(summary["sets"]), figsize=(13, 5), squeeze=False)
    rows = {"directed+video": "margin", "mask": "mask", "soft": "soft targets"}
    for ax, (name, of_set) in zip(axes[0], summary["sets"].items(), strict=True):
        pairs = of_set["pairs"][of_set["stands for"]["best plain"]]
        groups = {
            metric: [(f"{label}: {metric}", pairs[row][metric]) for row, label in rows.items()]
            for metric in ("nDCG", "R@10", "R@10 v2t")
        }
        plot_differences(groups, ax)
        ax.set_title(f"{NAMES[name]}, over {of_set['stands for']['best plain']}")
    return _tight(figure)


PICTURES = {
    "temperature": decision,
    "teachers": teachers,
    "meaning": meaning,
    "when": when,
    "use": use,
}


def write_figures(summary: Summary, folder: Path) -> None:
    """Write ``study-QUESTION.png`` for every question."""
    for question, draw in PICTURES.items():
        figure = draw(summary)
        figure.savefig(folder / f"study-{question}.png", dpi=100, metadata={"Software": None})
        plt.close(figure)


def _tight(figure: Figure) -> Figure:
    figure.tight_layout()
    return figure
