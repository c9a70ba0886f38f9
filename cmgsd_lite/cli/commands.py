"""The jobs behind the command line, by name. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cmgsd_lite.cli.evaluate import evaluate
from cmgsd_lite.cli.search import search
from cmgsd_lite.cli.teacher_quality import teacher_quality
from cmgsd_lite.cli.train import run, train
from cmgsd_lite.data import describe, format_description, minivtt

__all__ = ["build_minivtt", "evaluate", "info", "run", "search", "study", "teacher_quality", "train"]


def info(options: argparse.Namespace) -> None:
    """Say what is recognised under a path, and what is missing.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the path does not exist or nothing is recognised.
    """
    path = options.path or options.data
    found = describe(minivtt.data_folder() if path == "minivtt" else path)
    print(json.dumps(found) if options.json else format_description(found))


def study(options: argparse.Namespace) -> None:
    """Say where the study has gone.

    Args:
        options: Of the command line.
    """
    print("the study lives beside the package: python -m study --help, in a clone of the repository")


def build_minivtt(options: argparse.Namespace) -> None:
    """Rebuild the embedded data set from code: annotations, split lists and features.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the optional packages of the frame encoder are missing.
        OSError: If the folder can not be written.
    """
    out = Path(options.out)
    minivtt.build_minivtt(out, progress=not options.json)
    shipped = {path.name: path.read_bytes() for path in sorted(minivtt.data_folder().iterdir())}
    same = {name: (out / name).read_bytes() == content for name, content in shipped.items()}
    if options.json:
        print(json.dumps({"schema": 1, "out": str(out), "same_as_shipped": same}))
        return
    for name, equal in same.items():
        print(f"{name:24s} {'byte for byte as shipped' if equal else 'differs from the shipped file'}")
