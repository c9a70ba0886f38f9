"""The jobs behind the command line, by name. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cmgsd_lite.cli.evaluate import evaluate
from cmgsd_lite.cli.extract import extract
from cmgsd_lite.cli.options import say
from cmgsd_lite.cli.search import search
from cmgsd_lite.cli.teacher_quality import teacher_quality
from cmgsd_lite.cli.train import run, train
from cmgsd_lite.data import convert as write_fast_layout
from cmgsd_lite.data import describe, format_description, load_dataset, minivtt, write_info_page
from cmgsd_lite.data.download import OFFERS, UNCHECKED
from cmgsd_lite.data.download import download as fetch
from cmgsd_lite.data.formats.store import check_store, is_store, read_index
from cmgsd_lite.data.world.captions import VARIANTS
from cmgsd_lite.errors import DataError
from cmgsd_lite.training.data_choice import one_vector_each

__all__ = [
    "build_minivtt",
    "convert",
    "download",
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
    """Say what is recognised under a path, and what is missing."""
    path = options.path or options.data
    where = minivtt.data_folder() if path == "minivtt" else path
    if options.check:
        if not is_store(Path(where)):
            raise DataError(f"{where}: expected what convert wrote, found another; leave --check out")
        say(f"{check_store(Path(where))} files are as convert wrote them")
    found = write_info_page(where, options.html) if options.html else describe(where)
    if path == "minivtt":
        _name_protocols(found)
    found["training"] = _experts_in_training(path, found)
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join([format_description(found), *(f"training: {note}" for note in found["training"])]))


def _name_protocols(found: dict[str, Any]) -> None:
    """Of the embedded data each file of captions is a protocol's: none is missing or too many."""
    found["missing"] = [note for note in found["missing"] if "other captions in it" not in note]
    for record in found["files"]:
        name = record["file"].removesuffix(".json.zip").removeprefix("minivtt_")
        if name in VARIANTS:
            record |= {"used_as": f"captions of --protocol {name}", "reason": ""}


def _experts_in_training(path: str, found: dict[str, Any]) -> list[str]:
    """What ``train`` and ``run`` do where some experts have one vector a video and some have several."""
    lengths = [expert["tokens_max"] for expert in found["experts"].values()]
    if min(lengths, default=1) > 1 or max(lengths, default=1) == 1:
        return []
    try:
        return one_vector_each(load_dataset(path))[1]
    except ValueError:  # nothing can be trained on it, and the description says why
        return []


def convert(options: argparse.Namespace) -> None:
    """Write what is under a path in the fast layout."""
    index = read_index(write_fast_layout(options.source, options.folder))
    size = sum(file["bytes"] for file in index["files"].values())
    videos = len({video for expert in index["experts"].values() for video in expert["ids"]})
    told = {"schema": 1, "videos": videos, "experts": list(index["experts"]), "bytes": size}
    if options.json:
        print(json.dumps(told))
    else:
        print(f"{options.folder}: {videos:,} videos, {len(index['experts'])} experts, {size / 1e6:,.1f} MB")


def download(options: argparse.Namespace) -> None:
    """Fetch published data and unpack it, after words on its licence."""
    parts, out = options.parts.split(","), options.out or f"data/{options.name}"
    say(OFFERS[options.name].terms, *([] if options.mirror else [UNCHECKED]))
    folders = [str(folder) for folder in fetch(options.name, out, parts, options.mirror)]
    if options.json:
        print(json.dumps({"schema": 1, "folders": folders}))
    else:
        print("\n".join([*folders, f"what is in it: info {out}; fast to open: convert {out} NEW_FOLDER"]))


def study(options: argparse.Namespace) -> None:
    """Say where the study has gone."""
    print("the study lives beside the package: python -m study --help, in a clone of the repository")


def build_minivtt(options: argparse.Namespace) -> None:
    """Rebuild the embedded data set from code: annotations, split lists and features."""
    out = Path(options.out)
    minivtt.build_minivtt(out, progress=not options.json)
    shipped = {path.name: path.read_bytes() for path in sorted(minivtt.data_folder().iterdir())}
    same = {name: (out / name).read_bytes() == content for name, content in shipped.items()}
    if options.json:
        print(json.dumps({"schema": 1, "out": str(out), "same_as_shipped": same}))
        return
    for name, equal in same.items():
        print(f"{name:24s} {'byte for byte as shipped' if equal else 'differs from the shipped file'}")
