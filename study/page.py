"""Write the study's figures, and what its two pages quote, from the committed result files alone.

``python -m cmgsd_lite.study.page`` after new results have been written to docs/results/.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.base import save_figure
from cmgsd_lite.course.plots.study import (
    adaptivity_groups,
    comparison,
    factor_lines,
    plot_factor,
    plot_intervals,
)
from cmgsd_lite.runtime import write_atomically
from study.tables import (
    ANSWERS,
    FACTORS,
    all_answers_table,
    answers_table,
    best_over_beta,
    choice_table,
    clear_rows,
    controls_table,
    cost_table,
    factor_table,
    gains_table,
    plain_interval,
    real_groups,
    real_table,
    rows_table,
    tuning_table,
)

Results = Mapping[str, Mapping[str, Any]]

PAGES = ("STUDY.md", "STUDY_TABLES.md")
"""The report, and its appendix with every table."""

RECALLS = ("R@1", "R@5", "R@10", "MdR")
KNOWN_TRUTH = (*RECALLS, "nDCG", "mAP@R", "R@10 v2t")
TWO_STAND_INS = (*RECALLS, "nDCG", "nDCG (category)", "mAP@R", "mAP@R (category)", "R@10 v2t")
"""Columns of rows: on MSR-VTT relevance is caption overlap and, separately, category."""

COMPARED_REAL = ("R@1", "R@10", "nDCG", "nDCG (category)", "mAP@R", "mAP@R (category)")
COMPARED_TRUTH = ("R@10", "nDCG", "mAP@R")

REAL_RESULTS = (
    "further-msrvtt",
    "frames-msrvtt",
    "anchors-msrvtt",
    "tuned-msrvtt",
    "final-full-msrvtt",
    "final-1ka-msrvtt",
    "final-nearest-msrvtt",
    "video-final-msrvtt",
    "anchors-final-msrvtt",
    "controls-final-msrvtt",
    "controls-1ka-msrvtt",
    "controls-anchors-msrvtt",
    "controls-further-msrvtt",
)
"""Results on real data whose comparisons are all shown; those of a headline are sorted by question."""


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Read all result files of the study, and the costs that a benchmark measured.

    Args:
        folder: Where they are.

    Returns:
        Content by name, such as ``"headline-minivtt"``; ``"training-cost"`` is the benchmark's; a name with
        ``-apart`` holds the comparisons without the videos that prompted a suite.

    Raises:
        OSError: If a file can not be read.

    Source:
        ours.

    Example:
        >>> sorted(read_results(Path("docs/results")))  # doctest: +SKIP
        ['factors-minivtt', 'headline-minivtt']
    """
    paths = sorted([*folder.glob("study-*.json"), *folder.glob("training-cost.json")])
    results = {p.stem.removeprefix("study-"): json.loads(p.read_text(encoding="utf-8")) for p in paths}
    return results | {f"{name}-apart": made["apart"] for name, made in results.items() if "apart" in made}


def blocks(results: Results) -> dict[str, str]:
    """Make every table of the report that the results allow.

    Args:
        results: From ``read_results``.

    Returns:
        Markdown by the name of the block.

    Source:
        ours.

    Example:
        >>> blocks({})
        {}
    """
    made: dict[str, Callable[[Results], str]] = {
        "answers headline-minivtt": lambda r: answers_table(
            r["headline-minivtt"], list(ANSWERS), COMPARED_TRUTH
        ),
        "answers headline-msrvtt": lambda r: answers_table(
            r["headline-msrvtt"], list(ANSWERS), COMPARED_REAL[1:]
        ),
        "clear headline-minivtt": lambda r: clear_rows(r["headline-minivtt"]),
        "clear headline-msrvtt": lambda r: clear_rows(r["headline-msrvtt"]),
        "best factors-minivtt": lambda r: best_over_beta(r["factors-minivtt"]),
        "factors-minivtt": lambda r: factor_table(r["factors-minivtt"]),
        "choice further-choice-msrvtt": lambda r: choice_table(r["further-choice-msrvtt"]),
        "answers tuned-minivtt": lambda r: all_answers_table(r["tuned-minivtt"], COMPARED_TRUTH),
        "tuning tuning-minivtt": lambda r: tuning_table(r["tuning-minivtt"]),
        "tuning tuning-msrvtt": lambda r: tuning_table(r["tuning-msrvtt"]),
        "real headline-msrvtt": real_table,
        "training-cost": lambda r: cost_table(r["training-cost"]),
        "gains final-choice-msrvtt": lambda r: gains_table(r["final-choice-msrvtt"]),
        "gains anchors-choice-msrvtt": lambda r: gains_table(r["anchors-choice-msrvtt"]),
    }
    made["gains video-choice-msrvtt"] = lambda r: gains_table(
        r["video-choice-msrvtt"], r["final-choice-msrvtt"]
    )
    made["controls controls-choice-msrvtt"] = lambda r: controls_table(
        r["final-choice-msrvtt"], r["video-choice-msrvtt"], r["controls-choice-msrvtt"]
    )
    made["controls controls-anchors-choice-msrvtt"] = lambda r: controls_table(
        r["anchors-choice-msrvtt"], r["controls-anchors-choice-msrvtt"]
    )
    made["controls controls-further-choice-msrvtt"] = lambda r: controls_table(
        r["controls-further-choice-msrvtt"]
    )
    for name in ("video-final-msrvtt-apart", "controls-final-msrvtt-apart"):
        made[f"answers {name}"] = lambda r, name=name: all_answers_table(r[name], COMPARED_REAL)  # type: ignore[misc]
    for name in ("headline-minivtt", "tuned-minivtt"):
        made[f"rows {name}"] = lambda r, name=name: rows_table(r[name], KNOWN_TRUTH)  # type: ignore[misc]
    for name in ("headline-msrvtt", *REAL_RESULTS):
        made[f"rows {name}"] = lambda r, name=name: rows_table(r[name], TWO_STAND_INS)  # type: ignore[misc]
    for name in REAL_RESULTS:
        made[f"answers {name}"] = lambda r, name=name: all_answers_table(r[name], COMPARED_REAL)  # type: ignore[misc]
    return {name: make(results) for name, make in made.items() if name.split(" ")[-1] in results}


def fill(text: str, made: Mapping[str, str]) -> str:
    """Replace what stands between the markers of each block.

    Args:
        text: Markdown with ``<!-- block: NAME -->`` and ``<!-- end -->``.
        made: From ``blocks``.

    Returns:
        The text with new tables; a block without a result says so.

    Source:
        ours.

    Example:
        >>> fill("<!-- block: a -->old<!-- end -->", {"a": "new"})
        '<!-- block: a -->\\n\\nnew\\n\\n<!-- end -->'
    """

    def replaced(found: re.Match[str]) -> str:
        name = found.group(1)
        body = made.get(name, "*Not run yet.*")
        return f"<!-- block: {name} -->\n\n{body}\n\n<!-- end -->"

    return re.sub(r"<!-- block: (.+?) -->.*?<!-- end -->", replaced, text, flags=re.DOTALL)


def fill_values(text: str, results: Results) -> str:
    """Replace every interval that stands within a sentence.

    Args:
        text: Markdown with ``<!-- v: RESULT|FIRST|SECOND|METRIC|FACTOR -->...<!-- /v -->``; the factor may be
            left out, and ``permuted`` as the second name means the first one's own permuted control.
        results: From ``read_results``.

    Returns:
        The text with difference and interval in points, or "not run".

    Source:
        ours.

    Example:
        >>> fill_values("<!-- v: headline|a|b|R@10 -->old<!-- /v -->", {})
        '<!-- v: headline|a|b|R@10 -->not run<!-- /v -->'
    """

    def replaced(found: re.Match[str]) -> str:
        result, first, second, metric, factor = [*found.group(1).split("|"), ""][:5]
        second = f"{first}-permuted" if second == "permuted" else second
        known = results.get(result)
        entry = None if known is None else comparison(known, first, second, factor)
        value = "not run" if entry is None else plain_interval(entry["metrics"][metric])
        return f"<!-- v: {found.group(1)} -->{value}<!-- /v -->"

    return re.sub(r"<!-- v: (.+?) -->.*?<!-- /v -->", replaced, text, flags=re.DOTALL)


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw every figure that the results allow.

    Args:
        results: From ``read_results``.
        folder: Where the PNG files go.

    Returns:
        The files.

    Raises:
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> draw({}, Path("docs/figures"))
        []
    """
    paths = []
    for name, metrics, title in (
        ("headline-minivtt", ("R@10", "nDCG", "mAP@R"), "MiniVTT, 1,000 test clips, relevance by the truth"),
        ("headline-msrvtt", ("R@10", "nDCG", "nDCG (category)"), "MSR-VTT, 300 test videos"),
    ):
        if name in results:
            paths.append(folder / f"study-{name}.png")
            _draw_groups(adaptivity_groups(results[name]), metrics, title, paths[-1])
    real = real_groups(results)
    if real:
        paths.append(folder / "study-real.png")
        title = "Frozen teachers on real data"
        _draw_groups(real, ("R@10", "nDCG", "nDCG (category)"), title, paths[-1])
    if "factors-minivtt" in results:
        paths.append(folder / "study-factors-minivtt.png")
        _draw_factors(results["factors-minivtt"], paths[-1])
    return paths


def _draw_groups(
    groups: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]],
    metrics: Sequence[str],
    title: str,
    path: Path,
) -> None:
    """Differences with intervals, one panel a metric, one legend for all."""
    height = 1.8 + 0.27 * sum(map(len, groups.values()))
    figure, axes = plt.subplots(1, len(metrics), figsize=(13, height), layout="constrained", sharey=True)
    for ax, metric in zip(axes, metrics, strict=True):
        plot_intervals(groups, metric, ax=ax, legend=False)
        ax.set_xlabel(f"{metric}, difference in points")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small")
    figure.suptitle(f"{title}: differences with 95 % intervals (hollow: zero inside)")
    save_figure(figure, path)


def _draw_factors(result: Mapping[str, Any], path: Path) -> None:
    panels = [panel for panel in FACTORS if factor_lines(result, panel[1], panel[0])]
    width = 3.4 * len(panels)
    figure, grid = plt.subplots(
        2, len(panels), figsize=(width, 6), layout="constrained", sharey="row", squeeze=False
    )
    for column, (factor, pairs, label) in enumerate(panels):
        for row, metric in enumerate(("R@10", "nDCG")):
            ax = plot_factor(factor_lines(result, pairs, factor), metric, ax=grid[row, column])
            if column:
                ax.set_ylabel("")
        grid[1, column].set_xlabel(label)
    grid[0, 0].legend(title="reduction", fontsize="small")
    figure.suptitle("MiniVTT: CMGSD minus its own permuted control, with 95 % intervals")
    save_figure(figure, path)


def main(root: Path = Path()) -> None:
    """Write figures and tables of the report.

    Args:
        root: Of the project.

    Raises:
        OSError: If docs/ can not be read or written to.
    """
    results = read_results(root / "docs" / "results")
    paths = draw(results, root / "docs" / "figures")
    for page in (root / "docs" / name for name in PAGES):
        text = fill_values(fill(page.read_text(encoding="utf-8"), blocks(results)), results)
        write_atomically(page, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8"))  # type: ignore[misc]
        paths.append(page)
    print(f"written: {', '.join(path.name for path in paths)}", file=sys.stderr)


if __name__ == "__main__":
    main()
