"""Opening what ``convert`` wrote, and an epoch of batches from it against one from memory.

``python -m benchmarks.store`` writes 10,000 videos with the dimensions of MMT's seven experts (one to three
tokens a video, float16) into a temporary folder, opens them as ``load_folder`` does, in a fresh process, and
then pads batch after batch of 128 shuffled videos, all experts, once from the memory-mapped arrays and once
from copies in memory, in turn. Seconds are those of the processor, so that a shared machine blurs them less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cmgsd_lite.data import Annotations, FeatureTable, SplitLists, load_folder, read_features
from cmgsd_lite.data.formats.store import write_store
from cmgsd_lite.data.formats.tables import pad

DIMS = {"face": 512, "ocr": 300, "rgb": 2048, "s3d": 1024, "scene": 2208, "speech": 300, "vggish": 128}
BATCH, TOKENS = 128, 3


def write(folder: Path, videos: int) -> None:
    """A converted data set: random features, twenty captions a video, one test video in ten."""
    rng, ids = np.random.default_rng(0), [f"video{n}" for n in range(videos)]
    tables = {}
    for name, dim in DIMS.items():
        starts = np.concatenate([[0], np.cumsum(rng.integers(1, TOKENS + 1, videos))])
        tables[name] = FeatureTable(ids, rng.random((int(starts[-1]), dim), np.float32).astype("f2"), starts)
    captions = {
        video: [f"caption {n} of the clip {video}, in nine words" for n in range(20)] for video in ids
    }
    lists = SplitLists(ids[: videos * 9 // 10], ids[videos * 9 // 10 :])
    documents = {"annotations": asdict(Annotations(captions)), "splits": {"full": asdict(lists)}}
    write_store(folder, tables, documents)


def opening(folder: Path) -> dict[str, float]:
    """Seconds and megabytes that it takes to open the data set, in this process."""
    before, began, used = resident(), time.perf_counter(), time.process_time()
    data = load_folder(folder)
    found = {"cpu_s": time.process_time() - used, "wall_s": time.perf_counter() - began}
    return {**found, "memory_mb": resident() - before, "test_videos": len(data.test)}


def resident() -> float:
    """Megabytes of this process now, memory-mapped files included (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def epoch(tables: Mapping[str, FeatureTable], seed: int) -> float:
    """Seconds of the processor for every batch of an epoch, all experts padded."""
    ids = next(iter(tables.values())).ids
    order = np.random.default_rng(seed).permutation(len(ids))
    began = time.process_time()
    for start in range(0, len(ids), BATCH):
        mine = [ids[i] for i in order[start : start + BATCH]]
        for table in tables.values():
            pad(table, mine, TOKENS)
    return time.process_time() - began


def measure(videos: int = 10_000, rounds: int = 5) -> dict[str, Any]:
    """Both measurements; the epochs' ratio is the median over rounds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "fast"
        write(folder, videos)
        command = [sys.executable, "-m", "benchmarks.store", "--open", str(folder)]
        opened = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        mapped = read_features(folder)
        inside = {n: FeatureTable(t.ids, np.array(t.rows), t.starts) for n, t in mapped.items()}
        pairs = [(epoch(mapped, seed), epoch(inside, seed)) for seed in range(rounds)]
    return {
        "videos": videos,
        "open": opened,
        "epoch_mapped_s": median(mapped_s for mapped_s, _ in pairs),
        "epoch_memory_s": median(memory_s for _, memory_s in pairs),
        "ratio": median(mapped_s / memory_s for mapped_s, memory_s in pairs),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--videos", type=int, default=10_000)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    print(json.dumps(opening(arguments.open) if arguments.open else measure(arguments.videos), indent=1))


if __name__ == "__main__":
    main()
