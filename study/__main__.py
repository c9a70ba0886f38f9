"""``python -m study``: the plan and its budget, the runs, the report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from study.budget import format_budget
from study.run import VALUES, read_lines, run_study

RESULTS = Path(__file__).with_name("results")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Words after ``python -m study``; those of the process by default.

    Returns:
        The exit code: 0, 2 after one line about bad input, 130 if stopped.

    Source:
        ours.

    Example:
        >>> main(["plan"])  # doctest: +SKIP
        0
    """
    options = build_parser().parse_args(arguments)
    try:
        finished = read_lines(options.out / "runs.jsonl")
        if options.command == "run":
            left = run_study(options.out / "runs.jsonl", VALUES, finished, options.minutes, options.jobs)
            print(f"{len(finished)} runs are finished, {left} of those that can be listed are missing")
        else:
            print(format_budget(finished))
    except (ValueError, OSError) as error:
        print(f"study: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("study: stopped; finished runs are kept, call again to go on", file=sys.stderr)
        return 130
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
