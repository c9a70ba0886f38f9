"""What the command line prints of results: a table and the sentence below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmgsd_lite.data.protocols import NO_TEST

COLUMNS = (
    *(("t2v", name) for name in ("R@1", "R@5", "R@10", "MdR", "nDCG", "mAP@R")),
    ("v2t", "R@10"),
)


def results_table(results: Mapping[str, Any]) -> str:
    """Format what ``tabulate`` makes as a Markdown table: mean ± standard deviation over seeds.

    One row a condition, the floor of nDCG below. Metrics that need relevance are left out where there is
    none.
    """
    columns = [(d, name) for d, name in COLUMNS if name in results["rows"][0]["mean"][d]]
    titles = [name if direction == "t2v" else f"{name} v2t" for direction, name in columns]
    lines = [_line("condition", *titles, "seconds"), _line(*["---"] * (len(titles) + 2))]
    for row in results["rows"]:
        cells = [_cell(row["mean"][d][name], row["sd"][d][name]) for d, name in columns]
        seconds = sum(run["seconds"] for run in row["per_seed"]) / len(row["per_seed"])
        lines.append(_line(row["name"], *cells, f"{seconds:.1f}"))
    relevance = results["dataset"]["relevance"]
    if relevance is not None:
        floor = {("t2v", "nDCG"): f"{results['random_floor'][relevance]['t2v']:.1f}"}
        lines.append(_line("random ranking", *[floor.get(column, "") for column in columns], ""))
    return "\n".join(lines)


def results_caption(results: Mapping[str, Any]) -> str:
    """Say in one sentence what the table was measured on."""
    about, seeds = results["dataset"], results["seeds"]
    relevance = about["relevance"]
    teachers = {name: None for row in results["rows"] for name in row["loss"].get("teacher") or ()}
    taught = f"teacher {', '.join(teachers)}; " if teachers else ""
    graded = "no relevance beside the own video" if relevance is None else f"nDCG by {relevance}"
    no_test = "" if about["n_test"] else f"{NO_TEST}, these are numbers of the validation videos; "
    return (
        f"{about['name']} {about['protocol']}: {no_test}{about['n_train']} training, {about['n_validation']} "
        f"validation, {about['n_test']} test videos, {about['n_queries']} queries "
        f"({about['queries']}); model {results['model']}; {taught}seeds {', '.join(map(str, seeds))}; "
        "mean ± standard deviation, text to video unless marked; "
        f"{graded}; seconds of training a run."
    )


def _cell(mean: float, sd: float | None) -> str:
    return f"{mean:.1f}" if sd is None else f"{mean:.1f} ± {sd:.1f}"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
