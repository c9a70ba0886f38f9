"""The job ``teacher-quality``: distances against the truth of the embedded world, and against people.

    python -m cmgsd_lite teacher-quality --out teacher-quality.json \
        --data $CMGSD_DATA/captions_with_human_labels

prints two Markdown tables and writes the file. No caption goes into it.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import check_writable, versions, write_json
from cmgsd_lite.training.human_quality import human_quality
from cmgsd_lite.training.teacher_quality import DEFINITIONS, MEASURES, minivtt_quality

HUMAN_LABELS = "captions_with_human_labels"


def teacher_quality(options: argparse.Namespace) -> None:
    """Measure, print the tables and write the file.

    Args:
        options: Of the command line.

    Raises:
        DataError: If a file of human labels is missing.
        ValueError: On an option out of range.
        OSError: If the file can not be written; the tables are printed before.
    """
    for name in ("seeds", "epochs"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name}: expected a whole number >= 1, got {getattr(options, name)}")
    out = None if options.out is None else Path(options.out)
    if out is not None:
        if out.is_dir():
            raise DataError(f"--out: expected a file to write, found the folder {out}")
        check_writable(out.parent)
    people = [] if options.data is None else human_quality(_labels_under(Path(options.data)))
    seeds = list(range(options.seed, options.seed + options.seeds))
    content = {
        "schema": 1,
        "command": _command(options),
        "date": datetime.date.today().isoformat(),
        "seeds": seeds,
        "epochs": options.epochs,
        "definitions": DEFINITIONS,
        "minivtt": minivtt_quality(seeds, options.epochs),
        "people": people,
        "versions": versions(),
    }
    print(json.dumps(content) if options.json else markdown(content))
    if out is not None:
        write_json(out, content)


def _labels_under(folder: Path) -> Path:
    """The folder itself, or the one of human labels in it."""
    return folder / HUMAN_LABELS if (folder / HUMAN_LABELS).is_dir() else folder


def _command(options: argparse.Namespace) -> str:
    """The command that was given, without the paths of this machine."""
    words = ["python -m cmgsd_lite teacher-quality", f"--seeds {options.seeds} --epochs {options.epochs}"]
    words += [f"--seed {options.seed}"] if options.seed else []
    words += [] if options.out is None else [f"--out {Path(options.out).name}"]
    words += [] if options.data is None else [f"--data $CMGSD_DATA/{HUMAN_LABELS}"]
    return " ".join(words)


def markdown(content: dict[str, Any]) -> str:
    """Lay the content of the result file out as tables.

    Args:
        content: As ``teacher_quality`` writes it.

    Returns:
        Markdown.

    Source:
        ours.

    Example:
        >>> print(markdown({"minivtt": [], "people": []}).splitlines()[0])
        | MiniVTT | distance | Spearman, caption | Spearman, clips | AUC | AUC per anchor |
    """
    lines = [
        "| MiniVTT | distance | Spearman, caption | Spearman, clips | AUC | AUC per anchor |",
        "|---|---|---|---|---|---|",
    ]
    for row in content["minivtt"]:
        cells = [_cell(row[name]["mean"]) for name in MEASURES]
        source = row["distance"] + (f", {row['model']}" if row["model"] else "")
        lines.append(f"| {row['split']} | {source} | {' | '.join(cells)} |")
    if content["people"]:
        lines += ["", "| people | teacher | pairs | Spearman | AUC |", "|---|---|---|---|---|"]
    for row in content["people"]:
        cells = [f"{row['pairs']:,}", _cell(row["spearman"]), _cell(row["auc"])]
        lines.append(f"| {row['data']} | {row['teacher']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
