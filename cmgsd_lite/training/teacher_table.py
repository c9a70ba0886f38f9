"""The table of teachers: what a hinge sees of each distance, on the truth of the embedded world."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.data.minivtt import batch_relevance, load_minivtt
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.evaluation.nearest import hinge_agreement
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.conditions import CONDITIONS
from cmgsd_lite.training.prepare import PreparedSplit, prepare_split
from cmgsd_lite.training.teacher_quality import draw_batches, four_distances
from cmgsd_lite.training.teaching import TEACHERS, prepare_teacher

Row = dict[str, Any]

RATES = ("low", "default", "high")
TRAINED = "fixed-4"
"""The condition of the model whose own distances stand beside the teachers'."""

MEASURES = {
    "rows": "mean over the batches; a batch has 128 training clips and one caption drawn for each, its pairs "
    "are all ordered pairs i != j, a false negative is one where caption i is true of clip j; in percent",
    "auc_text": "chance that a false negative is nearer than a true negative among the negatives of one "
    "caption, mean over the captions that have both; 50 is guessing",
    "auc_video": "the same among the negatives of one clip",
    "auc_batch": "the same among all pairs of a batch, which no hinge compares",
    "precision": "share of false negatives among the nearest .25 to 4 percent of the pairs of a batch",
    "recall": "share of the false negatives that are among them",
    "directed, video": "both distances standardised over the pairs of the batch, then summed: what a loss "
    "makes of two teachers; directed+video is their blend, .7 and .3",
    "trained": f"the own distances of a model trained as {TRAINED}, in evaluation mode",
    "grammar": "MiniVTT's captions come from a grammar: one thing is always called by the same few words, "
    "which favours containment. Rows of real captions stand beside it",
}
"""What the table holds, in words."""


def minivtt_rows(
    rates: Sequence[str] = RATES, batches: int = 20, size: int = 128, seed: int = 0, epochs: int = 20
) -> list[Row]:
    """Measure every teacher, and a trained model's own distances, against the truth of the embedded world.

    Returns a row for each rate of false negatives and distance: ``name``, ``rate`` and the measures of
    ``MEASURES``, over so many batches of training clips. Raises ValueError if there are fewer clips than a
    batch needs.
    """
    rows = []
    for rate in rates:
        split = load_minivtt(rate).train
        train, truth_of = prepare_split(split, WordLlamaEncoder().encode), batch_relevance(split)
        model = _trained(train, seed, epochs)
        teachers = {name: prepare_teacher(name, train) for name in TEACHERS}
        found: dict[str, list[Row]] = {}
        for batch in draw_batches(train, batches, size, seed):
            false = truth_of(*batch) >= 1 - 1e-6  # a share of facets such as 3/3 may miss 1 by rounding
            distances = {name: teacher.distances(*batch) for name, teacher in teachers.items()}
            distances["directed, video"] = sum_of_standardised(distances["directed"], distances["video"])
            own = four_distances(train, batch, model)
            distances |= {f"trained {side}": own[f"{side}-dynamic"] for side in ("text", "video")}
            for name, d in distances.items():
                found.setdefault(name, []).append(hinge_agreement(d, false))
        rows += [table_row(name, rate, measured) for name, measured in found.items()]
    return rows


def sum_of_standardised(*distances: Tensor) -> Tensor:
    """Add distances [N, N]: each less its mean, over its standard deviation, off the diagonal.

    It is what ``CMGSDLoss`` does with several sources, whatever their units.
    """
    outside = ~torch.eye(len(distances[0]), dtype=torch.bool)
    standardised = [(d - d[outside].mean()) / d[outside].std(correction=0) for d in distances]
    return torch.stack(standardised).sum(0)


def table_row(name: str, rate: str | None, measured: Iterable[Row]) -> Row:
    """Take the mean over batches of ``hinge_agreement``; a measure that no batch has is None."""
    return {"name": name, "rate": rate, **_mean(list(measured))}


def _mean(measured: list[Row]) -> Row:
    mean: Row = {}
    for name, first in measured[0].items():
        values = [one[name] for one in measured]
        if isinstance(first, dict):
            mean[name] = _mean(values)
        else:
            known = [value for value in values if not math.isnan(value)]
            mean[name] = round(statistics.fmean(known), 2) if known else None
    return mean


def _trained(train: PreparedSplit, seed: int, epochs: int) -> RetrievalModel:
    dims = {name: values.shape[2] for name, values in train.features.items()}
    model = build_model(ModelConfig("mean-pool", train.text.shape[1], dims), seed)
    config = TrainingConfig(epochs=epochs, patience=None, seed=seed)
    return fit(model, CONDITIONS[TRAINED].build(seed), train, config=config, progress=False).model
