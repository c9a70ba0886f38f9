"""How good are the distances that margins are made of? Against the truth of the embedded world."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cmgsd_lite.data import Split
from cmgsd_lite.data.minivtt import batch_relevance, relevance
from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.evaluation.agreement import batch_agreement
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.models.pooling import masked_mean
from cmgsd_lite.similarity import normalise
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.conditions import CONDITIONS
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from cmgsd_lite.training.prepare import PreparedSplit

DYNAMIC = ("text-dynamic", "video-dynamic")
UNSCALED = "video-static, not standardised"
MODELS = ("untrained", "fixed-4", "cmgsd-4")
MEASURES = ("spearman", "spearman_clip", "auc", "auc_per_anchor")
DEFINITIONS = {
    "pairs": "all ordered pairs i != j of a batch of 128 clips, one caption drawn for each, as in training; "
    "models in evaluation mode",
    "spearman": "rank correlation of nearness (minus the distance of i and j) with the graded relevance of "
    "caption i, the drawn one, to clip j",
    "spearman_clip": "the same with the clips' relevance to each other: the mean relevance of all captions "
    "of i to clip j and of all captions of j to clip i",
    "auc": "chance that a false negative (caption i is true of clip j) has a smaller distance than a true "
    "negative, over the batch; .5 is guessing",
    "auc_per_anchor": "the same within a row, mean over the captions with at least one false negative",
    "video-static, not standardised": "each expert at length one, its dimensions left as they are",
}


class DrawnBatch(NamedTuple):
    """A batch: rows of clips in their split, and of the caption drawn for each in the flat order."""

    videos: Tensor
    captions: Tensor


def draw_batches(split: PreparedSplit, count: int, size: int = 128, seed: int = 0) -> list[DrawnBatch]:
    """Draw batches as training does: clips without repetition, one random caption each.

    Args:
        split: Where the clips come from.
        count: How many batches; each is drawn anew.
        size: Clips in a batch.
        seed: Of the draw.

    Returns:
        The batches.

    Raises:
        ValueError: If the split has fewer clips than a batch.

    Source:
        ours.

    Example:
        >>> len(draw_batches(prepared.train, 3))  # doctest: +SKIP
        3
    """
    if len(split) < size:
        raise ValueError(f"size: expected at most {len(split)}, the clips of the split, got {size}")
    generator = torch.Generator().manual_seed(seed)
    first, captions = split.first_caption_and_count()
    batches = []
    for _ in range(count):
        videos = torch.randperm(len(split), generator=generator)[:size]
        chance = torch.rand(size, generator=generator)
        batches.append(DrawnBatch(videos, first[videos] + (chance * captions[videos]).long()))
    return batches


def four_distances(
    split: PreparedSplit, batch: DrawnBatch, model: RetrievalModel | None = None
) -> dict[str, Tensor]:
    """Measure the distances that a margin can be made of.

    Args:
        split: Which the batch is of.
        batch: From ``draw_batches``.
        model: For the dynamic distances, used in evaluation mode; None leaves them out.

    Returns:
        ``text-static`` and ``video-static``, and with a model ``text-dynamic`` and ``video-dynamic``: cosine
        distances [N, N].

    Source:
        ours.

    Example:
        >>> list(four_distances(prepared.train, batch))  # doctest: +SKIP
        ['text-static', 'video-static']
    """
    videos, captions = batch
    vectors = {"text-static": split.text_teacher[videos], "video-static": split.video_teacher[videos]}
    if model is not None:
        was_training = model.training
        with torch.inference_mode():
            output = model.eval()(split.text[captions], *split.videos(videos))
        model.train(was_training)
        vectors |= {"text-dynamic": output.text, "video-dynamic": output.video}
    return {name: cosine_distances(x) for name, x in vectors.items()}


def unscaled_teacher(split: PreparedSplit) -> Tensor:
    """Build another static video teacher [V, sum of D]: each expert at length one, a missing one zeros.

    The package's ``video_teacher`` gives every dimension the same spread. Of features that went through a
    PCA, the last and noisiest dimensions then count as much as the first.
    """
    pooled = {name: masked_mean(values, split.masks[name]) for name, values in split.features.items()}
    return torch.cat([normalise(x) for x in pooled.values()], dim=1)


def clip_relevance(split: Split, videos: Tensor) -> Tensor:
    """Relevance of clips to each other, whichever caption is drawn; DataError if the split has no truth.

    Symmetric [N, N] in [0, 1]: the mean relevance of all captions of i to clip j, and the other way round,
    averaged.
    """
    chosen = split.subset([split.video_ids[i] for i in videos.tolist()])
    truth = torch.from_numpy(relevance(chosen))
    counts = [len(chosen.captions[name]) for name in chosen.video_ids]
    mean = torch.stack([part.mean(0) for part in torch.split(truth, counts)])
    return (mean + mean.T) / 2


def minivtt_quality(
    seeds: Sequence[int] = (0, 1, 2, 3, 4), epochs: int = 20, batches: int = 5
) -> list[dict[str, Any]]:
    """Measure all distances against the truth, on training clips and on validation clips.

    Returns a row for each split, model (None: a static distance) and distance, with mean and standard
    deviation over seeds (of models and batches) of every measure (see ``DEFINITIONS``).
    """
    training = TrainingConfig(epochs=epochs, patience=None)
    bench = Bench(Experiment(DataConfig(), CONDITIONS, training=training))
    found: dict[tuple[str, str | None, str], list[dict[str, float]]] = {}
    for seed in seeds:
        models = {name: _trained(bench, name, seed) for name in MODELS}
        for part in ("train", "validation"):
            for key, values in _measured(bench, part, models, batches, seed).items():
                found.setdefault((part, *key), []).append(values)
    return [
        {"split": part, "model": model, "distance": distance, **_over_seeds(values)}
        for (part, model, distance), values in found.items()
    ]


def _trained(bench: Bench, name: str, seed: int) -> RetrievalModel:
    model = bench.build_model(seed)
    if name == "untrained":
        return model.eval()
    loss, config = CONDITIONS[name].build(seed), replace(bench.experiment.training, seed=seed)
    return fit(model, loss, bench.prepared.train, config=config, progress=False).model


def _measured(
    bench: Bench, part: str, models: dict[str, RetrievalModel], batches: int, seed: int
) -> dict[tuple[str | None, str], dict[str, float]]:
    """One split and seed: the mean of every measure over batches, by model and distance."""
    split, prepared = getattr(bench.dataset, part), getattr(bench.prepared, part)
    truth_of, unscaled = batch_relevance(split), unscaled_teacher(prepared)
    found: dict[tuple[str | None, str], list[dict[str, float]]] = {}
    for batch in draw_batches(prepared, batches, seed=seed):
        truth, between_clips = truth_of(*batch), clip_relevance(split, batch.videos)
        measured: dict[tuple[str | None, str], Tensor]
        measured = {(None, name): d for name, d in four_distances(prepared, batch).items()}
        measured[None, UNSCALED] = cosine_distances(unscaled[batch.videos])
        for model_name, model in models.items():
            distances = four_distances(prepared, batch, model)
            measured |= {(model_name, name): distances[name] for name in DYNAMIC}
        for key, distances_ in measured.items():
            values = batch_agreement(distances_, truth)
            values["spearman_clip"] = batch_agreement(distances_, between_clips)["spearman"]
            found.setdefault(key, []).append(values)
    return {
        key: {name: statistics.fmean(v[name] for v in values) for name in MEASURES}
        for key, values in found.items()
    }


def _over_seeds(values: Sequence[dict[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        name: {
            "mean": round(statistics.fmean(v[name] for v in values), 4),
            "sd": round(statistics.stdev(v[name] for v in values), 4) if len(values) > 1 else None,
        }
        for name in MEASURES
    }
