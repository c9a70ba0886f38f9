"""``python -m study``: the plan and its budget, the runs, the report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cmgsd_lite.cli.stopping import Stoppable

RESULTS = Path(__file__).with_name("results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words after ``python -m study``; those of the process by default.

    Returns:
        The exit code: 0, 2 after one line about bad input, 130 or 143 if stopped.

    Source:
        ours.

    Example:
        >>> main(["plan"])  # doctest: +SKIP
        0
    """
    options = build_parser().parse_args(arguments)
    line = "study: stopped; finished runs are kept, call again to go on"
    with Stoppable(line, program=arguments is None) as stop:
        try:
            return _run(options, stop)
        except (ValueError, OSError) as error:
            if not stop.code:
                print(f"study: error: {' '.join(str(error).split())}", file=sys.stderr)
                return 2
    return stop.code


def _run(options: argparse.Namespace, stop: Stoppable) -> int:
    # here, for it takes time to load torch, and a signal may come meanwhile
    from cmgsd_lite.runtime import sole_writer
    from study.budget import format_budget
    from study.run import VALUES, read_lines, run_study

    stop.working()
    lines = options.out / "runs.jsonl"
    if options.command == "plan":
        print(format_budget(read_lines(lines)))
        return 0
    with sole_writer(options.out), sole_writer(VALUES):
        finished = read_lines(lines)
        if options.command == "report":
            return report(options.out, finished)
        left = run_study(lines, VALUES, finished, options.minutes, options.jobs)
        print(f"{len(finished)} runs are finished, {left} of those that can be listed are missing")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(prog="python -m study", description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results (study/results)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("plan", help="what is asked and compared, and what it costs")
    run = commands.add_parser("run", help="train what is missing, resumably; needs CMGSD_DATA for real data")
    run.add_argument("--minutes", type=float, default=60.0, help="start no run that would end later")
    run.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    commands.add_parser("report", help="every table, figure and sentence with a number")
    return parser


def report(out: Path, finished: dict[str, Any]) -> int:
    """Pack what lies loose, compute the summary and write the report; says what is missing."""
    from cmgsd_lite.runtime import write_json
    from study.quality import measure_teachers
    from study.report import write_report
    from study.run import VALUES
    from study.store import Store, pack
    from study.summary import Chosen, summarise

    for key in pack(finished, VALUES, out):
        print(f"study: no values per video of {key}; remove its line and run again", file=sys.stderr)
    summary = summarise(finished, Store(out))
    for one in summary["missing"]:
        print(f"study: not finished: {one}", file=sys.stderr)
    quality = out / "quality.json"
    if not quality.is_file():
        write_json(quality, measure_teachers(Chosen.of("minivtt", finished)))
    write_report({**summary, "quality": json.loads(quality.read_text(encoding="utf-8"))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
