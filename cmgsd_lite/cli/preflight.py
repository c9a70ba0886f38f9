"""What a table, figure or page will need, checked while nothing is lost yet."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from cmgsd_lite.cli.options import say
from cmgsd_lite.data.protocols import NO_TEST
from cmgsd_lite.data.source import open_source
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import check_output, check_writable
from cmgsd_lite.training.experiment import Bench

SMALL_FILES = 8_000_000
"""Bytes for tables and figures together, generously."""


def check_before_training(
    bench: Bench,
    out: Path,
    folders: Sequence[Path],
    files: Sequence[Path],
    models: int,
    parts: Sequence[str] = ("test", "validation"),
) -> None:
    """Check data, losses and the output folder; say on stderr what is left out of the data, and the device.

    Raises DataError if the splits that are to be ranked (``parts``) have too few videos, or ``out`` can not
    take what will be written: further folders, files (checkpoints apart), and so many times a model's size.
    ValueError if a loss can not take its first step.
    """
    say(*bench.notes, f"training on {bench.experiment.device}, {bench.experiment.precision}")
    check_videos(bench, parts)
    bench.rehearse()
    for folder in (out, *folders):
        check_writable(folder)
    check_output(*files)
    weights = bench.build_model(0).parameters()
    needed = SMALL_FILES + models * sum(weight.numel() * weight.element_size() for weight in weights)
    free = shutil.disk_usage(out).free
    if free < needed:
        raise DataError(f"{out}: expected {needed / 1e6:,.0f} MB of free space, found {free / 1e6:,.0f} MB")


def check_videos(bench: Bench, parts: Sequence[str] = ("test", "validation")) -> None:
    """Raise DataError if there is nothing to rank: a single video in one of the splits, or no test list."""
    if "test" in parts and not bench.tested:
        data = bench.experiment.data.data
        raise DataError(f"{data}: {NO_TEST}{open_source(data).missing('a test list')}")
    for part in parts:
        count = len(getattr(bench.dataset, part))
        if count < 2:
            raise DataError(
                f"{bench.dataset.name}, {part}: expected at least 2 videos, for one is always ranked first; "
                f"found {count}"
            )


def can_draw() -> bool:
    """Find out whether the packages for figures are there and work; if not, say why on stderr."""
    try:
        import_module("cmgsd_lite.cli.figures")
    except Exception as error:  # a package is missing, or one of its own settings stops it
        reason = " ".join(str(error).split())
        say(f'figures are left out: {reason}; pip install "cmgsd-lite[course]" brings what they need')
        return False
    return True
