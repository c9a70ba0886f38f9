"""Whatever is in a file: a right read or a DataError with its name, soon, in little memory.

A process reads one hostile file after the other, through every public reader and as a folder; another one
takes its place when it is stuck.
"""

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults import hostile

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="memory is looked at in /proc")
SECONDS = 10.0
"""Of work of a reader on a file: twice what is promised, since machines differ; and far more by the clock."""
PATIENCE = 240.0
MEMORY = 1 << 30


class Reader:
    """The process that reads, with what it and its children take."""

    def __init__(self):
        self.process = None

    def read(self, path, folder):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.readings"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        self.process.stdin.write(json.dumps([str(path), str(folder)]) + "\n")
        self.process.stdin.flush()
        most, begin = 0, time.monotonic()
        while not select.select([self.process.stdout], [], [], 0.02)[0]:
            most = max(most, memory(self.process.pid))
            if time.monotonic() - begin > PATIENCE or most > MEMORY:
                self.close()
                return {"all": ("stuck" if most <= MEMORY else "too much memory", 0.0)}
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"all": ("crashed", 0.0)}

    def close(self):
        if self.process is not None:
            for pid in [*children(self.process.pid), self.process.pid]:
                os.kill(pid, 9)
            self.process.communicate()


def children(pid):
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def memory(pid):
    """Bytes that a process and its children hold."""
    total = 0
    for one in [pid, *children(pid)]:
        try:
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total


@pytest.fixture(scope="module")
def reader():
    one = Reader()
    yield one
    one.close()


SLOW = (
    *("bomb", "sixty", "deflated", "matlab", "gzip", "long_header", "zip_", "_keys", "_sets", "times"),
    "_member",
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if any(word in name for word in SLOW) else [])
        for name in hostile.MAKERS
    ],
)
def test_a_file_that_lies(reader, name, tmp_path):
    file, make = hostile.MAKERS[name]
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder / file)
    for reading, (said, seconds) in reader.read(folder / file, folder).items():
        assert said == "read" or said.startswith("DataError: "), f"{reading}: {said[:500]}"
        if reading.startswith("read_"):
            assert said == "read" or file.split(".")[0] in said, f"{reading}: {said[:500]}"
        assert seconds < SECONDS, reading
