"""Killed and stopped processes: nothing is lost, nobody stays behind, one line says how to go on.

Nothing waits for a guessed time: a process is signalled when a condition holds, and an upper bound of seconds
counts from the signal alone. ``CMGSD_KILLS=50`` kills that many trainings (five otherwise), for ten of them
three runs and a study.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from cmgsd_lite.runtime.workers import Workers
from tests.cli.folders import write_folder
from tests.faults.processes import PATIENCE, living, start, until, workers
from tests.faults.test_checkpoints import LONG, train

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are otherwise elsewhere")
KILLS = int(os.environ.get("CMGSD_KILLS", "5"))
SECONDS = 3.0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "videos")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "checkpoint.pt"
    train(path, config=LONG)
    return path.read_bytes()


def stop(process, number, target="parent"):
    """Signal the parent, its whole group or one worker; returns exit code and seconds it took."""
    begin = time.monotonic()
    if target == "group":
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid if target == "parent" else workers(process.pid)[0], number)
    return process.wait(PATIENCE), time.monotonic() - begin


def said(folder):
    return (folder / "stderr.txt").read_text().replace("\r", "\n").splitlines()


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_killed_training_goes_on_bit_for_bit(kill, whole, tmp_path):
    rng = np.random.default_rng(kill)
    path, epochs = tmp_path / "checkpoint.pt", int(rng.integers(1, LONG.epochs - 10))
    process = start(path, cwd=tmp_path, module="tests.faults.processes")
    times = tmp_path / "checkpoint.seconds.json"
    until(lambda: times.exists() and len(json.loads(times.read_text())) >= epochs, process)
    time.sleep(rng.uniform(0, 0.02))  # anywhere in an epoch or in the writing
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    train(path, resume=True, config=LONG)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("number", "target"),
    [(signal.SIGINT, "group"), pytest.param(signal.SIGTERM, "parent", marks=pytest.mark.slow)],
)
def test_stopped_while_torch_is_being_loaded(number, target, data, tmp_path):
    words = ("train", "--data", data, "--out", tmp_path / "out")
    process = start(*words, cwd=tmp_path, python=("-X", "importtime"))
    until(lambda: "torch._C" in (tmp_path / "stderr.txt").read_text(), process)
    code, seconds = stop(process, number, target)
    assert code == 128 + number
    assert seconds < SECONDS
    lines = [line for line in said(tmp_path) if not line.startswith("import time:")]
    assert lines == [
        "cmgsd_lite train: stopped; what is finished is kept: go on with the same command and --resume"
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_in_the_first_lines_of_the_package(number, tmp_path):
    process = start("train", "--out", tmp_path / "out", cwd=tmp_path, python=("-X", "importtime"))
    until(lambda: "cmgsd_lite.begin" in (tmp_path / "stderr.txt").read_text(), process)
    assert stop(process, number)[0] == 128 + number
    lines = [line for line in said(tmp_path) if not line.startswith("import time:")]
    assert len(lines) == 1
    assert re.match("cmgsd_lite( train)?: stopped", lines[0])


def test_who_imports_the_package_keeps_its_own_handlers():
    code = (
        "import signal; before = signal.getsignal(2); import cmgsd_lite; assert signal.getsignal(2) is before"
    )
    for words in (["-c", code], ["-m", "timeit", "-n", "1", "-s", code]):
        assert subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
def test_a_stopped_training_goes_on(data, tmp_path):
    words = ("train", "--data", data, "--out", tmp_path / "out", "--epochs", 40, "--batch-size", 8)
    process = start(*words, cwd=tmp_path)
    until((tmp_path / "out" / "checkpoint-seed0.pt").exists, process)
    code, seconds = stop(process, signal.SIGTERM, "group")
    assert (code, seconds < SECONDS) == (143, True)
    assert said(tmp_path)[-1].endswith(
        "stopped; what is finished is kept: go on with the same command and --resume"
    )
    assert not any("Traceback" in line for line in said(tmp_path))
    assert start(*words, "--resume", cwd=tmp_path).wait(PATIENCE) == 0
    history = json.loads((tmp_path / "out" / "history.json").read_text())
    assert len(next(iter(history.values()))) > 1


RUN = ("run", "--conditions", "fixed-mean,infonce", "--seeds", 4, "--jobs", 2, "--batch-size", 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "target", "code"),
    [
        (signal.SIGINT, "group", 130),
        (signal.SIGINT, "parent", 130),
        (signal.SIGTERM, "group", 143),
        (signal.SIGTERM, "parent", 143),
        (signal.SIGTERM, "worker", 143),
        (signal.SIGHUP, "group", 129),
        (signal.SIGKILL, "parent", -9),
        (signal.SIGKILL, "worker", 2),
    ],
)
def test_a_stopped_run_leaves_no_worker_and_keeps_what_is_finished(number, target, code, data, tmp_path):
    words = (*RUN, "--data", data, "--out", tmp_path / "out", "--epochs", 30)
    finished = tmp_path / "out" / "finished"
    process = start(*words, cwd=tmp_path)
    until(lambda: finished.is_dir() and len(list(finished.glob("*.json"))) >= 2, process)
    found, seconds = stop(process, number, target)
    assert found == code
    if code >= 128:
        assert seconds < SECONDS
        assert said(tmp_path)[-1].endswith("go on with the same command and --resume")
    until(lambda: not living(process.pid))
    assert not any("Traceback" in line for line in said(tmp_path))
    kept = {path.name: path.read_bytes() for path in finished.glob("*.json")}
    assert len(kept) >= 2
    assert not (tmp_path / "out" / "metrics.json").exists()
    assert start(*words, "--resume", cwd=tmp_path).wait(PATIENCE) == 0
    assert all((finished / name).read_bytes() == content for name, content in kept.items())
    rows = json.loads((tmp_path / "out" / "metrics.json").read_text())["rows"]
    assert [len(row["per_seed"]) for row in rows] == [4, 4]
    assert not list((tmp_path / "out").rglob(".*.tmp"))


@pytest.fixture(scope="module")
def whole_run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole-run")
    assert start(*RUN, "--data", data, "--out", folder / "out", "--epochs", 5, cwd=folder).wait(PATIENCE) == 0
    return results(folder)


def results(folder):
    """All numbers of a finished run but the times."""
    rows = json.loads((folder / "out" / "metrics.json").read_text())["rows"]
    return [(row["name"], [{**seed, "seconds": 0} for seed in row["per_seed"]]) for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(KILLS * 3 // 10))
def test_a_killed_run_goes_on_to_the_same_numbers(kill, whole_run, data, tmp_path):
    rng = np.random.default_rng(kill)
    words = (*RUN, "--data", data, "--out", tmp_path / "out", "--epochs", 5)
    finished, count = tmp_path / "out" / "finished", int(rng.integers(7))
    process = start(*words, cwd=tmp_path)
    until(lambda: finished.is_dir() and len(list(finished.glob("*.json"))) >= count, process)
    time.sleep(rng.uniform(0, 0.1))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    until(lambda: not living(process.pid))
    assert start(*words, "--resume", cwd=tmp_path).wait(PATIENCE) == 0
    assert results(tmp_path) == whole_run
    assert not list((tmp_path / "out").rglob(".*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("kill", range(max(1, KILLS // 10)))
def test_a_killed_study_goes_on(kill, tmp_path):
    words, lines = (
        ("--out", tmp_path / "out", "run", "--minutes", 60, "--jobs", 2),
        tmp_path / "out" / "runs.jsonl",
    )

    def finished():
        return lines.read_text().splitlines() if lines.exists() else []

    process = start(*words, cwd=tmp_path, module="study")
    until(lambda: len(finished()) > kill, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    until(lambda: not living(process.pid))
    kept = finished()
    process = start(*words, cwd=tmp_path, module="study")
    until(lambda: len(finished()) > len(kept), process)
    stop(process, signal.SIGTERM)
    until(lambda: not living(process.pid))
    assert finished()[: len(kept)] == kept
    keys = [json.loads(line)["key"] for line in finished()]
    assert len(set(keys)) == len(keys), "nothing is done twice"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_stopped_run_that_is_starting_its_workers_leaves_none(number, code, data, tmp_path):
    process = start(*RUN, "--data", data, "--out", tmp_path / "out", "--epochs", 30, cwd=tmp_path)
    until(lambda: workers(process.pid), process)
    found, seconds = stop(process, number, "group" if number == signal.SIGINT else "parent")
    assert found == code
    if code >= 128:
        assert seconds < SECONDS
    until(lambda: not living(process.pid))
    # Killed outright, the parent may leave a worker half of the bytes it starts from. What is printed then is
    # said by multiprocessing, before any line of the package runs.
    if number != signal.SIGKILL:
        assert not any("Traceback" in line for line in said(tmp_path))


def test_a_signal_that_another_thread_hears_waits_until_a_worker_is_started(monkeypatch):
    order, go = [], threading.Event()

    def heard(number, frame):
        order.append("heard")
        raise InterruptedError

    def start_one(self, function):
        go.set()
        other.join()
        order.append("started")

    other = threading.Thread(target=lambda: (go.wait(), signal.raise_signal(signal.SIGTERM)))
    other.start()  # before signals are held: it hears them
    monkeypatch.setattr(ProcessPoolExecutor, "submit", start_one)
    before = signal.signal(signal.SIGTERM, heard)
    try:
        with pytest.raises(InterruptedError):
            Workers.__new__(Workers).submit(print)
        assert signal.getsignal(signal.SIGTERM) is heard
    finally:
        signal.signal(signal.SIGTERM, before)
    assert order == ["started", "heard"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_study_leaves_no_worker(number, tmp_path):
    process = start(
        "--out", tmp_path / "out", "run", "--minutes", 60, "--jobs", 2, cwd=tmp_path, module="study"
    )
    until(lambda: workers(process.pid), process)
    code, seconds = stop(process, number)
    assert (code, seconds < SECONDS) == (128 + number, True)
    until(lambda: not living(process.pid))
    lines = [line for line in said(tmp_path) if not line.startswith("CMGSD_DATA is not set: ")]
    assert lines == ["study: stopped; finished runs are kept, call again to go on"]
