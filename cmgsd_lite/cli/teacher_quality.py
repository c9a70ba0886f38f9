"""The job ``teacher-quality``: distances against the truth of the embedded world, and against people.

    python -m cmgsd_lite teacher-quality --data $CMGSD_DATA --out teacher-quality.json

prints a Markdown table and writes the file. No caption goes into it.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import Any

from cmgsd_lite.runtime import check_output, versions, write_json
from cmgsd_lite.training.human_quality import PEOPLE, REAL, human_quality, human_rows
from cmgsd_lite.training.teacher_quality import DEFINITIONS, minivtt_quality
from cmgsd_lite.training.teacher_table import MEASURES, minivtt_rows

HUMAN_LABELS = "captions_with_human_labels"
AREAS = ("auc_text", "auc_video", "auc_batch")


def teacher_quality(options: argparse.Namespace) -> None:
    """Measure, print the table (with ``--json`` its rows) and write the file."""
    out = None if options.out is None else Path(options.out)
    if out is not None:
        check_output(out, kind=".json")
    labels = None if options.data is None else _labels_under(Path(options.data))
    # People first: a missing file is said before anything is trained.
    real = [] if labels is None else human_rows(labels, options.batches, seed=options.seed)
    rows = minivtt_rows(batches=options.batches, seed=options.seed, epochs=options.epochs) + real
    definitions = {**MEASURES, **({} if labels is None else REAL)}
    content: dict[str, Any] = {
        "schema": 2,
        "command": _command(options),
        "date": datetime.date.today().isoformat(),
        "definitions": definitions,
        "rows": rows,
        "versions": versions(),
    }
    if options.all:
        seeds = list(range(options.seed, options.seed + options.seeds))
        content |= {
            "seeds": seeds,
            "epochs": options.epochs,
            "definitions": {**definitions, **DEFINITIONS, "people": PEOPLE},
            "minivtt": minivtt_quality(seeds, options.epochs),
            "people": [] if labels is None else human_quality(labels),
        }
    print(json.dumps({"rows": rows}) if options.json else markdown(content))
    if out is not None:
        write_json(out, content)


def _labels_under(folder: Path) -> Path:
    """The folder itself, or the one of human labels in it."""
    return folder / HUMAN_LABELS if (folder / HUMAN_LABELS).is_dir() else folder


def _command(options: argparse.Namespace) -> str:
    """The command that was given, without the paths of this machine."""
    words = ["python -m cmgsd_lite teacher-quality"]
    words += [f"--all --seeds {options.seeds}"] if options.all else []
    words += [f"--batches {options.batches} --epochs {options.epochs}"]
    words += [f"--seed {options.seed}"] if options.seed else []
    words += [] if options.out is None else [f"--out {Path(options.out).name}"]
    words += [] if options.data is None else ["--data $CMGSD_DATA"]
    return " ".join(words)


def markdown(content: dict[str, Any]) -> str:
    """Lay the rows of the result file out as a Markdown table, with what a reader has to know."""
    shares = ("0.25", "0.5", "1", "2", "4")
    lines = [
        f"| rate | distance | AUC text | AUC video | AUC batch | precision, nearest {' / '.join(shares)} % | "
        f"recall, {' / '.join(shares)} % |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in content["rows"]:
        cells = [row["rate"] or "real", row["name"], *(_cell(row[name]) for name in AREAS)]
        cells += [" / ".join(_cell(row[side][share]) for share in shares) for side in ("precision", "recall")]
        lines.append(f"| {' | '.join(cells)} |")
    shown = [f"{name}: {text}" for name, text in content["definitions"].items() if name in REAL]
    notes = [*shown, content["definitions"]["grammar"]]
    return "\n\n".join(["\n".join(lines), *notes])


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
