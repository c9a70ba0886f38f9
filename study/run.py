"""Training what is missing of an experiment: resumable, a row appended as each run ends."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.runtime import set_threads, versions
from cmgsd_lite.training import fit, validation_score
from cmgsd_lite.training.experiment import Bench, Experiment
from cmgsd_lite.training.scoring import score
from study.plan import run_keys
from study.values import VideoValues, measure

Row = dict[str, Any]
Run = tuple[str, int]
"""Name of a condition, and a seed."""

_NEEDED = {"key", "seed", "name", "metrics", "validation_score", "seconds", "loss", "versions"}


def run_study(
    bench: Bench, out: Path, *, minutes: float = 60.0, jobs: int = 1, progress: bool = True
) -> tuple[int, int]:
    """Train what is missing of an experiment, until it is whole or the time is up.

    Args:
        bench: With the experiment's data.
        out: Folder: ``rows.jsonl`` gets a line a run, ``values/`` a small file with the values per video.
        minutes: No run is started that would probably end later; with 0 none at all.
        jobs: Processes at a time; every run has one thread, so results do not depend on it.
        progress: Whether to say on stderr what was done and how long the rest will take.

    Returns:
        How many runs the experiment has, and how many are still missing.

    Raises:
        ValueError: If ``jobs`` or ``minutes`` is out of range, or if a condition can not be trained on the
            data; said before anything is trained.
        OSError: If the folder can not be written to; said before anything is trained.

    Source:
        ours.

    Example:
        >>> run_study(Bench(experiment), Path("runs/study"))  # doctest: +SKIP
        (6, 0)
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number >= 1, got {jobs}")
    if not minutes >= 0:
        raise ValueError(f"minutes: expected a number >= 0, got {minutes}")
    start = time.monotonic()
    (out / "values").mkdir(parents=True, exist_ok=True)
    (out / "rows.jsonl").open("a").close()
    keys, finished = run_keys(bench), read_runs(out)[0]
    # Seeds outside: a study that is stopped halfway holds whole comparisons.
    wanted = [(name, seed) for seed in bench.experiment.seeds for name in bench.experiment.conditions]
    missing = [run for run in wanted if (keys[run[0]], run[1]) not in finished]
    if missing and minutes:
        bench.rehearse()
    done = 0
    for row, values in _results(bench, missing, max(1, min(jobs, len(missing))), start + 60 * minutes):
        key = keys[row["name"]]
        values.save(values_path(out, key, row["seed"]))
        _append(out / "rows.jsonl", {"key": key, **row})
        done += 1
        if progress:
            left = (time.monotonic() - start) / done * (len(missing) - done) / 60
            place = f"{len(wanted) - len(missing) + done} of {len(wanted)} runs, {left:.1f} min left for all"
            print(f"{place}; {row['name']}, seed {row['seed']}", file=sys.stderr, flush=True)
    return len(wanted), len(missing) - done


def read_runs(out: Path) -> tuple[dict[tuple[str, int], Row], list[str]]:
    """Read the finished runs of a folder.

    Args:
        out: Folder of a study.

    Returns:
        Rows by key and seed, and what was left out, as sentences: lines that an interruption cut off, and
        rows without their values. ``run_study`` makes those runs again.

    Source:
        ours.

    Example:
        >>> read_runs(Path("no/such/folder"))
        ({}, [])
    """
    path = out / "rows.jsonl"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    rows = [row for line in lines if line.strip() and (row := _parse(line))]
    runs = {(row["key"], row["seed"]): row for row in rows}
    whole = {run: row for run, row in runs.items() if values_path(out, *run).is_file()}
    notes = []
    if cut := sum(bool(line.strip()) for line in lines) - len(rows):
        notes.append(f"{path.name}: {cut} damaged line(s) left out")
    if lost := len(runs) - len(whole):
        notes.append(f"{path.name}: {lost} run(s) without their file in values/ left out")
    return whole, notes


def values_path(out: Path, key: str, seed: int) -> Path:
    """Return where the values per video of a run lie."""
    return out / "values" / f"{key}-{seed}.npz"


def run_one(bench: Bench, name: str, seed: int) -> tuple[Row, VideoValues]:
    """Train one condition with one seed, and measure it on the test videos.

    Args:
        bench: With the experiment's data.
        name: Of the condition.
        seed: Of initialisation, batches, captions and dropout.

    Returns:
        The row without its key, and the values per video.

    Raises:
        ValueError: As ``fit``.

    Source:
        ours.

    Example:
        >>> row, values = run_one(bench, "infonce", seed=0)  # doctest: +SKIP
    """
    experiment, prepared = bench.experiment, bench.prepared
    fitted = fit(
        bench.build_model(seed),
        experiment.conditions[name].build(seed),
        prepared.train,
        prepared.validation,
        replace(experiment.training, seed=seed),
        relevance=batch_relevance(bench.dataset.train) if bench.dataset.name == "minivtt" else None,
        teacher=bench.teachers(name),
        progress=False,
    )
    sim, owner = score(fitted.model, prepared.test).numpy(), prepared.test.video_of_text.numpy()
    metrics, values = measure(sim, owner, bench.relevance)
    row = {
        "name": name,
        "seed": seed,
        "metrics": metrics,
        "validation_score": validation_score(fitted.history[fitted.best_epoch - 1]),
        "best_epoch": fitted.best_epoch,
        "epochs": len(fitted.history),
        "seconds": round(fitted.seconds, 2),
        "data": {"name": bench.dataset.name, "protocol": bench.dataset.protocol},
        "loss": asdict(experiment.conditions[name]),
        "model": experiment.model,
        "training": {k: v for k, v in asdict(experiment.training).items() if k != "seed"},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": versions(),
    }
    return row, values


_bench: Bench | None = None


def _start_worker(experiment: Experiment) -> None:
    global _bench
    set_threads(1)
    _bench = Bench(experiment)


def _run_in_worker(run: Run) -> tuple[Row, VideoValues]:
    if _bench is None:
        raise RuntimeError("worker: expected _start_worker to have run, it has not")
    return run_one(_bench, *run)


def _results(
    bench: Bench, runs: Sequence[Run], jobs: int, deadline: float
) -> Iterator[tuple[Row, VideoValues]]:
    """Run in order and yield results as they come, until all are done or the deadline is near."""
    start, done = time.monotonic(), 0

    def in_time() -> bool:
        now = time.monotonic()
        return now + jobs * (now - start) / max(done, 1) < deadline if done else now < deadline

    if jobs == 1:
        set_threads(1)
        for run in runs:
            if not in_time():
                return
            yield run_one(bench, *run)
            done += 1
        return
    waiting = iter(runs)
    running: set[Future[tuple[Row, VideoValues]]] = set()
    # spawn, not fork: the same on every system, and no half-copied thread pools.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _start_worker, (bench.experiment,)) as pool:
        while True:
            while len(running) < jobs and in_time() and (following := next(waiting, None)):
                running.add(pool.submit(_run_in_worker, following))
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                done += 1
                yield future.result()


def _parse(line: str) -> Row | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row if isinstance(row, dict) and set(row) >= _NEEDED else None


def _append(path: Path, row: Mapping[str, Any]) -> None:
    whole = path.read_bytes()[-1:] in (b"", b"\n")
    with path.open("a", encoding="utf-8") as file:
        # After an interruption in the middle of a line the next row starts on its own.
        file.write(("" if whole else "\n") + json.dumps(row, allow_nan=False) + "\n")
