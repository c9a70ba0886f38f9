"""What is searched: features of videos, whoever wrote them, without captions, lists or rules for ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.data import Split
from cmgsd_lite.data.anchors import PROTOCOL as ANCHORS
from cmgsd_lite.data.dataset import MAX_TOKENS
from cmgsd_lite.data.discover import choose
from cmgsd_lite.data.formats.features import read_features
from cmgsd_lite.data.formats.tables import ExpertFeatures, pad
from cmgsd_lite.data.source import open_source
from cmgsd_lite.errors import DataError
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.models.base import TextExperts, VideoExperts
from cmgsd_lite.runtime import require
from cmgsd_lite.training.data_choice import DataConfig

BLOCK = 2048
"""Videos that are encoded and scored at a time: it bounds the memory, not the result."""


@dataclass(frozen=True)
class Gallery:
    """Videos to be searched; ``note`` says which of the videos that are there these are.

    ``features`` maps rows to the experts' padded features; ``captions`` are there as far as there are any.
    """

    ids: list[str]
    features: Callable[[slice], Mapping[str, ExpertFeatures]]
    captions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    note: str = ""

    @classmethod
    def of_split(cls, split: Split) -> Gallery:
        """Search the videos of a split."""

        def rows(some: slice) -> Mapping[str, ExpertFeatures]:
            return {name: ExpertFeatures(x.values[some], x.mask[some]) for name, x in split.features.items()}

        return cls(split.video_ids, rows, split.captions)

    @classmethod
    def open(cls, config: DataConfig, everything: bool = False) -> Gallery:
        """Open the data that a model is used on: all videos, or those of the test list, where there is one.

        Raises DataError if an expert is not there, or no video has one.
        """
        if config.data != "minivtt" and config.protocol != ANCHORS:
            return cls._of_folder(config, everything)
        if everything:
            raise ValueError(
                "--all: expected features in a folder; of the embedded data test clips are searched"
            )
        return cls.of_split(config.load().test)

    @classmethod
    def _of_folder(cls, config: DataConfig, everything: bool) -> Gallery:
        experts = list(config.experts or ())
        try:
            source = open_source(config.data, experts or None)
            tables, captions, lists = source.tables, source.annotations.captions, source.protocols
        except DataError:
            # Files that are a video each, under whatever names, are known for it when read by themselves.
            try:
                there = read_features(config.data)
                tables, captions, lists = choose(there, experts or None, there, Path(config.data)), {}, {}
            except (DataError, OSError):
                tables = {}
            if not tables:
                raise
        present = list(dict.fromkeys(video for table in tables.values() for video in table.position))
        if not present:
            raise DataError(f"{config.data}: expected features to search, found none{source.why}")
        protocol = lists.get(config.protocol or "") or next(iter(lists.values()), None)
        wanted = set(protocol.test) if protocol and not everything else set(present)
        ids = [video for video in present if video in wanted] or present
        few = len(ids) < len(present)
        note = f"{len(ids):,} test videos of {len(present):,}; --all searches all" if few else ""
        widths = {name: min(MAX_TOKENS, int(table.counts.max())) for name, table in tables.items()}

        def rows(some: slice) -> Mapping[str, ExpertFeatures]:
            return {name: pad(table, ids[some], widths[name]) for name, table in tables.items()}

        return cls(ids, rows, {video: captions[video] for video in ids if captions.get(video)}, note)

    def encoded(self, model: RetrievalModel, block: int = BLOCK) -> VideoExperts:
        """Encode all videos with a model, in blocks; ValueError if it was trained on other features."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(self.ids), block):
                experts = self.features(slice(start, start + block))
                values = {name: torch.from_numpy(x.values) for name, x in experts.items()}
                masks = {name: torch.from_numpy(x.mask) for name, x in experts.items()}
                parts.append(model.eval().encode_video(values, masks))
        return VideoExperts.join(parts)


class Hit(NamedTuple):
    """A video that was found: its score and its row in the gallery."""

    score: float
    row: int


def best_videos(model: RetrievalModel, text: TextExperts, videos: VideoExperts, top: int) -> list[Hit]:
    """Find the videos nearest to one encoded text by scoring all of them, block by block.

    Best first; of equal scores the earlier row. Raises ValueError if a score is NaN or infinite.
    """
    count, hits = len(videos.vectors), list[Hit]()
    for start in range(0, count, BLOCK):
        with torch.inference_mode():
            scores = model.similarity(text, videos.rows(slice(start, start + BLOCK)))[0]
        broken = int((~scores.isfinite()).sum())
        if broken:
            raise ValueError(
                f"scores: expected finite numbers, got NaN or infinity for {broken} of {count} videos"
            )
        best = scores.topk(min(top, len(scores)))
        hits += [
            Hit(score, start + row)
            for score, row in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.row))[:top]


class FaissIndex:
    """Approximate search with faiss: a graph (HNSW) for the videos of each set of present experts.

    The similarity divides by the weight of the experts that a video has; among videos that have the same ones
    that is one number a text, and the inner product ranks them. Raises DataError if faiss is not installed.

    Source:
        Malkov and Yashunin 2018, HNSW; Douze et al. 2024, faiss.
    """

    def __init__(self, videos: VideoExperts) -> None:
        faiss = require("faiss", "search")
        patterns, group = np.unique(videos.present.numpy(), axis=0, return_inverse=True)
        flat = videos.vectors.flatten(1).float().numpy()
        self._groups: list[tuple[Tensor, Any, Any]] = []
        for number, pattern in enumerate(patterns):
            rows = np.flatnonzero(group.reshape(-1) == number)
            index = faiss.IndexHNSWFlat(flat.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = 80
            index.add(np.ascontiguousarray(flat[rows]))
            self._groups.append((torch.from_numpy(pattern), rows, index))

    def best(self, text: TextExperts, top: int) -> list[Hit]:
        """Find the videos nearest to one text, most of them; arguments as of ``best_videos``."""
        query = (text.vectors * text.weights[:, :, None]).flatten(1).float().numpy()
        hits = list[Hit]()
        for present, rows, index in self._groups:
            index.hnsw.efSearch = max(64, 4 * min(top, len(rows)))
            total = max(float(text.weights[0] @ present.to(text.weights.dtype)), 1e-12)
            scores, found = index.search(query, min(top, len(rows)))
            pairs = zip(scores[0].tolist(), found[0].tolist(), strict=True)
            hits += [Hit(score / total, int(rows[place])) for score, place in pairs if place >= 0]
        return sorted(hits, key=lambda hit: (-hit.score, hit.row))[:top]


def recall_of(
    index: FaissIndex, model: RetrievalModel, texts: TextExperts, videos: VideoExperts, top: int
) -> float:
    """Measure which share, in [0, 1] over all queries, of what brute force finds an index finds too."""
    found = wanted = 0
    for text in _one_by_one(texts):
        best = {hit.row for hit in best_videos(model, text, videos, top)}
        found += len(best & {hit.row for hit in index.best(text, top)})
        wanted += len(best)
    return found / wanted


def _one_by_one(texts: TextExperts) -> Iterator[TextExperts]:
    for row in range(len(texts.vectors)):
        yield texts.rows(slice(row, row + 1))
