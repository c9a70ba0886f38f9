"""Run the cells of a suite with paired seeds: resumable, a row appended as each run ends."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.training import fit, validation_score
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.ground_truth import relevance_kinds
from cmgsd_lite.training.prepare import PreparedSplit
from cmgsd_lite.training.scoring import score
from study.grid import Cell, Suite
from study.text_teachers import TextTeacher, with_text_teacher
from study.values import VideoValues, measure

Task = tuple[Cell, int]
NOISE_SEED = 2021
BENCHES_KEPT = 3


def run_suite(
    suite: Suite, out: Path, *, minutes: float = 60.0, jobs: int = 1, progress: bool = True
) -> tuple[int, int]:
    """Run what is missing of a suite, until it is whole or the time is up.

    Args:
        suite: Which runs.
        out: Folder: ``rows.jsonl`` gets a line a run, ``values/`` a small file with the values per video.
        minutes: No run is started that would probably end later.
        jobs: Processes at a time; the results do not depend on it.
        progress: Whether to say on stderr what was done and how long the rest will take.

    Returns:
        How many runs the suite has, and how many are still missing.

    Raises:
        ValueError: If ``jobs`` is below 1, or as ``fit``.
        DataError: If the data can not be read.

    Source:
        ours.

    Example:
        >>> run_suite(suite("smoke", DataConfig()), Path("runs/study"))  # doctest: +SKIP
        (6, 0)
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number >= 1, got {jobs}")
    start = time.monotonic()
    finished = {(row["key"], row["seed"]) for row in read_rows(out)}
    tasks = missing_tasks(suite, finished)
    whole = len(missing_tasks(suite, set()))
    done = 0
    _encode_teachers(tasks, out)
    for row, values in _results(tasks, out, jobs, start + 60 * minutes):
        values.save(out / "values" / f"{row['key']}-{row['seed']}.npz")
        _append(out / "rows.jsonl", row)
        done += 1
        if progress:
            spent = time.monotonic() - start
            left = spent / done * (len(tasks) - done) / 60
            print(
                f"{suite.name}: {whole - len(tasks) + done} of {whole} runs, {spent / 60:.1f} min, "
                f"{left:.1f} min left for all; {row['label']}, seed {row['seed']}: "
                f"R@10 {row['metrics']['R@10']:.1f}, nDCG {row['metrics']['nDCG']:.1f}",
                file=sys.stderr,
                flush=True,
            )
    return whole, len(tasks) - done


def missing_tasks(suite: Suite, finished: set[tuple[str, int]]) -> list[Task]:
    """List the runs of a suite that are not there yet, each once.

    Args:
        suite: Which runs.
        finished: Key and seed of the finished ones.

    Returns:
        Cells with seeds; all cells of the first seed first, so that a stopped study holds whole comparisons.

    Source:
        ours.

    Example:
        >>> missing_tasks(suite("smoke", DataConfig()), set())[0][1]
        0
    """
    tasks = {
        (cell.key, seed): (cell, seed) for seed in suite.seeds for cell in reversed(suite.cells)
    }  # reversed, then sorted: of cells with one key the first names the run
    order = {(cell.key, seed): i for seed in suite.seeds for i, cell in enumerate(reversed(suite.cells))}
    wanted = sorted(tasks, key=lambda key: (suite.seeds.index(key[1]), -order[key]))
    return [tasks[key] for key in wanted if key not in finished]


def read_rows(out: Path) -> list[dict[str, Any]]:
    """Read the rows of all finished runs; a line that was cut off by an interruption is left out.

    Args:
        out: Folder of the study.

    Returns:
        The rows, in the order in which the runs ended; empty if there are none.

    Source:
        ours.

    Example:
        >>> read_rows(Path("no/such/folder"))
        []
    """
    path = out / "rows.jsonl"
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def run_cell(
    bench: Bench, cell: Cell, seed: int, out: Path = Path("runs/study")
) -> tuple[dict[str, Any], VideoValues]:
    """Train one cell with one seed and measure it.

    Args:
        bench: Of the cell's data.
        cell: What to train.
        seed: Of initialisation, batches, captions and dropout.
        out: Folder of the study, where text teachers are kept.

    Returns:
        The row of the study and the values per video.

    Raises:
        ValueError: As ``fit``.

    Source:
        ours.

    Example:
        >>> row, values = run_cell(bench, cell, seed=0)  # doctest: +SKIP
    """
    prepared = bench.prepared
    taught = with_text_teacher(prepared.train, bench.dataset.train, cell.text_teacher, out)
    train = with_noisy_teachers(taught, cell.teacher_noise)
    dims = {name: features.shape[2] for name, features in train.features.items()}
    fitted = fit(
        build_model(ModelConfig(cell.model, train.text.shape[1], dims), seed),
        cell.loss.build(seed),
        train,
        prepared.validation,
        replace(cell.training, seed=seed),
        relevance=batch_relevance(bench.dataset.train) if bench.dataset.name == "minivtt" else None,
        progress=False,
    )
    if cell.measured == "test":
        split, relevance = prepared.test, bench.relevance
    else:
        split = prepared.validation
        relevance = relevance_kinds(replace(bench.dataset, test=bench.dataset.validation), "all")
    sim, owner = score(fitted.model, split).numpy(), split.video_of_text.numpy()
    metrics, values = measure(sim, owner, relevance)
    best = fitted.history[fitted.best_epoch - 1]
    row = {
        "key": cell.key,
        "name": cell.name,
        "factor": cell.factor,
        "label": cell.label,
        "seed": seed,
        "measured": cell.measured_on,
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
        "validation_score": round(validation_score(best) or 0.0, 4),
        "best_epoch": fitted.best_epoch,
        "epochs": len(fitted.history),
        "seconds": round(fitted.seconds, 2),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "settings": cell.settings,
    }
    return row, values


def with_noisy_teachers(train: PreparedSplit, noise: float) -> PreparedSplit:
    """Blur the static teachers: a teacher of any quality, from good to none.

    Args:
        train: The training split.
        noise: Standard deviation of the noise, in standard deviations of each dimension of the teacher.

    Returns:
        The split with other teachers; itself without noise. The noise is the same for every seed.

    Raises:
        ValueError: If ``noise`` is negative.

    Source:
        ours.

    Example:
        >>> with_noisy_teachers(prepared.train, 1.0)  # doctest: +SKIP
    """
    if noise < 0:
        raise ValueError(f"noise: expected a number >= 0, got {noise}")
    if noise == 0:
        return train
    generator = torch.Generator().manual_seed(NOISE_SEED)

    def blurred(teacher: Tensor) -> Tensor:
        drawn = torch.randn(teacher.shape, generator=generator, dtype=teacher.dtype)
        return teacher + noise * teacher.std(dim=0, correction=0) * drawn

    return replace(
        train, text_teacher=blurred(train.text_teacher), video_teacher=blurred(train.video_teacher)
    )


_benches: dict[DataConfig, Bench] = {}


def bench_of(data: DataConfig) -> Bench:
    """Return the bench of a data set; the last few are kept in memory.

    Args:
        data: Which data.

    Returns:
        The bench.

    Raises:
        DataError: If the data can not be read.

    Source:
        ours.

    Example:
        >>> bench_of(DataConfig()).dataset.name  # doctest: +SKIP
        'minivtt'
    """
    if data not in _benches:
        while len(_benches) >= BENCHES_KEPT:
            del _benches[next(iter(_benches))]
        _benches[data] = Bench(Experiment(data, {}))
    return _benches[data]


def _run_task(task: Task, out: Path) -> tuple[dict[str, Any], VideoValues]:
    cell, seed = task
    return run_cell(bench_of(cell.data), cell, seed, out)


def _encode_teachers(tasks: Sequence[Task], out: Path) -> None:
    """Encode the text teachers that take minutes here, once, and not in every process."""
    for data, name in dict.fromkeys((cell.data, cell.text_teacher) for cell, _ in tasks):
        if name != "wordllama":
            bench = bench_of(data)
            with_text_teacher(bench.prepared.train, bench.dataset.train, name, out)


def _start_worker() -> None:
    set_threads(1)


def _results(
    tasks: Sequence[Task], out: Path, jobs: int, deadline: float
) -> Iterator[tuple[dict[str, Any], VideoValues]]:
    """Run tasks in order and yield results as they come, until all are done or the deadline is near."""
    start, done = time.monotonic(), 0

    def in_time() -> bool:
        now = time.monotonic()
        return now + jobs * (now - start) / max(done, 1) < deadline if done else now < deadline

    if jobs == 1:
        for task in tasks:
            if not in_time():
                return
            yield _run_task(task, out)
            done += 1
        return
    waiting = iter(tasks)
    running: set[Future[tuple[dict[str, Any], VideoValues]]] = set()
    # spawn, not fork: the same on every system, and no half-copied thread pools.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start_worker) as pool:
        while True:
            while len(running) < jobs and in_time() and (following := next(waiting, None)):
                running.add(pool.submit(_run_task, following, out))
            if not running:
                return
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                done += 1
                yield future.result()


def _append(path: Path, row: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = not path.is_file() or path.read_bytes()[-1:] in (b"", b"\n")
    with path.open("a", encoding="utf-8") as file:
        # After an interruption in the middle of a line the next row starts on its own.
        file.write(("" if whole else "\n") + json.dumps(row, allow_nan=False) + "\n")


def teacher_quality(
    bench: Bench, noise: float = 0.0, text_teacher: TextTeacher = "wordllama", out: Path = Path("runs/study")
) -> dict[str, dict[str, float]]:
    """How well the static teachers know what is relevant: rank correlation over pairs of test videos.

    Args:
        bench: Of the data.
        noise: As in ``with_noisy_teachers``.
        text_teacher: As in ``with_text_teacher``.
        out: Folder of the study, where text teachers are kept.

    Returns:
        For each kind of relevance and each of ``text`` and ``video`` Spearman's correlation of the teacher's
        similarity with the relevance of two videos' queries to each other's video, their mean.

    Raises:
        ValueError: As ``with_noisy_teachers``.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> teacher_quality(bench)["truth"]["text"]  # doctest: +SKIP
        0.6
    """
    taught = with_text_teacher(bench.prepared.test, bench.dataset.test, text_teacher, out)
    split = with_noisy_teachers(taught, noise)
    owner, videos = split.video_of_text.numpy(), len(split)
    pairs = np.triu_indices(videos, k=1)
    found: dict[str, dict[str, float]] = {}
    for kind, relevance in bench.relevance.items():
        total = np.zeros((videos, videos))
        np.add.at(total, owner, relevance)
        mean = total / np.bincount(owner, minlength=videos)[:, None]
        both = ((mean + mean.T) / 2)[pairs]
        found[kind] = {}
        for name, teacher in (("text", split.text_teacher), ("video", split.video_teacher)):
            unit = torch.nn.functional.normalize(teacher.double(), dim=1)
            similarity = (unit @ unit.T).numpy()[pairs]
            found[kind][name] = float(spearmanr(similarity, both).statistic)
    return found
