"""What each teacher of the study knows, by the truth of the embedded world."""

from __future__ import annotations

import statistics
from typing import Any

from torch import Tensor

from cmgsd_lite.evaluation.nearest import hinge_agreement
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.teacher_quality import DrawnBatch, draw_batches, four_distances
from cmgsd_lite.training.teacher_table import sum_of_standardised
from study import plan
from study.benches import StudyBench
from study.losses import build_loss
from study.run import teacher_of
from study.runs import Run
from study.summary import Chosen

BATCHES = 20
Row = dict[str, float]


def measure_teachers(chose: Chosen) -> dict[str, Row]:
    """Measure all teachers of ``minivtt``, the blurred ones and a trained model's own distances.

    Args:
        chose: What was chosen on ``minivtt``.

    Returns:
        By name: AUC per text anchor and precision among the nearest 1 % of the negatives of batches of 128,
        in percent, mean over 20 batches of training clips.
    """
    bench = StudyBench("minivtt", "confirm")
    seed = plan.SEEDS["confirm"][0]

    def run(row: str, noise: float = 0.0) -> Run:
        epochs = plan.EPOCHS["minivtt"]
        return Run("factors", "minivtt", row, chose.values[row], seed, chose.base, epochs, plan.BATCH, noise)

    def teacher(row: str, noise: float = 0.0) -> Any:
        loss = build_loss(row, chose.values[row], chose.base, seed)
        return teacher_of(bench, run(row, noise), loss).distances  # type: ignore[union-attr]

    measures = {row: teacher(row) for row in ("text", "directed", "video", "directed+video")}
    measures |= {f"noise {noise:g}": teacher("directed+video", noise) for noise in plan.NOISES[1:]}
    measures["own"] = _own(bench, chose, seed)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in measures}
    for batch in draw_batches(bench.train, BATCHES, plan.BATCH, 0):
        assert bench.truth is not None  # minivtt has it
        false = bench.truth(*batch) >= 1 - 1e-6
        for name, distances in measures.items():
            found[name].append(hinge_agreement(distances(*batch), false))
    return {name: _means(of_batches) for name, of_batches in found.items()}


def _means(batches: list[dict[str, Any]]) -> Row:
    return {
        "auc_text": round(statistics.fmean(one["auc_text"] for one in batches), 2),
        "precision": round(statistics.fmean(one["precision"]["1"] for one in batches), 2),
    }


def _own(bench: StudyBench, chose: Chosen, seed: int) -> Any:
    """The distances that a model trained with its own distances measures in the end."""
    model = fit(
        bench.build_model(seed),
        build_loss("own", chose.values["own"], chose.base, seed),
        bench.train,
        bench.prepared.validation,
        TrainingConfig(plan.EPOCHS["minivtt"], plan.BATCH, seed=seed),
        progress=False,
        device="cpu",
    ).model

    def distances(videos: Tensor, captions: Tensor) -> Tensor:
        found = four_distances(bench.train, DrawnBatch(videos, captions), model)
        return sum_of_standardised(found["text-dynamic"], found["video-dynamic"])

    return distances
