"""The bench: a data set prepared once, on which any condition of an experiment can be run and measured.

Paired: runs with one seed share initialisation, batches, captions and dropout, whatever their loss.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.distributed import on_first
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.metrics import ndcg, retrieval_metrics
from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.losses.base import input_names
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.teachers import Teacher
from cmgsd_lite.training.checkpoints import save_checkpoint
from cmgsd_lite.training.config import Experiment, plain
from cmgsd_lite.training.data_location import location_of
from cmgsd_lite.training.devices import chosen_device, placed
from cmgsd_lite.training.digests import digest
from cmgsd_lite.training.ground_truth import known_relevance, relevant_at
from cmgsd_lite.training.loop import fit, rehearse
from cmgsd_lite.training.margin_histogram import margin_histogram
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.resuming import SPELLING, check_resumable, data_digest
from cmgsd_lite.training.scoring import score
from cmgsd_lite.training.teaching import check_names, prepare_teacher, uses_teacher
from cmgsd_lite.training.trainer import BatchRelevance

Metrics = dict[str, dict[str, float]]


@dataclass(frozen=True)
class RunResult:
    """What one training of one condition gave; ``seconds`` of training without evaluation.

    ``metrics`` are of the test videos in both directions, ``more`` is nDCG under the other kinds of
    relevance, ``margins`` counts a batch's margins in each of ``MARGIN_BINS`` (None where the margin is
    fixed), and ``unwritten`` says why the trained model could not be written.
    """

    name: str
    seed: int
    metrics: Metrics
    more: Metrics
    history: list[dict[str, Any]]
    margins: list[int] | None
    seconds: float
    unwritten: str = ""


class Bench:
    """A data set prepared once, on which any condition can be run.

    Args:
        experiment: What to run.

    Raises:
        DataError: If the data can not be read.

    Example:
        >>> Bench(experiment).run("infonce", seed=0)  # doctest: +SKIP
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.dataset = experiment.data.load()
        self.tested = len(self.dataset.test) > 0
        if not self.tested:  # what is printed of a training is then said of validation videos
            self.dataset = replace(self.dataset, test=replace(self.dataset.validation, name="test"))
        self.prepared = PreparedDataset.of(self.dataset, experiment.data.asked)
        self.known = known_relevance(self.dataset, experiment.data.asked)
        self.relevance = self.known.kinds
        self._teachers: dict[str, Teacher] = {}

    @property
    def notes(self) -> list[str]:
        """What was left out or derived, of the data and of what it can be measured by: print them."""
        return [*self.dataset.notes, *self.known.notes]

    def build_model(self, seed: int) -> RetrievalModel:
        """Build the untrained model for a seed."""
        dims = {name: values.shape[2] for name, values in self.prepared.train.features.items()}
        text_dim = self.prepared.train.text.shape[1]
        return build_model(ModelConfig(self.experiment.model, text_dim, dims), seed)

    def run(
        self,
        name: str,
        seed: int,
        out: Path | None = None,
        *,
        checkpoint: Path | None = None,
        resume: bool = False,
        progress: bool = False,
    ) -> RunResult:
        """Train one condition and measure it on the test videos (without a test list, validation videos).

        Args:
            name: Of the condition.
            seed: Of initialisation, batches, captions and dropout.
            out: Folder for the trained model, or None.
            checkpoint: File for the state after every epoch, or None.
            resume: Whether to continue from ``checkpoint`` if it exists.
            progress: Whether to show a progress bar (on stderr).

        Returns:
            The result.

        Raises:
            DataError: If the checkpoint to resume belongs to another training.
            ValueError: As ``fit``, with the condition and the seed before it.
        """
        loss = self.experiment.conditions[name].build(seed)
        try:
            fitted = fit(
                self.build_model(seed),
                loss,
                self.prepared.train,
                self.prepared.validation,
                replace(self.experiment.training, seed=seed),
                relevance=self._batch_relevance(loss),
                teacher=self.teachers(name),
                checkpoint=checkpoint,
                resume=resume,
                about=self.about(name, seed, None if checkpoint is None else checkpoint.parent),
                progress=progress,
                device=self.experiment.device,
                precision=self.experiment.precision,
            )
        except DataError:  # names its file
            raise
        except ValueError as error:
            raise ValueError(f"{name}, seed {seed}: {error}") from error
        metrics, more = on_first(lambda: self.measure(fitted.model))
        margins = None
        if isinstance(loss, CMGSDLoss):
            margins = margin_histogram(fitted.model, loss, self.prepared.train, self.teachers(name))
        unwritten = "" if out is None else on_first(lambda: self._keep(fitted.model, out, name, seed))
        return RunResult(name, seed, metrics, more, fitted.history, margins, fitted.seconds, unwritten)

    def rehearse(self) -> None:
        """Compute every condition's first loss, with a model that is not trained.

        Raises ValueError on what would stop a training at its first step, hours later if others come before.
        """
        seed = self.experiment.seeds[0]
        for name, config in self.experiment.conditions.items():
            training = replace(self.experiment.training, seed=seed)
            try:
                loss = config.build(seed)
                rehearse(
                    self.build_model(seed),
                    loss,
                    self.prepared.train,
                    self.prepared.validation,
                    training,
                    relevance=self._batch_relevance(loss),
                    teacher=self.teachers(name),
                )
            except ValueError as error:
                raise ValueError(f"condition {name}: {error}") from error

    def check_resume(self, name: str, seed: int, checkpoint: Path) -> None:
        """Raise DataError if an existing checkpoint belongs to another training, or to other data."""
        check_resumable(
            checkpoint,
            self.build_model(seed),
            replace(self.experiment.training, seed=seed),
            self.about(name, seed, checkpoint.parent),
            data_digest(self.prepared.train, self.prepared.validation),
            self.experiment.precision,
            self.experiment.conditions[name].teacher,
            self.experiment.conditions[name].build(seed),
        )

    def teachers(self, name: str) -> dict[str, Teacher] | None:
        """Return the teachers of a condition, each prepared once, or None if it names none.

        Raises ValueError on an unknown teacher, or a condition to which it is of no use.
        """
        config = self.experiment.conditions[name]
        if config.teacher is None:
            return None
        check_names(config.teacher)
        if not uses_teacher(config.build()):
            raise ValueError(f"teacher: expected none, for the loss {config.kind!r} uses none; got one")
        for one in config.teacher:
            if one not in self._teachers:
                self._teachers[one] = prepare_teacher(one, self.prepared.train)
        return {one: self._teachers[one] for one in config.teacher}

    def _batch_relevance(self, loss: nn.Module) -> BatchRelevance | None:
        """The truth, where it is known and asked for: looking it up takes a quarter of a second."""
        asked = "relevance" in input_names(loss)[0]
        return batch_relevance(self.dataset.train) if asked and self.dataset.name == "minivtt" else None

    def _keep(self, model: RetrievalModel, out: Path, name: str, seed: int) -> str:
        """Write the trained model; a disk that is full by now does not take numbers along."""
        path = out / f"{name}-seed{seed}.pt"
        try:
            save_checkpoint(path, model, self.about(name, seed, out))
        except OSError as error:
            print(f"{path.name}: the trained model is not written: {error}", file=sys.stderr)
            return str(error)
        return ""

    def measure(self, model: RetrievalModel) -> tuple[Metrics, Metrics]:
        """Measure a model on the test videos: R@K always, nDCG under each kind of relevance that there is."""
        with placed(chosen_device(self.experiment.device), model):
            sim, owner = score(model, self.prepared.test).numpy(), self.prepared.test.video_of_text.numpy()
        own = np.arange(sim.shape[1]) == owner[:, None]
        if not self.relevance:
            return retrieval_metrics(sim, owner), {}
        main, *others = self.relevance
        metrics = retrieval_metrics(sim, owner, self.relevance[main], relevant_at=relevant_at(main))
        more = {kind: _both_ndcg(sim, self.relevance[kind]) for kind in others}
        more |= {f"{k}, own left out": _both_ndcg(sim, self.relevance[k], own) for k in self.known.beside_own}
        return metrics, more

    def about(self, name: str, seed: int, folder: Path | None = None) -> dict[str, Any]:
        """Return what a checkpoint in a folder must say, for its model and its data to be found again."""
        data = {**asdict(self.experiment.data), "experts": list(self.prepared.train.features)}
        return {
            **data,
            **location_of(self.experiment.data.data, folder),
            "condition": name,
            "seed": seed,
            "loss": plain(asdict(self.experiment.conditions[name])),
        }

    def identity(self, name: str, seed: int) -> dict[str, Any]:
        """Return what the result of a run depends on, to be compared with that of a later job."""
        about = {key: value for key, value in self.about(name, seed).items() if key not in SPELLING}
        return {
            **about,
            "queries": self.experiment.data.asked,
            "model": self.experiment.model,
            "training": asdict(replace(self.experiment.training, seed=seed)),
            "precision": self.experiment.precision,
            **self._digests,
        }

    @cached_property
    def _digests(self) -> dict[str, str]:
        """Of training, validation and test videos, and of what test videos are relevant."""
        test = data_digest(self.prepared.test, None)
        return {
            **data_digest(self.prepared.train, self.prepared.validation),
            **{name.replace("train", "test", 1): value for name, value in test.items()},
            "relevance": digest(torch.from_numpy(values) for values in self.relevance.values()),
        }

    def describe(self) -> dict[str, Any]:
        """Return the ``dataset`` part of the result file, and the floors of nDCG (none without relevance)."""
        test, owner = self.prepared.test, self.prepared.test.video_of_text.numpy()
        own = np.arange(len(test)) == owner[:, None]
        floors = {}
        for kind, relevance in self.relevance.items():
            level = np.zeros(relevance.shape, np.float32)  # ties everywhere: the mean over all orders
            floors[kind] = _both_ndcg(level, relevance)
            if kind in self.known.beside_own:
                floors[f"{kind}, own left out"] = _both_ndcg(level, relevance, own)
        return {
            "dataset": {
                "name": self.dataset.name,
                "protocol": self.dataset.protocol,
                "n_train": len(self.prepared.train),
                "n_validation": len(self.prepared.validation),
                "n_test": len(test) if self.tested else 0,
                "n_queries": len(test.text),
                "queries": self.experiment.data.asked,
                "experts": {n: list(v.shape[1:]) for n, v in self.prepared.train.features.items()},
                "relevance": next(iter(self.relevance), None),
            },
            "random_floor": floors,
        }


def _both_ndcg(
    sim: NDArray[Any], relevance: NDArray[Any], own: NDArray[np.bool_] | None = None
) -> dict[str, float]:
    """nDCG in both directions, without the pairs of a text and its own video if asked."""
    return {
        "t2v": ndcg(sim, relevance, exclude=own),
        "v2t": ndcg(sim.T, relevance.T, exclude=None if own is None else own.T),
    }
