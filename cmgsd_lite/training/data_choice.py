"""Which data an experiment runs on: folder or embedded data, protocol, experts, held-out videos."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data import RetrievalDataset, Split, join_paragraphs, load_dataset, load_folder
from cmgsd_lite.data.anchors import PROTOCOL as ANCHORS
from cmgsd_lite.data.anchors import load_anchors
from cmgsd_lite.data.dataset import MAX_TOKENS
from cmgsd_lite.validation import store_plain


@dataclass(frozen=True)
class DataConfig:
    """Which data an experiment runs on.

    Args:
        data: ``"minivtt"`` or a folder.
        protocol: Split protocol, or None for the data's own default.
        experts: Names of the feature tables, or None: those that some training video has; of these those
            with one vector a video where every video has one, else all (see ``one_vector_each``).
        queries: Test queries: ``"all"`` captions, the ``"protocol"``'s own sentences, ``"paragraph"``: all
            sentences of a video as one text, in training too; or None: all, but the protocol's three a clip
            on the embedded data.
        max_tokens: Longer videos of a folder are cropped to so many tokens, evenly spaced.
        held_out: How many training videos are taken out and stand where the test videos stood: for
            choices that need more videos than validation has. 0 for the real test videos.

    Example:
        >>> DataConfig().data
        'minivtt'
    """

    data: str = "minivtt"
    protocol: str | None = None
    experts: tuple[str, ...] | None = None
    queries: str | None = None
    max_tokens: int = MAX_TOKENS
    held_out: int = 0

    def __post_init__(self) -> None:
        store_plain(self)

    @property
    def asked(self) -> str:
        """The test queries: ``"all"``, ``"protocol"`` or ``"paragraph"``."""
        return self.queries or ("protocol" if self.data == "minivtt" else "all")

    def load(self) -> RetrievalDataset:
        """Load the data set.

        Returns:
            The data set with the chosen experts alone.

        Raises:
            DataError: If the data can not be read.
            ValueError: If more videos are to be held out than there are to train on, or there are no
                sentences to join to paragraphs.
        """
        if self.queries == "paragraph" and self.data == "minivtt":
            raise ValueError(
                "--queries paragraph: expected sentences on moments of videos, found minivtt, whose captions "
                "are each of the whole clip; take all or protocol"
            )
        dataset = self._read(None if self.experts is None else list(self.experts))
        if self.experts is None:
            lacking = [name for name, of_one in dataset.train.features.items() if not of_one.mask.any()]
            if lacking:  # what no training video has would reach the test videos untrained
                dataset = self._read([name for name in dataset.train.features if name not in lacking])
            chosen, notes = one_vector_each(dataset)
            dataset = dataset if chosen is None else self._read(chosen)
            notes += [f"experts left out: {', '.join(lacking)} (no training video has it)"] * bool(lacking)
            dataset = replace(dataset, notes=[*dataset.notes, *notes])
        if self.queries == "paragraph":
            dataset = join_paragraphs(dataset)
        return hold_out(dataset, self.held_out) if self.held_out else dataset

    def _read(self, experts: list[str] | None) -> RetrievalDataset:
        if self.protocol == ANCHORS:
            return load_anchors(self.data)
        if self.data == "minivtt":
            return load_dataset(self.data, self.protocol, experts)
        return load_folder(self.data, self.protocol, experts, max_tokens=self.max_tokens)


def one_vector_each(dataset: RetrievalDataset) -> tuple[list[str] | None, list[str]]:
    """Choose among experts where nobody chose: those of one vector a video suffice if every video has one.

    The others are most often the same features before the mean over frames was taken, many times as large.
    They are left out only where that costs no video; a choice that does is left to ``--experts``. Returns
    names of experts, or None for all, and what to say about it.
    """
    lengths = {name: expert.values.shape[1] for name, expert in dataset.train.features.items()}
    single = [name for name, length in lengths.items() if length == 1]
    longer = [name for name in lengths if name not in single]
    if not single or not longer:
        return None, []
    splits = (dataset.train, dataset.validation, dataset.test)
    costs = {split.name: int((~_has_one_of(split, single)).sum()) for split in splits}
    means, frames, every = ", ".join(single), ", ".join(longer), ",".join(lengths)
    if not any(costs.values()):
        return single, [
            f"experts left out: {frames} (several vectors a video); it costs no video, for each has one "
            f"vector in {means}; --experts {every} uses all"
        ]
    counts = ", ".join(f"{costs[split.name]:,} of {len(split):,} {split.name}" for split in splits)
    return None, [
        f"experts used: all, {frames} (several vectors a video) too, because {counts} videos have nothing in "
        f"{means}; --experts {','.join(single)} would leave these videos out"
    ]


def _has_one_of(split: Split, experts: list[str]) -> NDArray[np.bool_]:
    """Which videos have features of at least one of the experts [V]."""
    found = np.zeros(len(split), bool)
    for name in experts:
        found |= split.features[name].mask.any(axis=1)
    return found


def hold_out(dataset: RetrievalDataset, videos: int) -> RetrievalDataset:
    """Put so many training videos where the test videos stood, which a choice must not see.

    Raises ValueError if ``videos`` is not between 1 and the number of training videos - 1.
    """
    train = dataset.train
    if not 1 <= videos < len(train):
        raise ValueError(f"held_out: expected 1 to {len(train) - 1} training videos, got {videos}")
    # Sorted: the same videos whatever the order of the list.
    drawn = np.random.default_rng(2021).choice(sorted(train.video_ids), videos, replace=False)
    apart = set(drawn.tolist())
    kept = train.subset(video for video in train.video_ids if video not in apart)
    held = train.subset(video for video in train.video_ids if video in apart)
    note = f"{videos:,} training videos are held out and stand where the test videos stood"
    return replace(dataset, train=kept, test=replace(held, name="test"), notes=[*dataset.notes, note])
