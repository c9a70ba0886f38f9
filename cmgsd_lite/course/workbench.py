"""MiniVTT and a small model for the chapters: draw a batch, ask a teacher, train with a loss, measure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.metrics import ndcg, ranks
from cmgsd_lite.models import ModelConfig, Output, RetrievalModel, build_model
from cmgsd_lite.runtime import set_threads
from cmgsd_lite.teachers import Teacher
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.ground_truth import known_relevance
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import score
from cmgsd_lite.training.teacher_quality import DrawnBatch, draw_batches
from cmgsd_lite.training.teaching import prepare_teacher

Look = Callable[[float, RetrievalModel], None]


class Workbench:
    """A data set whose truth is known, a small model, and trainings of a few seconds from one start.

    Trainings with one seed share initialisation, batches, captions and dropout, whatever their loss.

    Args:
        epochs: Of every training; fifteen steps each.

    Example:
        >>> bench = Workbench()  # doctest: +SKIP
        >>> bench.measure(bench.train(CMGSDLoss(), teacher="directed"))  # doctest: +SKIP
        {'R@10': 39.1, 'nDCG': 89.6}
    """

    def __init__(self, epochs: int = 8) -> None:
        set_threads(1)
        self.epochs = epochs
        self.dataset = load_dataset()
        prepared = PreparedDataset.of(self.dataset, "protocol")
        self.split, self.test = prepared.train, prepared.test
        self._teachers: dict[str, Teacher] = {}

    def batch(self, seed: int = 0, size: int = 128) -> DrawnBatch:
        """Draw a batch as training does: clips, and one random caption of each."""
        return draw_batches(self.split, 1, size, seed)[0]

    def distances(self, batch: DrawnBatch, teacher: str = "directed") -> Tensor:
        """Ask a teacher, by name, for the distance of every caption to every clip [N, N]."""
        return self._teacher(teacher).distances(batch.videos, batch.captions)

    def truth(self, batch: DrawnBatch) -> Tensor:
        """How much of caption i is true of clip j [N, N], in 0..1; at 1 the pair is a false negative."""
        return self._relevance(batch.videos, batch.captions)

    def false_negatives(self, batch: DrawnBatch) -> Tensor:
        """Which negatives are right after all [N, N]: the whole caption i is true of clip j."""
        return (self.truth(batch) >= 1 - 1e-6).fill_diagonal_(False)

    def untrained(self, seed: int = 0) -> RetrievalModel:
        """Build the model as every training with this seed finds it."""
        widths = {name: values.shape[2] for name, values in self.split.features.items()}
        return build_model(ModelConfig("mean-pool", self.split.text.shape[1], widths), seed).eval()

    def output(self, model: RetrievalModel, batch: DrawnBatch) -> Output:
        """Similarities and embeddings of a batch, without dropout and without gradient."""
        was_training = model.training
        with torch.no_grad():
            output: Output = model.eval()(self.split.text[batch.captions], *self.split.videos(batch.videos))
        model.train(was_training)
        return output

    def train(
        self, loss: nn.Module, seed: int = 0, teacher: str | None = None, look: Look | None = None
    ) -> RetrievalModel:
        """Train the model.

        Args:
            loss: Called with those of its inputs that ``forward`` takes by name.
            seed: Of start, batches, captions and dropout.
            teacher: By name, whose distances the loss is given.
            look: Called with the fraction of training done and the model, at every epoch's start and at the
                end.
        """
        model, config = self.untrained(seed), TrainingConfig(self.epochs, seed=seed)
        watcher = None if look is None else self._watch(model, look)
        given: dict[str, Any] = {"relevance": self._relevance}
        given["teacher"] = teacher and {teacher: self._teacher(teacher)}
        fit(model, loss, self.split, config=config, **given, progress=False)
        if watcher is not None and look is not None:
            watcher.remove()
            look(1.0, model.eval())
        return model.eval()

    def measure(self, model: RetrievalModel) -> dict[str, float]:
        """R@10 (the own clip) and nDCG (all clips of which a caption is true), text to video, in percent."""
        scores, owner = score(model, self.test).numpy(), self.test.video_of_text.numpy()
        return {
            "R@10": 100 * float((ranks(scores, owner) <= 10).mean()),
            "nDCG": ndcg(scores, self._test_relevance),
        }

    def _teacher(self, name: str) -> Teacher:
        """A teacher prepared on the training clips: it takes seconds, and is the same for every training."""
        if name not in self._teachers:
            self._teachers[name] = prepare_teacher(name, self.split)
        return self._teachers[name]

    @cached_property
    def _relevance(self) -> Callable[[Tensor, Tensor], Tensor]:
        return minivtt.batch_relevance(self.dataset.train)

    @cached_property
    def _test_relevance(self) -> Any:
        return known_relevance(self.dataset, "protocol").kinds["truth"]

    def _watch(self, model: RetrievalModel, look: Look) -> Any:
        """Before the first step of every epoch, which is where the model is in training mode."""
        steps, done = len(self.split) // 128, 0

        def before(module: nn.Module, arguments: Any) -> None:
            nonlocal done
            if module.training:
                if done % steps == 0:
                    look(done / (steps * self.epochs), model)
                done += 1

        return model.register_forward_pre_hook(before)
