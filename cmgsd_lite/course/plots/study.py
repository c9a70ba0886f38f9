"""The study's pictures, one a question."""

from __future__ import annotations

from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cmgsd_lite.course.plots.verdict import plot_decision, plot_differences, plot_dose, plot_levels
from cmgsd_lite.course.study import Difference, Study

NAMES = {"msrvtt": "MSR-VTT", "minivtt": "MiniVTT"}
SPREADS = {"directed+video": "directed+video", "permuted": "permuted control", "random": "random margins"}


def _both(study: Study) -> tuple[Figure, dict[str, Any]]:
    """A figure with one panel a data set."""
    sets = list(study.summary["sets"])
    figure, axes = plt.subplots(1, len(sets), figsize=(13, 5), squeeze=False, layout="constrained")
    for ax, name in zip(axes[0], sets, strict=True):
        ax.set_title(NAMES[name])
    return figure, dict(zip(sets, axes[0], strict=True))


def draw_temperature(study: Study) -> Figure:
    """Draw the score of choice over the spread of the margin: the row, its placebos, and the plain losses.

    Args:
        study: That is drawn.

    Returns:
        The figure, one panel a data set.

    Source:
        ours.

    Example:
        >>> draw_temperature(Study.load())  # doctest: +SKIP
    """
    figure, panels = _both(study)
    for name, ax in panels.items():
        levels = {row: study.best_score(name, row) for row in ("smooth", "8-hardest", "infonce")}
        low = study.best_score(name, "hardest")
        levels |= {f"hardest ({low:.1f}, below the frame)": low}
        rows = {label: study.scores(name, row) for row, label in SPREADS.items()}
        plot_decision(
            {label: {f"{v:g}": x for v, x in row.items()} for label, row in rows.items()}, levels, ax
        )
        best = max(max(row.values()) for row in rows.values())
        ax.set_ylim(best - 5, best + 0.5)  # what decides is within a point of the best
    return figure


def draw_teachers(study: Study) -> Figure:
    """Draw what is gained over the best random row, over what the teacher knows, on the embedded world.

    Args:
        study: That is drawn.

    Source:
        ours.

    Example:
        >>> draw_teachers(Study.load())  # doctest: +SKIP
    """
    figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
    plot_dose(doses(study), ax, unit="nDCG, over the best random row")
    return figure


def doses(study: Study) -> dict[str, tuple[float, Difference]]:
    """Return each teacher's precision on ``minivtt``, and its row's gain in nDCG over the best random row.

    Args:
        study: That is asked.

    Source:
        ours.

    Example:
        >>> doses(Study.load())["directed"][0]  # doctest: +SKIP
    """
    return {
        row: (known["precision"], study.difference("minivtt", row, "best random", "nDCG"))
        for row, known in study.summary["quality"].items()
        if row in study.summary["sets"]["minivtt"]["rows"]
    }


def draw_meaning(study: Study) -> Figure:
    """Draw what directed text and video add over the best plain and the best random row, metric by metric.

    Args:
        study: That is drawn.

    Returns:
        The figure, one panel a data set.

    Source:
        ours.

    Example:
        >>> draw_meaning(Study.load())  # doctest: +SKIP
    """
    figure, panels = _both(study)
    for name, ax in panels.items():
        pairs = study.summary["sets"][name]["pairs"]
        groups = {}
        for says in ("best plain", "best random"):
            second = study.row(name, says)
            found = pairs[second]["directed+video"]
            metrics = ("nDCG", "nDCG (category)", "mAP@R", "R@10", "nDCG v2t", "R@10 v2t")
            groups[f"over the {says}: {second}"] = [(m, found[m]) for m in metrics if m in found]
        plot_differences(groups, ax)
    return figure


def draw_when(study: Study) -> Figure:
    """Draw how the gain in nDCG changes with the rate of false negatives, the batch, and a noisy teacher.

    Args:
        study: That is drawn.

    Returns:
        The figure, one panel a factor.

    Source:
        ours.

    Example:
        >>> draw_when(Study.load())  # doctest: +SKIP
    """
    of_set = study.summary["sets"]["minivtt"]
    hinge = study.row("minivtt", "hinge")
    lines = {"over the hinge": hinge, "over its permuted control": "permuted"}
    rates: dict[str, dict[str, Difference]] = {line: {} for line in lines}
    for place, (line, second) in enumerate(lines.items()):
        low, high = (of_set["rates"][f"minivtt-{r}"]["comparisons"][place] for r in ("low", "high"))
        rates[line] = {
            "low": low["confirm"]["nDCG"],
            "default": study.difference("minivtt", "directed+video", second, "nDCG"),
            "high": high["confirm"]["nDCG"],
        }
    batches = {
        line: {size: found[second]["nDCG"] for size, found in of_set["batches"].items()}
        for line, second in lines.items()
    }
    noises = {"over the hinge": {noise: found["nDCG"] for noise, found in of_set["noises"].items()}}
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.5), sharey=True, layout="constrained")
    plot_levels(rates, axes[0], "rate of false negatives", "nDCG")
    plot_levels(batches, axes[1], "pairs in a batch, equal steps", "nDCG")
    plot_levels(noises, axes[2], "noise on the teacher, in its own spread", "nDCG")
    return figure


def draw_use(study: Study) -> Figure:
    """Draw margin, mask and soft targets by the same teacher, each against the best plain row.

    Args:
        study: That is drawn.

    Returns:
        The figure, one panel a data set.

    Source:
        ours.

    Example:
        >>> draw_use(Study.load())  # doctest: +SKIP
    """
    figure, panels = _both(study)
    rows = {"directed+video": "margin", "mask": "mask", "soft": "soft targets"}
    for name, ax in panels.items():
        groups = {
            metric: [
                (f"{label}: {metric}", study.difference(name, row, "best plain", metric))
                for row, label in rows.items()
            ]
            for metric in ("nDCG", "R@10", "R@10 v2t")
        }
        plot_differences(groups, ax)
        ax.set_title(f"{NAMES[name]}, over {study.row(name, 'best plain')}")
    return figure


PICTURES = {
    "temperature": draw_temperature,
    "teachers": draw_teachers,
    "meaning": draw_meaning,
    "when": draw_when,
    "use": draw_use,
}
"""The picture of each question."""
