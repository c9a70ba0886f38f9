"""The first model and the first batch of the course, each by one call: chapters 00 and 01 look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.data.dataset import Split
from cmgsd_lite.evaluation.metrics import ranks
from cmgsd_lite.losses import MaxMarginRankingLoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.scoring import score

BELOW = -9.0
"""Below every similarity."""


class Search(NamedTuple):
    """A trained model's answers to MiniVTT's test queries, beside the truth.

    Args:
        queries: Sentences [queries].
        clips: Names of the clips [clips].
        sim: Similarities [queries, clips].
        own: Number of the clip that each sentence was written for [queries].
        true: Whether the sentence is true of the clip [queries, clips].
        relevance: How much of the sentence is true of the clip, from 0 to 1 [queries, clips].

    Example:
        >>> search = train_first_model()  # doctest: +SKIP
    """

    queries: list[str]
    clips: tuple[str, ...]
    sim: Tensor
    own: Tensor
    true: Tensor
    relevance: Tensor


class Batch(NamedTuple):
    """Captions and their clips as training draws them, beside the truth.

    Args:
        captions: Sentences [N].
        clips: Names of their clips [N].
        false_negative: Whether caption i is true of clip j although they are no pair [N, N].

    Example:
        >>> batch = draw_batch(4)
        >>> len(batch.captions), batch.false_negative.shape
        (4, torch.Size([4, 4]))
    """

    captions: list[str]
    clips: list[str]
    false_negative: Tensor


def train_first_model(epochs: int = 8, seed: int = 0) -> Search:
    """Train two small encoders on MiniVTT and let them answer every test query.

    Args:
        epochs: Passes over the 2,000 training clips.
        seed: Of the initialisation and the batches.

    Returns:
        3,000 queries, 1,000 clips; a margin of .2 and the 4 hardest negatives of each anchor.

    Source:
        ours.

    Example:
        >>> search = train_first_model()  # doctest: +SKIP
    """
    dataset = load_dataset()
    prepared = PreparedDataset.of(dataset, queries="protocol")
    widths = {name: tokens.shape[2] for name, tokens in prepared.train.features.items()}
    model = build_model(ModelConfig("mean-pool", prepared.train.text.shape[1], widths), seed=seed)
    loss = MaxMarginRankingLoss(0.2, reduction=4)
    fit(model, loss, prepared.train, config=TrainingConfig(epochs=epochs, seed=seed), progress=False)
    test, rows = dataset.test, list(_query_rows(dataset.test))
    return Search(
        queries=[text for clip in test.video_ids for text in test.queries[clip]],
        clips=tuple(test.video_ids),
        sim=score(model, prepared.test),
        own=prepared.test.video_of_text,
        true=torch.from_numpy(minivtt.entailment(test)[rows]),
        relevance=torch.from_numpy(minivtt.relevance(test)[rows]),
    )


def ranks_in_parts(search: Search, size: int) -> NDArray[np.float64]:
    """Rank each own clip among the clips of its own part of the gallery alone.

    Args:
        search: Of a trained model.
        size: Clips of a part; the number of all clips is a multiple of it.

    Returns:
        Ranks [queries], ties averaged.

    Source:
        ours.

    Example:
        >>> ranks_in_parts(search, 250).max() <= 250  # doctest: +SKIP
    """
    part = torch.arange(len(search.clips)) // size
    elsewhere = part[search.own][:, None] != part[None, :]
    return ranks(search.sim.masked_fill(elsewhere, BELOW), search.own)


def ranks_of_any_that_fits(search: Search, sim: Tensor) -> NDArray[np.float64]:
    """Rank the best clip that a query is true of; its own clip counts even where the query is mistaken.

    Args:
        search: Knows the truth.
        sim: Scores [queries, clips], those of ``search`` or others.

    Returns:
        Ranks [queries], ties averaged.

    Source:
        ours.

    Example:
        >>> ranks_of_any_that_fits(search, search.sim)  # doctest: +SKIP
    """
    fits = search.true.scatter(1, search.own[:, None], True)
    best = sim.masked_fill(~fits, BELOW).argmax(dim=1)
    return ranks(sim, best)


def draw_batch(size: int = 128, seed: int = 0) -> Batch:
    """Draw training clips at random, each with one of its captions.

    Args:
        size: Number of pairs N.
        seed: Of the draw.

    Returns:
        The batch; nothing of its diagonal is a false negative.

    Source:
        ours.

    Example:
        >>> draw_batch(2).captions == draw_batch(2).captions
        True
    """
    train = load_dataset().train
    generator = torch.Generator().manual_seed(seed)
    counts = torch.tensor([len(train.captions[clip]) for clip in train.video_ids])
    drawn = torch.randperm(len(train), generator=generator)[:size]
    one = (torch.rand(size, generator=generator) * counts[drawn]).long()
    rows = (counts.cumsum(0) - counts)[drawn] + one
    clips = [train.video_ids[i] for i in drawn.tolist()]
    captions = [train.captions[clip][k] for clip, k in zip(clips, one.tolist(), strict=True)]
    false = minivtt.false_negatives(train, drawn.tolist(), rows.tolist())
    return Batch(captions, clips, torch.from_numpy(false))


def _query_rows(split: Split) -> Iterator[int]:
    """Rows of the truth (one a caption) that belong to the queries: each clip's first captions."""
    row = 0
    for clip in split.video_ids:
        yield from range(row, row + len(split.queries[clip]))
        row += len(split.captions[clip])
