"""Checkers of chapter 01: what a constant matrix scores, nDCG, and ranks with several captions a video."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge
from cmgsd_lite.evaluation.metrics import ranks

GALLERY = 1000


def check_constant_rank(answer: object) -> Verdict:
    """Check the tie-averaged rank that a constant matrix gives every query among 1,000 videos.

    Args:
        answer: A number.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_constant_rank(None)
        · not attempted yet
    """
    return judge(
        answer,
        (GALLERY + 1) / 2,
        "the middle of the gallery: the rank that guessing has on average",
        [
            (1, "that is the optimistic count: no video is strictly better, but 999 are just as good"),
            (GALLERY, "that is the pessimistic count: every tie lost"),
            (GALLERY / 2, "nearly: ranks run from 1 to 1,000, so their mean is not 1,000 / 2"),
            (GALLERY / 2 - 0.5, "you counted from 0; the best rank is 1"),
        ],
        otherwise="1 + strictly better ones + half of the other videos with the same score",
    )


def check_ndcg(function: Callable[[Tensor], Any]) -> Verdict:
    """Check nDCG of one query from its gains in the order of the ranking.

    Args:
        function: Gains [items], the best-ranked item first, to percent.

    Returns:
        The verdict.

    Source:
        Järvelin and Kekäläinen, TOIS 2002.

    Example:
        >>> check_ndcg(lambda gains: None)
        · not attempted yet
    """
    gains = torch.tensor([0.25, 1.0, 0.0, 0.5])
    best = gains.sort(descending=True).values
    places = torch.arange(1, 5)

    def dcg(values: Tensor, discount: Tensor) -> float:
        return float((values * discount).sum())

    discount = 1 / torch.log2(1 + places)
    right = dcg(gains, discount) / dcg(best, discount)
    power = dcg(2**gains - 1, discount) / dcg(2**best - 1, discount)
    linear = dcg(gains, 1 / places) / dcg(best, 1 / places)
    answer = call(function, gains)
    if isinstance(answer, float | Tensor) and not math.isfinite(float(torch.as_tensor(answer).sum())):
        return Verdict("off", "log2(1) is 0: the discount of place 1 is 1 / log2(1 + 1)")
    return judge(
        answer,
        100 * right,
        "100 would be the ideal order; the scale starts well above 0",
        [
            (right, "nearly: the course gives metrics in percent"),
            (dcg(gains, discount), "that is DCG: divide by the DCG of the ideal order"),
            (100 * dcg(gains, discount), "that is 100 x DCG: divide by the DCG of the ideal order"),
            (100 * power, "you used the gain 2^relevance - 1; here the gain is the relevance itself"),
            (100 * linear, "you divided by the place; the discount is 1 / log2(1 + place)"),
        ],
        otherwise="the place counts from 1: the discounts begin 1, 0.63, 0.5",
    )


def check_video_ranks(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check ranks from video to text when each video has several captions.

    Args:
        function: Scores [texts, videos] and the column of each text's own video [texts] to the rank of each
            video's best caption [videos] among the captions of other videos, ties averaged.

    Returns:
        The verdict.

    Source:
        The rule of CE and MMT; ties: ours.

    Example:
        >>> check_video_ranks(lambda sim, video_of_text: None)
        · not attempted yet
    """
    sim = torch.tensor(
        [
            [0.9, 0.1, 0.4],
            [0.6, 0.1, 0.6],
            [0.9, 0.1, 0.5],
            [0.5, 0.3, 0.7],
            [0.8, 0.8, 0.1],
            [0.1, 0.8, 0.8],
            [0.4, 0.4, 0.7],
            [0.2, 0.6, 0.5],
            [0.5, 0.5, 0.5],
        ]
    )
    own = torch.arange(3).repeat_interleave(3)
    return judge(
        call(function, sim, own),
        torch.from_numpy(ranks(sim, own, "v2t")),
        "one good caption is enough, and a video's own other captions are no rivals",
        [
            (
                _naive_ranks(sim, own, "first"),
                "you used the first caption of each video; its best one counts",
            ),
            (
                _naive_ranks(sim, own, "worst"),
                "you used the worst caption of each video; its best one counts",
            ),
            (
                _naive_ranks(sim, own, "mean"),
                "you used the mean of each video's captions; its best one counts",
            ),
            (_naive_ranks(sim, own, "best", tie=0.0), "a tie counts half: you took it as won"),
            (_naive_ranks(sim, own, "best", tie=1.0), "a tie counts half: you took it as lost"),
            (
                _naive_ranks(sim, own, "best", self_tie=True),
                "the best caption ties with itself in your count: leave the video's own captions out",
            ),
            (
                torch.from_numpy(ranks(sim, own, "t2v")),
                "these are ranks from text to video: one a caption. Compare along a column",
            ),
        ],
        otherwise="for video j: take the best of its own captions, then compare with the captions of others",
    )


def _naive_ranks(sim: Tensor, own: Tensor, which: str, tie: float = 0.5, self_tie: bool = False) -> Tensor:
    found = []
    for video in range(sim.shape[1]):
        mine, rivals = sim[own == video, video], sim[own != video, video]
        score = {"first": mine[0], "worst": mine.min(), "mean": mine.mean(), "best": mine.max()}[which]
        equal = (rivals == score).sum() + int(self_tie)
        found.append(1 + (rivals > score).sum() + tie * equal)
    return torch.stack(found).double()
