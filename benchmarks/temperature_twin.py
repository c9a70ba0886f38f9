"""Which temperature a random margin amounts to, on the bench's own batches and over the training.

``python benchmarks/temperature_twin.py [--data $CMGSD_DATA] [--out docs/results/temperature-twin.json]``
trains the compact model and, after some of its epochs, draws Gaussian margins (no teacher) and permuted ones
(the static text and video teachers') of spread beta for batches of N pairs. Each row is tau / beta for the
smooth loss that picks negatives most nearly as often (``twin_temperature``), and for the one of equal value.
The training loss is the smooth one, so that the scores are those among which a twin is used.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.losses.expected import Twin, twin_temperature
from cmgsd_lite.margins import off_diagonal, permute_margin, random_margin
from cmgsd_lite.runtime import set_threads, versions, write_json
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import CONDITIONS
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.trainer import Trainer

LOSS = "fixed-smooth"
EPOCHS = (0, 1, 5, 30)
BETAS = (0.025, 0.05, 0.1, 0.2)
DRAWS = {32: 1000, 128: 1000, 512: 150}
"""Draws of the margin for a batch, by the number of its pairs."""
BATCHES = {32: 4, 128: 2, 512: 1}
ALPHA = 0.2


class Batch(NamedTuple):
    """What a hinge sees of one batch, and the features of the static teachers."""

    sim: Tensor
    text_teacher: Tensor
    video_teacher: Tensor


def batches(trainer: Trainer, pairs: int, number: int) -> list[Batch]:
    """Scores of some batches with dropout, as in training; no random state is left changed."""
    train, found = trainer.train, []
    of_size = Trainer(trainer.model, trainer.loss, train, TrainingConfig(batch_size=pairs), None, None)
    trainer.model.train()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for _, (videos, captions) in zip(range(number), of_size.batches(0), strict=False):
            sim = trainer.model(train.text[captions], *train.videos(videos)).sim
            found.append(Batch(sim, train.text_teacher[videos], train.video_teacher[videos]))
    return found


def margins(batch: Batch, noise: str, beta: float, draws: int) -> Iterator[Tensor]:
    """Draws of one kind of margin: ``"gaussian"`` or ``"permuted"``."""
    generator = torch.Generator().manual_seed(1)
    teachers = {"text_teacher": batch.text_teacher, "video_teacher": batch.video_teacher}
    static = CMGSDLoss(ALPHA, beta, schedule="static").margins(batch.sim, **teachers)["combined"]
    for _ in range(draws):
        if noise == "permuted":
            yield permute_margin(static, generator)
        else:
            yield random_margin(len(batch.sim), ALPHA, beta, generator=generator)


def row(found: list[Batch], noise: str, beta: float, draws: int) -> dict[str, Any]:
    """The mean twin of some batches."""
    twins = [twin_temperature(b.sim, margins(b, noise, beta, draws), ALPHA) for b in found]
    mean = Twin(*(statistics.fmean(values) for values in zip(*twins, strict=True)))
    spread = statistics.fmean(float(off_diagonal(b.sim).std()) for b in found)
    return {
        "noise": noise,
        "beta": beta,
        "tau_over_beta": round(mean.gradient / beta, 3),
        "tau_over_beta_by_value": round(mean.value / beta, 3),
        "picks_apart": round(mean.apart, 3),
        "picks_apart_from_hardest": round(mean.apart_from_hardest, 3),
        "spread_of_scores": round(spread, 4),
        "batches": len(found),
        "draws": draws,
    }


def measure(bench: Bench, epochs: tuple[int, ...], pairs: dict[int, int], betas: tuple[float, ...]) -> Any:
    """Rows over the epochs trained, the pairs of a batch (with the draws for each), the noise and beta."""
    config = TrainingConfig(epochs=max(*epochs, 1))
    model, loss = bench.build_model(0), CONDITIONS[LOSS].build(0)
    trainer, rows = Trainer(model, loss, bench.prepared.train, config, None, None), []
    for epoch in range(max(epochs) + 1):
        for n in pairs if epoch in epochs else ():
            found = batches(trainer, n, BATCHES.get(n, 1))
            rows += [
                {"epochs_trained": epoch, "pairs": n, **row(found, noise, beta, pairs[n])}
                for noise in ("gaussian", "permuted")
                for beta in betas
            ]
        if epoch < max(epochs):
            trainer.run_epoch(epoch)
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print tau / beta, one line for each stage, size and noise."""
    betas = list(dict.fromkeys(r["beta"] for r in rows))
    lines: dict[tuple[int, int, str], list[float]] = {}
    for r in rows:
        lines.setdefault((r["epochs_trained"], r["pairs"], r["noise"]), []).append(r["tau_over_beta"])
    print(f"{'epochs':>6s} {'N':>4s} {'noise':10s}" + "".join(f" beta {beta:<6g}" for beta in betas))
    for (epoch, n, noise), values in lines.items():
        print(f"{epoch:6d} {n:4d} {noise:10s}" + "".join(f"{value:9.2f}   " for value in values))
    print(f"equal variance alone would say {math.sqrt(6) / math.pi:.2f}")


def main() -> None:
    """Print the table; write the file if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="minivtt")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    set_threads(1)
    bench = Bench(Experiment(DataConfig(arguments.data), {}))
    rows = measure(bench, EPOCHS, DRAWS, BETAS)
    show(rows)
    if arguments.out:
        known = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
        shown = "" if arguments.data == "minivtt" else " --data $CMGSD_DATA"
        script = f"python benchmarks/temperature_twin.py{shown}"
        result = {
            "schema": 1,
            "trained_with": LOSS,
            "alpha": ALPHA,
            "rows": rows,
            "versions": versions(),
            "date": datetime.date.today().isoformat(),
            "command": f"{script} --out docs/results/temperature-twin.json",
        }
        write_json(arguments.out, {**known, bench.dataset.name: result})


if __name__ == "__main__":
    main()
