"""Time and memory of the metrics against the matrix product that gives the scores, on one thread.

``python benchmarks/metrics_speed.py`` measures the ranks of 100,000 texts and 10,000 videos in both
directions, from embeddings block by block, and the relevance metrics of a matrix of 4,000 x 10,000 in both
directions. Ratios are taken round by round, so that a drift of the machine's speed cancels; memory is the
peak above the inputs, each in a process of its own (Linux).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.evaluation.graded import relevance_metrics
from cmgsd_lite.evaluation.streaming import BLOCK_ENTRIES
from cmgsd_lite.metrics import embedding_ranks
from cmgsd_lite.similarity import normalise

Step = Callable[[], object]


def ranks_steps(texts: int, videos: int, width: int) -> tuple[Step, Step]:
    """The bare product of the blocks, and the ranks; own videos are drawn at random."""
    text, video = embeddings(texts, videos, width)
    own = torch.randint(0, videos, (texts,), generator=torch.Generator().manual_seed(1))
    block = min(texts, BLOCK_ENTRIES // videos)
    scores = torch.empty(block, videos)

    def product() -> None:
        for start in range(0, texts, block):
            part = text[start : start + block]
            torch.mm(part, video.T, out=scores[: len(part)])

    return product, lambda: embedding_ranks(text, video, own)


def relevance_steps(texts: int, videos: int, width: int) -> tuple[Step, Step]:
    """The bare product, and nDCG, nDCG@10, mAP@R and R-Precision in both directions; relevance is dense."""
    text, video = embeddings(texts, videos, width)
    sim = (text @ video.T).numpy()
    relevance = np.random.default_rng(2).random(sim.shape, np.float32)
    return lambda: text @ video.T, lambda: [
        relevance_metrics(sim, relevance),
        relevance_metrics(sim.T, relevance.T),
    ]


STEPS = {"ranks": ranks_steps, "relevance": relevance_steps}
SIZES = {"ranks": (100_000, 10_000, 256), "relevance": (4_000, 10_000, 256)}


def embeddings(texts: int, videos: int, width: int) -> tuple[Tensor, Tensor]:
    """Random unit vectors."""
    generator = torch.Generator().manual_seed(0)
    text = normalise(torch.randn(texts, width, generator=generator))
    return text, normalise(torch.randn(videos, width, generator=generator))


def measure(name: str, size: tuple[int, int, int], rounds: int, memory: bool = True) -> dict[str, Any]:
    """Seconds of the product and of the metric, their ratio, and megabytes above the inputs.

    Processor time, so that what else the machine does counts little.
    """
    steps = STEPS[name](*size)
    taken: list[list[float]] = []
    for _ in range(rounds):
        clock = [time.process_time()]
        for step in steps:
            step()
            clock.append(time.process_time())
        taken.append([float(gap) for gap in np.diff(clock)])
    ratios = [metric / product for product, metric in taken]
    product, metric = (statistics.median(column) for column in zip(*taken, strict=True))
    return {
        "size": dict(zip(("texts", "videos", "width"), size, strict=True)),
        "product_s": product,
        "metric_s": metric,
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "memory_mb": peak(name, size) if memory else None,
    }


def peak(name: str, size: tuple[int, int, int]) -> float:
    """Megabytes above the inputs, in a fresh process."""
    command = [sys.executable, __file__, "--peak", name, *map(str, size)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def own_peak(name: str, size: tuple[int, int, int]) -> float:
    """Megabytes that the metric takes above the inputs in this process."""
    step = STEPS[name](*size)[1]
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak of making the inputs
    before = resident("VmRSS")
    step()
    return resident("VmHWM") - before


def resident(entry: str) -> float:
    """Megabytes of memory, now (VmRSS) or at the peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(entry))


def results(rounds: int = 3, scale: float = 1.0, memory: bool = True) -> dict[str, Any]:
    """Both measurements; ``scale`` shrinks the number of texts."""
    return {
        name: measure(name, (max(64, int(scale * texts)), videos, width), rounds, memory)
        for name, (texts, videos, width) in SIZES.items()
    }


def main() -> None:
    """Print the figures, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of texts")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peak", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.peak:
        texts, videos, width = map(int, arguments.peak[1:])
        print(own_peak(arguments.peak[0], (texts, videos, width)))
        return
    found = results(arguments.rounds, arguments.scale)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, row in found.items():
        print(f"{name:10s} {row['ratio']:6.2f} x its product of {row['product_s']:.2f} s, "
              f"{row['memory_mb']:.0f} MB above the inputs")  # fmt: skip


if __name__ == "__main__":
    main()
