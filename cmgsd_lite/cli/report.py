"""What the command line shows of results: tables for the terminal, figures for the folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from cmgsd_lite.course.plots import plot_loss, plot_margins, plot_recall, plot_table, save_figure
from cmgsd_lite.training.experiment import MARGIN_BINS, RunResult

COLUMNS = (
    *(("t2v", name) for name in ("R@1", "R@5", "R@10", "MdR", "nDCG", "mAP@R")),
    ("v2t", "R@10"),
)


def results_table(results: Mapping[str, Any]) -> str:
    """Format ``metrics.json`` as a table for reading.

    Args:
        results: The object that ``tabulate`` makes.

    Returns:
        Markdown: one row a condition, mean ± standard deviation over seeds, the floor of nDCG below.

    Source:
        ours.

    Example:
        >>> print(results_table(results))  # doctest: +SKIP
        | condition | R@1 | ...
    """
    titles = [name if direction == "t2v" else f"{name} v2t" for direction, name in COLUMNS]
    lines = [_line("condition", *titles, "seconds"), _line(*["---"] * (len(titles) + 2))]
    for row in results["rows"]:
        cells = [_cell(row["mean"][d][name], row["sd"][d][name]) for d, name in COLUMNS]
        seconds = sum(run["seconds"] for run in row["per_seed"]) / len(row["per_seed"])
        lines.append(_line(row["name"], *cells, f"{seconds:.1f}"))
    floor = results["random_floor"][results["dataset"]["relevance"]]["t2v"]
    lines.append(_line("random ranking", "", "", "", "", f"{floor:.1f}", "", "", ""))
    return "\n".join(lines)


def results_caption(results: Mapping[str, Any]) -> str:
    """Say in one sentence what the table was measured on.

    Args:
        results: The object that ``tabulate`` makes.

    Returns:
        One line.

    Source:
        ours.

    Example:
        >>> print(results_caption(results))  # doctest: +SKIP
        MSR-VTT 1k-A: ...
    """
    about, seeds = results["dataset"], results["seeds"]
    return (
        f"{about['name']} {about['protocol']}: {about['n_train']} training, {about['n_validation']} "
        f"validation, {about['n_test']} test videos, {about['n_queries']} queries "
        f"({about['queries']}); model {results['model']}; seeds {', '.join(map(str, seeds))}; "
        "mean ± standard deviation, text to video unless marked; "
        f"nDCG by {about['relevance']}; seconds of training a run."
    )


def write_figures(results: Mapping[str, Any], runs: Sequence[RunResult], out: Path) -> list[Path]:
    """Draw the figures of the main job into a folder.

    Args:
        results: The object that ``tabulate`` makes.
        runs: What it was made from.
        out: The folder.

    Returns:
        The files: ``results.png`` (R@10 and nDCG of every run), ``training.png`` (loss and validation R@10
        of the first seed), and ``margins.png`` where a condition adapts its margin.

    Raises:
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> write_figures(results, runs, Path("runs/minivtt"))  # doctest: +SKIP
    """
    about = results["dataset"]
    floor = results["random_floor"][about["relevance"]]["t2v"]
    figure, axes = plt.subplots(1, 2, figsize=(11, 0.42 * len(results["rows"]) + 1.6), layout="constrained")
    plot_table(results["rows"], "R@10", ax=axes[0])
    plot_table(results["rows"], "nDCG", ax=axes[1])
    axes[1].set_yticklabels([])
    figure.suptitle(
        f"{about['name']} {about['protocol']}, {about['n_test']} test videos; random nDCG {floor:.1f} %"
    )
    paths = [out / "results.png"]
    save_figure(figure, paths[0])

    first = {run.name: run.history for run in runs if run.seed == results["seeds"][0]}
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    plot_loss(first, ax=axes[0])
    plot_recall(first, ax=axes[1])
    handles, labels = axes[0].get_legend_handles_labels()
    for ax in axes:
        ax.get_legend().remove()
    figure.legend(handles, labels, loc="outside right upper", fontsize="small")
    paths.append(out / "training.png")
    save_figure(figure, paths[-1])

    margins = {run.name: run.margins for run in runs if run.seed == results["seeds"][0] and run.margins}
    if margins:
        figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
        plot_margins(margins, MARGIN_BINS, fixed=0.2, ax=ax)
        ax.set_title("Margins of a batch of training videos after training")
        paths.append(out / "margins.png")
        save_figure(figure, paths[-1])
    return paths


def _cell(mean: float, sd: float | None) -> str:
    return f"{mean:.1f}" if sd is None else f"{mean:.1f} ± {sd:.1f}"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
