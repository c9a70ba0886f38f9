"""The checkers of chapter 08 accept right answers, recognise typical wrong ones and give nothing away."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.exercises.chapter08 import (
    DIAGNOSES,
    EPOCH_MISTAKES,
    FLOOR_MISTAKES,
    LOGS,
    RANK_MISTAKES,
    check_above_floor,
    check_choose_epoch,
    check_diagnosis,
    check_rank_in_smaller,
    galleries,
    recalls,
    scores,
)
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def choose_epoch(recalls):
    return recalls.mean(dim=1).argmax() + 1


def choose_by_loop(recalls):
    best, number = -1.0, 0
    for epoch, row in enumerate(recalls.tolist(), 1):
        if sum(row) > best:
            best, number = sum(row), epoch
    return number


RIGHT_EPOCHS = [
    choose_epoch,
    choose_by_loop,
    lambda recalls: max(range(len(recalls)), key=lambda i: float(recalls[i].sum())) + 1,
    lambda recalls: np.asarray(recalls).mean(axis=1).argmax() + 1,
    lambda recalls: float(sorted((-row.sum(), i) for i, row in enumerate(recalls))[0][1] + 1),
]
WRONG_EPOCHS = [
    *EPOCH_MISTAKES,
    (lambda recalls: 3, "yours gives"),
    (lambda recalls: recalls.mean(dim=1), "got shape"),
]


def test_choose_epoch():
    assert_answers_back(check_choose_epoch, choose_epoch)
    assert_tells_apart(check_choose_epoch, RIGHT_EPOCHS, WRONG_EPOCHS, recalls)


def test_the_recalls_can_be_recalls():
    generator = torch.Generator().manual_seed(0)
    for n in (2, 3, 6):
        (drawn,) = recalls(generator, n)
        assert bool((drawn[:, 1:] >= drawn[:, :-1]).all()), "R@1 <= R@5 <= R@10"


def above_floor(ndcg, floor):
    return 100 * (ndcg - floor) / (100 - floor)


RIGHT_FLOORS = [
    above_floor,
    lambda ndcg, floor: 100 - 100 * (100 - ndcg) / (100 - floor),
    lambda ndcg, floor: (ndcg / 100 - floor / 100) / (1 - floor / 100) * 100,
    lambda ndcg, floor: torch.tensor(ndcg - floor) / (100 - floor) * 100,
    lambda ndcg, floor: np.interp(ndcg, [-500, 100], [above_floor(-500, floor), 100]),
]
WRONG_FLOORS = [
    *FLOOR_MISTAKES,
    (lambda ndcg, floor: ndcg, "yours gives"),
    (lambda ndcg, floor: abs(above_floor(ndcg, floor)), "yours gives"),
]


def test_above_floor():
    assert_answers_back(check_above_floor, above_floor)
    assert_tells_apart(check_above_floor, RIGHT_FLOORS, WRONG_FLOORS, scores)


def rank_in_smaller(rank, videos, kept):
    return 1 + (rank - 1) * (kept - 1) / (videos - 1)


RIGHT_RANKS = [
    rank_in_smaller,
    lambda rank, videos, kept: 1 + (kept - 1) / (videos - 1) * (rank - 1),
    lambda rank, videos, kept: kept - (videos - rank) * (kept - 1) / (videos - 1),
    lambda rank, videos, kept: np.interp(rank, [1, videos], [1, kept]),
    lambda rank, videos, kept: 1 + sum((kept - 1) / (videos - 1) for _ in range(rank - 1)),
]
WRONG_RANKS = [
    *RANK_MISTAKES,
    (lambda rank, videos, kept: 1 + (rank - 1) // (videos // kept), "yours gives"),
    (lambda rank, videos, kept: min(rank, kept), "yours gives"),
]


def test_rank_in_smaller():
    assert_answers_back(check_rank_in_smaller, rank_in_smaller)
    assert_tells_apart(check_rank_in_smaller, RIGHT_RANKS, WRONG_RANKS, galleries)


def test_the_formula_is_the_mean_of_draws():
    rng = np.random.default_rng(0)
    ahead = np.array([1] * 20 + [0] * 79)  # rank 21 of 100
    drawn = [1 + rng.permutation(ahead)[:29].sum() for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(rank_in_smaller(21, 100, 30), abs=0.1)


@pytest.mark.parametrize(
    "answer",
    [
        DIAGNOSES,
        list(DIAGNOSES.values()),
        tuple(DIAGNOSES.values()),
        {key.lower(): f" {value.title()}" for key, value in DIAGNOSES.items()},
        dict(reversed(DIAGNOSES.items())),
    ],
)
def test_diagnoses_however_they_are_written(answer):
    assert check_diagnosis(answer, strict=True).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({**DIAGNOSES, "A": "rate"}, "A: what happens between"),
        ({**DIAGNOSES, "A": "healthy"}, "A: what happens between"),
        ({**DIAGNOSES, "B": "pairs"}, "B: a hinge"),
        ({**DIAGNOSES, "B": "rate"}, "B: a hinge"),
        ({**DIAGNOSES, "C": "rate"}, "C: which loss"),
        ({**DIAGNOSES, "C": "healthy"}, "C: which loss"),
        ({**DIAGNOSES, "D": "pairs"}, "D: it learns"),
        ({**DIAGNOSES, "D": "healthy"}, "D: it learns"),
        ({**DIAGNOSES, "D": None}, "D: expected one of healthy, pairs, rate, restart"),
        ({**DIAGNOSES, "D": "collapse"}, "D: expected one of"),
        ([None, None, None, "rate"], "A: expected one of"),
        (3, "expected a word for each of A, B, C, D, got 3"),
    ],
)
def test_wrong_diagnoses(answer, words):
    verdict = check_diagnosis(answer)
    assert verdict.state == "off"
    assert words in verdict.message
    assert not any(f"{key}: {word}" in verdict.message for key, word in DIAGNOSES.items())


def test_unfilled_diagnoses():
    assert check_diagnosis(None).state == "open"
    assert check_diagnosis(dict.fromkeys("ABCD")).state == "open"
    with pytest.raises(AssertionError, match="not attempted"):
        check_diagnosis(None, strict=True)


def test_the_logs_are_eight_epochs_each():
    assert list(LOGS) == list(DIAGNOSES)
    assert all(len(loss) == len(recall) == 8 for _, loss, recall in LOGS.values())
