"""Instance ranks: at which place each query finds its own item."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cmgsd_lite.evaluation.inputs import Array, Floats, Matrix, own_columns, row_chunks, score_matrix

Direction = Literal["t2v", "v2t"]


def ranks(sim: Matrix, video_of_text: Matrix | None = None, direction: Direction = "t2v") -> Floats:
    """Rank of the right answer for every query: 1 is best, the mean rank where scores tie.

    rank = 1 + number of strictly better items + half the number of items tied with the right one.
    A video has several right answers in v2t: its best caption is ranked among the captions of all other
    videos, so its remaining captions neither push it down nor count as ties.

    Args:
        sim: Scores [texts, videos], higher is better; an array or a tensor.
        video_of_text: Column of each text's own video [texts], integers. None: ``sim`` is square and
            text i belongs to video i.
        direction: "t2v" ranks videos for each text, "v2t" ranks captions for each video.

    Returns:
        Ranks, float64. t2v: one per text. v2t: one per video that has captions, in the order of the
        columns (``np.unique(video_of_text)``); the other videos are in the t2v gallery only.

    Raises:
        ValueError: If ``sim`` is not a matrix of finite numbers, is not square without
            ``video_of_text``, leaves nothing to rank (one video, or captions of one video only),
            or ``video_of_text`` or ``direction`` is not as described.

    Source:
        v2t as in CE (Liu et al., BMVC 2019) and MMT (Gabeur et al., ECCV 2020); ties: ours.

    Example:
        >>> ranks([[0.9, 0.1, 0.9], [0.1, 0.9, 0.2], [0.3, 0.2, 0.1]])
        array([1.5, 1. , 3. ])
    """
    scores = score_matrix(sim)
    own = own_columns(video_of_text, scores.shape)
    if direction == "t2v":
        return _text_ranks(scores, own)
    if direction == "v2t":
        return _video_ranks(scores, own)
    raise ValueError(f'direction: expected "t2v" or "v2t", got {direction!r}')


def _text_ranks(scores: Array, own: Array) -> Floats:
    if scores.shape[1] < 2:
        raise ValueError(f"sim: expected at least 2 videos to rank, got shape {list(scores.shape)}")
    result = np.empty(len(scores))
    for rows in row_chunks(scores.shape):
        block = scores[rows]
        positive = np.take_along_axis(block, own[rows, None], axis=1)
        better = np.count_nonzero(block > positive, axis=1)
        ties = np.count_nonzero(block == positive, axis=1) - 1
        result[rows] = 1 + better + ties / 2
    return result


def _video_ranks(scores: Array, own: Array) -> Floats:
    videos = np.unique(own)
    if len(videos) < 2:
        raise ValueError(f"sim: expected captions of at least 2 videos to rank, got {len(videos)}")
    own_scores = scores[np.arange(len(own)), own]
    best = np.full(scores.shape[1], -np.inf, scores.dtype)
    np.maximum.at(best, own, own_scores)
    # A video's own captions that reach the best score are no rivals: they leave the ties at once.
    ties = -np.bincount(own[own_scores == best[own]], minlength=len(best))
    better = np.zeros_like(ties)
    for rows in row_chunks(scores.shape):
        better += np.count_nonzero(scores[rows] > best, axis=0)
        ties += np.count_nonzero(scores[rows] == best, axis=0)
    rank: Floats = (1 + better + ties / 2)[videos]
    return rank
