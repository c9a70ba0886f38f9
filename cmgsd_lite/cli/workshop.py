"""What one does in a clone of the course: open it, test it.

``make`` calls the same, so that the options stand here alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from cmgsd_lite.errors import DataError

LAB = [
    "--ServerApp.root_dir=.",  # links of chapters lead out of notebooks/
    "--ServerApp.ip=127.0.0.1",  # heard on this machine alone, with the token that JupyterLab draws
    "--LabApp.news_url=None",  # no question to the network at the start
    "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "notebooks/00_start_here.ipynb",
]
TWO_CORES = ["-n", "2", "--dist", "loadfile"]
NBVAL = [
    *("-p", "tests.notebooks.nbval_times", *TWO_CORES, "--nbval", "--nbval-current-env"),
    *("--nbval-sanitize-with", "tests/notebooks/nbval_sanitize.cfg", "--nbval-cell-timeout", "300"),
]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
TESTS = {
    "lint": [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["codespell_lib", "cmgsd_lite", "notebooks/source", "docs", "data/README.md", *PAGES],
    ],
    "fast": [["pytest", *TWO_CORES, "-m", "not slow and not browser"]],
    "package": [["pytest", *TWO_CORES]],
    # The students' set runs alone, as after an installation, the solved one in place.
    "notebooks": [
        ["pytest", "-p", "tests.notebooks.nbval_alone", *NBVAL, "notebooks/*.ipynb"],
        ["pytest", *NBVAL, "notebooks/solutions/*.ipynb"],
    ],
}
ALL = ("lint", "package", "notebooks")


def lab(options: argparse.Namespace) -> None:
    """Open JupyterLab on the course, at the first chapter; Ctrl-C ends it."""
    folder = _course(Path("notebooks"))
    if find_spec("jupyterlab") is None:
        raise DataError("jupyterlab: package not found; pip install jupyterlab")
    from jupyterlab.labapp import main

    os.chdir(folder)
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # JupyterLab's own colours, not written out
    root = (
        hasattr(os, "geteuid") and os.geteuid() == 0
    )  # a container: JupyterLab wants to be told that it is meant
    named = {word.partition("=")[0] for word in options.more}  # whoever gives an option has it their way
    ours = [word for word in LAB if word.partition("=")[0] not in named]
    main([*options.more, *(["--allow-root"] if root else []), *ours])


def test(options: argparse.Namespace) -> None:
    """Run what CI runs, or a part of it, and stop at the first command that fails."""
    folder = _course(Path("tests", "notebooks"))
    for part in [options.part] if options.part else ALL:
        for module, *words in TESTS[part]:
            # Shells of Windows leave a star as it is.
            named = [sorted(map(str, folder.glob(word))) if "*" in word else [word] for word in words]
            print("python -m", module, *words, flush=True)
            command = [sys.executable, "-m", module, *(name for names in named for name in names)]
            done = subprocess.run(
                command, cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
            )
            if done.returncode:
                raise SystemExit(done.returncode)


def _course(wanted: Path) -> Path:
    """The folder of the course: this one, or the clone that the package was installed from."""
    for folder in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (folder / wanted).is_dir():
            return folder
    raise DataError(f"no {wanted.as_posix()}/ here; call this in a clone of the course's repository")
