"""Whatever is in a file: a right read or a DataError with its name, soon, in little memory.

A process reads one hostile file after the other, through every public reader and as a folder; another one
takes its place when it is stuck.
"""

import gzip
import json
import os
import re
import select
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cmgsd_lite.data import describe, format_description
from cmgsd_lite.data.formats.files import unpack
from cmgsd_lite.data.formats.sentences import sentences_of
from cmgsd_lite.errors import DataError
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
    *("_member", "many", "empty_dicts", "hundred", "holes"),
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


def test_an_archive_beside_a_file_of_its_members_name_overwrites_nothing(tmp_path):
    np.savez(tmp_path / "clip.npz", video1=np.ones((2, 4)), video2=np.ones((2, 4)))
    (tmp_path / "captions.json").write_text('{"video1": ["a dog runs"], "video2": ["a cat sits"]}')
    with gzip.open(tmp_path / "clip.npz.gz", "wb") as packed:
        packed.write(b"something else")
    with zipfile.ZipFile(tmp_path / "any.zip", "w") as archive:
        archive.writestr("captions.json", '{"video1": ["another text entirely"]}')
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    said = format_description(describe(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    for archive, member in (("clip.npz.gz", "clip.npz"), ("any.zip", "captions.json")):
        assert re.search(rf"{archive}.*expected each file once, found a second {member}", said)


def test_a_member_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("captions.txt", "first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("captions.txt", "second")
    with pytest.raises(DataError, match=r"data\.zip: expected each file once, found a second captions\.txt"):
        unpack(tmp_path / "data.zip", tmp_path / "out")


def test_blanks_without_end_in_a_caption_take_no_time():
    for text in ("['a'" + " " * 1_000_000 + "x", "[" + "'   " * 300_000, "['a dog'" + " ," * 300_000 + "]"):
        begin = time.process_time()
        assert sentences_of(text) == [text]
        assert time.process_time() - begin < SECONDS
