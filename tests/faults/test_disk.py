"""A disk that takes no more is one line with the file's name, and what was there stays."""

import os
import subprocess
import sys
from contextlib import suppress

import pytest

from cmgsd_lite.training.checkpoints import load_checkpoint
from tests.faults.test_checkpoints import stopped_in, train

resource = pytest.importorskip("resource")


@pytest.fixture
def small_files():
    """No file may be larger than a few kilobytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def stopped(tmp_path):
    path = tmp_path / "checkpoint.pt"
    stopped_in(2, path)
    return path


def test_a_checkpoint_that_becomes_too_large_leaves_the_one_before(stopped, small_files):
    before = stopped.read_bytes()
    with pytest.raises(OSError, match="File too large: '.*checkpoint.pt'"):
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
