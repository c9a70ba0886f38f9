"""Times that can be compared on a machine that is never quiet: in turns, as ratios within a round.

On the CPU, processor time of the one thread that computes: what it would take alone, whoever else computes
meanwhile. On an accelerator, time on the wall.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

Step = Callable[[], object]


def seconds_of(
    steps: Mapping[str, Step], budget: float, *, finish: Step | None = None, most: int = 400
) -> dict[str, list[float]]:
    """Time steps in turns, every second round backwards, so that a slow moment hits all of them.

    Args:
        steps: What to time, by name.
        budget: Seconds to spend after a round that warms up; three rounds at least are timed. A step that
            takes a quarter of it is run once.
        finish: Waits for an accelerator after each step; None on the CPU.
        most: Largest number of rounds.

    Returns:
        Seconds of every step, one a round; a single one where it was run once.
    """
    seconds = {name: [_seconds(step, finish)] for name, step in steps.items()}
    quick = [name for name, (first,) in seconds.items() if first < budget / 4]
    for name in quick:
        seconds[name].clear()
    start, number = time.perf_counter(), 0
    while number < 3 or (number < most and time.perf_counter() - start < budget):
        for name in quick[:: -1 if number % 2 else 1]:
            seconds[name].append(_seconds(steps[name], finish))
        number += 1
    return seconds


def _seconds(step: Step, finish: Step | None) -> float:
    clock = time.process_time if finish is None else time.perf_counter
    start = clock()
    step()
    if finish is not None:
        finish()
    return clock() - start


def against(mine: list[float], baseline: list[float]) -> dict[str, Any]:
    """Median milliseconds, the quartiles of the ratio to the baseline's same round, and how many rounds."""
    row = {"ms": round(1e3 * statistics.median(mine), 3), "rounds": len(mine)}
    if len(mine) != len(baseline):  # run once
        return {**row, "ratio": round(mine[0] / statistics.median(baseline), 3)}
    low, ratio, high = statistics.quantiles([a / b for a, b in zip(mine, baseline, strict=True)], n=4)
    return {**row, "ratio": round(ratio, 3), "quartiles": [round(low, 3), round(high, 3)]}


def machine() -> dict[str, Any]:
    """What the figures are taken on, and how many jobs compute there already (mean of the last minute)."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "cpu": named[0] if named else platform.processor() or platform.machine(),
        "cores": len(named) or None,
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "gpu": gpu,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }
