"""``python -m study report``: from the finished runs to every table, figure and sentence with a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cmgsd_lite.course.study import Study, interval
from cmgsd_lite.runtime import write_atomically, write_json
from study import plan
from study.figures import write_figures
from study.pages import fill

ROOT = Path(__file__).parents[1]
SUMMARY = ROOT / "cmgsd_lite" / "course" / "results" / "study.json"
TEMPLATES = Path(__file__).with_name("templates")
METRICS = ("R@1", "R@10", "nDCG", "mAP@R", "nDCG (category)", "R@10 v2t", "nDCG v2t")
README = re.compile(r"(<!-- study: begin -->\n).*?(<!-- study: end -->)", re.DOTALL)

Summary = Mapping[str, Any]


def pages(summary: Summary) -> dict[Path, str]:
    """Write every page with numbers of the study, in memory.

    Args:
        summary: From ``summarise``, with ``quality``.

    Returns:
        Text by path.

    Raises:
        ValueError: As ``fill``, or if README has no place for the study's table.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = fill((TEMPLATES / "readme.md").read_text(encoding="utf-8"), summary)
    if not README.search(readme):
        raise ValueError("README.md: expected the lines '<!-- study: begin -->' and '<!-- study: end -->'")
    return {
        ROOT / "docs" / "STUDY.md": fill((TEMPLATES / "study.md").read_text(encoding="utf-8"), summary),
        ROOT / "docs" / "STUDY_TABLES.md": tables(summary),
        ROOT / "README.md": README.sub(lambda found: found[1] + block + found[2], readme),
    }


def write_report(summary: Summary) -> None:
    """Write the summary, the pages and the figures."""
    written = pages(summary)
    write_json(SUMMARY, summary)
    for path, text in written.items():
        write_atomically(path, partial(Path.write_text, data=text, encoding="utf-8"))
    write_figures(Study(summary), ROOT / "docs" / "figures")


def tables(summary: Summary) -> str:
    """Write the appendix: every row of every set, what was chosen, every named comparison."""
    lines = [
        "# All rows of the study",
        "",
        "Written by `python -m study report` from `study/results`; words as in [STUDY.md](STUDY.md).",
    ]
    for name, of_set in summary["sets"].items():
        lines += ["", f"## {plan.SETS[name]}", *_choices(of_set)]
        for gallery, says in (("confirm", "Confirming videos"), ("seen", "Official test videos (seen)")):
            lines += [
                "",
                f"### {says}: mean over {len(plan.SEEDS['confirm'])} seeds",
                "",
                *_rows(of_set, gallery),
            ]
        lines += ["", "### Named comparisons, in the order of the plan", "", *_comparisons(of_set)]
        lines += ["", "### Coverage of the intervals, by simulation", "", *_coverage(of_set)]
        carried = dict(of_set.get("rates", {}))
        if "frames" in of_set:
            carried["msrvtt-frames"] = of_set["frames"]
        for other, found in carried.items():
            lines += ["", f"## {plan.SETS[other]}: settings taken over", "", *_table(found["rows"])]
            lines += ["", *_differences(found["comparisons"])]
    return "\n".join(lines) + "\n"


def _choices(of_set: Summary) -> list[str]:
    base = of_set["choice"]["base"]
    lines = [
        "",
        f"The hinge is {base['hinge']} at {base['value']:g}. A star: chosen at the edge of the grid.",
        "",
        "| row | knob | score at each value | chosen | again, on other seeds: best, second | repeats |",
        "|---|---|---|---|---|---|",
    ]
    for row, found in of_set["choice"]["rows"].items():
        scores = " · ".join(f"{value}: {score:.1f}" for value, score in found["scores"].items())
        again = ", ".join(f"{score:.1f}" for score in found.get("again", []))
        repeats = {True: "yes", False: "no", None: ""}[found.get("repeats")]
        edge = "*" if found["at the edge"] else ""
        lines.append(
            f"| {row} | {found['grid']} | {scores} | {found['value']:g}{edge} | {again} | {repeats} |"
        )
    return lines


def _rows(of_set: Summary, gallery: str) -> list[str]:
    return _table({row: found[gallery] for row, found in of_set["rows"].items()})


def _table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    metrics = [metric for metric in METRICS if metric in next(iter(rows.values()))]
    lines = ["| row | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
    for row, found in rows.items():
        values = " | ".join(f"{found[metric][0]:.1f} ± {found[metric][1]:.1f}" for metric in metrics)
        lines.append(f"| {row} | {values} |")
    return lines


def _comparisons(of_set: Summary) -> list[str]:
    first = of_set["comparisons"][0]
    metrics = [metric for metric in METRICS if metric in first["confirm"]]
    lines = [
        "Holm's p over all of them and the metrics with one. Below each the same on the seen videos.",
        "",
        "| row − compared with | " + " | ".join(metrics) + " |",
        "|---" * (len(metrics) + 1) + "|",
    ]
    for one in of_set["comparisons"]:
        cells = [_cell(one["confirm"][metric]) for metric in metrics]
        lines.append(f"| {one['first']} − {one['second']} | " + " | ".join(cells) + " |")
        cells = [interval(one["seen"][metric]) for metric in metrics]
        lines.append("| *seen* | " + " | ".join(cells) + " |")
    return lines


def _cell(found: Mapping[str, float]) -> str:
    return interval(found) + (f" (p {found['holm']:.2g})" if "holm" in found else "")


def _differences(comparisons: list[Summary]) -> list[str]:
    return [
        f"- {one['first']} − {one['second']}: "
        + "; ".join(f"{m} {interval(one['confirm'][m])}" for m in METRICS if m in one["confirm"])
        for one in comparisons
    ]


def _coverage(of_set: Summary) -> list[str]:
    lines = ["| metric | variance of videos, seeds, remainder | coverage |", "|---|---|---|"]
    for metric, found in of_set["coverage"].items():
        parts = ", ".join(f"{value:.3g}" for value in found["components"].values())
        lines.append(f"| {metric} | {parts} | {found['coverage']:.1f} % |")
    for metric, found in of_set.get("a/a", {}).items():
        lines.append(
            f"\nOne row against itself ({found['seeds']:g} seeds, {found['splits']:g} splits), {metric}: "
            f"{found['percent']:.1f} ± {found['error']:.1f} % of intervals leave zero out."
        )
    return lines
