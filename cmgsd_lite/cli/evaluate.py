"""The job ``evaluate``: measure a checkpoint on test videos, or a matrix of scores from a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from cmgsd_lite.cli.options import say
from cmgsd_lite.cli.preflight import check_videos
from cmgsd_lite.cli.score_files import read_columns, read_matrix
from cmgsd_lite.data.published import Comparison, comparisons, same_size
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.graded import random_floor, relevance_metrics
from cmgsd_lite.evaluation.inputs import Array, gain_matrix, score_matrix
from cmgsd_lite.evaluation.metrics import retrieval_metrics
from cmgsd_lite.evaluation.multi_instance import multi_instance_metrics
from cmgsd_lite.runtime import check_output, sole_writer, write_json
from cmgsd_lite.training.checkpoints import load_model
from cmgsd_lite.training.data_location import data_of
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment

_NO_SUCH_IDS = "no published list has such ids; compare with what was measured on the same lists and queries"


def evaluate(options: argparse.Namespace) -> None:
    """Measure a checkpoint on the test videos of its data or of others, or a matrix of scores."""
    if not options.out:
        _evaluate(options)
        return
    with sole_writer(Path(options.out)):
        check_output(Path(options.out) / "metrics.json", kind=".evaluation")
        _evaluate(options)


def _evaluate(options: argparse.Namespace) -> None:
    results, lines = _measure_checkpoint(options) if options.sim is None else _measure_scores(options)
    if options.json:
        print(json.dumps(results))
    else:
        print("\n".join(lines))
    if options.out:
        write_json(Path(options.out) / "metrics.json", results)


def _measure_checkpoint(options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    if options.relevance or options.video_of_text:
        raise ValueError("--relevance and --video-of-text: expected with --sim, got --checkpoint")
    path = Path(options.checkpoint)
    model, about = load_model(path)
    bench = Bench(Experiment(data_for(about, path, options.data, options.queries), {}))
    say(*bench.notes)
    check_videos(bench, ("test",))
    metrics, more = bench.measure(model)
    results = {"schema": 1, "checkpoint": path.name, **bench.describe(), **metrics, "more": more}
    results["published"] = [one._asdict() for one in _comparisons(bench)]
    return results, _lines(results)


def _comparisons(bench: Bench) -> list[Comparison]:
    if bench.dataset.name == "minivtt":  # its ids look like MSR-VTT's
        return []
    test, train = bench.prepared.test, (len(bench.prepared.train), len(bench.prepared.validation))
    counts = test.video_of_text.bincount(minlength=len(test)).tolist()
    return comparisons(test.video_ids, counts, bench.experiment.data.asked == "paragraph", train)


def _measure_scores(options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """Measure a matrix; without own videos there are no ranks, and the relevance metrics stand alone."""
    if options.data or options.queries:
        raise ValueError(f"--{'data' if options.data else 'queries'}: expected with --checkpoint, got --sim")
    path = Path(options.sim)
    try:
        sim = score_matrix(read_matrix(path, "sim"))
    except ValueError as error:
        raise error if path.name in str(error) else ValueError(f"{path}: {error}") from error
    relevance = _relevance(options.relevance, sim.shape)
    own = _own_videos(options.video_of_text, sim.shape, relevance is not None)
    results: dict[str, Any] = {"schema": 1, "sim": path.name, "n_texts": len(sim), "n_videos": sim.shape[1]}
    asked = np.arange(sim.shape[1]) if own is None else np.unique(own)
    if own is not None:
        results |= retrieval_metrics(sim, own, relevance)
    elif relevance is not None:
        results |= {"t2v": relevance_metrics(sim, relevance), "v2t": relevance_metrics(sim.T, relevance.T)}
    if relevance is not None:
        floors = {"t2v": random_floor(relevance), "v2t": random_floor(relevance.T[asked])}
        results["random_floor"] = floors
        if relevance.max() == 1:
            results["multi_instance"] = multi_instance_metrics(sim, relevance)
    return results, _score_lines(results)


def _relevance(file: str | None, shape: tuple[int, ...]) -> Array | None:
    if file is None:
        return None
    relevance = read_matrix(Path(file), "relevance")
    if relevance.shape == shape[::-1] != shape:
        raise ValueError(
            f"{file}: expected {list(shape)} like --sim, rows are texts, columns are videos; "
            f"got {list(relevance.shape)}: transpose one of the two"
        )
    return gain_matrix(relevance, shape)


def _own_videos(file: str | None, shape: tuple[int, ...], relevance: bool) -> Array | None:
    """The column of each text's own video; None where there is none to be known."""
    n_texts, n_videos = shape
    if file is not None:
        return read_columns(Path(file), shape)
    if n_texts == n_videos:
        return np.arange(n_texts)
    if relevance:
        return None
    raise ValueError(
        "--sim: expected a square matrix, or --video-of-text or --relevance beside it, "
        f"got {n_texts} texts (rows) and {n_videos} videos (columns)"
    )


def data_for(
    about: dict[str, Any], checkpoint: Path, data: str | None, asked: str | None = None
) -> DataConfig:
    """Choose the data that a checkpoint is used on, with the experts that its model was trained on.

    ``data`` and ``asked`` are other data and other test queries, or None for the checkpoint's own. Raises
    DataError if it does not say where its data lies, or how it is to be read.
    """
    where = data or data_of(about, checkpoint)
    protocol, experts, queries = (about.get(name) for name in ("protocol", "experts", "queries"))
    known = isinstance(experts, list) and all(isinstance(name, str) for name in experts)
    if not (known and isinstance(protocol, str | None) and isinstance(queries, str | None)):
        raise DataError(
            f"{checkpoint}: expected names of experts, protocol and queries that the model was trained with, "
            f"found {experts!r:.60}, {protocol!r:.40} and {queries!r:.40}"
        )
    return DataConfig(where, protocol, tuple(experts or ()), asked or queries)


def _lines(results: dict[str, Any]) -> list[str]:
    about = results["dataset"]
    lines = [f"{results['checkpoint']} on {about['name']}, {about['n_queries']} queries"]
    lines += _both_directions(results)
    if about["relevance"] is not None:
        lines.append(_floor_line(results["random_floor"][about["relevance"]]))
    told = [str(Comparison(**one)) for one in results["published"]]
    return lines + (told or [f"not comparable with published numbers: {_NO_SUCH_IDS}"])


def _score_lines(results: dict[str, Any]) -> list[str]:
    lines = [f"{results['sim']}: {results['n_texts']} texts, {results['n_videos']} videos"]
    lines += _both_directions(results)
    if "random_floor" in results:
        lines.append(_floor_line(results["random_floor"]))
    if "multi_instance" in results:
        lines += ["as EPIC-KITCHENS-100 has it:", *_both_directions(results["multi_instance"])]
    like = same_size(results["n_texts"], results["n_videos"])
    size = f"has the size of {', '.join(like)}" if like else "no published protocol has this size"
    return [*lines, f"published numbers: {size}; which videos and texts these are, a matrix does not say"]


def _both_directions(metrics: dict[str, Any]) -> list[str]:
    width = max(map(len, metrics["t2v"]))
    return [
        f"  {key:{width}s}  t2v {value:6.1f}   v2t {metrics['v2t'][key]:6.1f}"
        for key, value in metrics["t2v"].items()
    ]


def _floor_line(floor: dict[str, float]) -> str:
    return f"  nDCG of a random ranking: t2v {floor['t2v']:.1f}, v2t {floor['v2t']:.1f}"
