"""Files changed where readers take another way: a short run, and how answers are counted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cmgsd_lite.errors import DataError
from tests.faults import guided, mutation

ROOT = Path(__file__).parents[2]
reads_memory = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is looked at in /proc"
)


@pytest.fixture
def target(tmp_path):
    file = tmp_path / "captions-known" / "captions.json"
    file.parent.mkdir()
    file.write_bytes(b'{"video0": ["a cat"]}')
    return guided.Target(
        SimpleNamespace(root=tmp_path, names=["captions-known"], files={file.parent.name: [file]})
    )


def raises(error):
    def read():
        raise error

    return read


@reads_memory
@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda: None, "read"),
        (raises(DataError("captions.json: expected captions, found none")), "named"),
        (raises(DataError("expected captions, found none")), "other: DataError without the file's name"),
        (raises(KeyError("sentence")), "other: KeyError: 'sentence'"),
        (raises(RecursionError()), "other: RecursionError"),
    ],
)
def test_what_a_reader_answers_is_counted(target, monkeypatch, read, told):
    monkeypatch.setattr(mutation, "readers_of", lambda name, folder, path: [raises(OSError()), read])
    file = target.root / "captions-known" / "captions.json"
    before = file.read_bytes()
    assert target.told(b"1 captions-known/captions.json\n[]").startswith(told)
    assert file.read_bytes() == before, "it is put back"
    assert target.told(b"0 captions-known/other.json\n[]") is None


@reads_memory
def test_every_reader_of_a_file_has_its_seed(target):
    heads = [f"{number} captions-known/captions.json".encode() for number in range(3)]
    assert list(target.seeds) == heads
    assert {target.told(head + b"\n" + content) for head, content in target.seeds.items()} == {"read"}


def _died(sender):
    sender.send(("case", "file", None))
    os._exit(3)


def test_a_reader_that_ends_its_process_is_counted():
    assert list(mutation.watched(_died)) == [("case", "file", "other: crashed")]


@reads_memory
def test_a_finding_is_read_again_by_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(guided, "KEPT", tmp_path / "kept")
    kept = guided.keep(b"0 captions-activitynet/train.json\n{")
    assert guided.again(kept.read_bytes()) == "named"


def _asked(*words):
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_without_atheris_it_says_how_to_get_it():
    code = "import runpy, sys; sys.modules['atheris'] = None; "
    done = _asked("-c", code + "runpy.run_module('tests.faults.guided', run_name='__main__', alter_sys=True)")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{guided.GET}\n"


@reads_memory
@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info >= (3, 13), reason="atheris has no wheel for this system"
)
def test_some_seconds_of_guided_changes():
    done = _asked("-m", "tests.faults.guided", "--seconds", "8", "--only", "scores")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout)
    begin, end = counts["reached"]
    assert 0 < begin < end, "changes reach code that sound files do not"
    assert counts["read"] > 0
    assert counts["named"] > 0
