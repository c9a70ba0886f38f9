"""What the margin costs in training: one optimizer step of each backbone, under each loss in turn.

One model and one optimizer take all the steps, of the same batch in a round, so that two losses differ in
nothing but themselves.
"""

from __future__ import annotations

import statistics
from typing import Any, get_args

from benchmarks.timing import against, seconds_of
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.models import Kind
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.trainer import Trainer

BASELINE = "fixed"
RAMP = {"static": 0.2, "both": 0.4, "dynamic": 0.4}
"""How much of a training is spent where on the default ramp."""
BUDGET = {"mean-pool": 40.0, "gated-experts": 40.0, "transformer": 90.0}
"""Seconds for each backbone."""
PROGRESS = 0.4


def losses(reduction: Reduction, more: bool) -> dict[str, LossConfig]:
    """The losses that are compared, the fixed margin first; ``more`` adds forms and controls."""
    found = {
        BASELINE: LossConfig("fixed", reduction=reduction),
        "static": LossConfig("cmgsd", reduction=reduction, schedule="static"),
        "dynamic": LossConfig("cmgsd", reduction=reduction, schedule="dynamic"),
        "both": LossConfig("cmgsd", reduction=reduction, schedule=0.5),
    }
    others = {
        "both, summed form": LossConfig("cmgsd", reduction=reduction, schedule=0.5, form="summed"),
        "permuted": LossConfig("permuted", reduction=reduction, schedule="dynamic"),
        "random": LossConfig("random", reduction=reduction),
        "infonce": LossConfig("infonce"),
    }
    return {**found, **others} if more else found


def trainers(bench: Bench, reduction: Reduction) -> dict[str, Trainer]:
    """One trainer a loss, around one model and one optimizer."""
    model, train, config = bench.build_model(0).train(), bench.prepared.train, TrainingConfig()
    found = {
        name: Trainer(model, loss.build(0), train, config, None, None)
        for name, loss in losses(reduction, more=bench.experiment.model == "mean-pool").items()
    }
    optimizer = found[BASELINE].optimizer
    for trainer in found.values():
        trainer.optimizer = optimizer
    return found


def measure_backbone(bench: Bench, reduction: Reduction, budget: float) -> list[dict[str, Any]]:
    """Milliseconds of a step under each loss, and how much longer than under the fixed margin."""
    each = trainers(bench, reduction)
    batch = next(iter(each[BASELINE].batches(0)))
    steps = {name: lambda trainer=trainer: trainer.step(*batch, PROGRESS) for name, trainer in each.items()}
    seconds = seconds_of(steps, budget)
    fixed = seconds[BASELINE]
    about = {"backbone": bench.experiment.model, "reduction": reduction}
    rows = [
        {**about, "name": name, "ms_above_fixed": above(taken, fixed), **against(taken, fixed)}
        for name, taken in seconds.items()
    ]
    ratio = {row["name"]: row["ratio"] for row in rows}
    over_ramp = sum(share * ratio[name] for name, share in RAMP.items())
    return [*rows, {**about, "name": "default ramp", "ratio": round(over_ramp, 3)}]


def above(mine: list[float], baseline: list[float]) -> float:
    """Median difference in milliseconds to the baseline's step of the same round."""
    return round(1e3 * statistics.median(a - b for a, b in zip(mine, baseline, strict=True)), 3)


def measure(data: str = "minivtt", budgets: dict[str, float] = BUDGET) -> dict[str, Any]:
    """The section of the report.

    Args:
        data: ``"minivtt"`` or a folder.
        budgets: Seconds for each backbone.

    Returns:
        ``rows``, and what they were measured with.
    """
    rows = []
    for backbone in get_args(Kind):
        bench = Bench(Experiment(DataConfig(data), {}, model=backbone))
        for reduction in ("hardest", 4):
            rows += measure_backbone(bench, reduction, budgets[backbone] / 2)
    return {"dataset": bench.dataset.name, "pairs": TrainingConfig().batch_size, "rows": rows}
