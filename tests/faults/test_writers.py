"""One folder, one writer; a job that was stopped goes on, and one that failed takes nothing along."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cmgsd_lite.cli.main import main
from cmgsd_lite.runtime import sole_writer, write_atomically
from cmgsd_lite.training.experiment import Bench
from study.__main__ import main as study
from tests.cli.folders import QUICK, write_folder
from tests.faults.test_checkpoints import train as training

HOLDER = """
import sys
from pathlib import Path
from cmgsd_lite.runtime import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "videos")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def holder(here):
    """A process that writes into the folder ``out``."""
    begin = [sys.executable, "-c", HOLDER, str(here / "out")]
    with subprocess.Popen(begin, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def call(capsys, *words, job=main):
    code = job([str(word) for word in words])
    return code, capsys.readouterr().err


def run(capsys, data, *more):
    words = ("run", "--data", data, "--out", "out", "--conditions", "fixed-mean,infonce", "--jobs", 1)
    return call(capsys, *words, "--seeds", 2, *QUICK, *more)


def test_a_second_writer_is_refused_and_the_lock_of_a_dead_one_is_free(here, holder):
    with (
        pytest.raises(OSError, match=f"out: process {holder.pid} is writing there"),
        sole_writer(here / "out"),
    ):
        pass
    holder.kill()
    holder.wait()
    with sole_writer(here / "out"):
        pass


def test_a_second_training_from_python_is_refused(here, holder):
    with pytest.raises(OSError, match=f"out: process {holder.pid} is writing there"):
        training(here / "out" / "checkpoint.pt")


@pytest.mark.parametrize("job", ["run", "train", "study", "evaluate"])
def test_a_second_job_is_refused_in_one_line(job, here, holder, data, capsys):
    if job == "evaluate":
        np.save(here / "sim.npy", np.eye(3))
        code, error = call(capsys, job, "--sim", "sim.npy", "--out", "out")
    elif job == "study":
        code, error = call(capsys, "--out", "out", "run", "--minutes", 0, job=study)
    else:
        code, error = call(capsys, job, "--data", data, "--out", "out", *QUICK)
    assert code == 2
    assert f"error: out: process {holder.pid} is writing there" in error.splitlines()[-1]
    assert [path.name for path in (here / "out").rglob("*") if path.is_file()] == [".lock"]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    ours, others = [".metrics.json.4711.tmp", "models/.a.pt.12.tmp"], [".hidden.tmp", "notes.12.tmp", "a.pt"]
    (tmp_path / "models").mkdir()
    for name in [*ours, *others]:
        (tmp_path / name).write_text("x")
    with sole_writer(tmp_path, "models"):
        left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*others, ".lock"}


def test_an_error_in_writing_names_the_file_not_the_temporary_one(tmp_path):
    (tmp_path / "model.pt").mkdir()
    with pytest.raises(IsADirectoryError) as refused:
        write_atomically(tmp_path / "model.pt", lambda path: path.write_text("x"))
    assert refused.value.filename == str(tmp_path / "model.pt")
    assert ".tmp" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def without_seconds(path):
    rows = json.loads(path.read_text())["rows"]
    return [
        (row["name"], [{**seed, "seconds": 0} for seed in row["per_seed"]], row["mean"], row["sd"])
        for row in rows
    ]


def stop_after(monkeypatch, count, error=KeyboardInterrupt):
    """Runs that end with an error, from one on."""
    one, begun = Bench.run, []

    def stopped(bench, name, seed, *more, **settings):
        begun.append((name, seed))
        if len(begun) > count:
            raise error
        return one(bench, name, seed, *more, **settings)

    monkeypatch.setattr(Bench, "run", stopped)
    return begun


def test_a_stopped_run_goes_on_where_it_stopped(here, data, capsys, monkeypatch):
    assert run(capsys, data)[0] == 0
    whole = without_seconds(here / "out" / "metrics.json")
    with monkeypatch.context() as patched:
        stop_after(patched, 3)
        code, error = run(capsys, data)
    assert code == 130
    assert "stopped after 3 of 4 runs" in error
    assert "go on with the same command and --resume" in error.splitlines()[-1]
    assert not (here / "out" / "metrics.json").exists(), "that of an earlier job, beside new models"
    finished = here / "out" / "finished"
    assert len(list(finished.iterdir())) == 3
    damaged = finished / "infonce-seed0.json"
    damaged.write_text(damaged.read_text().replace("R@1", "R@2", 1))
    with monkeypatch.context() as patched:
        begun = stop_after(patched, 9)
        code, error = run(capsys, data, "--resume")
    assert code == 0, error
    assert begun == [("infonce", 0), ("infonce", 1)]
    assert "2 of 4 runs are finished and kept" in error
    assert "infonce-seed0.json: damaged, so this run is done again" in error
    assert without_seconds(here / "out" / "metrics.json") == whole
    (here / "out" / "models" / "fixed-mean-seed0.pt").unlink()
    with monkeypatch.context() as patched:
        begun = stop_after(patched, 9)
        assert run(capsys, data, "--resume")[0] == 0
    assert begun == [("fixed-mean", 0)], "a run whose model is gone is not finished"
    personal = (str(here), str(data.parent), socket.gethostname(), str(Path.home()))
    for path in (here / "out").rglob("*"):
        for name in (name for name in personal if len(name) > 4):  # shorter ones are in every picture
            assert path.is_dir() or name.encode() not in path.read_bytes(), path.name


def test_finished_runs_of_other_settings_are_refused_by_name(here, data, capsys, monkeypatch):
    stop_after(monkeypatch, 1)
    assert run(capsys, data)[0] == 130
    code, error = run(capsys, data, "--resume", "--learning-rate", 0.1)
    assert code == 2
    assert "fixed-mean-seed0.json: expected a run of training = " in error.splitlines()[-1]
    assert (here / "out" / "finished" / "fixed-mean-seed0.json").exists()


def test_a_condition_that_diverges_leaves_the_others(here, data, capsys, monkeypatch):
    one = Bench.run

    def diverges(bench, name, seed, *more, **settings):
        if name == "fixed-mean":
            raise ValueError(f"{name}, seed {seed}: loss: expected a finite number, got nan")
        return one(bench, name, seed, *more, **settings)

    monkeypatch.setattr(Bench, "run", diverges)
    words = ("run", "--data", data, "--out", "out", "--conditions", "fixed-mean,infonce", "--jobs", 1)
    code = main([str(word) for word in (*words, "--seeds", 2, *QUICK)])
    out, error = capsys.readouterr()
    assert code == 2
    assert "| infonce |" in out
    last = error.splitlines()[-1]
    assert "fixed-mean, seed 0: loss: expected a finite number, got nan (and 1 more runs)" in last
    partial = json.loads((here / "out" / "metrics-partial.json").read_text())
    assert [(row["name"], len(row["per_seed"])) for row in partial["rows"]] == [("infonce", 2)]
    assert not (here / "out" / "metrics.json").exists()
