"""Chapter 11's ground: MiniVTT as batches of one's own training, its log, a small CLIP, a fair trial."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cmgsd_lite.data import minivtt
from cmgsd_lite.evaluation.graded import ndcg_per_query
from cmgsd_lite.evaluation.intervals import paired_interval
from cmgsd_lite.evaluation.metrics import retrieval_metrics
from cmgsd_lite.evaluation.ranks import ranks
from cmgsd_lite.losses import CMGSDLoss, ranking_hinge
from cmgsd_lite.margins import off_diagonal
from cmgsd_lite.models import Kind, ModelConfig, Output, RetrievalModel, build_model
from cmgsd_lite.runtime import require
from cmgsd_lite.training.ground_truth import known_relevance
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import score

BINS = np.linspace(0, 0.6, 31)
"""Edges of the margins' histogram in a log."""
Loss = Callable[..., Tensor]
Record = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """What a data loader hands out: N clips, one caption of each, and their teachers.

    Args:
        rows: Of the clips among the training clips [N].
        captions: Of the captions among all training captions [N].
        text: Frozen vectors of the captions [N, D].
        features: Of the clips, by expert [N, T, D].
        masks: Which of them are there [N, T].
        text_teacher: Mean vector of all captions of each clip [N, D'].
        video_teacher: Mean features of each clip [N, D''].
        progress: Share of the training that is done.

    Example:
        >>> next(batches(1, 4)).text.shape
        torch.Size([4, 256])
    """

    rows: Tensor
    captions: Tensor
    text: Tensor
    features: dict[str, Tensor]
    masks: dict[str, Tensor]
    text_teacher: Tensor
    video_teacher: Tensor
    progress: float


@cache
def ready() -> tuple[PreparedDataset, Any]:
    """MiniVTT with two experts, made ready once, and how relevant its test clips are to its test sentences.

    Source:
        ours.

    Example:
        >>> len(ready()[0].validation)
        300
    """
    dataset = minivtt.load_minivtt(experts=["appearance_frames", "motion"])
    relevance = next(iter(known_relevance(dataset, "protocol").kinds.values()))
    return PreparedDataset.of(dataset, "protocol"), relevance


def batches(steps: int, size: int, seed: int = 0, clips: int | None = None) -> Iterator[Batch]:
    """Draw batches of distinct training clips, each with one of its captions; paired by their seed.

    Args:
        steps: How many.
        size: Pairs in a batch.
        seed: Of the draw.
        clips: Only the first so many; None for all.

    Source:
        ours.

    Example:
        >>> [round(batch.progress, 2) for batch in batches(4, 8)]
        [0.0, 0.25, 0.5, 0.75]
    """
    train = ready()[0].train
    generator = torch.Generator().manual_seed(seed)
    first, count = train.first_caption_and_count()
    for step in range(steps):
        rows = torch.randperm(clips or len(train), generator=generator)[:size]
        caption = first[rows] + (torch.rand(size, generator=generator) * count[rows]).long()
        yield Batch(
            rows,
            caption,
            train.text[caption],
            *train.videos(rows),
            train.text_teacher[rows],
            train.video_teacher[rows],
            step / steps,
        )


def new_model(kind: Kind = "gated-experts", seed: int = 0) -> RetrievalModel:
    """Build a small untrained model without dropout, so that nothing is random but the batches.

    Args:
        kind: Of the model.
        seed: Of its weights.

    Source:
        ours.

    Example:
        >>> type(new_model()).__name__
        'GatedExpertsModel'
    """
    train = ready()[0].train
    dims = {name: values.shape[2] for name, values in train.features.items()}
    calm = ModelConfig(kind, train.text.shape[1], dims, text_dropout=0.0, video_dropout=0.0)
    return build_model(replace(calm, embed_dim=64, hidden_dim=128, layers=1, heads=4), seed)


def recall_at_10(model: RetrievalModel) -> float:
    """R@10 on the 300 validation clips, all their captions as queries, in percent.

    Args:
        model: Trained or not.

    Source:
        ours.

    Example:
        >>> recall_at_10(new_model()) < 10
        True
    """
    clips = ready()[0].validation
    return retrieval_metrics(score(model, clips).numpy(), clips.video_of_text.numpy())["t2v"]["R@10"]


def log_line(loss: CMGSDLoss, sim: Tensor, **inputs: Any) -> Record:
    """What a step's margins and hinges look like: the line to log.

    Args:
        loss: Whose margins.
        sim: Similarities [N, N].
        inputs: As the loss gets them.

    Returns:
        ``margin mean``, ``margin sd``, ``clipped`` and ``active`` (both directions) in percent, ``gap`` (own
        similarity minus that of the hardest video), ``lambda``, ``spread`` (standard deviation of sim) and
        the histogram ``margins``.

    Source:
        ours.

    Example:
        >>> round(log_line(CMGSDLoss(schedule="dynamic"), torch.eye(3), text=torch.eye(3))["gap"], 2)
        1.0
    """
    with torch.no_grad():
        margin = loss.margins(sim, **inputs)["combined"]
        negatives, hinges = off_diagonal(margin), ranking_hinge(sim, margin)
        hardest = sim.masked_fill(torch.eye(len(sim), dtype=torch.bool), float("-inf")).amax(1)
        progress = inputs.get("progress")
        return {
            "margin mean": float(negatives.mean()),
            "margin sd": float(negatives.std(correction=0)),
            "clipped": 100 * float((negatives <= 0).float().mean()),
            "active": 100 * float(torch.stack([(off_diagonal(h) > 0).float().mean() for h in hinges]).mean()),
            "gap": float((sim.diagonal() - hardest).mean()),
            "lambda": 0.5 if progress is None else float(loss.schedule(progress)),
            "spread": float(off_diagonal(sim).std(correction=0)),
            "margins": np.histogram(negatives.flatten().numpy(), BINS)[0].tolist(),
        }


def _inputs(output: Output, batch: Batch) -> dict[str, Any]:
    """What a loss may use beside the similarities."""
    teachers = {"text_teacher": batch.text_teacher, "video_teacher": batch.video_teacher}
    return {"text": output.text, "video": output.video, **teachers, "progress": batch.progress}


def train_logged(loss: CMGSDLoss, steps: int = 90, scale: float = 1.0, told: bool = True) -> list[Record]:
    """Train gated experts with an adaptive margin and keep a line of the log for every step.

    Args:
        loss: Of a batch.
        steps: Of 96 pairs.
        scale: What similarities are multiplied by before they are handed over.
        told: Whether ``progress`` is handed over.

    Source:
        ours.

    Example:
        >>> len(train_logged(CMGSDLoss(), steps=2))
        2
    """
    model, lines = new_model(), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for batch in batches(steps, 96):
        output = model(batch.text, batch.features, batch.masks)
        inputs = _inputs(output, batch) | ({} if told else {"progress": None})
        lines.append(log_line(loss, scale * output.sim, **inputs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package says at once that these are no cosines
            value = loss(scale * output.sim, **inputs)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return lines


@dataclass(frozen=True)
class Runs:
    """What the trainings of a loss gave on the test clips, a row a seed.

    Args:
        recall: R@10 of each clip's sentences, summed [seeds, clips], in percent.
        gain: nDCG of the same.
        count: Sentences of each clip.

    Example:
        >>> Runs(np.ones((1, 2)), np.ones((1, 2)), np.ones(2)).mean("recall")
        1.0
    """

    recall: Any
    gain: Any
    count: Any

    def mean(self, of: str) -> float:
        """Mean over seeds and sentences of "recall" or "gain"."""
        return float(getattr(self, of).sum(1).mean() / self.count.sum())

    def above(self, other: Runs, of: str) -> tuple[float, float, float]:
        """The difference to another loss's runs and the ends of its interval, over clips and seeds."""
        found = paired_interval(getattr(self, of), getattr(other, of), self.count)
        return found.difference, found.low, found.high


def train(loss: Loss, seed: int, steps: int = 60, size: int = 96) -> RetrievalModel:
    """Train gated experts with a loss of this package, or with one's own function of ``sim``.

    Args:
        loss: Of a batch.
        seed: Of weights and batches, so that two losses with one seed see the same.
        steps: How many.
        size: Pairs in a batch.

    Source:
        ours.

    Example:
        >>> type(train(lambda sim: -sim.diagonal().mean(), seed=0, steps=1)).__name__
        'GatedExpertsModel'
    """
    model = new_model(seed=seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for batch in batches(steps, size, seed):
        output = model(batch.text, batch.features, batch.masks)
        value = loss(output.sim, **(_inputs(output, batch) if isinstance(loss, nn.Module) else {}))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


def over_seeds(make: Callable[[int], Loss], seeds: Sequence[int] = range(5)) -> Runs:
    """Train a loss with several seeds and measure each on the test clips.

    Args:
        make: Of a seed: the loss.
        seeds: Each a training.

    Source:
        ours.

    Example:
        >>> over_seeds(lambda seed: CMGSDLoss()).recall.shape  # doctest: +SKIP
        (5, 1000)
    """
    (data, relevance), found = ready(), []
    owner = data.test.video_of_text.numpy()
    for seed in seeds:
        sim = score(train(make(seed), seed), data.test).numpy()
        found.append((100.0 * (ranks(sim, owner) <= 10), ndcg_per_query(sim, relevance)))
    recall, gain = (
        np.stack([np.bincount(owner, values, len(data.test)) for values in one])
        for one in zip(*found, strict=True)
    )
    return Runs(recall, gain, np.bincount(owner, minlength=len(data.test)).astype(float))


def patients() -> dict[str, list[Record]]:
    """Logs of four trainings, each healthy or with one fault; which has which is for the reader to say.

    Source:
        ours.

    Example:
        >>> list(patients())  # doctest: +SKIP
        ['A', 'B', 'C', 'D']
    """
    return {
        "A": train_logged(CMGSDLoss(), steps=40, told=False),
        "B": train_logged(CMGSDLoss(beta=0.4), steps=40),
        "C": train_logged(CMGSDLoss(reduction="smooth", temperature=0.06), steps=40),
        "D": train_logged(CMGSDLoss(), steps=40, scale=14.0),
    }


class SmallClip:
    """80 training clips as one frame each, their captions as word numbers, and CLIPs without pretraining.

    A Hugging Face CLIP of two layers with random weights: nothing is downloaded.

    Example:
        >>> list(SmallClip().pixels.shape)  # doctest: +SKIP
        [80, 3, 32, 32]
    """

    clips, length = 80, 16

    def __init__(self) -> None:
        train, (first, count) = ready()[0].train, ready()[0].train.first_caption_and_count()
        names = train.video_ids[: self.clips]
        frames = np.stack([minivtt.clip(name).frames()[4, ::4, ::4] for name in names])
        self.pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
        of_clips = train.captions[: self.clips]
        captions = [caption.lower().split() for of_clip in of_clips for caption in of_clip]
        words = sorted({word for caption in captions for word in caption})
        code = {word: number for number, word in enumerate(words, start=3)}  # 0 begins, 1 pads, 2 ends
        rows = [[0, *(code[word] for word in caption[: self.length - 2]), 2] for caption in captions]
        self.ids = torch.tensor([row + [1] * (self.length - len(row)) for row in rows])
        self.owner, self.first, self.count = train.video_of_text[: len(rows)], first, count
        self.words = len(words) + 3

    def model(self) -> Any:
        """Build a CLIP with random weights, the same each time."""
        transformers = require("transformers", "course")
        size = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
        special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
        text = {**size, **special, "vocab_size": self.words, "max_position_embeddings": self.length}
        image = {**size, "image_size": 32, "patch_size": 8}
        with torch.random.fork_rng():
            torch.default_generator.manual_seed(0)
            config = transformers.CLIPConfig(text_config=text, vision_config=image, projection_dim=64)
            return transformers.CLIPModel(config)

    def inputs(self, batch: Batch) -> dict[str, Tensor]:
        """What CLIP is called with for a batch of these clips."""
        generator = torch.Generator().manual_seed(round(1e6 * batch.progress))
        share = torch.rand(len(batch.rows), generator=generator)
        ids = self.ids[self.first[batch.rows] + (share * self.count[batch.rows]).long()]
        pixels = self.pixels[batch.rows]
        return {"input_ids": ids, "attention_mask": (ids != 1).long(), "pixel_values": pixels}

    def train(self, loss_of: Callable[[Any, SmallClip, Batch], Tensor], steps: int = 80) -> Any:
        """Train a CLIP with a function of model, these clips and batch that gives the loss."""
        clip = self.model()
        optimizer = torch.optim.AdamW(clip.parameters(), lr=5e-4)
        for batch in batches(steps, 40, clips=self.clips):
            optimizer.zero_grad()
            loss_of(clip, self, batch).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return clip

    def recall(self, clip: Any) -> float:
        """R@10 of all captions among the 80 frames it was trained on, in percent."""
        with torch.inference_mode():
            out = clip.eval()(
                input_ids=self.ids, attention_mask=(self.ids != 1).long(), pixel_values=self.pixels
            )
        sim = (out.text_embeds @ out.image_embeds.T).numpy()
        return retrieval_metrics(sim, self.owner.numpy())["t2v"]["R@10"]
