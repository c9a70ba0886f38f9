"""From the words of the command line to an experiment, and lines for people to stderr."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cmgsd_lite.distributed import processes
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.devices import chosen_device
from cmgsd_lite.training.experiment import DataConfig, Experiment
from cmgsd_lite.training.teaching import check_names, uses_teacher

RUNS = Path("runs")


def experiment_from(options: argparse.Namespace, conditions: dict[str, LossConfig]) -> Experiment:
    """Build the experiment that the options of ``run`` or ``train`` describe."""
    experts = tuple(options.experts.split(",")) if options.experts else None
    return Experiment(
        DataConfig(options.data, options.protocol, experts, options.queries),
        conditions,
        tuple(range(options.seed, options.seed + options.seeds)),
        options.model,
        TrainingConfig(_epochs(options), options.batch_size, options.learning_rate),
        str(chosen_device(options.device)),
        options.precision,
    )


def schedule_from(text: str | None) -> str | float | None:
    """Read the option ``--schedule``: a name, a fixed lambda, or None for the condition's own."""
    if text is None or text in ("ramp", "static", "dynamic"):
        return text
    with suppress(ValueError):
        if 0 <= float(text) <= 1:
            return float(text)
    raise ValueError(f"--schedule: expected ramp, static, dynamic or a number in [0, 1], got {text!r}")


def with_teacher(conditions: dict[str, LossConfig], text: str | None) -> dict[str, LossConfig]:
    """Read the option ``--teacher``, names with commas between, and set it where a condition uses a teacher.

    Raises ValueError on an unknown name, or if no condition uses one.
    """
    if text is None:
        return conditions
    names = tuple(name.strip() for name in text.split(","))
    check_names(names, "--teacher")
    using = {name for name, config in conditions.items() if uses_teacher(config.build())}
    if not using:
        raise ValueError(
            "--teacher: expected a condition with static distances, which a teacher measures; "
            f"got {', '.join(conditions)}"
        )
    return {name: replace(c, teacher=names) if name in using else c for name, c in conditions.items()}


def out_folder(options: argparse.Namespace, name: str) -> Path:
    """Choose the folder for what is written: ``--out``, or one under ``runs`` named after job and data."""
    data = options.data if options.data == "minivtt" else Path(options.data).resolve().name
    return Path(options.out) if options.out else RUNS / f"{name}-{data}"


def say(*lines: str) -> None:
    """Print lines to stderr, once for all processes: stdout is for results."""
    if processes()[0] == 0:
        for line in lines:
            print(line, file=sys.stderr)


def _epochs(options: argparse.Namespace) -> int:
    if options.epochs is not None:
        return int(options.epochs)
    # Fewer on the embedded data, so that the main job stays within a minute.
    return 10 if options.data == "minivtt" else 30
