"""Figures of the command line: what every run reached, how training went, which margins it used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from cmgsd_lite.cli.optional import attempt
from cmgsd_lite.course.plots import plot_loss, plot_margins, plot_recall, plot_table, save_figure
from cmgsd_lite.training.experiment import MARGIN_BINS, RunResult


def write_figures(
    results: Mapping[str, Any], runs: Sequence[RunResult], out: Path, disk: list[OSError] | None = None
) -> list[Path]:
    """Draw the figures of the main job into a folder; one that fails is named on stderr and left out.

    ``results.png`` (R@10 of every run, and nDCG where there is relevance), ``training.png`` (loss and
    validation R@10 of the first seed), and ``margins.png`` where a condition adapts its margin. Returns the
    files written; ``disk`` as for ``attempt``.
    """
    first = [run for run in runs if run.seed == results["seeds"][0]]
    margins = {run.name: run.margins for run in first if run.margins}
    drawings: dict[str, Callable[[], Figure]] = {
        "results.png": lambda: _results(results),
        "training.png": lambda: _training({run.name: run.history for run in first}),
    }
    if margins:
        drawings["margins.png"] = lambda: _margins(margins)
    written = [attempt(name, partial(_save, draw, out / name), disk) for name, draw in drawings.items()]
    return [path for path in written if path is not None]


def _save(draw: Callable[[], Figure], path: Path) -> Path:
    save_figure(draw(), path)
    return path


def _results(results: Mapping[str, Any]) -> Figure:
    about = results["dataset"]
    title = f"{about['name']} {about['protocol']}, {about['n_test']} test videos".replace("$", r"\$")
    metrics = ["R@10"]
    if about["relevance"] is not None:
        metrics.append("nDCG")
        title += f"; random nDCG {results['random_floor'][about['relevance']]['t2v']:.1f} %"
    height = 0.42 * len(results["rows"]) + 1.6
    figure, axes = plt.subplots(
        1, len(metrics), figsize=(5.5 * len(metrics), height), layout="constrained", squeeze=False
    )
    for metric, ax in zip(metrics, axes[0], strict=True):
        plot_table(results["rows"], metric, ax=ax)
    for ax in axes[0, 1:]:
        ax.set_yticklabels([])
    figure.suptitle(title)
    return figure


def _training(histories: dict[str, list[dict[str, Any]]]) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    plot_loss(histories, ax=axes[0])
    plot_recall(histories, ax=axes[1])
    handles, labels = axes[0].get_legend_handles_labels()
    for ax in axes:
        ax.get_legend().remove()
    figure.legend(handles, labels, loc="outside right upper", fontsize="small")
    return figure


def _margins(margins: Mapping[str, list[int]]) -> Figure:
    figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
    plot_margins(margins, MARGIN_BINS, fixed=0.2, ax=ax)
    ax.set_title("Margins of a batch of training videos after training")
    return figure
