"""From the rows of a study to its result file and its tables."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.intervals import Interval, holm, paired_bootstrap
from cmgsd_lite.runtime import versions, write_atomically, write_json
from study.grid import Cell, Suite
from study.runner import bench_of, read_rows, teacher_quality
from study.values import VideoValues, chance_map

PRIMARY = ("R@10", "nDCG")
"""The two metrics, one of each family, over which Holm's correction runs."""

COMPARED = ("R@1", "R@5", "R@10", "nDCG", "nDCG, own left out", "mAP@R", "R@10 v2t", "nDCG v2t")
DRAWS = 2000


def summarise(suite: Suite, out: Path, command: str = "", draws: int = DRAWS) -> dict[str, Any]:
    """Turn the finished runs of a suite into its result.

    Args:
        suite: Which runs; those that are missing are left out and counted.
        out: Folder of the study.
        command: That made it, to be kept with the result.
        draws: Of the bootstrap.

    Returns:
        Plain values: what was run on what, one row a condition (mean, standard deviation, seeds), one entry a
        comparison (difference and interval by metric, over the seeds that both have), teacher quality.

    Raises:
        DataError: If the data can not be read.

    Source:
        ours.

    Example:
        >>> summarise(suite("smoke", DataConfig()), Path("runs/study"))["rows"]  # doctest: +SKIP
    """
    runs = _runs_by_cell(suite, read_rows(out))
    worlds = [cell.data for cell in suite.cells]
    # A factor may vary the world itself: described is the default one.
    bench = bench_of(next((world for world in worlds if world.protocol is None), worlds[0]))
    quality = {
        str(noise): _rounded(teacher_quality(bench, noise))
        for noise in sorted({cell.teacher_noise for cell in suite.cells})
    }
    for teacher in sorted({cell.text_teacher for cell in suite.cells} - {"wordllama"}):
        quality[teacher] = _rounded(teacher_quality(bench, 0.0, teacher, out))
    return {
        "schema": 1,
        "suite": suite.name,
        **bench.describe(),
        "random_map": {kind: round(chance_map(gains, kind), 2) for kind, gains in bench.relevance.items()},
        "measured": sorted({cell.measured_on for cell in suite.cells}),
        "seeds": list(suite.seeds),
        "runs": sum(map(len, runs.values())),
        "runs_missing": len({(c.key, s) for c in suite.cells for s in suite.seeds})
        - len({(c.key, s) for c in suite.cells for s in runs[c.label]}),
        "configurations": len({cell.key for cell in suite.cells if runs[cell.label]}),
        "rows": [_row(cell, runs[cell.label]) for cell in suite.cells if runs[cell.label]],
        "comparisons": _compare(suite, runs, out, draws),
        **_compare_apart(suite, runs, out, draws),
        "teacher_quality": quality,
        "method": {
            "interval": f"95 % percentiles of {draws} draws of videos crossed with draws of seeds, paired",
            "p": "two-sided normal from the bootstrap's standard error",
            "p_holm": f"Holm over all comparisons here and the metrics {', '.join(PRIMARY)}",
        },
        "versions": versions(),
        "command": command,
        "dates": sorted({str(run["date"]) for by_seed in runs.values() for run in by_seed.values()}),
    }


def publish(summary: Mapping[str, Any], suite: Suite, out: Path, folder: Path) -> list[Path]:
    """Write the result file and the table of runs that it was made from.

    Args:
        summary: From ``summarise``.
        suite: Whose.
        out: Folder of the study.
        folder: Where the files go.

    Returns:
        The files: JSON with means and intervals, CSV with one line a run.

    Raises:
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> publish(summary, suite, Path("runs/study"), Path("docs/results"))  # doctest: +SKIP
    """
    name = f"study-{suite.name}-{slug(summary['dataset']['name'])}"
    write_json(folder / f"{name}.json", summary)
    runs = _runs_by_cell(suite, read_rows(out))
    text = runs_csv(
        {**run, "label": cell.label} for cell in suite.cells for _, run in sorted(runs[cell.label].items())
    )
    table = folder / f"{name}-runs.csv"
    write_atomically(table, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return [folder / f"{name}.json", table]


def slug(name: str) -> str:
    """Return a data set's name as part of a file name: lower-case letters and digits."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def runs_csv(runs: Any) -> str:
    """Write runs as CSV, one line a run.

    Args:
        runs: Rows of a study.

    Returns:
        The text, with a header; metrics with two decimals.

    Source:
        ours.

    Example:
        >>> runs_csv([]).splitlines()
        []
    """
    lines = [
        {
            "condition": run["label"],
            "seed": run["seed"],
            "measured": run["measured"],
            **{name: f"{value:.2f}" for name, value in run["metrics"].items()},
            "validation score": f"{run['validation_score']:.2f}",
            "best epoch": run["best_epoch"],
            "seconds": f"{run['seconds']:.1f}",
            "key": run["key"],
        }
        for run in runs
    ]
    if not lines:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def published_rows(folder: Path) -> list[dict[str, Any]]:
    """Read the runs that ``publish`` wrote, as far as a choice needs them.

    Args:
        folder: Where ``study-*-runs.csv`` are. Their keys hold the name of the data's folder, not its path.

    Returns:
        Key, seed, metrics and validation score of every run, with two decimals.

    Raises:
        DataError: If there is no such file, or one is not as ``publish`` writes it.

    Source:
        ours.

    Example:
        >>> rows = published_rows(Path("docs/results"))  # doctest: +SKIP
    """
    paths = sorted(folder.glob("study-*-runs.csv"))
    if not paths:
        raise DataError(f"{folder}: expected files study-*-runs.csv, found none")
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        try:
            rows += [_published_row(line) for line in lines]
        except (KeyError, ValueError) as error:
            raise DataError(f"{path}: expected the columns that a study writes, got {error}") from error
    return rows


def _published_row(line: Mapping[str, str]) -> dict[str, Any]:
    about = ("condition", "seed", "measured", "validation score", "best epoch", "seconds", "key")
    return {
        "key": line["key"],
        "seed": int(line["seed"]),
        "metrics": {name: float(value) for name, value in line.items() if name not in about and value},
        "validation_score": float(line["validation score"]),
    }


def study_table(summary: Mapping[str, Any]) -> str:
    """Write the rows of a result as a Markdown table.

    Args:
        summary: From ``summarise``.

    Returns:
        The table, mean and standard deviation over seeds, in percent, with the random floor of nDCG.

    Source:
        ours.

    Example:
        >>> print(study_table(summary))  # doctest: +SKIP
    """
    columns = ("R@1", "R@5", "R@10", "MdR", "nDCG", "mAP@R", "R@10 v2t")
    lines = ["| condition | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for row in summary["rows"]:
        cells = [f"{row['mean'][c]:.1f} ± {row['sd'][c] or 0:.1f}" for c in columns]
        lines.append(f"| {row['label']} | {len(row['seeds'])} | " + " | ".join(cells) + " |")
    floor = summary["random_floor"][summary["dataset"]["relevance"]]["t2v"]
    lines.append(f"| random ranking | | | | | | {floor:.1f} | | |")
    return "\n".join(lines)


def comparison_table(summary: Mapping[str, Any], metrics: Sequence[str] = PRIMARY) -> str:
    """Write the comparisons of a result as a Markdown table.

    Args:
        summary: From ``summarise``.
        metrics: Columns.

    Returns:
        The table: difference [low, high] in points; a star where the corrected p is below .05.

    Source:
        ours.

    Example:
        >>> print(comparison_table(summary))  # doctest: +SKIP
    """
    lines = ["| difference | seeds | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 2) + "|"]
    for entry in summary["comparisons"]:
        cells = [_interval_text(entry["metrics"][metric]) for metric in metrics]
        lines.append(f"| {comparison_label(entry)} | {entry['seeds']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparison_label(entry: Mapping[str, Any]) -> str:
    """Return what a comparison compares, in one line."""
    factor = f" [{entry['factor']}]" if entry["factor"] else ""
    return f"{entry['a']} − {entry['b']}{factor}"


def _interval_text(found: Mapping[str, Any]) -> str:
    star = "*" if found.get("p_holm", 1.0) < 0.05 else ""
    return f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]{star}"


def _runs_by_cell(suite: Suite, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, Any]]:
    """The runs of every cell by seed; cells that share their settings share their runs."""
    known = {(row["key"], row["seed"]): row for row in rows}
    return {
        cell.label: {seed: known[cell.key, seed] for seed in suite.seeds if (cell.key, seed) in known}
        for cell in suite.cells
    }


def _row(cell: Cell, runs: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    metrics = {name: [run["metrics"][name] for run in runs.values()] for name in _names(runs)}
    return {
        "label": cell.label,
        "name": cell.name,
        "factor": cell.factor,
        "key": cell.key,
        "seeds": list(runs),
        "mean": {name: round(statistics.fmean(values), 3) for name, values in metrics.items()},
        "sd": {
            name: round(statistics.stdev(values), 3) if len(values) > 1 else None
            for name, values in metrics.items()
        },
        "validation_score": round(statistics.fmean(run["validation_score"] for run in runs.values()), 3),
        "seconds": round(statistics.median(run["seconds"] for run in runs.values()), 1),
        "settings": cell.settings["loss"],
    }


def _names(runs: Mapping[int, Mapping[str, Any]]) -> list[str]:
    return list(next(iter(runs.values()))["metrics"])


def _compare(
    suite: Suite, runs: Mapping[str, Mapping[int, Any]], out: Path, draws: int, keep: Any = slice(None)
) -> list[dict[str, Any]]:
    cells = {(cell.name, cell.factor): cell for cell in suite.cells}
    factors = list(dict.fromkeys(cell.factor for cell in suite.cells))
    found: list[dict[str, Any]] = []
    for factor in factors:
        for a, b in suite.comparisons:
            if (a, factor) not in cells or (b, factor) not in cells:
                continue
            first, second = cells[a, factor], cells[b, factor]
            seeds = [seed for seed in runs[first.label] if seed in runs[second.label]]
            if seeds:
                metrics = compare_cells(out, first, second, seeds, draws, keep)
                about = {"a": a, "b": b, "factor": factor, "seeds": len(seeds)}
                found.append({**about, "metrics": metrics})
    family = [(entry, metric) for entry in found for metric in PRIMARY]
    corrected = holm([entry["metrics"][metric]["p"] for entry, metric in family])
    for (entry, metric), p in zip(family, corrected, strict=True):
        entry["metrics"][metric]["p_holm"] = float(f"{p:.3g}")
    return found


def _compare_apart(
    suite: Suite, runs: Mapping[str, Mapping[int, Any]], out: Path, draws: int
) -> dict[str, Any]:
    """The comparisons without the videos that prompted the suite, if any did."""
    if not suite.apart:
        return {}
    data = suite.cells[0].data
    prompting = set(bench_of(replace(data, protocol=suite.apart)).dataset.test.video_ids)
    keep = np.array([video not in prompting for video in bench_of(data).dataset.test.video_ids])
    found = _compare(suite, runs, out, draws, keep)
    return {"apart": {"without": suite.apart, "videos": int(keep.sum()), "comparisons": found}}


def compare_cells(
    out: Path,
    first: Cell,
    second: Cell,
    seeds: Sequence[int],
    draws: int = DRAWS,
    keep: Any = slice(None),
) -> dict[str, Any]:
    """Compare two cells by the values per video of their runs.

    Args:
        out: Folder of the study.
        first: Minuend.
        second: Subtrahend, measured on the same videos.
        seeds: Which runs of both.
        draws: Of the bootstrap.
        keep: Index of the videos whose queries count, such as a mask [V]; all by default.

    Returns:
        For every compared metric difference, low, high, error, p and the differences by seed.

    Raises:
        OSError: If the values of a run are missing.

    Source:
        ours.

    Example:
        >>> compare_cells(out, cells[0], cells[1], seeds=[0, 1])  # doctest: +SKIP
    """
    a = [VideoValues.load(_values_path(out, first, seed)) for seed in seeds]
    b = [VideoValues.load(_values_path(out, second, seed)) for seed in seeds]
    more = [name for name in a[0].names if name.startswith(("nDCG (", "mAP@R ("))]
    found = {}
    for metric in [*COMPARED, *more]:
        pair = [np.stack([values.of(metric)[0][keep] for values in side]) for side in (a, b)]
        count = a[0].of(metric)[1][keep]
        interval = paired_bootstrap(pair[0], pair[1], count, draws)
        by_seed = (pair[0] - pair[1]).sum(axis=1) / count.sum()
        found[metric] = {**_plain(interval), "by_seed": [round(float(d), 3) for d in by_seed]}
    return found


def _values_path(out: Path, cell: Cell, seed: int) -> Path:
    return out / "values" / f"{cell.key}-{seed}.npz"


def _plain(interval: Interval) -> dict[str, float]:
    return {
        "difference": round(interval.difference, 3),
        "low": round(interval.low, 3),
        "high": round(interval.high, 3),
        "error": round(interval.error, 4),
        "p": float(f"{interval.p:.3g}"),
    }


def _rounded(found: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {kind: {n: round(v, 3) for n, v in by.items()} for kind, by in found.items()}
