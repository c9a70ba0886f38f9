"""Figures of the study: differences with their intervals, and how they change with one factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from cmgsd_lite.course.plots.base import PALETTE, line_style, new_axes

MARKERS = "osD^v"


def plot_intervals(
    groups: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]],
    metric: str = "R@10",
    ax: Axes | None = None,
    legend: bool = True,
) -> Axes:
    """Draw differences as points with their intervals, one line a comparison, one colour a group.

    Args:
        groups: Name of the group to labels and comparisons, as ``comparisons`` of a result of the study.
        metric: Which.
        ax: Where to draw; a new figure by default.
        legend: Whether to name the groups; where there are several Axes, one for the figure reads better.

    Returns:
        The Axes. A hollow point: the interval crosses zero.

    Source:
        ours.

    Example:
        >>> entry = {"metrics": {"R@10": {"difference": 1.0, "low": 0.5, "high": 1.5}}}
        >>> ax = plot_intervals({"adaptivity": [("hardest", entry)]})
    """
    ax = new_axes(ax)
    place, labels = 0, []
    for i, (group, entries) in enumerate(groups.items()):
        colour = PALETTE[i % len(PALETTE)]
        for j, (label, entry) in enumerate(entries):
            found = entry["metrics"][metric]
            clear = found["low"] > 0 or found["high"] < 0
            ax.plot([found["low"], found["high"]], [place, place], color=colour, linewidth=2)
            ax.plot(
                found["difference"],
                place,
                MARKERS[i % len(MARKERS)],
                color=colour,
                markerfacecolor=colour if clear else "white",
                label=group if j == 0 else None,
            )
            labels.append(label)
            place += 1
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.set(xlabel=f"difference in {metric} (percentage points), 95 % interval")
    ax.grid(axis="x", alpha=0.3)
    if legend and len(groups) > 1:
        ax.legend(fontsize="small", loc="best")
    return ax


def plot_factor(
    lines: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]],
    metric: str = "R@10",
    ax: Axes | None = None,
) -> Axes:
    """Draw how a difference changes over the levels of one factor, with intervals.

    Args:
        lines: Name of the line to levels and comparisons, the levels of all lines in the same order.
        metric: Which.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes; above zero means that the first of the two conditions is better.

    Source:
        ours.

    Example:
        >>> entry = {"metrics": {"R@10": {"difference": 1.0, "low": 0.5, "high": 1.5}}}
        >>> ax = plot_factor({"hardest": [("low", entry), ("high", entry)]})
    """
    ax = new_axes(ax)
    levels: list[str] = []
    for i, (name, entries) in enumerate(lines.items()):
        levels = [level for level, _ in entries]
        found = [entry["metrics"][metric] for _, entry in entries]
        x = [place + 0.1 * (i - (len(lines) - 1) / 2) for place in range(len(entries))]
        y = [f["difference"] for f in found]
        below = [f["difference"] - f["low"] for f in found]
        above = [f["high"] - f["difference"] for f in found]
        style = {**line_style(i), "marker": MARKERS[i % len(MARKERS)], "capsize": 3}
        ax.errorbar(x, y, yerr=[below, above], label=name, **style)
    ax.axhline(0, color="black", linewidth=1)
    ax.set_xticks(range(len(levels)), levels)
    ax.set(ylabel=f"difference in {metric}\n(percentage points)")
    ax.grid(axis="y", alpha=0.3)
    return ax


def comparison(
    result: Mapping[str, Any], first: str, second: str, factor: str = ""
) -> Mapping[str, Any] | None:
    """Find one comparison of a result of the study.

    Args:
        result: Content of a result file.
        first: Name of the minuend.
        second: Name of the subtrahend.
        factor: Such as ``"beta=0.1"``; none in the headline.

    Returns:
        The entry, or None where it was not run.

    Source:
        ours.

    Example:
        >>> comparison({"comparisons": []}, "a", "b") is None
        True
    """
    for entry in result["comparisons"]:
        if (entry["a"], entry["b"], entry["factor"]) == (first, second, factor):
            found: Mapping[str, Any] = entry
            return found
    return None


def adaptivity_groups(result: Mapping[str, Any]) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Sort a headline's comparisons into what each says, with short labels.

    Args:
        result: Content of a headline's result file.

    Returns:
        ``softening`` (permuted control - fixed margin), ``adaptivity`` (row - its own permuted control) and,
        where the truth is known, ``what the truth would give`` (oracle margin - permuted control).

    Source:
        ours.

    Example:
        >>> adaptivity_groups({"comparisons": []})
        {}
    """
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for entry in result["comparisons"]:
        first, second = entry["a"], entry["b"]
        short = first.removeprefix("cmgsd-").removesuffix("-permuted")
        if second == f"{first}-permuted":
            groups.setdefault("adaptivity: row − its permuted control", []).append((short, entry))
        elif first.endswith("-permuted") and second.startswith("fixed"):
            groups.setdefault("softening: permuted control − fixed margin", []).append((short, entry))
        elif first.startswith("oracle"):
            groups.setdefault("the truth: oracle margin − permuted control", []).append((short, entry))
    order = ["softening", "adaptivity", "the truth"]
    return dict(sorted(groups.items(), key=lambda item: order.index(item[0].split(":")[0])))


def factor_lines(
    result: Mapping[str, Any], pairs: Mapping[str, tuple[str, str]], factor: str
) -> dict[str, list[tuple[str, Mapping[str, Any]]]]:
    """Collect comparisons over the levels of one factor.

    Args:
        result: Content of the result file of the suite ``"factors"``.
        pairs: Name of the line to the two conditions that are compared.
        factor: Such as ``"beta"``.

    Returns:
        Name of the line to levels and comparisons; lines of fewer than two levels are left out.

    Source:
        ours.

    Example:
        >>> factor_lines({"comparisons": []}, {"hardest": ("a", "b")}, "beta")
        {}
    """
    lines = {}
    for name, pair in pairs.items():
        found = [
            (str(entry["factor"]).split("=", 1)[1], entry)
            for entry in result["comparisons"]
            if (entry["a"], entry["b"]) == pair and str(entry["factor"]).startswith(f"{factor}=")
        ]
        if len(found) > 1:  # one level alone is no line
            lines[name] = found
    return lines
