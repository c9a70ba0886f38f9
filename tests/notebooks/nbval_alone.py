"""Plugin of pytest for the nbval run of the students' notebooks: each one alone, as after ``pip install``.

Loaded with ``-p tests.notebooks.nbval_alone``. A notebook's kernel starts in an empty folder, imports
``cmgsd_lite`` from the built wheel, does not find the repository, and is refused the network
(``kernel_site/sitecustomize.py``). Reports carry the notebook's own name.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from unittest import mock

import nbval.plugin
import pytest
from nbval.kernel import RunningKernel

from tests.notebooks.chapters import ROOT

SITE = "COURSE_SITE"
"""Environment variable by which the workers of pytest-xdist find the unpacked wheel."""


class LoneKernel(RunningKernel):
    """A kernel in an empty folder of its own, with the wheel first on its path."""

    def __init__(self, kernel_name: str, cwd: str | None = None, startup_timeout: float = 60) -> None:
        self.folder = tempfile.TemporaryDirectory()
        with mock.patch.dict(os.environ, PYTHONPATH=os.environ[SITE], COURSE_SOURCE=str(ROOT)):
            super().__init__(kernel_name, self.folder.name, startup_timeout)

    def stop(self) -> None:
        super().stop()
        self.folder.cleanup()


def unpacked_wheel(folder: Path) -> Path:
    """Build the wheel, unpack it into a folder and lay the kernels' ``sitecustomize`` beside it."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    command = [*pip, "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise pytest.UsageError(
            f"the wheel cannot be built (pip install -r requirements-dev.txt): {done.stderr[-2000:]}"
        )
    site = folder / "site"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    shutil.copy(Path(__file__).parent / "kernel_site" / "sitecustomize.py", site)
    return site


def pytest_configure(config: pytest.Config) -> None:
    nbval.plugin.RunningKernel = LoneKernel
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ[SITE] = str(unpacked_wheel(Path(folder.name)))
