"""Curves of trainings on real MSR-VTT features, for chapter 08: ``msrvtt-curves.json``.

``python benchmarks/msrvtt_curves.py --data $CMGSD_DATA`` trains the compact model once (seed 0) under each
condition and writes loss and validation recall of every epoch, and how often each margin occurs before and
after training. The test videos are never scored, and no caption goes into the file.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import Any

from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.runtime import set_threads, versions, write_json
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.conditions import CONDITIONS
from cmgsd_lite.training.experiment import MARGIN_BINS, Bench, DataConfig, Experiment, margin_histogram

NAMES = (
    "fixed-mean",
    "fixed-hardest",
    "fixed-smooth",
    "cmgsd-hardest",
    "cmgsd-4",
    "cmgsd-hardest-permuted",
    "infonce",
)
RECALLS = ("R@1", "R@5", "R@10")


def curve(bench: Bench, name: str, seed: int, training: TrainingConfig) -> dict[str, Any]:
    """Train one condition and keep what the chapter shows of it."""
    model, loss = bench.build_model(seed), CONDITIONS[name].build(seed)
    train, margins = bench.prepared.train, {}
    if isinstance(loss, CMGSDLoss):
        margins["before"] = margin_histogram(model.eval(), loss, train)
    fitted = fit(model, loss, train, bench.prepared.validation, training, progress=False)
    if isinstance(loss, CMGSDLoss):
        margins["after"] = margin_histogram(fitted.model, loss, train)
    history = [
        {
            "epoch": record["epoch"],
            "loss": round(record["loss"], 5),
            "validation": {
                way: {key: round(record["validation"][way][key], 2) for key in RECALLS}
                for way in ("t2v", "v2t")
            },
        }
        for record in fitted.history
    ]
    return {"best_epoch": fitted.best_epoch, "history": history, "margins": margins or None}


def main() -> None:
    """Train, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of MSR-VTT annotations and features")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("cmgsd_lite/course/results/msrvtt-curves.json"))
    options = parser.parse_args()
    set_threads(1)
    # No early stopping: the chapter shows what happens after the best epoch too.
    training = TrainingConfig(options.epochs, patience=None, seed=options.seed)
    bench = Bench(Experiment(DataConfig(options.data), {}, (options.seed,), training=training))
    curves = {}
    for name in NAMES:
        curves[name] = curve(bench, name, options.seed, training)
        print(f"{name}: best epoch {curves[name]['best_epoch']}", flush=True)
    content = {
        "schema": 1,
        "command": f"python benchmarks/msrvtt_curves.py --data $CMGSD_DATA --seed {options.seed} "
        f"--epochs {options.epochs}",
        "date": datetime.date.today().isoformat(),
        "seed": options.seed,
        "epochs": options.epochs,
        "dataset": bench.describe()["dataset"],
        "model": bench.experiment.model,
        "curves": curves,
        "margin_bins": [round(float(edge), 4) for edge in MARGIN_BINS],
        "versions": versions(),
    }
    write_json(options.out, content)


if __name__ == "__main__":
    main()
