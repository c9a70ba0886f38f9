"""The students' nbval run: the wheel, an empty folder, no network; red where a chapter wants more."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.chapters import ROOT

pytestmark = pytest.mark.slow

GREEN = {
    "an empty folder": ("import os\nprint(os.listdir())", "[]\n"),
    "the wheel works": (
        "import os, cmgsd_lite\nfrom cmgsd_lite.data import load_dataset\n"
        'print(cmgsd_lite.__file__.startswith(os.environ["PYTHONPATH"]), len(load_dataset().test))',
        "True 1000\n",
    ),
    "no repository": (
        "from importlib.util import find_spec\n"
        'print([name for name in ("tests", "study", "notebooks") if find_spec(name)])',
        "[]\n",
    ),
    "loopback and files": (
        "import os, socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "if hasattr(socket, 'AF_UNIX'):\n"
        "    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:\n"
        "        one.bind('door')\n        one.listen()\n        other.connect('door')\n"
        "    os.remove('door')\n"
        "print('through')",
        "through\n",
    ),
    "no network below": (
        "import subprocess, sys\nask = 'import socket; socket.gethostbyname(\"example.org\")'\n"
        "done = subprocess.run([sys.executable, '-c', ask], capture_output=True, text=True)\n"
        "print('must not ask the network' in done.stderr)",
        "True\n",
    ),
    "why": (
        "import socket\ntry:\n    socket.create_connection(('192.0.2.1', 9), timeout=1)\n"
        "except PermissionError as error:\n    print(error)",
        "a chapter must not ask the network: socket.getaddrinfo 192.0.2.1\n",
    ),
}
RED = {
    "a file beside the notebook": ('print(open("beside.txt").read())', "beside\n"),
    "a name": ("import socket\nprint(socket.gethostbyname('example.org'))", "192.0.2.1\n"),
    "an address": (
        "import socket\nwith socket.socket(type=socket.SOCK_DGRAM) as s:\n"
        "    print(s.sendto(b'', ('192.0.2.1', 9)))",
        "0\n",
    ),
}


def small_notebook(folder: Path) -> Path:
    """Write a notebook of these cells with the outputs that they would have if nothing was refused."""
    cells = [
        nbformat.v4.new_code_cell(
            code,
            execution_count=number,
            outputs=[nbformat.v4.new_output("stream", text=text)] if text else [],
        )
        for number, (code, text) in enumerate([*GREEN.values(), *RED.values()], 1)
    ]
    path = folder / "00_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    (folder / "beside.txt").write_text("beside")
    return path


def verdicts(path: Path, *options: str) -> tuple[dict[str, str], str]:
    """Run nbval on a notebook; PASSED or FAILED by the name of the cell, and the report."""
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "60", "-q", "-rA"]
    command = [sys.executable, "-m", "pytest", *options, *nbval, "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    cells = re.findall(r"^(PASSED|FAILED) .*00_small\.ipynb::Cell (\d+)", done.stdout, re.MULTILINE)
    found = {[*GREEN, *RED][int(cell)]: verdict for verdict, cell in cells}
    assert len(found) == len(GREEN) + len(RED), done.stdout + done.stderr
    return found, done.stdout


def test_a_lone_kernel_has_the_wheel_and_nothing_else(tmp_path: Path) -> None:
    path = small_notebook(tmp_path)
    found, report = verdicts(path, "-p", "tests.notebooks.nbval_alone")
    assert found == dict.fromkeys(GREEN, "PASSED") | dict.fromkeys(RED, "FAILED")
    assert "No such file or directory: 'beside.txt'" in report
    assert "must not ask the network: socket.gethostbyname example.org" in report
    assert "must not ask the network: socket.sendto 192.0.2.1" in report
    in_place, _ = verdicts(path)
    assert in_place["a file beside the notebook"] == "PASSED", "it is the empty folder that makes it red"
    assert in_place["an empty folder"] == in_place["the wheel works"] == "FAILED"
