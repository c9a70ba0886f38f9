"""One training step after another: what an epoch draws, what the loss is given, what a checkpoint keeps.

Everything random in epoch e (which caption, which batch, which units drop out) is drawn from generators
seeded by the seed and e alone. Two conditions with one seed therefore see the same batches, captions and
dropout, and a run resumed at an epoch continues as if it had never stopped. Batches and captions are drawn
on the CPU, the same ones for every device; dropout is drawn where the model is.

In several processes (``processes``) every one draws the same batch and encodes its share.

A step on an accelerator never waits for it: data and the numbers of an epoch's batches lie there, and the
losses are looked at when the epoch is over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cmgsd_lite.distributed import average_gradients
from cmgsd_lite.losses.base import RetrievalLoss, input_names
from cmgsd_lite.losses.learned import learned_numbers
from cmgsd_lite.models import Output, RetrievalModel
from cmgsd_lite.teachers import Teacher
from cmgsd_lite.training.checkpoint_checks import is_finite
from cmgsd_lite.training.checkpoints import save_checkpoint
from cmgsd_lite.training.config import TrainingConfig
from cmgsd_lite.training.devices import Precision, autocast, checked_precision, seeded
from cmgsd_lite.training.prepare import PreparedSplit, check_learnable, group_codes
from cmgsd_lite.training.processes import DrawnTogether, Share, joined_output
from cmgsd_lite.training.scoring import CHUNK
from cmgsd_lite.training.teaching import static_inputs, uses_teacher
from cmgsd_lite.validation import validating

CPU, ALONE = torch.device("cpu"), Share()
NAMED = 128
"""How many videos of a batch a message names: all of a batch of the usual size."""
BatchRelevance = Callable[[Tensor, Tensor], Tensor]


class Trainer:
    """One training's model, loss and optimizer, and the batches of each epoch; arguments as of ``fit``.

    Model and loss lie on the device, and the training videos are put there; teachers are given by name.
    Raises ValueError if there are fewer training videos than a batch needs, there is nothing to learn from
    them (``check_learnable``), a batch to come has no negative, or the loss needs a ground truth that is not
    there, or takes no distances though there are teachers.
    """

    def __init__(
        self,
        model: RetrievalModel,
        loss: nn.Module,
        train: PreparedSplit,
        config: TrainingConfig,
        ids: Sequence[Hashable] | None,
        relevance: BatchRelevance | None,
        device: torch.device = CPU,
        precision: Precision = "float32",
        teachers: Mapping[str, Teacher] | None = None,
        share: Share = ALONE,
    ) -> None:
        self.model, self.loss, self.train, self.config = model, loss, train.to(device), config
        self.relevance, self.device, self.precision = relevance, device, checked_precision(precision)
        self.teachers = teachers
        self.share, self.looks_at_each_step = share, device.type == "cpu"
        self.videos_in_batch = config.batch_size // config.captions_per_video
        self.steps = len(train) // self.videos_in_batch
        if self.steps == 0:
            raise ValueError(
                f"batch_size: {config.batch_size} needs {self.videos_in_batch} training videos, "
                f"got {len(train)}"
                + (f"; take at most {len(train) * config.captions_per_video}" if len(train) > 1 else "")
            )
        if config.batch_size < share.count:
            raise ValueError(
                f"batch_size: expected a pair for each of {share.count} processes, got {config.batch_size}"
            )
        self.groups = group_codes(ids, len(train)).to(device)
        self.known_positives = ids is not None or config.captions_per_video > 1
        check_learnable(train)
        self.now = (0, 0)  # epoch and step, for a message
        self.first_caption, self.captions = (x.cpu() for x in train.first_caption_and_count())
        if ids is not None:
            self.check_negatives()
        self.wanted, needed = input_names(loss)
        if "relevance" in needed and relevance is None:
            raise ValueError("relevance: the loss learns from ground truth, expected a function, got None")
        if teachers is not None and "distances" not in self.wanted:
            raise ValueError("teacher: expected a loss whose forward takes distances, got one that does not")
        if teachers is not None and isinstance(loss, RetrievalLoss) and not uses_teacher(loss):
            raise ValueError(
                f"teacher: expected a loss that uses one, got {type(loss).__name__}({loss.extra_repr()})"
            )

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """Of model and loss; built when it is first used, for that takes torch seconds."""
        groups: list[dict[str, Any]] = [{"params": list(self.model.parameters())}]
        if of_loss := list(self.loss.parameters()):
            # Weight decay would pull a temperature or a bias towards a value that nobody chose.
            groups.append({"params": of_loss, "weight_decay": 0.0})
        return torch.optim.AdamW(
            groups,
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )

    def check_negatives(self) -> None:
        """Look through all batches to come, which the seed has fixed, for one without a negative."""
        groups = self.groups.cpu()
        if int(torch.bincount(groups).max()) < self.videos_in_batch:
            return
        for epoch in range(self.config.epochs):
            for videos, _ in self.drawn(epoch):
                if bool((groups[videos] == groups[videos[0]]).all()):
                    raise ValueError(
                        f"ids: epoch {epoch + 1} has a batch of {self.videos_in_batch} videos that all have "
                        "one id, so that nothing is a negative; choose a larger batch_size"
                    )

    def look_at_everything(self) -> None:
        """Check once, on the device, what no step there looks at: the values of all data and of a loss."""
        with validating(), torch.no_grad(), seeded(0, self.device):
            for part in torch.split(torch.arange(len(self.train)), CHUNK):
                self.model.encode_video(*self.train.videos(part))
            for text in torch.split(self.train.text, CHUNK):
                self.model.encode_text(text)
            check_finite(self.batch_loss(*next(self.batches(0)), 0.0).item(), 0.0)

    def run_epoch(self, epoch: int) -> dict[str, Any]:
        """Train for one epoch and return its record."""
        start = time.perf_counter()
        self.model.train()
        losses, rate = [], 0.0
        with seeded(self.dropout_seed(epoch), self.device):
            for step, (videos, captions) in enumerate(self.batches(epoch)):
                self.now, rate = (epoch, step), self.rate(epoch, step)
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                losses.append(self.step(videos, captions, self.done(epoch, step)))
        values = torch.stack(losses).tolist()
        for step, value in enumerate(values):
            self.now = epoch, step
            check_finite(value, self.done(epoch, step))
        self.check_state()
        record = {
            "epoch": epoch + 1,
            "loss": sum(values) / self.steps,
            "learning_rate": rate,
            "seconds": time.perf_counter() - start,
        }
        learned = learned_numbers(self.loss)
        return {**record, "learned": learned} if learned else record

    def dropout_seed(self, epoch: int) -> int:
        """One for all processes on the CPU, where they draw together (``DrawnTogether``)."""
        own = 0 if self.device.type == "cpu" else self.share.rank << 40
        return _epoch_seed(self.config.seed, epoch, stream=1) + own

    def done(self, epoch: int, step: int) -> float:
        """The fraction of training done before a step."""
        return (epoch * self.steps + step) / (self.config.epochs * self.steps)

    def rate(self, epoch: int, step: int) -> float:
        """The learning rate of a step."""
        return self.config.learning_rate * 0.5 * (1 + math.cos(math.pi * self.done(epoch, step)))

    def where(self) -> str:
        """Where the training is: epoch, step, learning rate and the videos of the batch."""
        epoch, step = self.now
        batch, _ = next(islice(self.drawn(epoch), step, None))
        names = [repr(self.train.video_ids[row]) for row in dict.fromkeys(batch.tolist())]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        at = f"epoch {epoch + 1}, step {step + 1} of {self.steps}, learning rate {self.rate(epoch, step):.4g}"
        return f"{at}, videos {', '.join(names[:NAMED])}{more}"

    def check_state(self) -> None:
        """Look at what a checkpoint would hold: a step may break it whose loss was still a number."""
        moments = [x for of_one in self.optimizer.state.values() for x in of_one.values()]
        parts = {"the model's weights": self.model.parameters(), "the loss's": self.loss.parameters()}
        for name, tensors in {**parts, "the optimizer's state": moments}.items():
            if not all(map(is_finite, tensors)):
                raise ValueError(f"training: expected finite numbers, got NaN or infinity in {name}")

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield rows of videos and of captions, [N] each, on the device of the training.

        Every video comes once, with one caption drawn for it.
        """
        videos, captions = (
            torch.stack(drawn).to(self.device) for drawn in zip(*self.drawn(epoch), strict=True)
        )
        return zip(videos, captions, strict=True)

    def drawn(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw an epoch's batches on the CPU."""
        generator = torch.Generator().manual_seed(_epoch_seed(self.config.seed, epoch, stream=0))
        order = torch.randperm(len(self.train), generator=generator)
        for step in range(self.steps):
            videos = order[step * self.videos_in_batch : (step + 1) * self.videos_in_batch]
            videos = videos.repeat_interleave(self.config.captions_per_video)
            chance = torch.rand(len(videos), generator=generator)
            captions = self.first_caption[videos] + (chance * self.captions[videos]).long()
            yield videos, captions

    def step(self, videos: Tensor, captions: Tensor, progress: float) -> Tensor:
        """Take one optimizer step and return the loss; on the CPU one that is no number stops it before."""
        loss = self.batch_loss(videos, captions, progress)
        if self.looks_at_each_step:
            check_finite(loss.item(), progress)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.share.count > 1:
            average_gradients(weight for group in self.optimizer.param_groups for weight in group["params"])
        self.optimizer.step()
        return loss.detach()

    def output(self, videos: Tensor, captions: Tensor) -> Output:
        """Encode and score a batch, alone or together."""
        if self.share.count == 1:
            output: Output = self.model(self.train.text[captions], *self.train.videos(videos))
            return output
        pairs, rows = len(videos), self.share.rows(len(videos))
        with DrawnTogether(rows, pairs) if self.device.type == "cpu" else nullcontext():
            return joined_output(
                self.model,
                self.train.text[captions[rows]],
                *self.train.videos(videos[rows]),
                sizes=self.share.sizes(pairs),
            )

    def batch_loss(self, videos: Tensor, captions: Tensor, progress: float) -> Tensor:
        """Return the loss of one batch, a scalar."""
        with autocast(self.device, self.precision):
            output = self.output(videos, captions)
        offered = {
            "sim": output.sim,
            "text": output.text,
            "video": output.video,
            **static_inputs(self.train, self.teachers, videos, captions),
            "progress": progress,
            "ids": self.groups[videos] if self.known_positives else None,
        }
        if self.relevance is not None and "relevance" in self.wanted:
            offered["relevance"] = self.relevance(videos.cpu(), captions.cpu()).to(self.device)
        loss: Tensor = self.loss(**{name: value for name, value in offered.items() if name in self.wanted})
        return loss

    def save(
        self,
        path: Path,
        history: list[dict[str, Any]],
        best: dict[str, Any],
        about: dict[str, Any],
        data: dict[str, str],
    ) -> None:
        """Write all that is needed to go on after this epoch."""
        save_checkpoint(
            path,
            self.model,
            about,
            keep_previous=True,
            optimizer=self.optimizer.state_dict(),
            loss=self.loss.state_dict(),
            history=history,
            best=best,
            training=asdict(self.config),
            precision=self.precision,
            digest=data,
            teacher=list(self.teachers or ()),
        )

    def load(self, saved: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Take up a training from ``check_resumable``; returns its history and its best epoch.

        Settings of the optimizer stay those of this training.
        """
        self.model.load_state_dict(saved["model"])
        own = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": saved["optimizer"]["state"], "param_groups": own})
        self.loss.load_state_dict(saved["loss"])
        return saved["history"], saved["best"]


def check_finite(loss: float, progress: float) -> None:
    """Raise ValueError if the loss of a batch is NaN or infinite, saying at which fraction of training."""
    if not math.isfinite(loss):
        raise ValueError(f"loss: expected a finite number, got {loss} at {progress:.1%} of training")


def _epoch_seed(seed: int, epoch: int, stream: int) -> int:
    """One number for each (seed, epoch, stream); far apart, so that streams do not overlap."""
    return (seed * 1_000_003 + epoch) * 2 + stream
