"""Paragraph retrieval: all sentences on moments of a video are one text, for training and as a query."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cmgsd_lite.data.dataset import RetrievalDataset, Split
from cmgsd_lite.data.formats.json_captions import START


def join_paragraphs(dataset: RetrievalDataset) -> RetrievalDataset:
    """Join the sentences of each video, in the order of time, to its one caption and one query.

    Where a file says when a moment begins (ActivityNet, DiDeMo), that is the order; published code joins
    them as they stand in the file, which is mostly the same: a note counts where it is not.

    Args:
        dataset: Whose captions are about moments of videos.

    Returns:
        The data set with one caption a video in every split.

    Raises:
        ValueError: no video has more than one caption.

    Source:
        video-paragraph retrieval as in CE, MMT and CLIP4Clip.

    Example:
        >>> joined = join_paragraphs(load_folder("activitynet"))  # doctest: +SKIP
        >>> joined.test.captions["QOlSCBRmfWY"]                   # doctest: +SKIP
        ['A young woman stands in a room. She dances.']
    """
    splits = {split.name: split for split in (dataset.train, dataset.validation, dataset.test)}
    if all(len(mine) < 2 for split in splits.values() for mine in split.captions.values()):
        raise ValueError(
            f"queries: expected several sentences a video to join, found one each in {dataset.name}; "
            "leave --queries paragraph out, each is its video's paragraph already"
        )
    orders = {name: {v: _order(split, v) for v in split.captions} for name, split in splits.items()}
    joined: dict[str, Any] = {name: _joined(split, orders[name]) for name, split in splits.items()}
    moved = sum(order != sorted(order) for mine in orders.values() for order in mine.values())
    notes = [f"the sentences of {sum(map(len, splits.values())):,} videos are joined to one paragraph each"]
    notes += (
        [f"paragraphs: {moved:,} are in the order of time, which is not that of the file"] if moved else []
    )
    return replace(dataset, **joined, notes=[*dataset.notes, *notes])


def _order(split: Split, video: str) -> list[int]:
    """The sentences by when their moments begin; as they stand where that is not known of all."""
    extras: Sequence[dict[str, Any]] = split.extras["sentences"].get(video, [])
    starts = [extra[START] for extra in extras if START in extra]
    numbers = list(range(len(split.captions[video])))
    if len(starts) != len(numbers):
        return numbers
    return sorted(numbers, key=lambda number: starts[number])


def _joined(split: Split, orders: dict[str, list[int]]) -> Split:
    texts = {
        video: [" ".join(mine[number].strip() for number in orders[video])]
        for video, mine in split.captions.items()
    }
    return replace(split, captions=texts, queries=dict(texts), extras={**split.extras, "sentences": {}})
