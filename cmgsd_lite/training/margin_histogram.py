"""How the margins of a trained model are spread, for one figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.teachers import Teacher
from cmgsd_lite.training.prepare import PreparedSplit
from cmgsd_lite.training.teaching import static_inputs

MARGIN_BINS = np.linspace(0.0, 0.5, 51)


def margin_histogram(
    model: RetrievalModel,
    loss: CMGSDLoss,
    train: PreparedSplit,
    teachers: Mapping[str, Teacher] | None = None,
    size: int = 512,
) -> list[int]:
    """Count the margins that a trained model's loss gives to a fixed batch of training videos.

    The batch is the first ``size`` videos at most, each with its first caption; the model is in evaluation
    mode. Returns off-diagonal margins in each of ``MARGIN_BINS``; the outermost bins hold what lies beyond.
    """
    videos = torch.arange(min(size, len(train)))
    captions = train.first_caption_and_count()[0][videos]
    with torch.inference_mode():
        output = model(train.text[captions], *train.videos(videos))
        margins = loss.margins(
            output.sim,
            text=output.text,
            video=output.video,
            **static_inputs(train, teachers, videos, captions),
            progress=1.0,
        )["combined"]
    off_diagonal = margins[~torch.eye(len(videos), dtype=torch.bool)].numpy()
    counts, _ = np.histogram(off_diagonal.clip(MARGIN_BINS[0], MARGIN_BINS[-1]), MARGIN_BINS)
    return [int(count) for count in counts]
