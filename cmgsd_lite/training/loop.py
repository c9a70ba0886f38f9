"""fit(): the training loop, deterministic for a seed, resumable to the bit.

Everything random in epoch e (which caption, which batch, which units drop out) is drawn from generators
seeded by the seed and e alone. Two conditions with one seed therefore see the same batches, captions and
dropout, and a run resumed at an epoch continues as if it had never stopped.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from cmgsd_lite.data import Split
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.losses.base import input_names
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.runtime import check_writable
from cmgsd_lite.training.checkpoints import save_checkpoint
from cmgsd_lite.training.config import TrainingConfig
from cmgsd_lite.training.prepare import PreparedSplit, group_codes, prepare_split
from cmgsd_lite.training.resuming import check_resumable, data_digest
from cmgsd_lite.training.scoring import evaluate

BatchRelevance = Callable[[Tensor, Tensor], Tensor]


@dataclass
class FitResult:
    """What a training leaves behind.

    Args:
        model: The trained model with the weights of its best epoch, in evaluation mode.
        history: One record an epoch: ``epoch``, ``loss`` (mean over steps), ``learning_rate``,
            ``seconds`` of training without evaluation and, with validation videos, ``validation``.
        best_epoch: The epoch (from 1) whose weights ``model`` has.
        seconds: Training time without evaluation.

    Example:
        >>> fit(model, loss, train).history[-1]["loss"]  # doctest: +SKIP
        0.07
    """

    model: RetrievalModel
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0


def fit(
    model: RetrievalModel,
    loss: nn.Module,
    train: PreparedSplit | Split,
    validation: PreparedSplit | Split | None = None,
    config: TrainingConfig | None = None,
    *,
    ids: Sequence[Hashable] | None = None,
    relevance: BatchRelevance | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    about: dict[str, Any] | None = None,
    progress: bool = True,
) -> FitResult:
    """Train a model with a loss.

    The loss is called with those of ``sim, text, video, text_teacher, video_teacher, progress, ids,
    relevance`` that its ``forward`` takes by name, so any loss of this package, or one's own, can stand in.
    Ground truth is asked for by a loss that states it in ``needs``, or takes it without a default.

    Args:
        model: Trained in place; the result has the weights of the best validation epoch (of the last one
            without validation videos).
        loss: Maps a batch to a scalar.
        train: Training videos.
        validation: Videos for choosing the epoch: taken from training, never a test list.
        config: Settings.
        ids: One name a training video; videos with equal names are known positives of each other.
        relevance: Ground truth for controls: rows of the batch's videos [N] and of its captions [N] to their
            relevance [N, N] in 0..1 (rows are texts, columns are videos).
        checkpoint: Where to write the state after every epoch, atomically.
        resume: Whether to continue from ``checkpoint`` if it exists.
        about: Kept in the checkpoint for whoever uses the model later, and compared on resuming.
        progress: Whether to show a progress bar (on stderr).

    Returns:
        The trained model, the history, the best epoch and the time.

    Raises:
        ValueError: If there are fewer training videos than a batch needs, a batch has no negative, validation
            is a single video, or the loss is not finite.
        DataError: If the checkpoint to resume belongs to other settings or other data.
        OSError: If the checkpoint can not be written; said before the first epoch.

    Source:
        ours; the loop itself is the field's standard.

    Example:
        >>> model = build_model(ModelConfig("mean-pool", 256, {"appearance_mean": 128}))  # doctest: +SKIP
        >>> result = fit(model, CMGSDLoss(), dataset.train, dataset.validation)  # doctest: +SKIP
    """
    config = config or TrainingConfig()
    trainer = _Trainer(model, loss, _prepared(train), config, ids, relevance)
    held_out = _validation(validation)
    result = FitResult(model)
    best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "model": None}
    if checkpoint is not None:
        check_writable(checkpoint.parent)
        data = data_digest(trainer.train, held_out, ids)
        if resume and checkpoint.exists():
            best = trainer.load(check_resumable(checkpoint, model, config, about or {}, data), result)
    epochs = tqdm(
        range(len(result.history), config.epochs),
        initial=len(result.history),
        total=config.epochs,
        desc="epochs",
        disable=not progress,
    )
    for epoch in epochs:
        if _out_of_patience(epoch, best, config):
            break
        record = trainer.run_epoch(epoch)
        if held_out is not None:
            record["validation"] = evaluate(model, held_out)
        result.history.append(record)
        value = validation_score(record)
        if value is None or value > best["score"]:
            score = -math.inf if value is None else value
            best = {"score": score, "epoch": epoch + 1, "model": copy.deepcopy(model.state_dict())}
        epochs.set_postfix_str(f"loss {record['loss']:.3f}")
        if checkpoint is not None:
            trainer.save(checkpoint, result, best, about or {}, data)
    model.load_state_dict(best["model"])
    model.eval()
    result.best_epoch = best["epoch"]
    result.seconds = sum(record["seconds"] for record in result.history)
    return result


def rehearse(
    model: RetrievalModel,
    loss: nn.Module,
    train: PreparedSplit,
    validation: PreparedSplit | None,
    config: TrainingConfig,
    *,
    ids: Sequence[Hashable] | None = None,
    relevance: BatchRelevance | None = None,
) -> None:
    """Take the first step of a training, to learn now what would stop it; the model is changed by it.

    Args:
        model: As for ``fit``, but one to throw away.
        loss: As for ``fit``.
        train: As for ``fit``.
        validation: As for ``fit``.
        config: As for ``fit``.
        ids: As for ``fit``.
        relevance: As for ``fit``.

    Raises:
        ValueError: As ``fit`` would before or at its first step.

    Source:
        ours.

    Example:
        >>> rehearse(build_model(config), CMGSDLoss(), train, validation, TrainingConfig())  # doctest: +SKIP
    """
    trainer = _Trainer(model, loss, train, config, ids, relevance)
    _validation(validation)
    with torch.random.fork_rng(devices=[]):
        trainer.step(*next(trainer.batches(0)), 0.0)


def validation_score(record: dict[str, Any]) -> float | None:
    """Return what the best epoch is chosen by: the mean of R@1, R@5 and R@10, text to video.

    Args:
        record: One epoch of the history.

    Returns:
        Percent, or None without validation videos.

    Source:
        ours: one recall alone is too noisy on a few hundred videos.

    Example:
        >>> validation_score({"validation": {"t2v": {"R@1": 10.0, "R@5": 20.0, "R@10": 30.0}}})
        20.0
    """
    if "validation" not in record:
        return None
    recalls = record["validation"]["t2v"]
    return sum(float(recalls[name]) for name in ("R@1", "R@5", "R@10")) / 3


def _out_of_patience(epoch: int, best: dict[str, Any], config: TrainingConfig) -> bool:
    waited = epoch - best["epoch"]
    return config.patience is not None and best["epoch"] > 0 and waited >= config.patience


def _prepared(split: PreparedSplit | Split) -> PreparedSplit:
    return split if isinstance(split, PreparedSplit) else prepare_split(split, WordLlamaEncoder().encode)


def _validation(split: PreparedSplit | Split | None) -> PreparedSplit | None:
    if split is not None and len(split) < 2:
        raise ValueError(
            f"validation: expected at least 2 videos, for one is always ranked first; got {len(split)}"
        )
    return None if split is None else _prepared(split)


class _Trainer:
    """The state of one training: model, loss, optimizer, and the batches of each epoch."""

    def __init__(
        self,
        model: RetrievalModel,
        loss: nn.Module,
        train: PreparedSplit,
        config: TrainingConfig,
        ids: Sequence[Hashable] | None,
        relevance: BatchRelevance | None,
    ) -> None:
        self.model, self.loss, self.train, self.config = model, loss, train, config
        self.relevance = relevance
        self.videos_in_batch = config.batch_size // config.captions_per_video
        self.steps = len(train) // self.videos_in_batch
        if self.steps == 0:
            raise ValueError(
                f"batch_size: {config.batch_size} needs {self.videos_in_batch} training videos, "
                f"got {len(train)}"
                + (f"; take at most {len(train) * config.captions_per_video}" if len(train) > 1 else "")
            )
        self.groups = group_codes(ids, len(train))
        self.known_positives = ids is not None or config.captions_per_video > 1
        self.first_caption, self.captions = train.first_caption_and_count()
        if ids is not None:
            self.check_negatives()
        self.wanted, needed = input_names(loss)
        if "relevance" in needed and relevance is None:
            raise ValueError("relevance: the loss learns from ground truth, expected a function, got None")
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def check_negatives(self) -> None:
        """Look through all batches to come, which the seed has fixed, for one without a negative."""
        if int(torch.bincount(self.groups).max()) < self.videos_in_batch:
            return
        for epoch in range(self.config.epochs):
            for videos, _ in self.batches(epoch):
                if bool((self.groups[videos] == self.groups[videos[0]]).all()):
                    raise ValueError(
                        f"ids: epoch {epoch + 1} has a batch of {self.videos_in_batch} videos that all have "
                        "one id, so that nothing is a negative; choose a larger batch_size"
                    )

    def run_epoch(self, epoch: int) -> dict[str, Any]:
        """Train for one epoch and return its record."""
        start = time.perf_counter()
        self.model.train()
        total, rate = 0.0, 0.0
        # Dropout draws from the global generator: seeded for the epoch, and given back as it was.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(_epoch_seed(self.config.seed, epoch, stream=1))
            for step, (videos, captions) in enumerate(self.batches(epoch)):
                done = (epoch * self.steps + step) / (self.config.epochs * self.steps)
                rate = self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                total += self.step(videos, captions, done)
        return {
            "epoch": epoch + 1,
            "loss": total / self.steps,
            "learning_rate": rate,
            "seconds": time.perf_counter() - start,
        }

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows of videos and of captions, [N] each: every video once, one caption drawn for it."""
        generator = torch.Generator().manual_seed(_epoch_seed(self.config.seed, epoch, stream=0))
        order = torch.randperm(len(self.train), generator=generator)
        for step in range(self.steps):
            videos = order[step * self.videos_in_batch : (step + 1) * self.videos_in_batch]
            videos = videos.repeat_interleave(self.config.captions_per_video)
            chance = torch.rand(len(videos), generator=generator)
            captions = self.first_caption[videos] + (chance * self.captions[videos]).long()
            yield videos, captions

    def step(self, videos: Tensor, captions: Tensor, progress: float) -> float:
        """Take one optimizer step and return the loss."""
        output = self.model(self.train.text[captions], *self.train.videos(videos))
        offered = {
            "sim": output.sim,
            "text": output.text,
            "video": output.video,
            "text_teacher": self.train.text_teacher[videos],
            "video_teacher": self.train.video_teacher[videos],
            "progress": progress,
            "ids": self.groups[videos] if self.known_positives else None,
        }
        if self.relevance is not None and "relevance" in self.wanted:
            offered["relevance"] = self.relevance(videos, captions)
        loss: Tensor = self.loss(**{name: value for name, value in offered.items() if name in self.wanted})
        if not bool(torch.isfinite(loss)):
            raise ValueError(
                f"loss: expected a finite number, got {loss.item()} at {progress:.1%} of training"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.item()

    def save(
        self,
        path: Path,
        result: FitResult,
        best: dict[str, Any],
        about: dict[str, Any],
        data: dict[str, str],
    ) -> None:
        """Write all that is needed to go on after this epoch."""
        save_checkpoint(
            path,
            self.model,
            about,
            optimizer=self.optimizer.state_dict(),
            loss=self.loss.state_dict(),
            history=result.history,
            best=best,
            training=asdict(self.config),
            digest=data,
        )

    def load(self, saved: dict[str, Any], result: FitResult) -> dict[str, Any]:
        """Take up a saved training; returns its best epoch."""
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.loss.load_state_dict(saved["loss"])
        result.history = saved["history"]
        best: dict[str, Any] = saved["best"]
        return best


def _epoch_seed(seed: int, epoch: int, stream: int) -> int:
    """One number for each (seed, epoch, stream); far apart, so that streams do not overlap."""
    return (seed * 1_000_003 + epoch) * 2 + stream
