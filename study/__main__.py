"""``python -m study``: train named conditions and their controls with paired seeds, and compare them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from cmgsd_lite.models import Kind
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import CONDITIONS
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from study.plan import with_controls
from study.report import format_summary, summarise
from study.run import run_study


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: the table goes to stdout, everything else to stderr.

    Args:
        arguments: Words after ``python -m study``; those of the process by default.

    Returns:
        The exit code: 0, 2 after one line about bad input, 130 if stopped.

    Source:
        ours.

    Example:
        >>> main(["--conditions", "infonce", "--epochs", "1"])  # doctest: +SKIP
        0
    """
    options = build_parser().parse_args(arguments)
    try:
        bench = Bench(experiment_of(options))
        for note in bench.notes:
            print(note, file=sys.stderr)
        out = Path(options.out)
        run_study(bench, out, minutes=options.minutes, jobs=options.jobs)
        summary = summarise(bench, out)
        print(json.dumps(summary, allow_nan=False) if options.json else format_summary(summary))
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
    known = ", ".join(name for name in CONDITIONS if not name.endswith("-permuted"))
    parser.add_argument("--conditions", help=f"comma-separated, controls are added; default: all of {known}")
    parser.add_argument("--data", default="minivtt", help="minivtt or a folder (default: minivtt)")
    parser.add_argument("--protocol", help="of the data, as in python -m cmgsd_lite run")
    parser.add_argument("--experts", help="comma-separated feature tables; default: one vector a video")
    parser.add_argument(
        "--held-out",
        type=int,
        default=0,
        help="measure on so many videos taken from training instead of the test videos: for choices",
    )
    parser.add_argument("--model", choices=get_args(Kind), default="mean-pool")
    parser.add_argument("--epochs", type=int, help="default: 30; the embedded data: 20")
    parser.add_argument("--seed", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --seed on (default: 3)")
    jobs = min(2, os.cpu_count() or 1)
    parser.add_argument("--jobs", type=int, default=jobs, help=f"processes (default: {jobs})")
    parser.add_argument(
        "--minutes",
        type=float,
        default=60.0,
        help="start no run that would end later (default: 60); 0 only reports what is there",
    )
    parser.add_argument(
        "--out",
        default="runs/study",
        help="folder of the runs (default: runs/study); take another after changing code",
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout instead of the tables")
    return parser


def experiment_of(options: argparse.Namespace) -> Experiment:
    """Turn options into an experiment; a ``ValueError`` names an option out of range."""
    if options.seeds < 1:
        raise ValueError(f"--seeds: expected a whole number >= 1, got {options.seeds}")
    if options.held_out < 0:
        raise ValueError(f"--held-out: expected a whole number >= 0, got {options.held_out}")
    names = options.conditions.split(",") if options.conditions else list(CONDITIONS)
    experts = tuple(options.experts.split(",")) if options.experts else None
    epochs = options.epochs if options.epochs is not None else 20 if options.data == "minivtt" else 30
    return Experiment(
        DataConfig(options.data, options.protocol, experts, held_out=options.held_out),
        with_controls([name.strip() for name in names]),
        tuple(range(options.seed, options.seed + options.seeds)),
        options.model,
        TrainingConfig(epochs),
    )


if __name__ == "__main__":
    sys.exit(main())
