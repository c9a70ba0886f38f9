"""Many runs: every condition with every seed, in one process or in several.

Every run is one process's work on one thread, so results do not depend on how many run at a time.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm.auto import tqdm

from cmgsd_lite.runtime import set_threads
from cmgsd_lite.training.bench import Bench, Experiment, RunResult


def run_all(
    experiment: Experiment,
    jobs: int = 1,
    out: Path | None = None,
    progress: bool = True,
    finished: Callable[[RunResult], object] | None = None,
) -> list[RunResult]:
    """Run every condition with every seed.

    Args:
        experiment: What to run.
        jobs: Processes at a time; the results do not depend on it.
        out: Folder for the trained models of the first seed, or None.
        progress: Whether to show a progress bar (on stderr).
        finished: Called with every result as it comes, so that an error later on does not take it along.

    Returns:
        Results in the order of conditions, then seeds.

    Raises:
        ValueError: If ``jobs`` is below 1, or as ``fit``.
        DataError: If the data can not be read.

    Source:
        ours.

    Example:
        >>> results = run_all(experiment, jobs=2)  # doctest: +SKIP
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number >= 1, got {jobs}")
    # Seeds outside: if one stops the job halfway, whole paired comparisons have been seen.
    tasks = [
        (name, seed, out if seed == experiment.seeds[0] else None)
        for seed in experiment.seeds
        for name in experiment.conditions
    ]
    bar = tqdm(total=len(tasks), desc="runs", disable=not progress)
    results: list[RunResult] = []
    with bar:
        for result in _in_processes(experiment, tasks, jobs) if jobs > 1 else _here(experiment, tasks):
            results.append(result)
            if finished is not None:
                finished(result)
            bar.set_postfix_str(f"{result.name}, seed {result.seed}")
            bar.update()
    order = list(experiment.conditions)
    return sorted(results, key=lambda r: (order.index(r.name), experiment.seeds.index(r.seed)))


_Task = tuple[str, int, Path | None]
_bench: Bench | None = None


def _here(experiment: Experiment, tasks: Sequence[_Task]) -> Iterable[RunResult]:
    bench = Bench(experiment)
    return (bench.run(*task) for task in tasks)


def _in_processes(experiment: Experiment, tasks: Sequence[_Task], jobs: int) -> Iterable[RunResult]:
    # spawn, not fork: the same on every system, and no half-copied thread pools.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(experiment,)) as pool:
        futures = [pool.submit(_run_in_worker, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:  # the runs that wait would only be thrown away
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_worker(experiment: Experiment) -> None:
    global _bench
    set_threads(1)
    _bench = Bench(experiment)


def _run_in_worker(task: _Task) -> RunResult:
    if _bench is None:
        raise RuntimeError("worker: expected _start_worker to have run, it has not")
    return _bench.run(*task)
