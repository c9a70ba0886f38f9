"""Real processes for tests: a command that is signalled when something is so, never after a guessed time."""

import os
import subprocess
import sys
import time

PATIENCE = 240
"""Seconds until a test gives up on a condition; a slow machine needs many, and none waits for them."""


def start(*words, cwd=None, module="cmgsd_lite", python=()):
    """``python -m MODULE WORDS`` in a group of processes of its own, its stderr in a file of its own."""
    return subprocess.Popen(
        [sys.executable, *python, "-m", module, *map(str, words)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=(cwd / "stderr.txt").open("wb"),
        start_new_session=True,
    )


def until(condition, process=None):
    """Wait for a condition; a process that ends before has failed."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        assert process is None or process.poll() is None, "the process ended before the condition came"
        time.sleep(0.01)


def living(group):
    """Processes of a group that are alive; a zombie is not."""
    listed = subprocess.run(
        ["ps", "-ww", "-e", "-o", "pid=,pgid=,stat=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    return {int(row[0]): row[3] for row in rows if int(row[1]) == group and not row[2].startswith("Z")}


def workers(group):
    return [pid for pid, words in living(group).items() if "spawn_main" in words]


if __name__ == "__main__":  # a training on made-up data, as tests.faults.test_checkpoints has it
    from pathlib import Path

    from tests.faults.test_checkpoints import LONG, train

    train(Path(sys.argv[1]), config=LONG)
