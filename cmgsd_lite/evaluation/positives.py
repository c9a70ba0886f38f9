"""Which answers are right, as pairs of a text and a video, and what is ranked above them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cmgsd_lite.evaluation.inputs import Array, Floats, Matrix, as_numbers, own_columns

LANES = 16
Indices = NDArray[np.intp]
Direction = Literal["t2v", "v2t"]
Positives = Matrix | Sequence[Sequence[int]]
"""Right answers: boolean [texts, videos], or for each text the columns of its right videos."""


class Pairs(NamedTuple):
    """Every text with each of its right videos, each pair once."""

    text: Indices
    video: Indices

    def queries(self, axis: int) -> Indices:
        """Those that have a right answer: texts (axis 1, their videos lie along it) or videos (axis 0)."""
        return np.unique(self.text if axis else self.video)


def right_pairs(video_of_text: Matrix | None, positives: Positives | None, shape: tuple[int, ...]) -> Pairs:
    """Take the right answers in either form, a column a text or sets of columns; ValueError if in none."""
    if positives is None:
        return Pairs(np.arange(shape[0]), own_columns(video_of_text, shape))
    if video_of_text is not None:
        raise ValueError("positives: expected alone, got video_of_text beside them")
    if isinstance(positives, np.ndarray | Tensor) and positives.ndim == 2:
        right = as_numbers("positives", positives)
        if right.dtype != bool or right.shape != shape:
            raise ValueError(
                f"positives: expected bool {list(shape)} like sim, got {right.dtype} {list(right.shape)}"
            )
        return _some(Pairs(*np.nonzero(right)))
    listed = cast(Sequence[Sequence[int]], positives)
    columns = [as_numbers(f"positives[{i}]", one) for i, one in enumerate(listed)]
    if len(columns) != shape[0]:
        raise ValueError(f"positives: expected {shape[0]} lists of columns, one a text, got {len(columns)}")
    for i, one in enumerate(columns):
        if one.ndim != 1 or (one.size and one.dtype.kind not in "iu"):
            raise ValueError(f"positives[{i}]: expected a list of columns, got {one.dtype} {list(one.shape)}")
        if one.size and (one.min() < 0 or one.max() >= shape[1]):
            raise ValueError(f"positives[{i}]: expected 0 to {shape[1] - 1}, got {one.min()} to {one.max()}")
    each = [np.unique(one) for one in columns]
    text = np.repeat(np.arange(len(each)), [len(one) for one in each])
    return _some(Pairs(text, np.concatenate([*each, []]).astype(np.intp)))


def _some(pairs: Pairs) -> Pairs:
    if not len(pairs.text):
        raise ValueError("positives: expected a right answer for at least one text, got none")
    return pairs


class Bars:
    """The score that rivals are held against: of each query's best right answer.

    ``query`` and ``own`` are number of the query and score of each right pair; ``count`` is that of all
    queries.
    """

    def __init__(self, query: Indices, own: Array, count: int) -> None:
        self.height = np.full(count, -np.inf, own.dtype)
        np.maximum.at(self.height, query, own)
        # Right answers that reach the bar are no rivals: they leave the ties.
        self.right = np.bincount(query[own == self.height[query]], minlength=count)

    def ranks(self, above: NDArray[np.int64]) -> Floats:
        """Mean rank over ties; ``above`` counts an item above the bar twice and one at it once [queries]."""
        return 1 + (above - self.right) / 2


def count_above(
    scores: Array,
    text_bar: Array | None,
    video_bar: Array | None,
    of_text: NDArray[np.int64],
    of_video: NDArray[np.int64],
) -> None:
    """Count the scores [texts, videos] above each bar twice and those at it once, of rows and columns.

    The counts are added to ``of_text`` and ``of_video``; without a bar rows, or columns, are not counted.
    """
    # Slices that stay in the cache while four comparisons go over them, and counts that fit into a byte.
    videos = scores.shape[1]
    step = int(np.clip(256 * 1024 // videos, 1, 127))
    padded = np.zeros((step, -videos % (8 * LANES) + videos), np.uint8)
    ties = np.empty((step, videos), np.uint8)
    for start in range(0, len(scores), step):
        part = scores[start : start + step]
        sums = padded[: len(part)]
        points, also = sums[:, :videos], ties[: len(part)]
        if text_bar is not None:
            _points(part, text_bar[start : start + step, None], points, also)
            of_text[start : start + step] += _row_sums(sums)
        if video_bar is not None:
            _points(part, video_bar, points, also)
            of_video += np.add.reduce(points, axis=0, dtype=np.uint8)


def _points(part: Array, bar: Array, points: NDArray[np.uint8], also: NDArray[np.uint8]) -> None:
    """Put 2 where a score is above the bar, 1 where it is at it, else 0 into ``points``."""
    np.greater(part, bar, out=points.view(bool))
    np.greater_equal(part, bar, out=also.view(bool))
    points += also


def _row_sums(points: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Sum of each row of small numbers; eight bytes are added as one, and no sum outgrows its byte."""
    eights = points.view(np.uint64).reshape(len(points), LANES, -1).sum(axis=1)
    total: NDArray[np.int64] = eights.view(np.uint8).sum(axis=1, dtype=np.int64)
    return total


def ranks_of(scores: Array, pairs: Pairs, direction: Direction) -> Floats:
    """The ranks of one direction, of checked scores and pairs."""
    check_rivals(pairs, scores.shape, direction)
    axis = 1 if direction == "t2v" else 0
    query, count = (pairs.text, len(scores)) if axis else (pairs.video, scores.shape[1])
    bars = Bars(query, scores[pairs.text, pairs.video], count)
    above = np.zeros(count, np.int64)
    heights = (bars.height, None) if axis else (None, bars.height)
    count_above(scores, heights[0], heights[1], above, above)
    return bars.ranks(above)[pairs.queries(axis)]


def check_rivals(pairs: Pairs, shape: tuple[int, ...], direction: Direction) -> None:
    """Refuse what leaves nothing to rank."""
    if direction == "t2v" and shape[1] < 2:
        raise ValueError(f"sim: expected at least 2 videos to rank, got shape {list(shape)}")
    videos = len(pairs.queries(0))
    if direction == "v2t" and videos < 2 and len(pairs.text) == shape[0]:
        raise ValueError(f"sim: expected captions of at least 2 videos to rank, got {videos}")
