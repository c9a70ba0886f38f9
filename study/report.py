"""From the runs of a study to what differs: means, paired differences with intervals, tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.evaluation.intervals import holm, paired_bootstrap
from cmgsd_lite.training.experiment import Bench
from study.plan import HEADLINE, PLAIN, Comparison, comparisons, run_keys
from study.run import Row, read_runs, values_path
from study.values import VideoValues

DRAWS = 2000
SHOWN = ("R@1", "R@5", "R@10", "MdR", "nDCG", "mAP@R", "nDCG (category)", "R@10 v2t")
SHOWN_DIFFERENCES = ("R@10", "nDCG", "mAP@R", "nDCG (category)", "R@10 v2t")

Runs = Mapping[str, Mapping[int, Row]]
"""Rows by condition and seed."""


def summarise(bench: Bench, out: Path, draws: int = DRAWS) -> dict[str, Any]:
    """Turn the finished runs of an experiment into its result.

    Args:
        bench: With the experiment's data.
        out: Folder of the study.
        draws: Of the bootstrap.

    Returns:
        Plain values: what was run on what, one row a condition (means and standard deviations over seeds),
        one entry a comparison (difference and interval by metric, over the seeds that both have), and notes.

    Raises:
        DataError: If the values of a run can not be read.

    Source:
        ours.

    Example:
        >>> summarise(Bench(experiment), Path("runs/study"))["rows"]  # doctest: +SKIP
    """
    experiment, keys = bench.experiment, run_keys(bench)
    finished, notes = read_runs(out)
    runs = {
        name: {
            seed: finished[keys[name], seed] for seed in experiment.seeds if (keys[name], seed) in finished
        }
        for name in experiment.conditions
    }
    strongest = strongest_plain(bench, runs)
    found = [_compare(pair, keys, runs, out, draws) for pair in comparisons(experiment.conditions, strongest)]
    found = [entry for entry in found if entry["seeds"]]
    _correct([entry for entry in found if entry["headline"]])
    missing = len(experiment.seeds) * len(runs) - sum(map(len, runs.values()))
    used = {(keys[name], seed) for name, by_seed in runs.items() for seed in by_seed}
    return {
        "schema": 1,
        **bench.describe(),
        "seeds": list(experiment.seeds),
        "runs_missing": missing,
        "rows": [_row(name, by_seed) for name, by_seed in runs.items() if by_seed],
        "strongest_plain": strongest,
        "comparisons": found,
        "method": _method(draws),
        "notes": [*notes, *_notes(bench, missing, len(finished) - len(used), strongest)],
        "model": experiment.model,
        "training": {k: v for k, v in asdict(experiment.training).items() if k != "seed"},
        "versions": _distinct(row["versions"] for by_seed in runs.values() for row in by_seed.values()),
    }


def strongest_plain(bench: Bench, runs: Runs) -> str | None:
    """Name the plain row with the highest validation score: the test videos have no say in it.

    Args:
        bench: With the experiment.
        runs: Finished runs.

    Returns:
        The name, by the mean over the seeds that all plain rows have; None without a plain row or a seed.

    Source:
        ours.

    Example:
        >>> strongest_plain(bench, runs)  # doctest: +SKIP
        'infonce'
    """
    plain = [name for name, loss in bench.experiment.conditions.items() if loss.kind in PLAIN]
    shared = [seed for seed in bench.experiment.seeds if all(seed in runs[name] for name in plain)]
    if not plain or not shared:
        return None
    return max(plain, key=lambda n: statistics.fmean(runs[n][seed]["validation_score"] for seed in shared))


def format_summary(summary: Mapping[str, Any]) -> str:
    """Write a result as two Markdown tables with its notes.

    Args:
        summary: From ``summarise``.

    Returns:
        The text. A star: p < .05 after Holm's correction; only headline comparisons can have one.

    Source:
        ours.

    Example:
        >>> print(format_summary(summary))  # doctest: +SKIP
    """
    rows, found = summary["rows"], summary["comparisons"]
    parts = []
    if rows:
        shown = [metric for metric in SHOWN if metric in rows[0]["mean"]]
        table = [["condition", "seeds", *shown]]
        table += [[row["name"], str(len(row["seeds"])), *(_mean(row, m) for m in shown)] for row in rows]
        parts.append(_markdown(table))
    if found:
        shown = [metric for metric in SHOWN_DIFFERENCES if metric in found[0]["metrics"]]
        table = [["difference", "seeds", *shown]]
        for entry in found:
            cells = [_interval(entry["metrics"][metric]) for metric in shown]
            table.append([f"{entry['first']} − {entry['second']}", str(len(entry["seeds"])), *cells])
        parts += [_markdown(table), summary["method"]]
    return "\n\n".join([*parts, *summary["notes"]])


def _row(name: str, runs: Mapping[int, Row]) -> dict[str, Any]:
    first = next(iter(runs.values()))
    values = {metric: [run["metrics"][metric] for run in runs.values()] for metric in first["metrics"]}
    scores = [run["validation_score"] for run in runs.values()]
    return {
        "name": name,
        "seeds": list(runs),
        "mean": {metric: statistics.fmean(found) for metric, found in values.items()},
        "sd": {m: statistics.stdev(found) if len(found) > 1 else None for m, found in values.items()},
        "validation_score": statistics.fmean(scores),
        "seconds": statistics.median(run["seconds"] for run in runs.values()),
        "loss": first["loss"],
    }


def _compare(pair: Comparison, keys: Mapping[str, str], runs: Runs, out: Path, draws: int) -> dict[str, Any]:
    """One comparison with an interval for every metric, over the seeds that both conditions have."""
    seeds = [seed for seed in runs[pair.first] if seed in runs[pair.second]]
    entry: dict[str, Any] = {**pair._asdict(), "seeds": seeds, "metrics": {}}
    first, second = (
        [VideoValues.load(values_path(out, keys[name], seed)) for seed in seeds] for name in pair[:2]
    )
    for metric in first[0].names if seeds else ():
        a, b = (np.stack([values.of(metric)[0] for values in side]) for side in (first, second))
        count = first[0].of(metric)[1]
        by_seed = (a - b).sum(axis=1) / count.sum()
        interval = asdict(paired_bootstrap(a, b, count, draws))
        entry["metrics"][metric] = {**interval, "by_seed": by_seed.tolist()}
    return entry


def _correct(headline: Sequence[Mapping[str, Any]]) -> None:
    """Add Holm's corrected p to the headline metrics of the headline comparisons."""
    family = [entry["metrics"][m] for entry in headline for m in HEADLINE if m in entry["metrics"]]
    for found, p in zip(family, holm([found["p"] for found in family]), strict=True):
        found["p_holm"] = p


def _method(draws: int) -> str:
    return (
        f"Differences in percentage points; 95 % intervals of {draws:,} bootstrap draws of test videos "
        f"crossed with seeds. *: p < .05 after Holm over {' and '.join(HEADLINE)} of all rows that are "
        "neither plain nor a control."
    )


def _notes(bench: Bench, missing: int, others: int, strongest: str | None) -> list[str]:
    notes = []
    if held_out := bench.experiment.data.held_out:
        notes.append(f"Measured on {held_out:,} held-out training videos: a choice, no result.")
    if missing:
        notes.append(f"{missing} run(s) are missing: call again with the same options, and more --minutes.")
    if len(bench.experiment.seeds) == 1:
        notes.append("One seed: the intervals are over videos alone and say nothing about other seeds.")
    if strongest:
        notes.append(f"Strongest plain row, by the validation videos: {strongest}.")
    else:
        notes.append("No plain row (a fixed margin or InfoNCE) is finished: nothing is compared with one.")
    if not bench.relevance:
        notes.append("The data has no graded relevance: no nDCG, no mAP@R.")
    if others:
        notes.append(
            f"{others} run(s) in the folder are not of this experiment, or of other data; left alone."
        )
    return notes


def _distinct(items: Any) -> list[dict[str, str]]:
    """Return the different ones, in order: runs of one study may come from several machines."""
    return list({tuple(sorted(item.items())): item for item in items}.values())


def _mean(row: Mapping[str, Any], metric: str) -> str:
    spread = row["sd"][metric]
    return f"{row['mean'][metric]:.1f}" + ("" if spread is None else f" ± {spread:.1f}")


def _interval(found: Mapping[str, Any]) -> str:
    star = "*" if found.get("p_holm", 1.0) < 0.05 else ""
    return f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]{star}"


def _markdown(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in table
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
