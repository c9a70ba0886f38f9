"""The job ``evaluate``: measure a checkpoint on test videos."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cmgsd_lite.cli.options import say
from cmgsd_lite.cli.preflight import check_videos
from cmgsd_lite.runtime import write_json
from cmgsd_lite.training.checkpoints import load_model
from cmgsd_lite.training.data_location import data_of
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment


def evaluate(options: argparse.Namespace) -> None:
    """Measure a checkpoint on the test videos of its data, or of other data with the same experts.

    Args:
        options: Of the command line.

    Raises:
        DataError: If checkpoint or data can not be read.
    """
    path = Path(options.checkpoint)
    model, about = load_model(path)
    bench = Bench(Experiment(data_for(about, path, options.data), {}))
    say(*bench.notes)
    check_videos(bench, ("test",))
    metrics, more = bench.measure(model)
    results = {"schema": 1, "checkpoint": path.name, **bench.describe(), **metrics, "more": more}
    if options.json:
        print(json.dumps(results))
    else:
        print("\n".join(_lines(results)))
    if options.out:
        write_json(Path(options.out) / "metrics.json", results)


def data_for(about: dict[str, Any], checkpoint: Path, data: str | None) -> DataConfig:
    """Choose the data that a checkpoint is used on.

    Args:
        about: What the checkpoint says about itself.
        checkpoint: The file.
        data: Other data, or None for the checkpoint's own.

    Returns:
        The choice, with the experts that the model was trained on.

    Raises:
        DataError: If the checkpoint does not say where its data lies.

    Source:
        ours.

    Example:
        >>> data_for(about, Path("runs/model.pt"), "data/msrvtt").queries  # doctest: +SKIP
        'all'
    """
    where = data or data_of(about, checkpoint)
    return DataConfig(where, about["protocol"], tuple(about["experts"]), about["queries"])


def _lines(results: dict[str, Any]) -> list[str]:
    about, names = results["dataset"], list(results["t2v"])
    width = max(map(len, names))
    lines = [f"{results['checkpoint']} on {about['name']}, {about['n_queries']} queries"]
    for key in names:
        lines.append(f"  {key:{width}s}  t2v {results['t2v'][key]:6.1f}   v2t {results['v2t'][key]:6.1f}")
    if about["relevance"] is not None:
        floor = results["random_floor"][about["relevance"]]
        lines.append(f"  nDCG of a random ranking: t2v {floor['t2v']:.1f}, v2t {floor['v2t']:.1f}")
    return lines
