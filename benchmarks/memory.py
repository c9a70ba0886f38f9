"""Memory of a loss over the number of pairs: the peak above the inputs, in a fresh process each."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.losses import BLOCK
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss
from cmgsd_lite.similarity import cosine_similarity_matrix

SIZES = (2048, 8192, 32768)
DIM = 256
LOSSES = ("hardest", "mean", "smooth", "InfoNCE")
MATRICES = 12
"""Matrices [N, N] that a plain loss may hold; where they do not fit into memory it is left out."""


def measure(
    sizes: tuple[int, ...] = SIZES, dim: int = DIM, losses: tuple[str, ...] = LOSSES
) -> dict[str, Any]:
    """The section of the report: CMGSD of two dynamic distances, and InfoNCE, plain and in blocks.

    Args:
        sizes: Pairs in a batch.
        dim: Width of the embeddings.
        losses: A reduction, or ``"InfoNCE"``.

    Returns:
        ``rows``, and what they were measured with.
    """
    rows = []
    for n in sizes:
        for name in losses:
            for way in ("plain", "blocks"):
                rows.append({"pairs": n, "name": name, "way": way, **in_a_fresh_process(n, dim, name, way)})
    return {"dim": dim, "block": BLOCK, "rows": rows}


def in_a_fresh_process(n: int, dim: int, name: str, way: str) -> dict[str, Any]:
    """Peak memory and time of one forward and backward pass."""
    status, needed = Path("/proc/self/status"), MATRICES * 4 * n * n
    if not status.is_file():
        return {"left_out": "the peak of a process is read from /proc"}
    if way == "plain" and needed > (available := memory("/proc/meminfo", "MemAvailable")):
        return {"left_out": f"may ask for {needed / 1e9:.0f} GB, {available / 1e9:.0f} GB are free"}
    command = [sys.executable, "-m", "benchmarks.memory", str(n), str(dim), name, way]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        return {"left_out": (done.stderr.strip().splitlines() or ["killed: out of memory"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def memory(file: str, name: str) -> int:
    """One line of a file of /proc, in bytes."""
    found = re.search(rf"^{name}:\s*(\d+) kB$", Path(file).read_text(), re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])


def peak(n: int, dim: int, name: str, way: str) -> dict[str, float]:
    """Measured in this process: megabytes above what the inputs take, and seconds of processor time."""
    generator = torch.Generator().manual_seed(0)
    infonce = name == "InfoNCE"
    reduction: Any = int(name) if name.isdigit() else name
    loss = InfoNCELoss() if infonce else CMGSDLoss(reduction=reduction, schedule="dynamic")

    def step(text: torch.Tensor, video: torch.Tensor) -> None:
        if way == "blocks":
            loss(text=text, video=video, block=BLOCK).backward()
        else:
            loss(cosine_similarity_matrix(text, video), text=text, video=video).backward()

    step(*torch.randn(2, 8, dim, generator=generator).requires_grad_())  # loads libraries
    text, video = torch.randn(2, n, dim, generator=generator)
    text.requires_grad_()
    video.requires_grad_()
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before, start = memory("/proc/self/status", "VmHWM"), time.process_time()
    step(text, video)
    seconds = time.process_time() - start
    megabytes = (memory("/proc/self/status", "VmHWM") - before) / 2**20
    return {"peak_mb": round(megabytes, 1), "seconds": round(seconds, 3)}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(peak(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])))
