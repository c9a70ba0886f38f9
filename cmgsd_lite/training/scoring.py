"""From a model and a prepared split to scores and metrics. Nothing here knows which loss was used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.evaluation.metrics import retrieval_metrics
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.training.prepare import PreparedSplit

CHUNK = 4096
"""Texts or videos encoded at a time; bounds the memory, not the result."""


def score(model: RetrievalModel, split: PreparedSplit) -> Tensor:
    """Score every text of a split with every video of it.

    The model is used in evaluation mode, where it lies, and left in the mode it came in.

    Args:
        model: Any model of ``cmgsd_lite.models``.
        split: Texts [C] and videos [V]; scored on the model's device.

    Returns:
        ``sim`` [C, V] on the CPU: rows are texts, columns are videos.

    Source:
        ours.

    Example:
        >>> sim = score(model, prepared.test)  # doctest: +SKIP
    """
    was_training, split = model.training, split.to(next(model.parameters()).device)
    model.eval()
    try:
        with torch.inference_mode():
            videos = [model.encode_video(*split.videos(part)) for part in _parts(len(split))]
            gallery = videos[0].join(videos)
            texts = (model.encode_text(split.text[part]) for part in _parts(len(split.text)))
            return torch.cat([model.similarity(text, gallery).cpu() for text in texts])
    finally:
        model.train(was_training)


def evaluate(
    model: RetrievalModel, split: PreparedSplit, relevance: Any = None
) -> dict[str, dict[str, float]]:
    """Measure a model on a split, in both directions.

    Args:
        model: Any model of ``cmgsd_lite.models``.
        split: Texts [C] and videos [V].
        relevance: Graded relevance [C, V] >= 0, for nDCG and its kin.

    Returns:
        ``{"t2v": {...}, "v2t": {...}}``, as ``retrieval_metrics`` gives it.

    Raises:
        ValueError: If the scores are not finite, or the relevance does not fit.

    Source:
        ours.

    Example:
        >>> evaluate(model, prepared.test)["t2v"]["R@10"]  # doctest: +SKIP
        42.5
    """
    return retrieval_metrics(score(model, split), split.video_of_text, relevance)


def _parts(count: int) -> list[Tensor]:
    return list(torch.split(torch.arange(count), CHUNK))
