"""Right answers of chapter 01 are accepted, typical wrong ones recognised."""

import itertools

import numpy as np
import pytest
import torch

from cmgsd_lite import metrics
from cmgsd_lite.course.exercises.chapter01 import (
    check_expected_recall,
    check_fooled,
    check_ndcg_floor,
    check_video_ranks,
)
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def gains(generator, n):
    drawn = (torch.rand(n, generator=generator) - 0.3).clamp_min(0)
    drawn[n // 2] = 0.5
    return (drawn,)


def tied(generator, n):
    return torch.randint(3, (n, n), generator=generator) / 10, 1 + n // 2


def captions(generator, n):
    own = torch.arange(3 * n) % n
    own = own[torch.randperm(3 * n, generator=generator)]
    return torch.randint(-3, 4, (3 * n, n), generator=generator) / 10, own


def discount(n):
    return 1 / torch.log2(torch.arange(n) + 2.0)


def floor(gains):
    ideal = (gains.sort(descending=True).values * discount(len(gains))).sum()
    return 100 * gains.mean() * discount(len(gains)).sum() / ideal


def by_all_orders(gains):
    orders = torch.stack([gains[list(order)] for order in itertools.permutations(range(len(gains)))])
    found = (orders * discount(len(gains))).sum(1)
    return 100 * found.mean() / found.max()


def with_numpy(gains):
    gains = np.asarray(gains)
    weights = 1 / np.log2(np.arange(2, len(gains) + 2))
    return float(100 * gains.mean() * weights.sum() / np.dot(np.sort(gains)[::-1], weights))


def given_order(gains):
    ideal = (gains.sort(descending=True).values * discount(len(gains))).sum()
    return 100 * (gains * discount(len(gains))).sum() / ideal


FLOOR_RIGHT = [
    floor,
    by_all_orders,
    with_numpy,
    lambda gains: metrics.random_floor(gains[None]),
    lambda gains: metrics.ndcg(torch.zeros(1, len(gains)), gains[None]),
]
FLOOR_WRONG = [
    (lambda gains: floor(gains) / 100, "percent"),
    (lambda gains: 100 * gains.mean(), "that is the mean gain"),
    (lambda gains: gains.mean() * discount(len(gains)).sum(), "expected DCG"),
    (given_order, "in which the gains came"),
    (lambda gains: 100 * gains.mean() * discount(len(gains)).sum() / gains.sum(), "discounted too"),
    (lambda gains: 100 * floor(gains) / given_order(gains.msort()), "high to low"),
    (lambda gains: floor(2**gains - 1), "yours gives"),
    (lambda gains: 76.0, "yours gives 76"),
    (lambda gains: floor(gains) * torch.ones(2), "expected one number"),
]


def test_the_floor_of_ndcg():
    assert_answers_back(check_ndcg_floor, floor)
    assert_tells_apart(check_ndcg_floor, FLOOR_RIGHT, FLOOR_WRONG, gains)


def recall(sim, k):
    own = sim.diagonal()[:, None]
    better, equal = (sim > own).sum(dim=1), (sim == own).sum(dim=1)
    return 100 * ((k - better) / equal).clip(0, 1).mean()


def shares(sim, k):
    own = sim.diagonal()[:, None]
    better, equal = (sim > own).sum(dim=1), (sim == own).sum(dim=1)
    return (k - better) / equal


def by_loops(sim, k):
    total = 0.0
    for i, row in enumerate(sim):
        better = sum(x > row[i] for x in row)
        equal = sum(x == row[i] for x in row)
        total += sum(better + place < k for place in range(int(equal))) / equal
    return 100 * total / len(sim)


def with_numpy_rows(sim, k):
    shares = []
    for row, own in zip(np.asarray(sim), np.diag(sim), strict=True):
        shares.append(np.clip((k - (row > own).sum()) / (row == own).sum(), 0, 1))
    return 100 * np.mean(shares)


def by_places(sim, k):
    own = sim.diag()[:, None]
    first, last = (sim > own).sum(1), (sim >= own).sum(1)
    return 100 * ((last.clamp(max=k) - first).clamp_min(0) / (last - first)).mean()


def by_mean_over_places(sim, k):
    own = sim.diag()[:, None]
    first, equal = (sim > own).sum(1), (sim == own).sum(1)
    hits = [
        (torch.arange(e) + f < k).float().mean() for f, e in zip(first.tolist(), equal.tolist(), strict=True)
    ]
    return float(100 * sum(hits) / len(hits))


RECALL_RIGHT = [recall, by_loops, with_numpy_rows, by_places, by_mean_over_places]


def averaged(sim, k, tie=0.5):
    own = sim.diagonal()[:, None]
    return 100 * (1 + (sim > own).sum(1) + tie * ((sim == own).sum(1) - 1) <= k).double().mean()


RECALL_WRONG = [
    (averaged, "tie-averaged"),
    (lambda sim, k: averaged(sim, k, 0), "win every tie"),
    (lambda sim, k: averaged(sim, k, 1), "lose every tie"),
    (lambda sim, k: recall(sim, k) / 100, "percent"),
    (lambda sim, k: recall(sim.T, k), "video to text"),
    (lambda sim, k: recall(sim, 1), "that is R@1"),
    (lambda sim, k: 100 * shares(sim, k).clip(min=0).mean(), "1 and not more"),
    (lambda sim, k: 100 * shares(sim, k).clip(max=1).mean(), "0 and not less"),
    (lambda sim, k: 25.0, "yours gives 25"),
    (lambda sim, k: 100 * k / len(sim), "yours gives"),
]


def test_ties_by_lot():
    assert_answers_back(check_expected_recall, recall)
    assert_tells_apart(check_expected_recall, RECALL_RIGHT, RECALL_WRONG, tied)


def video_ranks(sim, own, best=torch.max, tie=0.5, itself=0):
    found = []
    for video in range(sim.shape[1]):
        score = best(sim[own == video, video])
        rivals = sim[own != video, video]
        found.append(1 + (rivals > score).sum() + tie * ((rivals == score).sum() + itself))
    return torch.stack(found)


def with_a_mask(sim, own):
    mine = own[:, None] == torch.arange(sim.shape[1])
    best = sim.masked_fill(~mine, -9).amax(dim=0)
    return 1 + ((sim > best) & ~mine).sum(dim=0) + ((sim == best) & ~mine).sum(dim=0) / 2


def with_own_ties(sim, own):
    best = [sim[own == video, video].max() for video in range(sim.shape[1])]
    ties = [(sim[:, video] == score).sum() - 1 for video, score in enumerate(best)]
    return [1 + (sim[:, v] > best[v]).sum() + ties[v] / 2 for v in range(len(best))]


RANKS_RIGHT = [
    video_ranks,
    with_a_mask,
    lambda sim, own: video_ranks(sim, own).tolist(),
    lambda sim, own: metrics.ranks(sim, own, direction="v2t"),
    lambda sim, own: [float(x) for x in video_ranks(sim, own)],
]
RANKS_WRONG = [
    (lambda sim, own: video_ranks(sim, own, lambda mine: mine[0]), "first caption"),
    (lambda sim, own: video_ranks(sim, own, torch.min), "worst caption"),
    (lambda sim, own: video_ranks(sim, own, torch.mean), "the mean of each"),
    (lambda sim, own: video_ranks(sim, own, tie=0), "as won"),
    (lambda sim, own: video_ranks(sim, own, tie=1), "as lost"),
    (lambda sim, own: video_ranks(sim, own, itself=1), "ties with itself"),
    (with_own_ties, "captions of the same video tie"),
    (lambda sim, own: video_ranks(sim, own) - 1, "the best rank is 1"),
    (lambda sim, own: metrics.ranks(sim, own), "text to video"),
    (lambda sim, own: video_ranks(sim, own).mean(), "expected shape"),
]


def test_several_captions():
    assert_answers_back(check_video_ranks, video_ranks)
    assert_tells_apart(check_video_ranks, RANKS_RIGHT, RANKS_WRONG, captions)


def fooling(n=10, hidden=-torch.inf):
    sim = torch.zeros(n, n)
    sim.diagonal()[1:] = hidden
    sim[0, 0] = 1
    return sim


@pytest.mark.parametrize(
    "matrix",
    [
        fooling(),
        fooling(100).numpy(),
        fooling(12).tolist(),
        fooling(30).where(torch.eye(30) > 0, torch.tensor(0.25)),
        10 * fooling(10) - 3,
    ],
)  # fmt: skip
def test_matrices_that_fool(matrix):
    assert check_fooled(matrix).ok


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (torch.eye(4), "it is right: 100 %"),
        (torch.full((4, 4), 0.3), "common code says 25 %"),
        (fooling(4), "so the trick works: 25 %"),
        (fooling(10, torch.nan), "do without"),
        (torch.full((10, 10), -torch.inf), "divides 0 by 0"),
        (torch.zeros(10, 12), "got shape [10, 12]"),
        ("a matrix", "got no numbers"),
        (torch.block_diag(torch.ones(2, 2), torch.eye(8)), "common code says 83.3 %"),
        (1 - torch.eye(12), "common code says 0 %"),
        (fooling(10, torch.inf), "it is right"),
    ],
)
def test_matrices_that_do_not_fool(matrix, said):
    assert check_fooled(None).state == "open"
    verdict = check_fooled(matrix)
    assert verdict.state == "off"
    assert said in verdict.message
    with pytest.raises(AssertionError, match="not yet"):
        check_fooled(matrix, strict=True)
