"""A split made ready for training: tensors, text vectors and teachers, computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from cmgsd_lite.data import RetrievalDataset, Split
from cmgsd_lite.data.formats.tables import ALIKE, MAGNITUDE
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.teachers import Statistics, feature_statistics, text_teacher, video_teacher
from cmgsd_lite.training.digests import digest

Encode = Callable[[Sequence[str]], Tensor]


@dataclass(frozen=True)
class PreparedSplit:
    """One split as tensors; videos are rows in the order of ``video_ids``.

    Args:
        video_ids: V names.
        features: Tokens of each expert [V, T, D], float32.
        masks: Boolean [V, T] of each expert.
        text: Frozen vectors of all captions [C, D_text], those of one video next to each other.
        video_of_text: Row of the video that each caption belongs to [C], rising.
        text_teacher: Static text teacher [V, D']: the mean over all captions of a video.
        video_teacher: Static video teacher [V, D'']: the features, standardised on the training videos.
        caption_digest: Of the texts that ``text`` was encoded from, or empty where they are not known.
        captions: The texts themselves, those of each video [V], for teachers that read words; empty where
            they are not known, or ``text`` is of other texts.

    Example:
        >>> prepared = prepare_split(split, WordLlamaEncoder().encode)  # doctest: +SKIP
    """

    video_ids: list[str]
    features: dict[str, Tensor]
    masks: dict[str, Tensor]
    text: Tensor
    video_of_text: Tensor
    text_teacher: Tensor
    video_teacher: Tensor
    caption_digest: str = ""
    captions: Sequence[Sequence[str]] = ()

    def __len__(self) -> int:
        return len(self.video_ids)

    def videos(self, index: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return features and masks of some videos."""
        return (
            {name: values[index] for name, values in self.features.items()},
            {name: mask[index] for name, mask in self.masks.items()},
        )

    def to(self, device: torch.device) -> Self:
        """Return the split on a device; itself if it is there."""
        if self.text.device == device:
            return self
        moved: dict[str, Any] = {
            name: {key: x.to(device) for key, x in value.items()}
            if isinstance(value, dict)
            else value.to(device)
            for name, value in vars(self).items()
            if isinstance(value, dict | Tensor)
        }
        return replace(self, **moved)

    def first_caption_and_count(self) -> tuple[Tensor, Tensor]:
        """Return, for every video, the row of its first caption and how many it has, [V] each."""
        counts = torch.bincount(self.video_of_text, minlength=len(self))
        return counts.cumsum(0) - counts, counts


@dataclass(frozen=True)
class PreparedDataset:
    """The three splits of a data set, ready.

    Example:
        >>> prepared = PreparedDataset.of(load_dataset())  # doctest: +SKIP
    """

    train: PreparedSplit
    validation: PreparedSplit
    test: PreparedSplit

    @classmethod
    def of(cls, dataset: RetrievalDataset, queries: str = "all", encode: Encode | None = None) -> Self:
        """Prepare a data set; everything that is fitted is fitted on the training videos.

        Args:
            dataset: As ``load_dataset`` returns it.
            queries: Test queries: ``"all"`` captions of a video (``"paragraph"``: of joined ones, the same),
                or the ``"protocol"``'s own sentences.
            encode: Frozen text encoder; WordLlama by default.

        Returns:
            The prepared data set.

        Raises:
            ValueError: On another ``queries``.
        """
        if queries not in ("all", "protocol", "paragraph"):
            raise ValueError(f"queries: expected 'all', 'protocol' or 'paragraph', got {queries!r}")
        encode = WordLlamaEncoder().encode if encode is None else encode
        statistics = feature_statistics(*_tensors(dataset.train))
        test_texts = dataset.test.queries if queries == "protocol" else None
        return cls(
            prepare_split(dataset.train, encode, statistics),
            prepare_split(dataset.validation, encode, statistics),
            prepare_split(dataset.test, encode, statistics, test_texts),
        )


def prepare_split(
    split: Split,
    encode: Encode,
    statistics: Mapping[str, Statistics] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
) -> PreparedSplit:
    """Encode the captions of a split and build its teachers.

    Args:
        split: Videos with features and captions.
        encode: Frozen text encoder: N strings to [N, D].
        statistics: Of the training videos' features; the split's own by default.
        texts: Texts to encode instead of all captions (the text teacher still sees all captions).

    Returns:
        The prepared split.

    Raises:
        ValueError: If the split has no video, or one without captions, or an empty text.

    Source:
        ours.

    Example:
        >>> prepared = prepare_split(split, WordLlamaEncoder().encode)  # doctest: +SKIP
    """
    if len(split) == 0:
        raise ValueError(f"split {split.name!r}: expected at least one video, got none")
    features, masks = _tensors(split)
    chosen = split.captions if texts is None else texts
    flat = [text for name in split.video_ids for text in chosen.get(name, [])]
    counts = torch.tensor([len(chosen.get(name, [])) for name in split.video_ids])
    _check_texts(split, chosen, all_of_them=texts is None)
    vectors = encode(flat)
    captions = [split.captions[name] for name in split.video_ids]
    return PreparedSplit(
        list(split.video_ids),
        features,
        masks,
        vectors,
        torch.repeat_interleave(torch.arange(len(split)), counts),
        # The texts are the captions in the same order, unless others were asked for.
        text_teacher(captions, encode if texts is not None else lambda _: vectors),
        video_teacher(features, masks, statistics or feature_statistics(features, masks)),
        digest(repr(list(chosen.get(name, []))) for name in split.video_ids),
        captions if texts is None else (),
    )


def check_learnable(train: PreparedSplit) -> None:
    """Raise ValueError unless there is something to learn from training videos.

    It is so if a feature is NaN, infinite or above ``MAGNITUDE``, an expert has no video or a video no
    expert, or the features of all videos are alike to within ``ALIKE``.
    """
    for name, values in train.features.items():
        here = train.masks[name]
        if not bool(here.any()):
            raise ValueError(
                f"features[{name!r}]: expected training videos that have this expert, got none; leave it out"
            )
        largest = max(map(float, torch.aminmax(values)), key=abs)
        if not abs(largest) <= MAGNITUDE:  # NaN too; it may stand where nobody reads
            seen = values[here]
            if not bool((seen.abs() <= MAGNITUDE).all()):
                raise ValueError(
                    f"features[{name!r}]: expected finite numbers up to {MAGNITUDE:g}, which can be squared, "
                    "got larger ones, NaN or infinity; leave these videos out"
                )
    empty = ~torch.stack([mask.any(dim=1) for mask in train.masks.values()]).any(dim=0)
    if bool(empty.any()):
        name = train.video_ids[int(empty.nonzero()[0])]
        raise ValueError(
            f"masks: expected a token in every training video, got none in {name!r}; leave it out"
        )
    if all(_alike(values) for values in train.features.values()):
        raise ValueError("features: expected training videos that differ, got the same features for all")


def _alike(rows: Tensor) -> bool:
    low, high = torch.aminmax(rows, dim=0)
    return bool((high - low <= ALIKE).all())


def group_codes(ids: Sequence[Hashable] | None, count: int) -> Tensor:
    """Number the groups of known positives [count]: equal ids, equal numbers; None: every video is its own.

    Raises ValueError if ``ids`` has another length.
    """
    if ids is None:
        return torch.arange(count)
    if len(ids) != count:
        raise ValueError(f"ids: expected one for each of the {count} training videos, got {len(ids)}")
    known: dict[Hashable, int] = {}
    return torch.tensor([known.setdefault(name, len(known)) for name in ids])


def _check_texts(split: Split, texts: Mapping[str, Sequence[str]], all_of_them: bool) -> None:
    """An empty text would be the zero vector. A video may have no query, but not no caption."""
    for name in split.video_ids:
        mine = texts.get(name, [])
        if (all_of_them and not mine) or not all(text.strip() for text in mine):
            raise ValueError(
                f"split {split.name!r}: expected texts with words for every video, found "
                f"{'an empty one' if mine else 'none'} for {name!r}"
            )


def _tensors(split: Split) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return (
        {name: torch.from_numpy(values) for name, (values, _) in split.features.items()},
        {name: torch.from_numpy(mask) for name, (_, mask) in split.features.items()},
    )
