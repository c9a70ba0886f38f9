"""From the results of many runs to the content of ``metrics.json``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cmgsd_lite.runtime import versions
from cmgsd_lite.training.bench import RunResult
from cmgsd_lite.training.config import Experiment, plain
from cmgsd_lite.training.devices import chosen_device


def tabulate(
    experiment: Experiment, described: dict[str, Any], results: Sequence[RunResult]
) -> dict[str, Any]:
    """Put the results of ``run_all`` into the form of ``metrics.json``, which ``run --json`` prints.

    Schema, what ``Bench.describe`` says, seeds, one row a finished condition with every seed's metrics, their
    mean and their standard deviation (null for a single seed), settings and versions.
    """
    rows = []
    for name, config in experiment.conditions.items():
        runs = [result for result in results if result.name == name]
        if not runs:  # stopped halfway: what is finished is a table too
            continue
        per_seed = [
            {"seed": r.seed, **r.metrics, "seconds": round(r.seconds, 2), "more": r.more} for r in runs
        ]
        rows.append(
            {
                "name": name,
                "per_seed": per_seed,
                "mean": _over_seeds(runs, statistics.fmean),
                "sd": _over_seeds(runs, lambda v: statistics.stdev(v) if len(v) > 1 else None),
                "loss": plain(asdict(config)),
            }
        )
    return {
        "schema": 1,
        **described,
        "seeds": list(experiment.seeds),
        "rows": rows,
        "model": experiment.model,
        "training": {k: v for k, v in asdict(experiment.training).items() if k != "seed"},
        "device": str(chosen_device(experiment.device)),
        "precision": experiment.precision,
        "versions": versions(),
    }


def _over_seeds(runs: Sequence[RunResult], reduce: Any) -> dict[str, dict[str, Any]]:
    return {
        direction: {
            key: reduce([r.metrics[direction][key] for r in runs]) for key in runs[0].metrics[direction]
        }
        for direction in ("t2v", "v2t")
    }
