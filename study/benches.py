"""The data of the study: each set with the videos that are held out of its training."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data import RetrievalDataset, Split
from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.errors import DataError
from cmgsd_lite.models import Kind, ModelConfig, RetrievalModel, build_model
from cmgsd_lite.teachers import Teacher
from cmgsd_lite.training.experiment import DataConfig
from cmgsd_lite.training.ground_truth import known_relevance
from cmgsd_lite.training.prepare import PreparedDataset, PreparedSplit
from cmgsd_lite.training.teaching import prepare_teacher
from cmgsd_lite.training.trainer import BatchRelevance
from study import plan
from study.plan import Set

IDS = Path(__file__).with_name("held_out.json")
FRAMES = "efficientnet_lite0_frames_pca256"
Part = Literal["choose", "confirm"]


class Gallery:
    """Videos that a trained model is measured on.

    Args:
        dataset: Whose test videos they are.
        prepared: The same, as the model sees them.
        queries: Which of their texts are asked.
    """

    def __init__(self, dataset: RetrievalDataset, prepared: PreparedSplit, queries: str) -> None:
        self.prepared, self._dataset, self._queries = prepared, dataset, queries

    @cached_property
    def relevance(self) -> dict[str, NDArray[Any]]:
        """Graded relevance by kind, the main kind first."""
        return known_relevance(self._dataset, self._queries).kinds


class StudyBench:
    """A set of the study, with one part of its training videos held out and measured on.

    Args:
        name: Of ``SETS``.
        part: Which part is measured on: ``"choose"`` trains without both parts, ``"confirm"`` with the first.

    Raises:
        DataError: If the real data is not there.

    Example:
        >>> StudyBench("minivtt", "choose").galleries  # doctest: +SKIP
    """

    def __init__(self, name: Set, part: Part) -> None:
        self.name, self.part = name, part
        config = config_of(name)
        official = config.load()
        choose, confirm = (set(ids) for ids in held_out(name))
        missing = (choose | confirm) - set(official.train.video_ids)
        if missing:
            raise DataError(
                f"{IDS.name}: {len(missing)} of its videos are not in the training split of {name}"
            )
        apart = choose | confirm if part == "choose" else confirm
        measured = choose if part == "choose" else confirm
        train = official.train.subset(v for v in official.train.video_ids if v not in apart)
        held = official.train.subset(v for v in official.train.video_ids if v in measured)
        dataset = replace(official, train=train, test=_asked(held, config.asked))
        self.prepared = PreparedDataset.of(dataset, config.asked)
        self.truth: BatchRelevance | None = batch_relevance(train) if dataset.name == "minivtt" else None
        self.galleries: dict[str, Gallery] = {part: Gallery(dataset, self.prepared.test, config.asked)}
        if part == "confirm":
            seen = PreparedDataset.of(replace(official, train=train), config.asked).test
            self.galleries["seen"] = Gallery(official, seen, config.asked)
        self._teachers: dict[str, Teacher] = {}

    @property
    def train(self) -> PreparedSplit:
        """The training videos that are left."""
        return self.prepared.train

    @property
    def model(self) -> Kind:
        """Kind of model that is trained on this set."""
        return "transformer" if self.name == "msrvtt-frames" else "mean-pool"

    def build_model(self, seed: int) -> RetrievalModel:
        """Build the untrained model of a seed."""
        dims = {name: values.shape[2] for name, values in self.train.features.items()}
        return build_model(ModelConfig(self.model, self.train.text.shape[1], dims), seed)

    def teacher(self, name: str) -> Teacher:
        """Return a teacher by name, prepared once on the training videos that are left."""
        if name not in self._teachers:
            self._teachers[name] = prepare_teacher(name, self.train)
        return self._teachers[name]


def family(name: Set) -> str:
    """Return which of ``HELD_OUT`` a set belongs to."""
    return name.split("-")[0]


def has_data(name: Set) -> bool:
    """Return whether a set can be trained on here: embedded data always, real data with ``CMGSD_DATA``."""
    return family(name) == "minivtt" or bool(os.environ.get("CMGSD_DATA"))


def config_of(name: Set) -> DataConfig:
    """Return where a set lies; real data in the folder that ``CMGSD_DATA`` names.

    Raises:
        DataError: If it names none.
    """
    if family(name) == "minivtt":
        rate = name.removeprefix("minivtt").removeprefix("-") or "default"
        return DataConfig("minivtt", rate)
    folder = os.environ.get("CMGSD_DATA")
    if not folder:
        raise DataError(
            f"{name}: expected the environment variable CMGSD_DATA to name a folder, it is not set"
        )
    return DataConfig(folder, "full", (FRAMES,) if name == "msrvtt-frames" else None)


def held_out(name: Set) -> tuple[list[str], list[str]]:
    """Return the ids of the videos held out for choosing, and for confirming."""
    ids = json.loads(IDS.read_text(encoding="utf-8"))[family(name)]
    return ids["choose"], ids["confirm"]


def draw_ids(video_ids: list[str], sizes: tuple[int, int], seed: int = 2026) -> dict[str, list[str]]:
    """Draw the two parts; how ``held_out.json`` was made.

    Args:
        video_ids: Of the training videos, in any order.
        sizes: How many are for choosing and for confirming.
        seed: Of the draw.

    Example:
        >>> {part: len(ids) for part, ids in draw_ids(["a", "b", "c", "d"], (1, 2)).items()}
        {'choose': 1, 'confirm': 2}
    """
    drawn = np.random.default_rng(seed).permutation(sorted(video_ids))
    choose, confirm = drawn[: sizes[0]], drawn[sizes[0] : sum(sizes)]
    return {"choose": sorted(choose.tolist()), "confirm": sorted(confirm.tolist())}


def write_ids() -> None:
    """Draw and write the ids of ``HELD_OUT``: done once, before anything was run."""
    main: dict[str, Set] = {"msrvtt": "msrvtt", "minivtt": "minivtt"}
    found = {}
    for name, sizes in plan.HELD_OUT.items():
        found[name] = draw_ids(list(config_of(main[name]).load().train.video_ids), sizes)
    IDS.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


def _asked(split: Split, queries: str) -> Split:
    """Held-out videos as test videos; where a protocol asks three captions of each, so does this."""
    if queries == "protocol":
        first = {video: split.captions[video][:3] for video in split.video_ids}
        split = replace(split, queries=first)
    return replace(split, name="test")
