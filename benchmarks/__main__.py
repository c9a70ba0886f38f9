"""Measure what losses, training steps and metrics cost, and write the page of the results.

``python -m benchmarks`` measures every section, ``python -m benchmarks losses steps`` some. ``--out`` keeps
them in a JSON file, section by section, beside what it had; ``--page`` writes docs/BENCHMARKS.md from the
committed file. Packages of others are measured where they are installed (docs/BENCHMARKS.md says how).
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import gpu, losses, memory, metrics_speed, page, steps
from benchmarks.timing import machine
from cmgsd_lite.runtime import set_threads, versions, write_json

SECTIONS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "losses": lambda _: losses.measure(),
    "steps": lambda arguments: steps.measure(arguments.data),
    "memory": lambda _: memory.measure(),
    "metrics": lambda _: metrics_speed.results(),
    "gpu": lambda _: gpu.measure(),
}
OTHERS = ("open_clip_torch", "sentence-transformers", "pytorch-metric-learning")


def measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One section, with the machine, the versions and the day that belong to it."""
    about = {
        "machine": machine(),
        "versions": versions() | others(),
        "date": datetime.date.today().isoformat(),
    }
    return {**about, **SECTIONS[name](arguments)}


def others() -> dict[str, str]:
    """Versions of the packages that are measured beside ours, where they are installed."""
    found = {}
    for name in OTHERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main(argv: list[str] | None = None) -> None:
    """Measure, print, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; all")
    parser.add_argument("--data", default="minivtt", help="of steps: minivtt or a folder")
    parser.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    parser.add_argument("--out", type=Path, help="JSON file that is written or added to")
    parser.add_argument("--page", action="store_true", help="write docs/BENCHMARKS.md, measure nothing")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.sections) - set(SECTIONS):
        parser.error(f"section: expected some of {', '.join(SECTIONS)}, got {', '.join(sorted(unknown))}")
    if arguments.page:
        results, twins = (json.loads(file.read_text()) for file in (page.RESULTS, page.TWINS))
        page.PAGE.write_text(page.text(results, twins), encoding="utf-8")
        return
    set_threads(1)
    found = {}
    for name in arguments.sections or SECTIONS:
        print(f"{name} ...", file=sys.stderr)
        found[name] = measured(name, arguments)
        if arguments.out:
            known = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {"schema": 1}
            write_json(arguments.out, {**known, name: found[name]})
    print(json.dumps(found) if arguments.json else page.tables(found))


if __name__ == "__main__":
    main()
