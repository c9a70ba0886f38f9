"""Training what is missing of the plan: resumable, a line appended as each run ends."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from cmgsd_lite.losses.base import RetrievalLoss
from cmgsd_lite.runtime import naming, set_threads, versions
from cmgsd_lite.runtime.workers import Workers
from cmgsd_lite.teachers import Blend, Teacher
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.scoring import score
from cmgsd_lite.training.teaching import uses_teacher
from study import plan
from study.benches import Part, StudyBench, has_data
from study.losses import NoisyTeacher, build_loss
from study.plan import Set
from study.runs import Run, wanted
from study.values import VideoValues, measure

Result = dict[str, Any]
Measured = tuple[Result, dict[str, VideoValues]]
VALUES = Path("runs/study/values")
"""Where the values per video lie until the report packs them."""


def run_study(lines: Path, values: Path, finished: dict[str, Result], minutes: float, jobs: int) -> int:
    """Train what is missing, stage by stage, until all is done or the time is up.

    Args:
        lines: File that gets a line a run.
        values: Folder that gets the values per video.
        finished: What is there already, by key; it is added to.
        minutes: No run is started that would probably end later.
        jobs: Processes at a time; every run has one thread, so results do not depend on it.

    Returns:
        How many runs that can be listed are still missing.

    Raises:
        ValueError: If ``jobs`` or ``minutes`` is out of range.
    """
    if not 1 <= jobs <= 256 or not minutes >= 0:
        raise ValueError(f"jobs, minutes: expected 1 to 256 and at least 0, got {jobs} and {minutes}")
    deadline, told = time.monotonic() + 60 * minutes, False
    while True:
        listed = [run for run in wanted(finished) if run.key not in finished]
        missing = [run for run in listed if has_data(run.set)]
        if len(missing) < len(listed) and not told:
            said = f"CMGSD_DATA is not set: {len(listed) - len(missing)} runs on real data are left out"
            print(said, file=sys.stderr, flush=True)
            told = True
        if not missing or time.monotonic() >= deadline:
            return len(listed)
        (name, part), group = next(groupby(missing, key=lambda run: (run.set, run.part)))
        runs, before = list(group), len(finished)
        with closing(_results(name, part, runs, jobs, deadline)) as results:
            for result, found in results:
                for gallery, of_gallery in found.items():
                    of_gallery.save(values / file_name(result["key"], gallery))
                _append(lines, result)
                finished[result["key"]] = result
                left = len(runs) - (len(finished) - before)
                said = f"{result['key']}: {result['seconds']} s; {left} left here"
                print(said, file=sys.stderr, flush=True)
        if len(finished) == before:
            return len(listed)


def read_lines(path: Path) -> dict[str, Result]:
    """Read the finished runs, by key; a last line that was cut off by an interruption is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            result = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[result["key"]] = result
    return found


def file_name(key: str, gallery: str) -> str:
    """Name of the file with the values per video of a run."""
    return f"{key} {gallery}.npz".replace("/", "_").replace(" ", "_")


def run_one(bench: StudyBench, run: Run) -> Measured:
    """Train and measure.

    Args:
        bench: Of the run's set and part.
        run: What to train.

    Returns:
        What goes into the file of results, and the values per video by gallery (none for a choice).
    """
    start = time.monotonic()
    loss = build_loss(run.row, run.value, run.base, run.seed)
    fitted = fit(
        bench.build_model(run.seed),
        loss,
        bench.train,
        bench.prepared.validation,
        TrainingConfig(run.epochs, run.batch, seed=run.seed),
        relevance=bench.truth if plan.ROWS[run.row].group == "truth" else None,
        teacher=teacher_of(bench, run, loss),
        progress=False,
        device="cpu",
    )
    result: Result = {"key": run.key, "run": run.plain()}
    values: dict[str, VideoValues] = {}
    of_choice = run.stage in ("choose", "repeat")
    for name, gallery in bench.galleries.items():
        main = dict([next(iter(gallery.relevance.items()))])  # enough for a choice, at half the time
        sim, owner = score(fitted.model, gallery.prepared).numpy(), gallery.prepared.video_of_text.numpy()
        metrics, values[name] = measure(sim, owner, main if of_choice else gallery.relevance)
        result["metrics" if name == run.part else name] = {m: round(v, 4) for m, v in metrics.items()}
    known = versions()
    result |= {
        "best_epoch": fitted.best_epoch,
        "training_seconds": round(fitted.seconds, 1),
        "seconds": round(time.monotonic() - start, 1),
        "versions": {package: known[package] for package in ("cmgsd-lite", "torch")},
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }
    return result, {} if of_choice else values


def teacher_of(bench: StudyBench, run: Run, loss: RetrievalLoss) -> Teacher | None:
    """The teacher of a row, blurred where the run asks for it."""
    name = plan.ROWS[run.row].teacher
    if name is None or not uses_teacher(loss):
        return None
    teacher = bench.teacher(name)
    if not run.noise:
        return teacher
    return NoisyTeacher(
        teacher, run.noise, _spread(bench, teacher), len(bench.train.text), len(bench.train), run.seed
    )


def _spread(bench: StudyBench, teacher: Teacher) -> float:
    first = bench.train.first_caption_and_count()[0]
    # A blend measures it: of this teacher with itself both units are its spread.
    return Blend.of(teacher, teacher, 0.5, first).spreads[0]


_bench: StudyBench | None = None


def _start_worker(name: Set, part: Part) -> None:
    global _bench
    set_threads(1)
    _bench = StudyBench(name, part)


def _run_in_worker(run: Run) -> Measured:
    if _bench is None:
        raise RuntimeError("worker: expected _start_worker to have run, it has not")
    return run_one(_bench, run)


def _results(
    name: Set, part: Part, runs: Sequence[Run], jobs: int, deadline: float
) -> Generator[Measured, None, None]:
    """Run in order and yield results as they come, until all are done or the deadline is near."""
    start, done = time.monotonic(), 0

    def in_time() -> bool:
        now = time.monotonic()
        return now + (jobs * (now - start) / done if done else 0) < deadline

    if jobs == 1:
        set_threads(1)
        bench = StudyBench(name, part)
        for run in runs:
            if not in_time():
                return
            yield run_one(bench, run)
            done += 1
        return
    waiting, running = iter(runs), set[Future[Measured]]()
    with Workers(min(jobs, len(runs)), _start_worker, name, part) as pool:
        while True:
            while len(running) < jobs and in_time() and (following := next(waiting, None)):
                running.add(pool.submit(_run_in_worker, following))
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                done += 1
                yield future.result()


def _append(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = not path.is_file() or path.read_bytes()[-1:] in (b"", b"\n")
    with naming(path), path.open("a", encoding="utf-8") as file:
        # After an interruption in the middle of a line the next one starts on its own.
        file.write(("" if whole else "\n") + json.dumps(result, allow_nan=False) + "\n")
