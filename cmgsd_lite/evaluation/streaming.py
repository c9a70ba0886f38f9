"""Ranks from embeddings, block by block: the matrix of scores never stands in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cmgsd_lite.evaluation.inputs import Array, Floats, Matrix
from cmgsd_lite.evaluation.positives import (
    Bars,
    Direction,
    Indices,
    Pairs,
    Positives,
    check_rivals,
    count_above,
    right_pairs,
)
from cmgsd_lite.similarity import at_least_float32, normalise

Score = Literal["cosine", "dot"]
BLOCK_ENTRIES = 10 * 1024 * 1024
"""Scores that stand in memory at a time, where ``block`` does not say otherwise: 40 MB of float32."""
KEPT_ENTRIES = 64 * 1024 * 1024
"""Size of text embeddings up to which they are kept between two passes: 256 MB of float32."""
LOW, NARROW = 64, 192
"""Texts and videos that every product has at least: those of less are often rounded otherwise."""


def embedding_ranks(
    text: Array | Tensor,
    video: Array | Tensor,
    video_of_text: Matrix | None = None,
    *,
    positives: Positives | None = None,
    score: Score = "cosine",
    block: int | None = None,
) -> dict[Direction, Floats]:
    """Ranks in both directions from embeddings; memory grows with the number of items, not of pairs.

    The same ranks as :func:`ranks` gives for the matrix of the very same scores, ties included. All scores
    come out of products of one shape, so equal embeddings have equal scores wherever they stand; in another
    product a score may differ in its last bit.

    Args:
        text: Embeddings [texts, D], an array (memory-mapped too) or a tensor. float16 and bfloat16 are
            computed in float32, block by block.
        video: Embeddings [videos, D] of the same type, on the same device; the scores are computed there.
        video_of_text: Column of each text's own video [texts]; None: text i belongs to video i.
        positives: Sets of right answers instead, as :func:`ranks` takes them.
        score: "cosine" of the two embeddings, or their "dot" product.
        block: Texts scored at a time, at least 64; None: about ten million scores. Memory is 4 bytes a score.

    Returns:
        ``{"t2v": ranks, "v2t": ranks}``, as :func:`ranks` has them; :func:`rank_metrics` makes R@K of each.

    Raises:
        ValueError: If the embeddings are not finite matrices of one width, type and device, a score can
            overflow, or another argument is not as described.

    Source:
        ours.

    Example:
        >>> found = embedding_ranks(np.eye(3), np.eye(3)[[0, 1, 1]])
        >>> found["t2v"], found["v2t"]
        (array([1. , 1.5, 2. ]), array([1. , 1. , 2.5]))
    """
    _check_embeddings(text, video)
    if score not in get_args(Score):
        raise ValueError(f'score: expected "cosine" or "dot", got {score!r}')
    if block is not None and (isinstance(block, bool) or not isinstance(block, int) or block < 1):
        raise ValueError(f"block: expected an integer >= 1 or None, got {block!r}")
    shape = len(text), len(video)
    pairs = right_pairs(video_of_text, positives, shape)
    for direction in get_args(Direction):
        check_rivals(pairs, shape, direction)
    step = max(LOW, min(block or BLOCK_ENTRIES // shape[1], shape[0]))
    with torch.inference_mode():
        return _Stream(text, video, pairs, score, step).ranks()


class _Stream:
    """The passes over the blocks of texts. Texts come in the order of their videos."""

    def __init__(self, text: Array | Tensor, video: Array | Tensor, pairs: Pairs, score: Score, step: int):
        self.score, self.step, self.text = score, step, text
        self.kept: dict[int, Tensor] = {}  # prepared blocks, from the first pass to the next
        self.video, self.largest = self._prepared(video, np.arange(len(video)), "video")
        # Own videos of neighbouring texts then lie side by side, which makes the first look at them cheap.
        first = np.full(len(text), len(video))
        np.minimum.at(first, pairs.text, pairs.video)
        self.order = np.argsort(first, kind="stable")
        place = np.empty(len(text), np.intp)
        place[self.order] = np.arange(len(text))
        by_place = np.argsort(place[pairs.text], kind="stable")
        self.pairs = Pairs(place[pairs.text][by_place], pairs.video[by_place])

    def ranks(self) -> dict[Direction, Floats]:
        """Count against the bars of the videos, which are known only when every text has been seen."""
        videos = len(self.video)
        bars = Bars(self.pairs.video, self.first_look(), videos)
        own, of_text, of_video = self.count(bars.height)
        seen = Bars(self.pairs.video, own, videos)
        if not np.array_equal(seen.height, bars.height):
            # Products of two shapes were rounded differently here: count again, against what the blocks gave.
            own, of_text, of_video = self.count(seen.height)
        text_bars = Bars(self.pairs.text, own, len(self.text))
        ranks = np.empty(len(self.text))
        ranks[self.order] = text_bars.ranks(of_text)
        asked = np.sort(self.order[self.pairs.queries(1)])
        return {"t2v": ranks[asked], "v2t": seen.ranks(of_video)[self.pairs.queries(0)]}

    def first_look(self) -> Array:
        """Scores of the right pairs, from products with a few videos."""
        found = []
        for rows, texts, mine in self.blocks():
            video = self.pairs.video[mine]
            low, high = (int(video.min()), int(video.max()) + 1) if len(video) else (0, 0)
            low = max(0, min(low, len(self.video) - NARROW))
            scores = texts @ self.video[low : max(high, low + NARROW)].T
            found.append(_picked(scores, self.pairs.text[mine] - rows.start, video - low))
        return np.concatenate(found)

    def count(self, video_bar: Array) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
        """Scores of the right pairs, and what is above the bars of texts and videos."""
        of_text, of_video = np.zeros(len(self.text), np.int64), np.zeros(len(self.video), np.int64)
        found = []
        scores = self.video.new_empty(self.step, len(self.video))
        for rows, texts, mine in self.blocks():
            torch.mm(texts, self.video.T, out=scores)
            query = self.pairs.text[mine] - rows.start
            found.append(_picked(scores, query, self.pairs.video[mine]))
            count = rows.stop - rows.start
            text_bar = Bars(query, found[-1], count).height
            _count(scores[:count], text_bar, video_bar, of_text[rows], of_video)
        return np.concatenate(found), of_text, of_video

    def blocks(self) -> Iterator[tuple[slice, Tensor, slice]]:
        """Places, embeddings and right pairs of every block; the last is filled up with its first text."""
        for start in range(0, len(self.order), self.step):
            rows = slice(start, min(start + self.step, len(self.order)))
            mine = slice(*np.searchsorted(self.pairs.text, [rows.start, rows.stop]))
            index = self.order[rows]
            index = np.append(index, np.repeat(index[:1], self.step - len(index)))
            texts = self.kept.get(start)
            if texts is None:
                texts, largest = self._prepared(self.text, index, "text")
                _check_range(texts, self.largest * largest)
                if self.text.shape[0] * self.text.shape[1] <= KEPT_ENTRIES:
                    self.kept[start] = texts
            yield rows, texts, mine

    def _prepared(self, values: Array | Tensor, index: Indices, name: str) -> tuple[Tensor, float]:
        """Some embeddings, ready for the product, and their largest number."""
        if isinstance(values, Tensor):
            chosen = values.detach().index_select(0, torch.from_numpy(index).to(values.device))
        else:
            chosen = torch.from_numpy(values[index])
        chosen = at_least_float32(chosen)
        largest = max(abs(end.item()) for end in torch.aminmax(chosen))
        if not np.isfinite(largest):
            raise ValueError(f"{name}: expected finite embeddings, got NaN or infinite numbers")
        if self.score == "dot":
            return chosen, largest
        _check_range(chosen, largest**2)
        return normalise(chosen), 1.0


def _check_range(embeddings: Tensor, largest_product: float) -> None:
    """Refuse what may overflow: a score is the sum of as many products as an embedding is wide."""
    if embeddings.shape[1] * largest_product > torch.finfo(embeddings.dtype).max:
        raise ValueError(
            f"text and video: expected scores within {embeddings.dtype}, got products up to "
            f"{largest_product:.3g} at width {embeddings.shape[1]}"
        )


def _picked(scores: Tensor, row: Indices, column: Indices) -> Array:
    index = torch.from_numpy(row).to(scores.device), torch.from_numpy(column).to(scores.device)
    picked: Array = scores[index].cpu().numpy()
    return picked


def _count(scores: Tensor, text_bar: Array, video_bar: Array, of_text: Array, of_video: Array) -> None:
    if scores.device.type == "cpu":
        count_above(scores.numpy(), text_bar, video_bar, of_text, of_video)
    else:
        _count_elsewhere(scores, text_bar, video_bar, of_text, of_video)


def _count_elsewhere(
    scores: Tensor, text_bar: Array, video_bar: Array, of_text: Array, of_video: Array
) -> None:
    """``count_above`` by torch alone, where the scores are not in the processor's memory."""
    bars = (torch.from_numpy(bar).to(scores.device) for bar in (text_bar[:, None], video_bar))
    for bar, axis, counts in zip(bars, (1, 0), (of_text, of_video), strict=True):
        counts += ((scores > bar).sum(axis) + (scores >= bar).sum(axis)).cpu().numpy()


def _check_embeddings(text: Array | Tensor, video: Array | Tensor) -> None:
    for name, values in (("text", text), ("video", video)):
        if not isinstance(values, np.ndarray | Tensor):
            raise ValueError(f"{name}: expected an array or tensor [{name}s, D], got {type(values).__name__}")
        floating = values.is_floating_point() if isinstance(values, Tensor) else values.dtype.kind == "f"
        if values.ndim != 2 or 0 in values.shape or not floating:
            found = f"{values.dtype} {list(values.shape)}"
            raise ValueError(f"{name}: expected floating-point numbers [{name}s, D], got {found}")
    kinds = [(isinstance(v, Tensor), v.dtype, getattr(v, "device", None), v.shape[1]) for v in (text, video)]
    if kinds[0] != kinds[1]:
        found, beside = (f"{type(v).__name__} {v.dtype} {list(v.shape)}" for v in (video, text))
        raise ValueError(f"video: expected type, device and width of text, got {found} beside {beside}")
