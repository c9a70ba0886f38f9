"""What the margin costs: an epoch of training under each loss, and scoring the test videos afterwards.

``python benchmarks/training_cost.py [--data $CMGSD_DATA] [--out docs/results/training-cost.json]`` trains the
compact model for one epoch under every loss in turn, round after round, and prints the median ratio to the
fixed margin of the same round, so that a drift of the machine's speed cancels. Then it scores the test
videos with the models: the same parameters, hence the same work.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import time
from pathlib import Path
from typing import Any

from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.runtime import set_threads, versions, write_json
from cmgsd_lite.training import FitResult, TrainingConfig, fit
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.scoring import score

BASELINE = "fixed-4"
LOSSES = {
    BASELINE: LossConfig("fixed", reduction=4),
    "fixed-smooth": LossConfig("fixed", reduction="smooth"),
    "infonce": LossConfig("infonce"),
    "cmgsd-4-static": LossConfig("cmgsd", reduction=4, schedule="static"),
    "cmgsd-4-dynamic": LossConfig("cmgsd", reduction=4, schedule="dynamic"),
    "cmgsd-4-both": LossConfig("cmgsd", reduction=4, schedule=0.5),
    "cmgsd-4-both-summed": LossConfig("cmgsd", reduction=4, schedule=0.5, form="summed"),
}


def epoch(bench: Bench, loss: LossConfig) -> FitResult:
    """One epoch from the same start."""
    config = TrainingConfig(epochs=1)
    return fit(bench.build_model(0), loss.build(0), bench.prepared.train, None, config, progress=False)


def training_times(bench: Bench, rounds: int) -> tuple[dict[str, list[float]], dict[str, RetrievalModel]]:
    """Seconds of every round by loss, and the models of the last."""
    seconds: dict[str, list[float]] = {name: [] for name in LOSSES}
    models = {}
    for number in range(rounds + 1):
        for name, loss in LOSSES.items():
            result = epoch(bench, loss)
            models[name] = result.model
            if number:  # the first round warms caches up
                seconds[name].append(result.seconds)
    return seconds, models


def scoring_times(bench: Bench, models: dict[str, RetrievalModel], rounds: int) -> dict[str, list[float]]:
    """Seconds to score all test queries against all test videos, by the loss of the training."""
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            score(model, bench.prepared.test)
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds: dict[str, list[float]]) -> dict[str, dict[str, Any]]:
    """Median seconds, and the quartiles of the ratio to the baseline's of the same round."""
    found: dict[str, dict[str, Any]] = {}
    for name, mine in seconds.items():
        each = [a / b for a, b in zip(mine, seconds[BASELINE], strict=True)]
        low, middle, high = statistics.quantiles(each, n=4)
        found[name] = {
            "seconds": round(statistics.median(mine), 4),
            "ratio": round(middle, 3),
            "quartiles": [round(low, 3), round(high, 3)],
        }
    return found


def main() -> None:
    """Print the table; write the file if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="minivtt")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    set_threads(1)
    bench = Bench(Experiment(DataConfig(arguments.data), {}))
    seconds, models = training_times(bench, arguments.rounds)
    names = {name: list(model.state_dict()) for name, model in models.items()}
    if any(found != names[BASELINE] for found in names.values()):
        raise SystemExit("a loss has changed the model's parameters")
    result: dict[str, Any] = {
        "schema": 1,
        "dataset": bench.dataset.name,
        "pairs": TrainingConfig().batch_size,
        "rounds": arguments.rounds,
        "parameters": sum(p.numel() for p in models[BASELINE].parameters()),
        "training": ratios(seconds),
        "scoring": ratios(scoring_times(bench, models, arguments.rounds)),
        "versions": versions(),
        "date": datetime.date.today().isoformat(),
        "command": "python benchmarks/training_cost.py"
        + ("" if arguments.data == "minivtt" else " --data $CMGSD_DATA"),
    }
    print(
        f"{result['dataset']}, batches of {result['pairs']}, one thread, medians of {arguments.rounds} rounds"
    )
    print(f"{'':22s} {'epoch, s':>9s} {'ratio':>6s}   {'scoring, s':>10s} {'ratio':>6s}")
    for name in LOSSES:
        cells = [result[part][name][key] for part in ("training", "scoring") for key in ("seconds", "ratio")]
        print(f"{name:22s} {cells[0]:9.3f} {cells[1]:6.2f}   {cells[2]:10.3f} {cells[3]:6.2f}")
    if arguments.out:
        known = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
        write_json(arguments.out, {**known, result["dataset"]: result})


if __name__ == "__main__":
    main()
