"""The jobs that train: ``run``, every condition with paired seeds; ``train``, one with checkpoints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cmgsd_lite.cli.optional import attempt
from cmgsd_lite.cli.options import experiment_from, out_folder, say, schedule_from, with_teacher
from cmgsd_lite.cli.pages import SHOWN, write_truth_page
from cmgsd_lite.cli.preflight import can_draw, check_before_training
from cmgsd_lite.cli.report import results_caption, results_table
from cmgsd_lite.cli.stopping import told_by_launcher
from cmgsd_lite.distributed import joined, on_first, processes
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import check_output, is_ours, sole_writer, write_json
from cmgsd_lite.training.checkpoints import load_model, previous_of
from cmgsd_lite.training.conditions import CONDITIONS, condition
from cmgsd_lite.training.experiment import (
    Bench,
    Experiment,
    RunResult,
    keep_run,
    kept_runs,
    run_all,
    tabulate,
)

FIGURES = ("results.png", "training.png", "margins.png")
PAGE = "false-negatives.png"
PARTIAL = "metrics-partial.json"
NUMBERS = ("metrics.json", "history.json", PARTIAL)
FINISHED = "finished"
"""Folder of the results of single runs, for ``run --resume``."""


def run(options: argparse.Namespace) -> None:
    """Run the main job: train every condition with paired seeds, print one table, write figures."""
    if told_by_launcher("WORLD_SIZE") > 1:
        raise ValueError("expected one process, for it starts its own (--jobs); under torchrun use train")
    names = options.conditions.split(",") if options.conditions else list(CONDITIONS)
    conditions = with_teacher({name: condition(name) for name in names}, options.teacher)
    experiment = experiment_from(options, conditions)
    out = out_folder(options, "run")
    bench = Bench(experiment)
    models, files = out / "models", [out / name for name in (*NUMBERS, *FIGURES, PAGE)]
    files += [models / f"{name}-seed{experiment.seeds[0]}.pt" for name in names]
    files += [out / FINISHED / f"{name}-seed{seed}.json" for name in names for seed in experiment.seeds]
    check_before_training(bench, out, [models, out / FINISHED], files, models=len(names))
    with sole_writer(out, "models", FINISHED):
        _run(options, bench, out)


def _run(options: argparse.Namespace, bench: Bench, out: Path) -> None:
    experiment, models = bench.experiment, out / "models"
    done = kept_runs(bench, out / FINISHED, models) if options.resume else []
    if options.resume:
        total = len(experiment.conditions) * len(experiment.seeds)
        say(f"{len(done)} of {total} runs are finished and kept")
    drawing, described = can_draw(), bench.describe()
    _remove_old(out)
    kept = {f"{result.name}-seed{result.seed}.json" for result in done}
    for path in (out / FINISHED).glob("*-seed*.json"):
        if path.name not in kept and is_ours(path, ".json"):
            path.unlink()

    with _keeping_finished(experiment, described, out, options.json) as finished:
        finished += done

        def keep(result: RunResult) -> None:
            finished.append(result)
            keep_run(bench, result, out / FINISHED)

        runs = run_all(bench, options.jobs, models, finished=keep, done=done)
    results = tabulate(experiment, described, runs)
    names = experiment.conditions
    shown = [name for name in SHOWN if name in names]
    with_page = drawing and shown and bench.dataset.name == "minivtt"
    page = (lambda: _truth_page(bench, shown, out)) if with_page else None
    _finish(options, out, results, runs, drawing, page)


def train(options: argparse.Namespace) -> None:
    """Train one condition, with a checkpoint after every epoch; in several processes under torchrun."""
    with joined(options.device):
        _train(options)


def _train(options: argparse.Namespace) -> None:
    name = options.condition
    config = condition(
        name,
        margin=options.margin,
        beta=options.beta,
        form=options.form,
        schedule=schedule_from(options.schedule),
    )
    experiment = experiment_from(options, with_teacher({name: config}, options.teacher))
    out = out_folder(options, name)
    bench = Bench(experiment)
    checkpoints = {seed: out / f"checkpoint-seed{seed}.pt" for seed in experiment.seeds}
    files = [out / file for file in (*NUMBERS, *FIGURES, PAGE)]
    files += [out / f"{name}-seed{seed}.pt" for seed in experiment.seeds]
    parts = ("test", "validation") if bench.tested else ("validation",)
    # A checkpoint holds the weights, the best ones and twice as much of the optimizer's; while it is written,
    # two before it are still there.
    on_first(lambda: check_before_training(bench, out, [], files, 13 * len(checkpoints), parts))
    on_first(lambda: _check_beside(checkpoints.values()))
    with ExitStack() as held:
        on_first(lambda: held.enter_context(sole_writer(out)))
        on_first(lambda: _check_checkpoints(bench, name, checkpoints, options.resume))
        _train_seeds(options, bench, name, checkpoints, out)


def _train_seeds(
    options: argparse.Namespace, bench: Bench, name: str, checkpoints: dict[int, Path], out: Path
) -> None:
    experiment = bench.experiment
    if options.resume:
        missing = [(seed, path) for seed, path in checkpoints.items() if not path.exists()]
        say(
            *(
                f"{path}: no checkpoint yet, so seed {seed} is trained from the start"
                for seed, path in missing
            )
        )
    drawing, described = on_first(can_draw), bench.describe()
    on_first(lambda: _remove_old(out))
    with _keeping_finished(experiment, described, out, options.json) as runs:
        for seed, path in checkpoints.items():
            runs.append(
                bench.run(name, seed, out, checkpoint=path, resume=options.resume, progress=not options.json)
            )
    if processes()[0] == 0:
        _finish(options, out, tabulate(experiment, described, runs), runs, drawing)


def _check_checkpoints(bench: Bench, name: str, checkpoints: dict[int, Path], resume: bool) -> None:
    """All seeds before the first is trained: the last one's error would come hours later."""
    for seed, path in checkpoints.items():
        if path.exists() and not resume:
            raise DataError(f"{path}: exists; continue it with --resume, or choose another --out")
        if path.exists():
            bench.check_resume(name, seed, path)


def _check_beside(checkpoints: Iterable[Path]) -> None:
    """What is written beside checkpoints replaces no other file."""
    for path in checkpoints:
        check_output(previous_of(path), kind=".pt")
        check_output(path.with_name(f"{path.stem}.seconds.json"), kind=".seconds")


@contextmanager
def _keeping_finished(
    experiment: Experiment, described: dict[str, Any], out: Path, as_json: bool
) -> Iterator[list[RunResult]]:
    """A list for results; what is in it when a loss is no number, or somebody stops the job, is written."""
    finished: list[RunResult] = []
    try:
        yield finished
    except BaseException as error:
        if finished and processes()[0] == 0:
            _write_partial(experiment, described, finished, out)
            if isinstance(error, ValueError) and not as_json:
                print(results_table(tabulate(experiment, described, finished)), flush=True)
        raise
    (out / PARTIAL).unlink(missing_ok=True)


def _remove_old(out: Path) -> None:
    """Numbers and figures of an earlier job would lie beside the models of this one."""
    for name in (*NUMBERS, *FIGURES, PAGE):
        (out / name).unlink(missing_ok=True)


def _write_partial(
    experiment: Experiment, described: dict[str, Any], finished: Sequence[RunResult], out: Path
) -> None:
    total = len(experiment.conditions) * len(experiment.seeds)
    try:
        write_json(out / PARTIAL, tabulate(experiment, described, finished))
    except (OSError, ValueError) as error:  # the error that stopped the job is the one to be raised
        say(f"{PARTIAL}: not written: {error}")
    else:
        say(f"stopped after {len(finished)} of {total} runs; their numbers are in {out / PARTIAL}")


def _truth_page(bench: Bench, shown: Sequence[str], out: Path) -> dict[str, Any]:
    first = bench.experiment.seeds[0]
    models = {name: load_model(out / "models" / f"{name}-seed{first}.pt")[0] for name in shown}
    return write_truth_page(bench, models, out / PAGE)


def _finish(
    options: argparse.Namespace,
    out: Path,
    results: dict[str, Any],
    runs: Sequence[RunResult],
    drawing: bool,
    page: Callable[[], dict[str, Any]] | None = None,
) -> None:
    """Numbers first, to the disk and to the reader; then figures, which may fail."""
    failed = _write_numbers(out, results, runs)
    disk = [OSError(run.unwritten) for run in runs if run.unwritten]
    if not options.json:
        print(results_table(results))
        print(results_caption(results), flush=True)
    written = [] if failed else ["metrics.json"]
    if page is not None and (measured := attempt(PAGE, page, disk)) is not None:
        results["false_negatives"] = measured
        written.append(PAGE)
        failed = failed or _write_numbers(out, results, runs)
    if drawing:
        from cmgsd_lite.cli.figures import write_figures

        made = attempt("figures", lambda: write_figures(results, runs, out, disk), disk)
        written += [path.name for path in made or []]
    if options.json:
        print(json.dumps(results))
    if failed or disk:
        raise failed or disk[0]
    say(f"written: {', '.join(written)} under {out}")


def _write_numbers(out: Path, results: dict[str, Any], runs: Sequence[RunResult]) -> Exception | None:
    """Write the files; an error (a full disk, a number that is none) waits until the reader has seen all."""
    try:
        write_json(out / "metrics.json", results)
        write_json(out / "history.json", {f"{run.name} seed {run.seed}": run.history for run in runs})
    except (OSError, ValueError) as error:
        return error
    return None
