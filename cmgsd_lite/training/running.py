"""Many runs: every condition with every seed, in one process or in several.

Every run is one process's work on one thread, so results do not depend on how many run at a time.
"""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from cmgsd_lite.runtime import require, set_threads
from cmgsd_lite.training.bench import Bench, RunResult


def run_all(
    bench: Bench,
    jobs: int = 1,
    out: Path | None = None,
    progress: bool = True,
    finished: Callable[[RunResult], object] | None = None,
) -> list[RunResult]:
    """Run every condition of an experiment with every seed.

    Args:
        bench: Of the experiment; the processes get what it has prepared.
        jobs: Processes at a time; the results do not depend on it.
        out: Folder for the trained models of the first seed, or None.
        progress: Whether to show a progress bar (on stderr).
        finished: Called with every result as it comes, so that an error later on does not take it along.

    Returns:
        Results in the order of conditions, then seeds.

    Raises:
        ValueError: If ``jobs`` is below 1, or as ``fit``.

    Source:
        ours.

    Example:
        >>> results = run_all(Bench(experiment), jobs=2)  # doctest: +SKIP
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number >= 1, got {jobs}")
    experiment = bench.experiment
    # Seeds outside: if one stops the job halfway, whole paired comparisons have been seen.
    tasks = [
        (name, seed, out if seed == experiment.seeds[0] else None)
        for seed in experiment.seeds
        for name in experiment.conditions
    ]
    bar = require("tqdm.auto", "data").tqdm(total=len(tasks), desc="runs", disable=not progress)
    results: list[RunResult] = []
    with bar:
        for result in _in_processes(bench, tasks, jobs) if jobs > 1 else (bench.run(*task) for task in tasks):
            results.append(result)
            if finished is not None:
                finished(result)
            bar.set_postfix_str(f"{result.name}, seed {result.seed}")
            bar.update()
    order = list(experiment.conditions)
    return sorted(results, key=lambda r: (order.index(r.name), experiment.seeds.index(r.seed)))


_Task = tuple[str, int, Path | None]
_bench: Bench | None = None


def _in_processes(bench: Bench, tasks: Sequence[_Task], jobs: int) -> Iterable[RunResult]:
    # spawn, not fork: the same on every system, and no half-copied thread pools. Bytes, because tensors that
    # are handed over as they are go through shared memory, of which a container may have little.
    context, prepared = multiprocessing.get_context("spawn"), pickle.dumps(bench)
    with ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(prepared,)) as pool:
        futures = [pool.submit(_run_in_worker, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:  # the runs that wait would only be thrown away
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_worker(prepared: bytes) -> None:
    global _bench
    set_threads(1)
    _bench = pickle.loads(prepared)


def _run_in_worker(task: _Task) -> RunResult:
    if _bench is None:
        raise RuntimeError("worker: expected _start_worker to have run, it has not")
    return _bench.run(*task)
