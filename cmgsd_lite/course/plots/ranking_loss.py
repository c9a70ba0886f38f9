"""Figures of the ranking losses: the hinge and its soft versions, logs, and learning rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cmgsd_lite.course.plots.base import line_style, loss_style, new_axes


def plot_soft_hinges(
    temperatures: Sequence[float], margin: float = 0.2, ax: Axes | None = None, reach: float = 0.6
) -> Axes:
    """Draw the smooth loss of an anchor with one negative over its lead, and the hinge it falls to.

    Args:
        temperatures: From warm to cold, in units of the similarity.
        margin: The same for all.
        ax: Where to draw; a new figure by default.
        reach: The lead runs from minus this to plus this.

    Returns:
        The Axes: horizontal is negative minus positive similarity.

    Raises:
        ValueError: If there is no temperature.

    Source:
        ours.

    Example:
        >>> ax = plot_soft_hinges([0.3, 0.1])
    """
    if not temperatures:
        raise ValueError("temperatures: expected at least one, got none")
    ax = new_axes(ax)
    lead = np.linspace(-reach, reach, 241)
    for i, tau in enumerate(temperatures, 1):
        soft = tau * np.logaddexp(0, (margin + lead) / tau)
        ax.plot(lead, soft, label=f"temperature {tau:g}", linewidth=2, **line_style(i))
    ax.plot(
        lead, np.maximum(0, margin + lead), label="temperature to 0: the hinge", color="black", linewidth=2
    )
    ax.axvline(-margin, color="0.8", linewidth=1, zorder=0)
    ax.set(
        xlabel="negative minus positive similarity (cosine)",
        ylabel="loss of the anchor",
        xlim=(-reach, reach),
    )
    ax.legend()
    return ax


def plot_shrinking(
    logs: Mapping[str, Mapping[str, Sequence[float]]], compared: Mapping[str, float]
) -> Figure:
    """Draw spread and standing over the epochs, one line a loss.

    Args:
        logs: ``"spread"`` and ``"standing"`` of every epoch, by the name of the loss.
        compared: Where the negatives stand that a loss compares the own clip with, by its name.

    Returns:
        The figure; a dotted line in the colour of its loss for each of ``compared``.

    Raises:
        ValueError: If there is no log.

    Source:
        ours.

    Example:
        >>> figure = plot_shrinking({"mean": {"spread": [0.1, 0.2], "standing": [1.0, 2.0]}}, {})
    """
    _check_logs(logs)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for ax, key in zip(axes, ("spread", "standing"), strict=True):
        for name, log in logs.items():
            ax.plot(range(1, len(log[key]) + 1), log[key], label=name, linewidth=2, **loss_style(name))
        ax.set(xlabel="epoch", ylim=(0, None))
    for name, height in compared.items():
        colour = loss_style(name)["color"]
        axes[1].axhline(height, color=colour, linestyle=":", linewidth=2)
        axes[1].text(1, height + 0.03, f"bar of {name}", color=colour, va="bottom")
    axes[1].set_ylim(0, 1.12 * max([0, *compared.values(), axes[1].get_ylim()[1]]))
    axes[0].set_ylabel("spread of an anchor's negatives (cosine)")
    axes[1].set_ylabel("standing of its own clip (spreads)")
    axes[0].legend()
    return figure


def plot_signs(logs: Mapping[str, Mapping[str, Sequence[float]]], signs: Sequence[str]) -> Figure:
    """Draw R@10 against each sign, one dot an epoch, on one axis of R@10.

    Args:
        logs: ``"R@10"`` and the signs of every epoch, by the name of the loss.
        signs: What may tell how good a model is.

    Returns:
        The figure, one panel a sign.

    Raises:
        ValueError: If there is no log or no sign.

    Source:
        ours.

    Example:
        >>> figure = plot_signs({"mean": {"R@10": [40.0, 50.0], "loss": [0.3, 0.2]}}, ["loss"])
    """
    _check_logs(logs)
    if not signs:
        raise ValueError("signs: expected at least one, got none")
    figure, grid = plt.subplots(
        1, len(signs), figsize=(11, 3.8), sharey=True, squeeze=False, layout="constrained"
    )
    for ax, sign in zip(grid[0], signs, strict=True):
        for name, log in logs.items():
            look = {**loss_style(name), "linewidth": 1, "alpha": 0.9}
            ax.plot(log[sign], log["R@10"], marker="o", label=name, **look)
        ax.set(xlabel=sign)
        ax.xaxis.set_major_locator(MaxNLocator(3))
    grid[0, 0].set_ylabel("R@10 on validation (%)")
    grid[0, -1].legend()
    return figure


def plot_rates(recalls: Mapping[str, Mapping[float, float]], ax: Axes | None = None) -> Axes:
    """Draw the recall that each loss reaches at each learning rate.

    Args:
        recalls: R@10 in percent by learning rate, by the name of the loss.
        ax: Where to draw; a new figure by default.

    Returns:
        The Axes, rates on a logarithmic axis.

    Raises:
        ValueError: If there is no loss.

    Source:
        ours.

    Example:
        >>> ax = plot_rates({"mean": {0.001: 57.0, 0.003: 59.0}})
    """
    _check_logs(recalls)
    ax = new_axes(ax)
    for name, found in recalls.items():
        ax.plot(list(found), list(found.values()), marker="o", linewidth=2, label=name, **loss_style(name))
    rates = sorted({rate for found in recalls.values() for rate in found})
    ax.set_xscale("log")
    ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
    ax.minorticks_off()
    ax.set(xlabel="learning rate", ylabel="R@10 on validation (%)")
    ax.legend()
    return ax


def _check_logs(logs: Mapping[str, Any]) -> None:
    if not logs:
        raise ValueError("losses: expected at least one loss, got none")
