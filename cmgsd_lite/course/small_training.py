"""A small training to look inside: MiniVTT, a model that averages tokens, eight epochs in two seconds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.losses import RetrievalLoss
from cmgsd_lite.margins import mask_margin
from cmgsd_lite.models import ModelConfig, RetrievalModel, build_model
from cmgsd_lite.training.devices import seeded
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import evaluate

SIZE, EPOCHS, RATE, LOOKED_AT = 128, 8, 1e-3, 1000
PROBE = 99
"""Seed of the batch on which every training is measured."""


class Batch(NamedTuple):
    """Pairs of the training set.

    Args:
        videos: Rows of the clips [N].
        captions: Rows of the captions [N], one for each clip.

    Example:
        >>> draw_batch(0).true.shape
        torch.Size([128, 128])
    """

    videos: Tensor
    captions: Tensor

    @property
    def true(self) -> Tensor:
        """Boolean [N, N]: is caption i true of clip j?"""
        return _truth()[self.captions][:, self.videos]

    @property
    def false(self) -> Tensor:
        """The false negatives [N, N]: true, and not on the diagonal."""
        return self.true & ~torch.eye(len(self.true), dtype=torch.bool)

    def words(self, i: int) -> str:
        """Caption i."""
        return _texts()[int(self.captions[i])]

    def clip(self, j: int) -> str:
        """The name of clip j."""
        return load_dataset().train.video_ids[int(self.videos[j])]


class Trained(NamedTuple):
    """What a small training leaves behind.

    Args:
        model: In evaluation mode.
        log: A number for every epoch by name: ``"R@10"`` (validation, percent), ``"loss"`` (mean of the
            epoch), and on one batch in evaluation mode ``"crowding"``, the mean cosine of different clips,
            ``"spread"``, the standard deviation of a text's negatives, ``"standing"``, how many spreads its
            own clip lies above their mean, averaged over the texts.
        looks: Similarities of a thousand training pairs [1000, 1000], before training and after each epoch.

    Example:
        >>> trained = train_small(MaxMarginRankingLoss(0.2, "smooth"))  # doctest: +SKIP
    """

    model: RetrievalModel
    log: dict[str, list[float]]
    looks: list[Tensor]


def train_small(
    loss: RetrievalLoss,
    *,
    rate: float = RATE,
    scale: float = 1.0,
    epochs: int = EPOCHS,
    masked: bool = False,
    look: bool = False,
    seed: int = 0,
) -> Trained:
    """Train the small model; start, batches and captions are the same every time.

    Args:
        loss: Of a matrix of similarities.
        rate: Learning rate of AdamW at the beginning; it falls along a cosine.
        scale: What the loss is multiplied with.
        epochs: Passes over the training clips, each with one random caption.
        masked: Whether the false negatives, known here alone, are left out (with a margin of .2 elsewhere).
        look: Whether to keep the similarities of a thousand pairs after every epoch.
        seed: Of start, batches and captions.

    Returns:
        Model, log and looks.

    Source:
        ours.

    Example:
        >>> train_small(MaxMarginRankingLoss(0.2), epochs=1).log["R@10"]  # doctest: +SKIP
        [38.9]
    """
    train = _prepared().train
    with seeded(seed, torch.device("cpu")):
        model = untrained(seed)
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(train) // SIZE))
        generator = torch.Generator().manual_seed(seed)
        log: dict[str, list[float]] = {}
        looks = [similarities(model, _many())] if look else []
        for _ in range(epochs):
            losses = []
            model.train()
            for batch in _batches(generator):
                sim = model(train.text[batch.captions], *train.videos(batch.videos)).sim
                given: dict[str, Any] = {"margin": mask_margin(batch.false, 0.2)} if masked else {}
                value = loss(sim, **given)
                optimizer.zero_grad()
                (scale * value).backward()
                optimizer.step()
                schedule.step()
                losses.append(value.item())
            for name, number in {"loss": sum(losses) / len(losses), **_measured(model)}.items():
                log.setdefault(name, []).append(number)
            looks += [similarities(model, _many())] if look else []
    return Trained(model.eval(), log, looks)


def untrained(seed: int = 0) -> RetrievalModel:
    """Return the small model before training.

    Args:
        seed: Of its weights.

    Source:
        ours.

    Example:
        >>> model = untrained()
    """
    train = _prepared().train
    widths = {name: tokens.shape[2] for name, tokens in train.features.items()}
    return build_model(ModelConfig("mean-pool", train.text.shape[1], widths), seed=seed)


def draw_batch(seed: int) -> Batch:
    """Draw 128 training clips, each with one of its captions.

    Args:
        seed: Of the draw.

    Source:
        ours.

    Example:
        >>> len(draw_batch(0).videos)
        128
    """
    return next(_batches(torch.Generator().manual_seed(seed)))


@torch.no_grad()
def similarities(model: RetrievalModel, batch: Batch) -> Tensor:
    """Similarities of a batch in evaluation mode: nothing is left to chance.

    Args:
        model: Any state of the small model.
        batch: As ``draw_batch`` returns it.

    Returns:
        [N, N]: rows are texts, columns are videos.

    Source:
        ours.

    Example:
        >>> similarities(untrained(), draw_batch(0)).shape
        torch.Size([128, 128])
    """
    train = _prepared().train
    sim: Tensor = model.eval()(train.text[batch.captions], *train.videos(batch.videos)).sim
    return sim


def in_units_of_anchors(sim: Tensor) -> Tensor:
    """Similarities in each text's own units: 0 is the mean of its negatives, 1 their standard deviation.

    Args:
        sim: Similarities [N, N]: rows are texts.

    Returns:
        [N, N]; the diagonal holds the standing of each text's own clip.

    Source:
        ours.

    Example:
        >>> in_units_of_anchors(torch.tensor([[0.5, 0.1, 0.3], [0.0, 1.0, 0.2], [0.2, 0.4, 0.7]]))[0, 0]
        tensor(2.1213)
    """
    n = len(sim)
    negatives = sim[~torch.eye(n, dtype=torch.bool)].view(n, n - 1)
    return (sim - negatives.mean(dim=1, keepdim=True)) / negatives.std(dim=1, keepdim=True)


def hardest_standing(sim: Tensor, k: int = 1) -> float:
    """Where the k hardest negatives of a text stand on average, in its own units.

    Args:
        sim: Similarities [N, N]: rows are texts.
        k: How many of each text.

    Returns:
        In standard deviations of the text's negatives.

    Source:
        ours.

    Example:
        >>> hardest_standing(torch.eye(3) + torch.tensor([0.0, 0.1, 0.3]), k=2)
        0.0
    """
    standing = in_units_of_anchors(sim).masked_fill(torch.eye(len(sim), dtype=torch.bool), -torch.inf)
    return round(float(standing.topk(k, dim=1).values.mean()), 6)


def soft_standing(sim: Tensor, temperature: float) -> float:
    """Where the negatives of a text stand on average if each counts as ``smooth`` counts it.

    Args:
        sim: Similarities [N, N]: rows are texts.
        temperature: Of ``smooth``.

    Returns:
        In standard deviations of the text's negatives: 0 where the temperature is large against them, that of
        the hardest one where it is small.

    Source:
        ours.

    Example:
        >>> soft_standing(torch.eye(3) + torch.tensor([0.0, 0.1, 0.3]), temperature=1000.0)
        0.0
    """
    own = torch.eye(len(sim), dtype=torch.bool)
    weights = (sim / temperature).masked_fill(own, -torch.inf).softmax(dim=1)
    return round(float((weights * in_units_of_anchors(sim)).sum(dim=1).mean()), 3) + 0.0


def truth_of_looks() -> Tensor:
    """The false negatives among the thousand pairs of ``Trained.looks``.

    Returns:
        Boolean [1000, 1000].

    Source:
        ours.

    Example:
        >>> truth_of_looks().shape
        torch.Size([1000, 1000])
    """
    return _many().false


@torch.no_grad()
def _measured(model: RetrievalModel) -> dict[str, float]:
    train, batch = _prepared().train, draw_batch(PROBE)
    output = model.eval()(train.text[batch.captions], *train.videos(batch.videos))
    outside = ~torch.eye(SIZE, dtype=torch.bool)
    clips = normalize(output.video, dim=1)
    return {
        "R@10": evaluate(model, _prepared().validation)["t2v"]["R@10"],
        "crowding": float((clips @ clips.T)[outside].mean()),
        "spread": float(output.sim[outside].view(SIZE, SIZE - 1).std(dim=1).mean()),
        "standing": float(in_units_of_anchors(output.sim).diagonal().mean()),
    }


def _batches(generator: torch.Generator) -> Iterator[Batch]:
    """Every clip once, in random order, with one random caption; what is left over is left out."""
    train = _prepared().train
    first, count = train.first_caption_and_count()
    for videos in torch.split(torch.randperm(len(train), generator=generator), SIZE):
        if len(videos) == SIZE:
            captions = first[videos] + (torch.rand(SIZE, generator=generator) * count[videos]).long()
            yield Batch(videos, captions)


@cache
def _prepared() -> PreparedDataset:
    return PreparedDataset.of(load_dataset(), queries="protocol")


@cache
def _truth() -> Tensor:
    return torch.from_numpy(minivtt.entailment(load_dataset().train))


@cache
def _texts() -> list[str]:
    train = load_dataset().train
    return [text for video in train.video_ids for text in train.captions[video]]


@cache
def _many() -> Batch:
    videos = torch.arange(LOOKED_AT)
    return Batch(videos, _prepared().train.first_caption_and_count()[0][videos])
