"""Figures of the study: the decision plot, differences with their intervals, dose and response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes

Difference = Mapping[str, float]
"""``difference``, ``low`` and ``high``, in percentage points."""


def plot_decision(
    tries: Mapping[str, Mapping[str, float]], levels: Mapping[str, float], ax: Axes | None = None
) -> Axes:
    """Draw the score of choice over the knob of several rows, their optima marked, others as level lines.

    Args:
        tries: Name of the row to score by value of its knob.
        levels: Name of other rows to their best score.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes. What decides is the height of the marked points, not that of two lines at one value.

    Source:
        ours.

    Example:
        >>> ax = plot_decision({"CMGSD": {"0.05": 112.0, "0.1": 113.0}}, {"InfoNCE": 111.5})
    """
    ax = new_axes(ax)
    for i, (name, scores) in enumerate(tries.items()):
        x, y = [float(value) for value in scores], list(scores.values())
        ax.plot(x, y, label=name, **line_style(i))
        best = max(range(len(y)), key=y.__getitem__)
        ax.plot(x[best], y[best], "*", color=PALETTE[i], markersize=16, markeredgecolor="black")
    for i, (name, score) in enumerate(levels.items(), len(tries)):
        ax.axhline(score, color=PALETTE[i % len(PALETTE)], linewidth=1.5, linestyle="--", label=name)
    ax.set(xscale="log", xlabel="spread of the margin (beta)", ylabel="score of choice: R@10 + nDCG")
    places = sorted({value for scores in tries.values() for value in scores}, key=float)[::2]
    ax.set_xticks([float(value) for value in places], places)
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")
    return ax


def plot_differences(
    groups: Mapping[str, Sequence[tuple[str, Difference]]], ax: Axes | None = None, unit: str = ""
) -> Axes:
    """Draw differences as points with their intervals, one line a comparison, one colour a group.

    Args:
        groups: Name of the group to labels and differences.
        ax: Where to draw; a new figure by default.
        unit: What differs, for the axis.

    Returns:
        The Axes. A hollow point: the interval crosses zero.

    Source:
        ours.

    Example:
        >>> one = {"difference": 1.0, "low": 0.5, "high": 1.5}
        >>> ax = plot_differences({"nDCG": [("CMGSD − best plain row", one)]})
    """
    ax = new_axes(ax)
    place, labels = 0, []
    for i, (group, entries) in enumerate(groups.items()):
        colour = PALETTE[i % len(PALETTE)]
        for j, (label, found) in enumerate(entries):
            clear = found["low"] > 0 or found["high"] < 0
            ax.plot([found["low"], found["high"]], [place, place], color=colour, linewidth=2.5)
            face = colour if clear else "white"
            ax.plot(found["difference"], place, "o", color=colour, markerfacecolor=face, markersize=8)
            ax.plot([], [], "o", color=colour, label=group if j == 0 else None)
            labels.append(label)
            place += 1
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set(xlabel=f"difference in {unit or 'percentage points'}, 95 % interval; hollow: it holds 0")
    ax.grid(axis="x", alpha=0.3)
    if len(groups) > 1:
        ax.legend(fontsize="small")
    return ax


def plot_dose(points: Mapping[str, tuple[float, Difference]], ax: Axes | None = None, unit: str = "") -> Axes:
    """Draw what is gained over what a teacher knows, one named point a teacher.

    Args:
        points: Name of the teacher to its precision in percent and the gain with its interval.
        ax: Where to draw; a new figure by default.
        unit: What is gained, for the axis.

    Source:
        ours.

    Example:
        >>> gain = {"difference": 0.4, "low": 0.2, "high": 0.6}
        >>> ax = plot_dose({"directed": (83.0, gain)}, unit="nDCG")
    """
    ax = new_axes(ax)
    for i, (name, (dose, gain)) in enumerate(points.items()):
        below, above = gain["difference"] - gain["low"], gain["high"] - gain["difference"]
        colour = PALETTE[i % len(PALETTE)]
        ax.errorbar(dose, gain["difference"], yerr=[[below], [above]], fmt="o", color=colour, capsize=3)
        ax.annotate(name, (dose, gain["difference"]), xytext=(6, 6), textcoords="offset points", fontsize=9)
    ax.margins(x=0.2)  # room for the names
    ax.axhline(0, color="black", linewidth=1)
    ax.set(xlabel="false negatives among the nearest 1 % (percent)", ylabel=f"gain in {unit}")
    ax.grid(alpha=0.3)
    return ax


def plot_levels(
    lines: Mapping[str, Mapping[str, Difference]], ax: Axes | None = None, factor: str = "", unit: str = ""
) -> Axes:
    """Draw how differences change over the levels of one factor, with intervals.

    Args:
        lines: Name of the line to differences by level, the levels of all lines in the same order.
        ax: Where to draw; a new figure by default.
        factor: What changes, for the axis.
        unit: What differs, for the axis.

    Source:
        ours.

    Example:
        >>> one = {"difference": 1.0, "low": 0.5, "high": 1.5}
        >>> ax = plot_levels({"CMGSD − hinge": {"low": one, "high": one}}, factor="rate")
    """
    ax = new_axes(ax)
    levels: list[str] = []
    for i, (name, found) in enumerate(lines.items()):
        levels = list(found)
        x = [place + 0.08 * (i - (len(lines) - 1) / 2) for place in range(len(levels))]
        y = [one["difference"] for one in found.values()]
        spread = [[one["difference"] - one["low"] for one in found.values()]]
        spread.append([one["high"] - one["difference"] for one in found.values()])
        ax.errorbar(x, y, yerr=spread, label=name, capsize=3, **line_style(i))
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(range(len(levels)), levels)
    ax.set(xlabel=factor, ylabel=f"difference in {unit or 'percentage points'}")
    ax.grid(axis="y", alpha=0.3)
    ax.legend(fontsize="small")
    return ax
