"""Batches of MiniVTT's training clips about which everything is known: captions, clips, truth, distances."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cmgsd_lite.data import load_dataset
from cmgsd_lite.data.clips import Clip, clip
from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.teachers import Teacher
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.teacher_quality import DrawnBatch, draw_batches, four_distances
from cmgsd_lite.training.teaching import prepare_teacher


class KnownWorld:
    """MiniVTT, prepared once: batches as training draws them, teachers by name, models to train.

    Source:
        ours.

    Example:
        >>> KnownWorld().batches(1, size=4)[0].true.shape  # doctest: +SKIP
        torch.Size([4, 4])
    """

    def __init__(self) -> None:
        set_threads(1)
        dataset = load_dataset()
        prepared = PreparedDataset.of(dataset, queries="protocol")
        self.train, self.test = prepared.train, prepared.test
        self.video_ids = dataset.train.video_ids
        self.texts = [text for name in self.video_ids for text in dataset.train.captions[name]]
        self.relevance = batch_relevance(dataset.train)
        self._teachers: dict[str, Teacher] = {}

    def batches(self, count: int, seed: int = 0, size: int = 128) -> list[KnownBatch]:
        """Draw batches: clips without repetition, one random caption of each."""
        drawn = draw_batches(self.train, count, size, seed)
        return [KnownBatch(self, videos, captions) for videos, captions in drawn]

    def teacher(self, name: str) -> Teacher:
        """Return a teacher by its name in the package, prepared once."""
        if name not in self._teachers:
            self._teachers[name] = prepare_teacher(name, self.train)
        return self._teachers[name]

    def model(self, seed: int) -> RetrievalModel:
        """Build an untrained model."""
        widths = {name: values.shape[2] for name, values in self.train.features.items()}
        return build_model(ModelConfig("mean-pool", self.train.text.shape[1], widths), seed)


@dataclass(frozen=True)
class KnownBatch:
    """One batch: N clips with one caption each.

    Args:
        world: Where it was drawn.
        videos: Rows of its clips in the training split [N].
        captions: Numbers of its captions [N].

    Example:
        >>> KnownWorld().batches(1)[0].texts[0]  # doctest: +SKIP
        'a red dog runs'
    """

    world: KnownWorld
    videos: Tensor
    captions: Tensor

    @property
    def texts(self) -> list[str]:
        """The drawn captions."""
        return [self.world.texts[i] for i in self.captions.tolist()]

    @property
    def clips(self) -> list[Clip]:
        """The clips."""
        return [clip(self.world.video_ids[i]) for i in self.videos.tolist()]

    @property
    def true(self) -> Tensor:
        """Boolean [N, N]: is caption i true of clip j? Off the diagonal these are the false negatives."""
        return self._true(self.captions)

    def true_of(self, text: str) -> Tensor:
        """Say of which clips of the batch a caption of the training split is true: boolean [N]."""
        number = self.world.texts.index(text)
        return self._true(torch.full_like(self.captions, number))[0]

    def distances(self, teacher: str) -> Tensor:
        """Measure [N, N] with a teacher of the package: row i from caption i or its clip, to clip j."""
        return self.world.teacher(teacher).distances(self.videos, self.captions)

    def own_distances(self, model: RetrievalModel) -> dict[str, Tensor]:
        """Measure with a model's own embeddings, in evaluation mode: texts to texts, videos to videos."""
        found = four_distances(self.world.train, DrawnBatch(self.videos, self.captions), model)
        return {"text": found["text-dynamic"], "video": found["video-dynamic"]}

    def _true(self, captions: Tensor) -> Tensor:
        return self.world.relevance(self.videos, captions) >= 1 - 1e-6  # 3/3 may miss 1 by rounding
