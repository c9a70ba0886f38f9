"""The checkers of chapter 10 accept right answers, recognise typical wrong ones and give nothing away."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, log_softmax

from cmgsd_lite.course.exercises.chapter10 import (
    FAIR,
    MASK_MISTAKES,
    NEAREST_MISTAKES,
    check_built,
    check_fair,
    check_masked_info_nce,
    check_nearest_of_each,
    masked_inputs,
    nearest_inputs,
)
from cmgsd_lite.losses import InfoNCELoss
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def masked(sim, removed, temperature):
    gone = removed & ~torch.eye(len(sim), dtype=torch.bool)
    logits = (sim / temperature).masked_fill(gone, -torch.inf)
    own = torch.arange(len(sim))
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def masked_by_margin(sim, removed, temperature):
    margin = torch.zeros_like(sim).masked_fill(removed, -torch.inf).fill_diagonal_(0)
    return InfoNCELoss(temperature)(sim, margin=margin.detach())


def masked_by_sums(sim, removed, temperature):
    kept = ~removed | torch.eye(len(sim), dtype=torch.bool)
    powers = torch.exp(sim / temperature) * kept
    own = powers.diagonal()
    return -(torch.log(own / powers.sum(dim=0)) + torch.log(own / powers.sum(dim=1))).mean() / 2


def masked_by_softmax(sim, removed, temperature):
    logits = torch.where(removed & (torch.eye(len(sim)) == 0), -torch.inf, sim / temperature)
    return -(log_softmax(logits, 0).diagonal().mean() + log_softmax(logits, 1).diagonal().mean()) / 2


def masked_by_loops(sim, removed, temperature):
    losses = []
    for i in range(len(sim)):
        others = [j for j in range(len(sim)) if j == i or not removed[i, j]]
        losses.append(torch.logsumexp(sim[i, others] / temperature, 0) - sim[i, i] / temperature)
        others = [j for j in range(len(sim)) if j == i or not removed[j, i]]
        losses.append(torch.logsumexp(sim[others, i] / temperature, 0) - sim[i, i] / temperature)
    return torch.stack(losses).mean()


RIGHT_MASKS = [masked, masked_by_margin, masked_by_sums, masked_by_softmax, masked_by_loops]
WRONG_MASKS = [
    *MASK_MISTAKES,
    (lambda sim, removed, t: masked(sim, removed, t).detach(), "no gradient"),
    (lambda sim, removed, t: masked(sim, removed, t) * 2, "yours gives"),
]


def test_masked_info_nce():
    assert_answers_back(check_masked_info_nce, masked)
    assert_tells_apart(check_masked_info_nce, RIGHT_MASKS, WRONG_MASKS, masked_inputs, gradient=True)


def nearest(guide, k):
    scores = guide.masked_fill(torch.eye(len(guide), dtype=torch.bool), -torch.inf)
    return torch.zeros(guide.shape).scatter(1, scores.topk(k, dim=1).indices, 1) > 0


def nearest_by_rank(guide, k):
    scores = guide - 1000 * torch.eye(len(guide))
    return scores.argsort(dim=1, descending=True).argsort(dim=1) < k


def nearest_by_limit(guide, k):
    scores = guide - 1000 * torch.eye(len(guide))
    return scores >= scores.sort(dim=1, descending=True).values[:, k - 1 : k]


def nearest_by_loops(guide, k):
    rows = []
    for i, row in enumerate(guide.tolist()):
        others = sorted((j for j in range(len(row)) if j != i), key=lambda j, row=row: -row[j])[:k]
        rows.append([1 if j in others else 0 for j in range(len(row))])
    return rows


def nearest_of_arrays(guide, k):
    scores = np.asarray(guide).copy()
    np.fill_diagonal(scores, -np.inf)
    return (-scores).argsort(axis=1).argsort(axis=1) < k


RIGHT_NEAREST = [nearest, nearest_by_rank, nearest_by_limit, nearest_by_loops, nearest_of_arrays]
WRONG_NEAREST = [
    *NEAREST_MISTAKES,
    (lambda guide, k: nearest(guide, 1), "yours gives"),
    (lambda guide, k: guide > 0.5, "yours gives"),
    (lambda guide, k: nearest(guide, k).sum(dim=1), "expected shape"),
]


def test_nearest_of_each():
    assert_answers_back(check_nearest_of_each, nearest)
    assert_tells_apart(check_nearest_of_each, RIGHT_NEAREST, WRONG_NEAREST, nearest_inputs)


@pytest.mark.parametrize(
    "answer",
    [
        FAIR,
        list(FAIR.values()),
        tuple(FAIR.values()),
        {key.lower(): value.upper() for key, value in FAIR.items()},
        {**FAIR, "note": "C is the only one"},
    ],
)
def test_the_fair_one_however_it_is_written(answer):
    assert check_fair(answer, strict=True).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**FAIR, "A": "fair"}, "A: count the tries"),
        ({**FAIR, "A": "control"}, "A: count the tries"),
        ({**FAIR, "B": "fair"}, "B: where does the margin come from"),
        ({**FAIR, "B": "tuning"}, "B: where"),
        ({**FAIR, "C": "tuning"}, "C: look again"),
        ({**FAIR, "D": "fair"}, "D: what else"),
        ({**FAIR, "D": "tuning"}, "D: what else"),
        ({**FAIR, "D": None}, "D: expected one of"),
        ({**FAIR, "D": "unfair"}, "D: expected one of"),
        ("C", "expected a word for each of A, B, C, D, got 'C'"),
    ],
)
def test_what_is_not_fair(answer, words):
    verdict = check_fair(answer)
    assert verdict.state == "off"
    assert words in verdict.message


BUILT = [[0.5, 0.6, 0.6], [0.1, 0.6, 0.1], [0.1, 0.7, 0.5]]


@pytest.mark.parametrize(
    "answer",
    [
        BUILT,
        torch.tensor(BUILT),
        np.array(BUILT),
        [[0.5, 0.5, 0.9], [0.0, 0.5, 0.0], [0.0, 0.9, 0.5]],  # the others are nearer still
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        [[-0.5, -0.6, -0.6], [-1, -0.5, -1], [-1, -0.6, -0.5]],
    ],
)
def test_matrices_in_which_the_pair_goes_without_a_trace(answer):
    assert check_built(answer, strict=True).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([[0.5, 0.6, 0.1], [0.1, 0.6, 0.1], [0.1, 0.1, 0.5]], "as near"),
        ([[0.5, 0.6, 0.6], [0.1, 0.6, 0.1], [0.1, 0.1, 0.5]], "as near"),  # the text's side alone
        ([[0.5, 0.6, 0.1], [0.1, 0.6, 0.1], [0.1, 0.7, 0.5]], "as near"),  # the video's side alone
        (np.transpose(BUILT), "text 0 keeps"),
        (np.eye(3), "text 0 keeps"),
        ([[0.5, 0.6, 0.6], [0.1, 0.9, 0.1], [0.1, 0.7, 0.5]], "video 1 keeps"),
        ([[0.5, 1.6, 1.6], [0.1, 0.6, 0.1], [0.1, 1.7, 0.5]], "between -1 and 1"),
        ([[0.5, 0.6], [0.1, 0.6]], "3 x 3"),
        ("three", "3 x 3"),
        ([[0.5, float("nan"), 0.6], [0.1, 0.6, 0.1], [0.1, 0.7, 0.5]], "between -1 and 1"),
    ],
)
def test_matrices_in_which_it_does_not(answer, words):
    verdict = check_built(answer)
    assert verdict.state == "off"
    assert words in verdict.message


@pytest.mark.parametrize("check", [check_fair, check_built])
def test_unfilled(check):
    assert check(None).state == "open"
    with pytest.raises(AssertionError, match="not attempted"):
        check(None, strict=True)
    assert check_fair(dict.fromkeys("ABCD")).state == "open"
