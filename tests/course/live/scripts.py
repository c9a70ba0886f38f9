"""Run the JavaScript of a moving picture without a browser, where node is installed."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from cmgsd_lite.course.live import FOLDER, SHARED

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed: no script was run"
)


def run(name: str, code: str) -> Any:
    """What the code returns, run below the scripts of a moving picture."""
    scripts = "\n".join((FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in (*SHARED, name))
    program = f"{scripts}\nconsole.log(JSON.stringify((() => {{ {code} }})()))"
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
