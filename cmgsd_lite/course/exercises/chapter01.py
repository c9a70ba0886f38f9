"""Checkers of chapter 01: nDCG's floor, ties broken at random, several captions, a fooled metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.checking import check_function, checker, hundredths
from cmgsd_lite.course.exercises.verdict import Verdict, as_numbers, not_attempted

HONEST = 10.0
"""Percent: at most so many queries may be answered where common code is to say 100."""


def _all_gains(generator: torch.Generator, n: int) -> tuple[Tensor]:
    """Draw the gains of one query, some 0, at least one above."""
    gains = hundredths(generator, n, low=-0.5, high=1).clamp_min(0)
    gains[int(torch.randint(n, (), generator=generator))] = 0.75
    return (gains,)


def _tied_scores(generator: torch.Generator, n: int) -> tuple[Tensor, int]:
    """Draw a matrix with many ties, and K."""
    sim = torch.randint(-2, 3, (n, n), generator=generator) / 10
    return sim, int(torch.randint(1, n + 1, (), generator=generator))


def _several_captions(generator: torch.Generator, n: int) -> tuple[Tensor, Tensor]:
    """Draw scores with ties and each text's own video, at least one text a video, in any order."""
    own = torch.cat([torch.arange(n), torch.randint(n, (2 * n,), generator=generator)])
    own = own[torch.randperm(len(own), generator=generator)]
    return torch.randint(-2, 4, (len(own), n), generator=generator) / 10, own


def _ndcg_floor(gains: Tensor) -> Tensor:
    discount = 1 / torch.log2(torch.arange(len(gains)) + 2.0)
    return 100 * gains.mean() * discount.sum() / (gains.sort(descending=True).values * discount).sum()


def _expected_recall(sim: Tensor, k: int, low: int | None = 0, high: int | None = 1) -> Tensor:
    own = sim.diagonal()[:, None]
    better, tied = (sim > own).sum(dim=1), (sim == own).sum(dim=1)
    return 100 * ((k - better) / tied).clamp(low, high).mean()


def _video_ranks(
    sim: Tensor,
    video_of_text: Tensor,
    choose: Callable[[Tensor], Tensor] = torch.max,
    tie: float = 0.5,
    more: int = 0,
) -> Tensor:
    found, own = [], video_of_text
    for video in range(sim.shape[1]):
        score, rivals = choose(sim[own == video, video]), sim[own != video, video]
        found.append(1 + (rivals > score).sum() + tie * ((rivals == score).sum() + more))
    return torch.stack(found)


def _ranks_with_own_ties(sim: Tensor, own: Tensor) -> Tensor:
    mine = own[:, None] == torch.arange(sim.shape[1])
    best = sim.masked_fill(~mine, -torch.inf).amax(dim=0)
    return 1 + (sim > best).sum(dim=0) + ((sim == best).sum(dim=0) - 1) / 2


def _recall_of(sim: Tensor, k: int, tie: float) -> Tensor:
    own = sim.diagonal()[:, None]
    ranks = 1 + (sim > own).sum(dim=1) + tie * ((sim == own).sum(dim=1) - 1)
    return 100 * (ranks <= k).double().mean()


def _given_order(gains: Tensor) -> Tensor:
    discount = 1 / torch.log2(torch.arange(len(gains)) + 2.0)
    return 100 * (gains * discount).sum() / (gains.sort(descending=True).values * discount).sum()


FLOOR = (
    (lambda gains: _ndcg_floor(gains) / 100, "nearly: the course gives metrics in percent"),
    (
        lambda gains: 100 * gains.mean(),
        "that is the mean gain: discount each place, then divide by the ideal DCG",
    ),
    (
        lambda gains: gains.mean() / torch.log2(torch.arange(len(gains)) + 2.0).reciprocal().sum() ** -1,
        "that is the expected DCG: divide by the DCG of the ideal order",
    ),
    (
        _given_order,
        "that is the nDCG of the order in which the gains came: the mean over all orders is asked for",
    ),
    (
        lambda gains: (
            100 * gains.mean() * torch.log2(torch.arange(len(gains)) + 2.0).reciprocal().sum() / gains.sum()
        ),
        "the ideal order is discounted too",
    ),
    (
        lambda gains: 100 * _ndcg_floor(gains) / _given_order(gains.sort().values),
        "the ideal order begins with the largest gain: sort from high to low",
    ),
)
TIES = (
    (
        lambda sim, k: _recall_of(sim, k, 0.5),
        "that is R@K of tie-averaged ranks: here each order of the tied videos is equally likely",
    ),
    (lambda sim, k: _recall_of(sim, k, 0), "you let the right video win every tie"),
    (lambda sim, k: _recall_of(sim, k, 1), "you let the right video lose every tie"),
    (lambda sim, k: _expected_recall(sim, k) / 100, "nearly: the course gives metrics in percent"),
    (lambda sim, k: _expected_recall(sim.T, k), "that is video to text: the rivals of text i stand in row i"),
    (
        lambda sim, k: _expected_recall(sim, 1),
        "that is R@1: several of the first K places may fall into the tie",
    ),
    (
        lambda sim, k: _expected_recall(sim, k, high=None),
        "where all tied videos find a place among the first K, the share is 1 and not more",
    ),
    (
        lambda sim, k: _expected_recall(sim, k, low=None),
        "where K videos or more are better, the share is 0 and not less",
    ),
)
CAPTIONS = (
    (
        lambda sim, own: _video_ranks(sim, own, lambda mine: mine[0]),
        "you used the first caption of each video; its best one counts",
    ),
    (
        lambda sim, own: _video_ranks(sim, own, torch.min),
        "you used the worst caption of each video; its best one counts",
    ),
    (
        lambda sim, own: _video_ranks(sim, own, torch.mean),
        "you used the mean of each video's captions; its best one counts",
    ),
    (lambda sim, own: _video_ranks(sim, own, tie=0), "a tie counts half: you took it as won"),
    (lambda sim, own: _video_ranks(sim, own, tie=1), "a tie counts half: you took it as lost"),
    (
        lambda sim, own: _video_ranks(sim, own, more=1),
        "the best caption ties with itself in your count: leave the video's own captions out",
    ),
    (
        lambda sim, own: _ranks_with_own_ties(sim, own),
        "you let captions of the same video tie with its best: leave the video's own captions out",
    ),
    (lambda sim, own: _video_ranks(sim, own) - 1, "you count from 0: the best rank is 1"),
    (
        lambda sim, own: (
            1
            + (sim > sim[torch.arange(len(own)), own][:, None]).sum(dim=1)
            + ((sim == sim[torch.arange(len(own)), own][:, None]).sum(dim=1) - 1) / 2
        ),
        "these are ranks from text to video, one a caption: compare along a column",
    ),
)


@checker
def check_ndcg_floor(function: Callable[[Tensor], Any]) -> Verdict:
    """Check the expected nDCG of a random order of one query's videos.

    Args:
        function: Gains [videos] to percent.

    Source:
        Järvelin and Kekäläinen, TOIS 2002; the floor: ours.

    Example:
        >>> check_ndcg_floor(lambda gains: None)
        · not attempted yet
    """
    said = "in a random order each place has the mean gain: no need to try the orders"
    return check_function(function, _ndcg_floor, _all_gains, said, FLOOR, tolerance=1e-2)


@checker
def check_expected_recall(function: Callable[[Tensor, int], Any]) -> Verdict:
    """Check R@K, text to video, when tied videos are put in a random order.

    Args:
        function: Scores [N, N], partners on the diagonal, and K, to percent.

    Source:
        McSherry and Najork, ECIR 2008.

    Example:
        >>> check_expected_recall(lambda sim, k: None)
        · not attempted yet
    """
    said = "a constant matrix gets K of N here and 0 by averaged ranks: say which rule a table follows"
    return check_function(function, _expected_recall, _tied_scores, said, TIES, tolerance=1e-2)


@checker
def check_video_ranks(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check ranks from video to text when each video has several captions.

    Args:
        function: Scores [texts, videos] and the column of each text's own video [texts] to the rank of each
            video's best caption [videos] among the captions of other videos, ties averaged.

    Source:
        The rule of CE and MMT; ties: ours.

    Example:
        >>> check_video_ranks(lambda sim, video_of_text: None)
        · not attempted yet
    """
    said = "one good caption is enough, and a video's own other captions are no rivals"
    return check_function(function, _video_ranks, _several_captions, said, CAPTIONS)


@checker
def check_fooled(matrix: Any) -> Verdict:
    """Check a matrix on which common code says R@1 = 100 % although hardly a query is answered.

    Args:
        matrix: Scores [N, N] without NaN.

    Source:
        ours; the code is that of CLIP4Clip's ``metrics.py``, by idea.

    Example:
        >>> check_fooled(torch.eye(3))
        ✗ not yet: common code says 100 %, and it is right: 100 % of the queries are answered
    """
    if not_attempted(matrix):
        return Verdict("open")
    sim = as_numbers(matrix)
    if sim is None or sim.ndim != 2 or sim.shape[0] != sim.shape[1] or not len(sim):
        found = "no numbers" if sim is None else f"shape {list(sim.shape)}"
        return Verdict("off", f"expected a square matrix of numbers, got {found}")
    if sim.isnan().any():
        return Verdict("off", "there is NaN in it, and that trick is known: do without")
    own = sim.diagonal()[:, None]
    places = ((-sim).sort(dim=1).values + own == 0).nonzero()[:, 1]
    says = 100 * float((places == 0).double().mean())
    honest = 100 * float(((sim > own).sum(dim=1) + (sim == own).sum(dim=1) == 1).double().mean())
    if not len(places):
        return Verdict("off", "common code divides 0 by 0: at least one query has to stay in its list")
    if says < 100:
        return Verdict("off", f"common code says {says:.3g} % of it, not 100: who is still in its list?")
    if honest > HONEST:
        how = "and it is right" if honest == 100 else "so the trick works"
        return Verdict("off", f"common code says 100 %, {how}: {honest:.3g} % of the queries are answered")
    return Verdict("correct", f"common code says 100 %, and {honest:.2g} % of the queries are answered")
