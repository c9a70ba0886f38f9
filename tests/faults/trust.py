"""``make trust``: what docs/TRUST.md promises is tried and counted.

    python -m tests.faults.trust            all of it, hours on two cores
    python -m tests.faults.trust --quick    a tenth, of what the ordinary tests try anyway
    python -m tests.faults.trust --only WORD    the parts with this word; the others' figures stay
    python -m tests.faults.trust --page     the page's table from docs/results/trust.json

Figures go into docs/results/trust.json and from there into the page.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from cmgsd_lite.runtime import write_atomically, write_json
from tests.faults import mutation

ROOT = Path(__file__).parents[2]
FIGURES, PAGE = ROOT / "docs" / "results" / "trust.json", ROOT / "docs" / "TRUST.md"
TABLE = re.compile(r"(<!-- figures: begin -->\n).*?(<!-- figures: end -->)", re.DOTALL)
PARTS = {
    "a training killed at any moment, continued: the same bytes": ("test_stops", "killed_training", 1),
    "a run or study killed, continued": ("test_stops", "killed_run or killed_study", 1),
    "stopped by a signal: within 3 s, no worker left, finished runs kept": ("test_stops", "stopped", 1),
    "a byte of a checkpoint flipped: noticed": ("test_checkpoints", "byte_that_flips", 200),
    "a checkpoint that no training wrote: refused": ("test_checkpoints", "no_training_wrote", 1),
    "a second writer, what a killed one left": ("test_writers", "", 1),
    "a disk that takes no more, for every job": ("test_disk", "", 1),
    "a file that lies: read or refused, in 10 s of processor time and 1 GB, nothing of another file": (
        "test_files_that_lie",
        "",
        1,
    ),
}
"""What is promised, the file of tests and those of it, and how often each of them tries."""
MUTATIONS = "a file changed by chance: read rightly or refused by name"


def tried(file, chosen, each, quick):
    """Run tests; returns how many cases were tried, and how many held."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        words = [sys.executable, "-m", "pytest", "-q", f"tests/faults/{file}.py", f"--junitxml={report}"]
        words += ["-k", chosen] if chosen else []
        # One run that is killed is a tenth of them; the other slow ones are for the whole.
        words += ["-m", "not slow"] if quick and "killed" not in chosen else []
        subprocess.run(
            words, cwd=ROOT, env={**os.environ, "CMGSD_KILLS": "5" if quick else "50"}, check=False
        )
        suite = ElementTree.parse(report).getroot().find("testsuite")
    failed, skipped, count = (int(suite.get(name)) for name in ("failures", "skipped", "tests"))
    failed += int(suite.get("errors"))
    return {"tried": each * (count - skipped), "held": each * (count - skipped - failed), "skipped": skipped}


def measure(only, quick, seed):
    """Figures of the parts that are asked for, each with how and when it was measured."""
    about = {"quick": quick, "date": datetime.date.today().isoformat()}
    for name, part in PARTS.items():
        if only in name and (ROOT / "tests" / "faults" / f"{part[0]}.py").exists():
            yield name, {**tried(*part, quick), **about}
    if only in MUTATIONS:
        count = 1_000 if quick else 20_000
        outcomes, _ = mutation.run(count, seed, say=print)
        held = sum(outcomes[name] for name in mutation.GOOD)
        yield MUTATIONS, {"tried": count, "held": held, "skipped": 0, "outcomes": dict(outcomes), **about}


def table(figures):
    """The figures as the page shows them."""
    lines = ["| promised | held | measured |", "|---|---|---|"]
    for name in (*PARTS, MUTATIONS):
        one = figures.get(name)
        if one is None:
            lines.append(f"| {name} | | not yet |")
            continue
        skipped = f", {one['skipped']} skipped" if one["skipped"] else ""
        how = f"{one['date']}{', a tenth' * one['quick']}"
        lines.append(f"| {name} | {one['held']:,} of {one['tried']:,}{skipped} | {how} |")
    return "\n".join(lines) + "\n"


def page(text, figures):
    """The page with the figures in their place."""
    return TABLE.sub(lambda found: found[1] + table(figures) + found[2], text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures, lost = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}, 0
    for name, one in () if options.page else measure(options.only, options.quick, options.seed):
        print(f"{one['held']} of {one['tried']}: {name}", flush=True)
        figures[name] = one
        lost += one["tried"] - one["held"]
        write_json(FIGURES, figures)
    text = page(PAGE.read_text(encoding="utf-8"), figures)
    write_atomically(PAGE, lambda file: file.write_text(text, encoding="utf-8"))
    sys.exit(lost > 0)
