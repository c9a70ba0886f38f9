"""What gathering is for, shown by several processes that share one batch.

``python -m cmgsd_lite.training.two_processes`` prints a table; a notebook, in which processes cannot be
forked, calls ``compare()``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from cmgsd_lite.distributed import GatheredLoss, average_gradients, joined
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.training.processes import Share

GRACE = 60.0
"""Seconds for the others to notice that a process has failed."""
MODULE = "cmgsd_lite.training.two_processes"
LOSSES: dict[str, nn.Module] = {
    "fixed margin, hardest negative": MaxMarginRankingLoss(reduction="hardest"),
    "CMGSD, hardest negative": CMGSDLoss(schedule="dynamic"),
    "InfoNCE": InfoNCELoss(),
}


def compare(processes: int = 2, pairs: int = 9) -> list[dict[str, Any]]:
    """Compute a batch's gradient in several processes, with gathered negatives and without.

    Args:
        processes: Started for it, one after the other; each takes its share of the batch.
        pairs: In the batch; need not be a multiple of ``processes``.

    Returns:
        A row a loss: its ``"value"``, and how far the averaged gradient is from that of one process with the
        whole batch, the largest difference as a share of the largest entry: ``"gathered"``, and ``"apart"``,
        where each process sees its own pairs alone.

    Raises:
        RuntimeError: If a process fails.

    Source:
        ours.

    Example:
        >>> [row["gathered"] < 1e-6 < row["apart"] for row in compare()]  # doctest: +SKIP
        [True, True, True]
    """
    rows: list[dict[str, Any]] = json.loads(launch(["-m", MODULE, "--pairs", str(pairs)], processes))
    return rows


def launch(arguments: Sequence[str], processes: int, timeout: float = 300.0) -> str:
    """Start Python several times, as ``torchrun`` would, and return what the first process printed.

    The arguments are a script or module with its options; ``--store FILE`` is added, for ``joined``. Raises
    RuntimeError if processes fail or have not ended after ``timeout`` seconds, with the last line that each
    of them said.
    """
    with TemporaryDirectory() as temporary:
        folder, started = Path(temporary), []
        command = [sys.executable, *arguments, "--store", str(folder / "store")]
        for rank in range(processes):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
            with open(folder / f"{rank}.out", "w") as out, open(folder / f"{rank}.err", "w") as said:
                environment = {**os.environ, "OMP_NUM_THREADS": "1", **own}
                started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=said))
        _wait(started, timeout)
        failed = []
        for rank, process in enumerate(started):
            if process.returncode:
                lines = (folder / f"{rank}.err").read_text(errors="replace").splitlines() or ["nothing said"]
                failed.append(f"process {rank} ended with {process.returncode}: {lines[-1]}")
        if failed:
            raise RuntimeError("; ".join(failed))
        return (folder / "0.out").read_text()


def _wait(started: Sequence[subprocess.Popen[bytes]], timeout: float) -> None:
    """Where one has failed, the others notice or wait for it without end: they are given a short time."""
    until = time.monotonic() + timeout
    try:
        while any(process.poll() is None for process in started) and time.monotonic() < until:
            if any(process.poll() for process in started):
                until = min(until, time.monotonic() + GRACE)
            time.sleep(0.02)
    finally:
        for process in started:
            process.kill()
            process.wait()


class Encoders(nn.Module):
    """A linear map a side."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.video = nn.Linear(6, 8), nn.Linear(5, 8)

    def forward(self, text: Tensor, video: Tensor) -> tuple[Tensor, Tensor]:
        """Map [n, 6] and [n, 5] to [n, 8] each."""
        return self.text(text), self.video(video)


def measure(pairs: int) -> list[dict[str, Any]]:
    """Compute, in each of the processes that have joined, the rows of ``compare``: equal in every process."""
    torch.manual_seed(0)  # the same encoders and the same batch everywhere
    model, text, video = Encoders(), torch.randn(pairs, 6), torch.randn(pairs, 5)
    own = Share.of_this_process().rows(pairs)
    rows = []
    for name, loss in LOSSES.items():
        value, wanted = _gradient(model, loss, text, video)
        found = {
            "gathered": _gradient(model, GatheredLoss(loss), text[own], video[own])[1],
            "apart": _gradient(model, loss, text[own], video[own])[1],
        }
        far = {
            how: float((gradient - wanted).abs().max() / wanted.abs().max())
            for how, gradient in found.items()
        }
        rows.append({"loss": name, "value": value, **far})
    return rows


def _gradient(model: nn.Module, loss: nn.Module, text: Tensor, video: Tensor) -> tuple[float, Tensor]:
    model.zero_grad()
    a, b = model(text, video)
    value = loss(text=a, video=b)
    value.backward()
    average_gradients(model.parameters())
    return value.item(), torch.cat([weight.grad.flatten() for weight in model.parameters()])  # type: ignore[union-attr]


def main() -> None:
    """Be one of the processes (``--store``), or start them and print the table."""
    parser = argparse.ArgumentParser(prog="python -m cmgsd_lite.training.two_processes", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.store is not None:
        with joined("cpu", options.store):
            rows = measure(options.pairs)
        if os.environ["RANK"] == "0":
            print(json.dumps(rows))
        return
    print(f"{'gradient, difference from one process':38s} {'gathered':>9s} {'apart':>9s}")
    for row in compare(options.processes, options.pairs):
        print(f"{row['loss']:38s} {row['gathered']:9.1e} {row['apart']:9.1e}")


if __name__ == "__main__":
    main()
