"""A disk that takes no more is one line with the file's name, and what was there stays."""

import errno
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from cmgsd_lite.cli import figures
from cmgsd_lite.cli.main import main
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.runtime import write_atomically
from cmgsd_lite.runtime.html import page
from cmgsd_lite.training.checkpoints import load_checkpoint, save_checkpoint
from study.__main__ import main as study
from tests.cli.folders import QUICK, write_folder
from tests.data.films import write_film
from tests.faults.test_checkpoints import stopped_in, train

resource = pytest.importorskip("resource")


@contextmanager
def no_file_above(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def stopped(tmp_path):
    path = tmp_path / "checkpoint.pt"
    stopped_in(2, path)
    return path


def test_a_checkpoint_that_becomes_too_large_leaves_the_one_before(stopped):
    before = stopped.read_bytes()
    with no_file_above(8_192), pytest.raises(OSError, match="File too large: '.*checkpoint.pt'"):
        train(stopped, resume=True)
    assert stopped.read_bytes() == before
    assert not list(stopped.parent.glob(".*.tmp"))


@pytest.fixture
def disk(tmp_path, request):
    """A small disk of its own, with the checkpoint of a stopped training."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", request.param, "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        stopped_in(2, folder / "checkpoint.pt")
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder):
    """Write until nothing more goes in."""
    with suppress(OSError):
        for number in range(1000):
            (folder / f"{number}").write_bytes(b"x" * 4096)
    assert number < 999


@pytest.mark.filterwarnings("error")  # the newest is whole: nothing gives way to the one before
@pytest.mark.parametrize("disk", ["size=200k", "nr_inodes=9"], indirect=True)
@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_full_disk_leaves_the_checkpoint_before(disk, room):
    path = disk / "checkpoint.pt"
    before = load_checkpoint(path)["history"]
    fill(disk)
    for number in range(room):
        (disk / f"{number}").unlink()
    with pytest.raises(OSError, match="No space left on device") as refused:
        train(path, resume=True)
    assert str(disk) in str(refused.value)
    assert load_checkpoint(path)["history"][: len(before)] == before


@pytest.mark.parametrize("disk", ["size=1m"], indirect=True)
def test_a_disk_that_can_only_be_read_is_said_before_the_first_epoch(disk):
    path = disk / "checkpoint.pt"
    before = path.read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(OSError, match="disk: expected a folder that can be written to, found Read-only file"):
        train(path, resume=True)
    assert path.read_bytes() == before


def test_a_folder_without_permission_is_said_before_the_first_epoch(stopped):
    before = stopped.read_bytes()
    code = "from pathlib import Path; from tests.faults.test_checkpoints import train; "
    code += f"train(Path({str(stopped)!r}), resume=True)"
    # Root may write everywhere, unless that right is taken away for one process.
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    stopped.parent.chmod(0o500)
    try:
        done = subprocess.run(
            [*without, sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
    finally:
        stopped.parent.chmod(0o700)
    assert "expected a folder that can be written to, found Permission denied" in done.stderr
    assert done.returncode == 1
    assert stopped.read_bytes() == before


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_folder(folder / "means")
    write_folder(folder / "frames", experts={"rgb": (range(42), 60)})
    write_film(folder / "film.mp4", 12)
    np.save(folder / "sim.npy", np.eye(8))
    about = {"data": str(folder / "means"), "experts": ["rgb"], "protocol": None, "queries": None}
    network = build_model(ModelConfig("mean-pool", 256, {"rgb": 12}, embed_dim=16, hidden_dim=32), 0)
    save_checkpoint(folder / "model.pt", network, about)
    return folder


@pytest.fixture
def call(data, capsys, monkeypatch, tmp_path):
    """Calls a job that writes into a folder; returns its code, its output and the last line of its stderr."""
    monkeypatch.chdir(tmp_path)
    means, model = data / "means", data / "model.pt"
    jobs = {
        "train": lambda out: ("train", "--data", means, "--out", out, *QUICK),
        "run": lambda out: (
            *("run", "--data", means, "--out", out, "--conditions", "infonce", "--jobs", 1, "--seeds", 1),
            *QUICK,
        ),
        "evaluate": lambda out: ("evaluate", "--checkpoint", model, "--out", out),
        "scores": lambda out: ("evaluate", "--sim", data / "sim.npy", "--out", out),
        "search": lambda out: ("search", "a cat" + 700 * " sings", "--checkpoint", model, "--out", out),
        "convert": lambda out: ("convert", data / "frames", out),
        "info": lambda out: ("info", data / "means", "--html", out / "info.html"),
        "extract": lambda out: ("extract", data, "--out", out, "--encoders", "motion"),
        "download": lambda out: ("download", "lsmdc", "--out", out, "--mirror", "http://127.0.0.1:9"),
        "teacher-quality": lambda out: ("teacher-quality", "--out", out / "quality.json"),
        "build-minivtt": lambda out: ("build-minivtt", "--out", out),
        "study": lambda out: ("--out", out, "run", "--minutes", 0),
    }

    def call(job, out):
        code = (study if job == "study" else main)([str(word) for word in jobs[job](out)])
        said, error = capsys.readouterr()
        assert "Traceback" not in error
        return code, said, error.strip().splitlines()[-1]

    return call


JOBS = (
    *("train", "run", "evaluate", "scores", "search", "convert", "info", "extract", "download"),
    *("teacher-quality", "build-minivtt", "study"),
)


@pytest.mark.parametrize("job", JOBS)
def test_a_place_that_takes_nothing_is_one_line_of_every_job(job, call, tmp_path):
    file = tmp_path / "file"
    file.write_text("here before")
    for out in (file, file / "below"):
        code, _, line = call(job, out)
        assert code == 2
        assert re.search(f"{job if job in line else 'evaluate'}: error: .*{file.parent}", line)
        assert re.search("File exists|Not a directory|found a file in its place|found something in it", line)
    assert file.read_text() == "here before"
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "runs"}  # the study has a folder of its own


@pytest.mark.parametrize("job", [job for job in JOBS if job not in ("build-minivtt", "download")])
@pytest.mark.parametrize("options", ["ro", "nr_inodes=1"])
def test_a_disk_that_takes_nothing_is_one_line_of_every_job(job, options, call, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", disk], check=False).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        code, _, line = call(job, disk / "out")
        assert code == 2
        assert f"error: {disk}" in line or f"'{disk}" in line
        assert ("Read-only file system" if options == "ro" else "No space left on device") in line
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("job", "size", "file"),
    [
        ("search", 4_200, "search.html"),
        ("info", 4_200, "info.html"),
        ("convert", 5_000, "00_rgb.npy"),
    ],
)
def test_a_file_that_becomes_too_large_leaves_the_one_before(job, size, file, call, tmp_path):
    out = tmp_path / "out"
    if job != "convert":  # which wants an empty folder
        out.mkdir()
        (out / file).write_text(before := page("here before", []))
    with no_file_above(size):
        code, _, line = call(job, out)
    assert code == 2
    assert re.search(f"{file}: expected room for the whole file|File too large: '.*{file}'", line)
    assert job == "convert" or (out / file).read_text() == before
    assert {path.name for path in tmp_path.rglob("*")} <= {"out", file, ".lock"}


def test_a_model_that_is_not_written_leaves_the_numbers_and_is_told_by_the_code(call, tmp_path):
    with no_file_above(9_000):
        code, out, line = call("run", tmp_path / "out")
    assert code == 2
    assert "| infonce |" in out
    assert re.search("File too large: '.*models/infonce-seed0.pt'", line)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["rows"]
    assert not list((tmp_path / "out" / "finished").iterdir()), "a run without its model is not finished"


def test_a_figure_that_finds_no_room_leaves_the_others_and_is_told_by_the_code(call, tmp_path, monkeypatch):
    def full(figure, path):
        if path.name == "results.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_bytes(b"drawn")

    monkeypatch.setattr(figures, "save_figure", full)
    code, out, line = call("run", tmp_path / "out")
    assert code == 2
    assert "| infonce |" in out
    assert "No space left on device" in line
    assert "results.png" in line
    assert (tmp_path / "out" / "training.png").exists()


def test_an_output_that_takes_no_more_is_named(data):
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "cmgsd_lite", "info", str(data / "means")]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "cmgsd_lite info: error: [Errno 28] No space left on device: 'standard output'\n"


def test_a_pipe_stays_one_and_so_does_a_link(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe: expected a name for a file, found a device or pipe"):
        write_atomically(tmp_path / "pipe", lambda path: path.write_text("x"))
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_atomically(tmp_path / "link", lambda path: path.write_text("x"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "x"
