"""Many runs: every condition with every seed, in one process or in several.

Every run is one process's work on one thread, so results do not depend on how many run at a time. A run that
fails, because its loss is no number, leaves the others alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from contextlib import closing
from pathlib import Path

from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require, set_threads
from cmgsd_lite.runtime.workers import Workers
from cmgsd_lite.training.bench import Bench, RunResult


def run_all(
    bench: Bench,
    jobs: int = 1,
    out: Path | None = None,
    progress: bool = True,
    finished: Callable[[RunResult], object] | None = None,
    done: Sequence[RunResult] = (),
) -> list[RunResult]:
    """Run every condition of an experiment with every seed; results in the order of conditions, then seeds.

    They do not depend on how many processes (``jobs``) run at a time. Trained models of the first seed go to
    ``out``; ``finished`` is called with every result as it comes, so that an error later on does not take it
    along; results that are ``done`` are not run again. Raises ValueError if ``jobs`` is below 1, or as
    ``fit``, when all other runs are finished; ChildProcessError if one of the processes is ended from
    outside.
    """
    if jobs < 1:
        raise ValueError(f"jobs: expected a whole number >= 1, got {jobs}")
    experiment = bench.experiment
    # Seeds outside: if one stops the job halfway, whole paired comparisons have been seen.
    tasks = [
        (name, seed, out if seed == experiment.seeds[0] else None)
        for seed in experiment.seeds
        for name in experiment.conditions
        if not any((name, seed) == (result.name, result.seed) for result in done)
    ]
    bar = require("tqdm.auto", "data").tqdm(
        initial=len(done), total=len(done) + len(tasks), desc="runs", disable=not progress
    )
    results, failed = list(done), list[ValueError]()
    alone = jobs == 1 or not tasks
    outcomes = (_run(bench, task) for task in tasks) if alone else _in_processes(bench, tasks, jobs)
    with bar, closing(outcomes):  # closed: an exception in the loop ends the processes at once
        for result in outcomes:
            bar.update()
            if isinstance(result, ValueError):
                failed.append(result)
                continue
            results.append(result)
            if finished is not None:
                finished(result)
            bar.set_postfix_str(f"{result.name}, seed {result.seed}")
    if failed:
        more = f" (and {len(failed) - 1} more runs)" if len(failed) > 1 else ""
        raise ValueError(f"{failed[0]}{more}") from failed[0]
    order = list(experiment.conditions)
    return sorted(results, key=lambda r: (order.index(r.name), experiment.seeds.index(r.seed)))


_Task = tuple[str, int, Path | None]
_bench: Bench | None = None


def _in_processes(
    bench: Bench, tasks: Sequence[_Task], jobs: int
) -> Generator[RunResult | ValueError, None, None]:
    # Bytes, because tensors that are handed over as they are go through shared memory, of which a container
    # may have little.
    with Workers(min(jobs, len(tasks)), _start_worker, pickle.dumps(bench)) as workers:
        for future in as_completed([workers.submit(_run_in_worker, task) for task in tasks]):
            yield future.result()


def _run(bench: Bench, task: _Task) -> RunResult | ValueError:
    """Run, or say what a training stopped with; data that can not be read concerns all runs."""
    try:
        return bench.run(*task)
    except DataError:
        raise
    except ValueError as error:
        return error


def _start_worker(prepared: bytes) -> None:
    global _bench
    set_threads(1)
    _bench = pickle.loads(prepared)


def _run_in_worker(task: _Task) -> RunResult | ValueError:
    if _bench is None:
        raise RuntimeError("worker: expected _start_worker to have run, it has not")
    return _run(_bench, task)
