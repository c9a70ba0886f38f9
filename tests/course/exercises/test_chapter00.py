"""The checkers of chapter 00 accept right answers, recognise typical wrong ones and give nothing away."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter00 import check_count_false_negatives, check_negatives


def off_diagonal(true):
    return ~torch.eye(len(true), dtype=torch.bool)


def test_unfilled_exercises_are_open():
    assert check_negatives(None).state == "open"
    assert check_count_false_negatives(lambda true: None).state == "open"
    assert check_count_false_negatives(lambda true: ...).state == "open"


def test_right_answers_are_accepted():
    assert check_negatives(16256).ok
    assert check_count_false_negatives(lambda true: int((true & off_diagonal(true)).sum())).ok
    assert check_count_false_negatives(lambda true: sum(map(sum, (true & off_diagonal(true)).tolist()))).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (128 * 128, "diagonal too"),
        (127, "one caption"),
        (128, "right pairs"),
        (128 * 127 // 2, "two pairs"),
        (5, "table of 128"),
    ],
)
def test_wrong_numbers_of_negatives_are_recognised(answer, hint):
    verdict = check_negatives(answer)
    assert verdict.state == "off"
    assert hint in verdict.message
    assert "16256" not in repr(verdict)


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda true: true.sum(), "diagonal is in your count"),
        (lambda true: true.sum() - len(true), "took N off"),
        (lambda true: (~true & off_diagonal(true)).sum(), "true negatives"),
        (lambda true: (true & off_diagonal(true)).any(dim=1).sum(), "not pairs"),
        (lambda true: true.triu(1).sum(), "not symmetric"),
        (lambda true: (true & off_diagonal(true)).float().mean(), "count the entries"),
        (lambda true: true & off_diagonal(true), "expected one number"),
    ],
)
def test_wrong_counts_are_recognised(function, hint):
    verdict = check_count_false_negatives(function)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_an_exception_is_a_verdict():
    verdict = check_count_false_negatives(lambda true: true.no_such_thing())
    assert verdict.state == "off"
    assert "AttributeError" in verdict.message
