"""The jobs behind the command line. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cmgsd_lite.cli.pages import SHOWN, write_truth_page
from cmgsd_lite.cli.report import results_caption, results_table, write_figures
from cmgsd_lite.cli.search import newest_checkpoint, search_videos
from cmgsd_lite.data import describe, format_description, minivtt
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import write_json
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.checkpoints import load_model
from cmgsd_lite.training.conditions import CONDITIONS, LossConfig, condition
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment, run_all, tabulate

RUNS = Path("runs")


def run(options: argparse.Namespace) -> None:
    """Run the main job: train every condition with paired seeds, print one table, write figures.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the data can not be read.
        ValueError: On an option out of range.
    """
    names = options.conditions.split(",") if options.conditions else list(CONDITIONS)
    experiment = _experiment(options, {name: condition(name) for name in names})
    out = _out(options, "run")
    bench = Bench(experiment)
    _say(*bench.dataset.notes)
    described = bench.describe()
    runs = run_all(experiment, options.jobs, out / "models")
    results = tabulate(experiment, described, runs)
    pages = []
    shown = [name for name in SHOWN if name in names]
    if bench.dataset.name == "minivtt" and shown:
        first = experiment.seeds[0]
        models = {name: load_model(out / "models" / f"{name}-seed{first}.pt")[0] for name in shown}
        pages = [out / "false-negatives.png"]
        results["false_negatives"] = write_truth_page(bench, models, pages[0])
    _finish(options, out, results, runs, pages)


def train(options: argparse.Namespace) -> None:
    """Train one condition, with a checkpoint after every epoch.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the data can not be read, or the checkpoint to resume is another training's.
        ValueError: On an option out of range.
    """
    name = options.condition
    config = condition(
        name,
        margin=options.margin,
        beta=options.beta,
        form=options.form,
        schedule=_schedule(options.schedule),
    )
    experiment = _experiment(options, {name: config})
    out = _out(options, name)
    bench = Bench(experiment)
    _say(*bench.dataset.notes)
    runs = []
    for seed in experiment.seeds:
        checkpoint = out / f"checkpoint-seed{seed}.pt"
        if checkpoint.exists() and not options.resume:
            raise DataError(f"{checkpoint}: exists; continue it with --resume, or choose another --out")
        runs.append(
            bench.run(
                name, seed, out, checkpoint=checkpoint, resume=options.resume, progress=not options.json
            )
        )
    _finish(options, out, tabulate(experiment, bench.describe(), runs), runs)


def evaluate(options: argparse.Namespace) -> None:
    """Measure a checkpoint on the test videos of its data, or of other data with the same experts.

    Args:
        options: Of the command line.

    Raises:
        DataError: If checkpoint or data can not be read.
    """
    path = Path(options.checkpoint)
    model, about = load_model(path)
    bench = Bench(_experiment_of(about, options.data))
    _say(*bench.dataset.notes)
    metrics, more = bench.measure(model)
    described = bench.describe()
    results = {"schema": 1, "checkpoint": path.name, **described, **metrics, "more": more}
    if options.out:
        write_json(Path(options.out) / "metrics.json", results)
    if options.json:
        print(json.dumps(results))
        return
    names = list(metrics["t2v"])
    width = max(map(len, names))
    print(f"{path.name} on {described['dataset']['name']}, {described['dataset']['n_queries']} queries")
    for key in names:
        print(f"  {key:{width}s}  t2v {metrics['t2v'][key]:6.1f}   v2t {metrics['v2t'][key]:6.1f}")
    floor = described["random_floor"][described["dataset"]["relevance"]]
    print(f"  nDCG of a random ranking: t2v {floor['t2v']:.1f}, v2t {floor['v2t']:.1f}")


def search(options: argparse.Namespace) -> None:
    """Find the test videos that fit a sentence.

    Args:
        options: Of the command line.

    Raises:
        DataError: If there is no checkpoint, or it or its data can not be read.
        ValueError: If the sentence is empty.
    """
    path = Path(options.checkpoint) if options.checkpoint else newest_checkpoint(RUNS)
    _say(f"searching with {path}")
    model, about = load_model(path)
    dataset = _experiment_of(about, options.data).data.load()
    found = search_videos(model, dataset.test, options.query, options.top)
    if dataset.name == "minivtt":
        _draw_hits(found, Path(options.out) if options.out else RUNS / "search")
    if options.json:
        print(json.dumps({"schema": 1, "query": options.query, "checkpoint": path.name, "results": found}))
        return
    for hit in found:
        line = hit.get("facets") or hit["caption"]
        print(f"{hit['rank']:3d}. {hit['video_id']:12s} {hit['score']:6.3f}  {line}")


def _draw_hits(found: list[dict[str, Any]], out: Path) -> None:
    """Add to each hit what is true of its clip, and draw all of them."""
    for hit in found:
        hit["facets"] = minivtt.clip(hit["video_id"]).facets()
    lines = [f"{hit['rank']}. {hit['video_id']}  {hit['facets']}" for hit in found]
    minivtt.contact_sheet([hit["video_id"] for hit in found], lines, out / "contact-sheet.png")
    _say(f"written: contact-sheet.png under {out}")


def info(options: argparse.Namespace) -> None:
    """Say what is recognised under a path, and what is missing.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the path does not exist or nothing is recognised.
    """
    path = options.path or options.data
    found = describe(minivtt.data_folder() if path == "minivtt" else path)
    print(json.dumps(found) if options.json else format_description(found))


def study(options: argparse.Namespace) -> None:
    """Say where the study has gone.

    Args:
        options: Of the command line.
    """
    print("the study lives beside the package: python -m study --help, in a clone of the repository")


def build_minivtt(options: argparse.Namespace) -> None:
    """Rebuild the embedded data set from code: annotations, split lists and features.

    Args:
        options: Of the command line.

    Raises:
        DataError: If the optional packages of the frame encoder are missing.
        OSError: If the folder can not be written.
    """
    out = Path(options.out)
    minivtt.build_minivtt(out, progress=not options.json)
    shipped = {path.name: path.read_bytes() for path in sorted(minivtt.data_folder().iterdir())}
    same = {name: (out / name).read_bytes() == content for name, content in shipped.items()}
    if options.json:
        print(json.dumps({"schema": 1, "out": str(out), "same_as_shipped": same}))
        return
    for name, equal in same.items():
        print(f"{name:24s} {'byte for byte as shipped' if equal else 'differs from the shipped file'}")


def _experiment(options: argparse.Namespace, conditions: dict[str, LossConfig]) -> Experiment:
    if options.seeds < 1:
        raise ValueError(f"--seeds: expected a whole number >= 1, got {options.seeds}")
    experts = tuple(options.experts.split(",")) if options.experts else None
    return Experiment(
        DataConfig(options.data, options.protocol, experts, options.queries),
        conditions,
        tuple(range(options.seed, options.seed + options.seeds)),
        options.model,
        TrainingConfig(_epochs(options), options.batch_size, options.learning_rate),
    )


def _experiment_of(about: dict[str, Any], data: str | None) -> Experiment:
    """The experiment that a checkpoint came from, on other data if asked."""
    experts = tuple(about["experts"])
    return Experiment(DataConfig(data or about["data"], about["protocol"], experts, about["queries"]), {})


def _epochs(options: argparse.Namespace) -> int:
    if options.epochs is not None:
        return int(options.epochs)
    # Fewer on the embedded data, so that the main job stays within a minute and a half.
    return 20 if options.data == "minivtt" else 30


def _schedule(text: str | None) -> str | float | None:
    if text is None or text in ("ramp", "static", "dynamic"):
        return text
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--schedule: expected ramp, static, dynamic or a number, got {text!r}") from None


def _out(options: argparse.Namespace, name: str) -> Path:
    data = options.data if options.data == "minivtt" else Path(options.data).resolve().name
    return Path(options.out) if options.out else RUNS / f"{name}-{data}"


def _finish(
    options: argparse.Namespace,
    out: Path,
    results: dict[str, Any],
    runs: list[Any],
    pages: Sequence[Path] = (),
) -> None:
    write_json(out / "metrics.json", results)
    write_json(out / "history.json", {f"{run.name} seed {run.seed}": run.history for run in runs})
    figures = [*pages, *write_figures(results, runs, out)]
    if options.json:
        print(json.dumps(results))
    else:
        print(results_table(results))
        print(results_caption(results))
    _say(f"written: {', '.join(path.name for path in [*figures, out / 'metrics.json'])} under {out}")


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)
