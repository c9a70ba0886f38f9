"""The jobs behind the command line, by name. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cmgsd_lite.cli.evaluate import evaluate
from cmgsd_lite.cli.extract import extract
from cmgsd_lite.cli.search import search
from cmgsd_lite.cli.teacher_quality import teacher_quality
from cmgsd_lite.cli.train import run, train
from cmgsd_lite.data import describe, format_description, load_dataset, minivtt, write_info_page
from cmgsd_lite.training.data_choice import one_vector_each

__all__ = [
    "build_minivtt",
    "evaluate",
    "extract",
    "info",
    "run",
    "search",
    "study",
    "teacher_quality",
    "train",
]


def info(options: argparse.Namespace) -> None:
    """Say what is recognised under a path, and what is missing.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the path does not exist or nothing is recognised.
        OSError: If the page can not be written.
    """
    path = options.path or options.data
    where = minivtt.data_folder() if path == "minivtt" else path
    found = write_info_page(where, options.html) if options.html else describe(where)
    found["training"] = _experts_in_training(path, found)
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join([format_description(found), *(f"training: {note}" for note in found["training"])]))


def _experts_in_training(path: str, found: dict[str, Any]) -> list[str]:
    """What ``train`` and ``run`` do where some experts have one vector a video and some have several."""
    lengths = [expert["tokens_max"] for expert in found["experts"].values()]
    if min(lengths, default=1) > 1 or max(lengths, default=1) == 1:
        return []
    try:
        return one_vector_each(load_dataset(path))[1]
    except ValueError:  # nothing can be trained on it, and the description says why
        return []


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
