"""fit(): the training loop, deterministic for a seed, resumable to the bit."""

from __future__ import annotations

import copy
import math
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cmgsd_lite.data import Split
from cmgsd_lite.distributed import on_first, share_start
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.runtime import require, sole_writer
from cmgsd_lite.training.config import TrainingConfig
from cmgsd_lite.training.devices import Precision, chosen_device, placed
from cmgsd_lite.training.prepare import PreparedSplit, prepare_split
from cmgsd_lite.training.processes import Share
from cmgsd_lite.training.resuming import check_resumable, data_digest
from cmgsd_lite.training.scoring import evaluate
from cmgsd_lite.training.teaching import TeacherChoice, prepare_teachers
from cmgsd_lite.training.trainer import CPU, BatchRelevance, Trainer, check_finite


@dataclass
class FitResult:
    """What a training leaves behind.

    Args:
        model: The trained model with the weights of its best epoch, in evaluation mode.
        history: One record an epoch: ``epoch``, ``loss`` (mean over steps), ``learning_rate``,
            ``seconds`` of training without evaluation, where the loss learns numbers (a temperature) their
            values as ``learned``, and, with validation videos, ``validation``.
        best_epoch: The epoch (from 1) whose weights ``model`` has.
        seconds: Training time without evaluation.
        device: Where it was trained, such as ``"cpu"``.

    Example:
        >>> fit(model, loss, train).history[-1]["loss"]  # doctest: +SKIP
        0.07
    """

    model: RetrievalModel
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    device: str = "cpu"


def fit(
    model: RetrievalModel,
    loss: nn.Module,
    train: PreparedSplit | Split,
    validation: PreparedSplit | Split | None = None,
    config: TrainingConfig | None = None,
    *,
    ids: Sequence[Hashable] | None = None,
    relevance: BatchRelevance | None = None,
    teacher: TeacherChoice | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    about: dict[str, Any] | None = None,
    progress: bool = True,
    device: str | torch.device = "auto",
    precision: Precision = "float32",
) -> FitResult:
    """Train a model with a loss.

    The loss is called with those of ``sim, text, video, text_teacher, video_teacher, distances, progress,
    ids, relevance`` that its ``forward`` takes by name, so any loss of this package, or one's own, can stand
    in. Ground truth is asked for by a loss that states it in ``needs``, or takes it without a default.

    Called in several processes (torch.distributed; see ``cmgsd_lite.distributed.joined``), it is one training
    of one model: each process has all the data and encodes its share of every batch, the loss is that of the
    whole batch, dropout on the CPU included, and the first process evaluates and writes.

    Args:
        model: Trained in place; the result has the weights of the best validation epoch (of the last one
            without validation videos).
        loss: Maps a batch to a scalar. If it has parameters, they are trained in place without weight
            decay, saved and resumed; they stay as the last epoch leaves them.
        train: Training videos.
        validation: Videos for choosing the epoch: taken from training, never a test list.
        config: Settings.
        ids: One name a training video; videos with equal names are known positives of each other.
        relevance: Ground truth for controls: rows of the batch's videos [N] and of its captions [N] to their
            relevance [N, N] in 0..1 (rows are texts, columns are videos).
        teacher: Where static distances come from: a name of ``training.teaching.TEACHERS`` (``"directed"``,
            ``"video"``, ...) or several, prepared on ``train``; a ``Teacher``, such as any object of one's
            own with ``distances(videos, captions)``; or teachers by name. The loss then gets ``distances`` by
            these names, and neither ``text_teacher`` nor ``video_teacher``: what the margin is made of is
            what was named. None: the split's two teacher features.
        checkpoint: Where to write the state after every epoch, atomically; one process holds its folder.
        resume: Whether to continue from ``checkpoint`` if it exists.
        about: Kept in the checkpoint for whoever uses the model later, and compared on resuming.
        progress: Whether to show a progress bar (on stderr).
        device: Where to train and evaluate: ``"auto"`` is a CUDA GPU if there is one, else the CPU; the
            result says which. Model and loss come back to where they were. Batches and captions are the same
            on every device, dropout and the last digits are not. An accelerator's losses are looked at once
            an epoch.
        precision: ``"bfloat16"`` runs the encoders' products in half precision (autocast); parameters,
            similarities and the loss stay float32, and evaluation is in float32.

    Returns:
        The trained model, the history, the best epoch and the time.

    Raises:
        ValueError: If there are fewer training videos than a batch needs, their features are all alike, not
            finite or too large to square, an expert is missing in all of them, a batch has no
            negative, validation is a single video, the device is not there, a teacher is unknown or of no use
            to the loss; if loss, weights or scores stop being finite: then it names epoch, step, learning
            rate, the batch's videos and the last checkpoint, which stays as it is.
        DataError: If the checkpoint to resume belongs to other settings, another teacher or other data.
        OSError: If the checkpoint can not be written, or another process is writing into its folder; said
            before the first epoch. ConnectionError, one of
            these, if another process has stopped.

    Source:
        ours; the loop itself is the field's standard.

    Example:
        >>> model = build_model(ModelConfig("mean-pool", 256, {"appearance_mean": 128}))  # doctest: +SKIP
        >>> result = fit(model, CMGSDLoss(), dataset.train, dataset.validation)  # doctest: +SKIP
    """
    config, where, share = config or TrainingConfig(), chosen_device(device), Share.of_this_process()
    prepared, held_out = _prepared(train), _validation(validation)
    with placed(where, model, loss), ExitStack() as held:
        moved = prepared.to(where)
        teachers = prepare_teachers(teacher, moved)
        trainer = Trainer(model, loss, moved, config, ids, relevance, where, precision, teachers, share)
        share_start(model, loss, settings=[asdict(config), precision, len(prepared), str(where.type)])
        held_out = None if held_out is None else held_out.to(where)
        if where.type != "cpu":
            trainer.look_at_everything()
        result = FitResult(model, device=str(where))
        best: dict[str, Any] = {"score": -math.inf, "epoch": 0, "model": None}
        if checkpoint is not None:
            on_first(lambda: held.enter_context(sole_writer(checkpoint.parent, again=True)))
            data = on_first(lambda: data_digest(prepared, held_out, ids))
            check = partial(
                check_resumable, checkpoint, model, config, about or {}, data, precision, teachers, loss
            )
            saved = on_first(lambda: check() if resume and checkpoint.exists() else None)
            if saved is not None:
                result.history, best = trainer.load(saved)
        epochs = require("tqdm.auto", "data").tqdm(
            range(len(result.history), config.epochs),
            initial=len(result.history),
            total=config.epochs,
            desc="epochs",
            disable=not progress or share.rank > 0,
        )
        for epoch in epochs:
            if _out_of_patience(epoch, best, config):
                break
            with _saying_where(trainer, checkpoint, epoch):
                record = trainer.run_epoch(epoch)
                if held_out is not None:
                    record["validation"] = on_first(partial(evaluate, model, held_out))
            result.history.append(record)
            value = validation_score(record)
            if value is None or value > best["score"]:
                score = -math.inf if value is None else value
                best = {"score": score, "epoch": epoch + 1, "model": copy.deepcopy(model.state_dict())}
            epochs.set_postfix_str(f"loss {record['loss']:.3f}")
            if checkpoint is not None:
                on_first(partial(trainer.save, checkpoint, result.history, best, about or {}, data))
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
    relevance: BatchRelevance | None = None,
    teacher: TeacherChoice | None = None,
) -> None:
    """Compute the first loss of a training, to learn now what would stop it; the model is not changed.

    It is computed on the CPU, where every check looks at values. Arguments and ValueError as of ``fit``.
    """
    _validation(validation)
    with placed(CPU, model, loss), torch.random.fork_rng(devices=[]):
        teachers = prepare_teachers(teacher, train)
        trainer = Trainer(model, loss, train, config, None, relevance, teachers=teachers)
        check_finite(trainer.batch_loss(*next(trainer.batches(0)), 0.0).item(), 0.0)


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


@contextmanager
def _saying_where(trainer: Trainer, checkpoint: Path | None, epochs: int) -> Iterator[None]:
    """What stops a training says where that was, and what is left of it after so many whole epochs."""
    try:
        yield
    except ValueError as error:
        left = "there is no checkpoint"
        if checkpoint is not None and epochs > 0:
            left = f"the last good checkpoint, of epoch {epochs}, is kept in {checkpoint}"
        raise ValueError(f"{error}; {trainer.where()}; {left}") from error


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
