"""The checkers' answer: right, not attempted, or what is off, and never the right value."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.exercises.verdict import Verdict, judge, not_attempted

MISTAKES = [(0.18, "the diagonal is in your statistics"), (-0.05, "the sign is turned")]


def verdict(answer: object) -> Verdict:
    return judge(answer, 0.05, "the margin is flat", MISTAKES, otherwise="look at the mean again")


@pytest.mark.parametrize("nothing", [None, ...])
def test_what_was_left_as_it_was_is_open(nothing: object) -> None:
    assert not_attempted(nothing)
    assert repr(verdict(nothing)) == "· not attempted yet"
    assert not verdict(nothing).ok


@pytest.mark.parametrize("zero", [0, 0.0, False, [], "", torch.tensor(0.0)])
def test_a_false_or_empty_answer_is_an_attempt(zero: object) -> None:
    assert not not_attempted(zero)


@pytest.mark.parametrize("right", [0.05, 0.05 + 5e-5, torch.tensor(0.05), np.float32(0.05)])
def test_the_right_answer_in_any_type(right: object) -> None:
    assert verdict(right).ok
    assert repr(verdict(right)) == "✓ correct: the margin is flat"


@pytest.mark.parametrize(("wrong", "hint"), MISTAKES)
def test_a_typical_mistake_is_named(wrong: float, hint: str) -> None:
    assert repr(verdict(wrong)) == f"✗ not yet: {hint}"


def test_any_other_answer_is_off_and_the_right_one_is_not_told() -> None:
    assert repr(verdict(7.0)) == "✗ not yet: look at the mean again"
    assert "0.05" not in repr(verdict(7.0))


def test_beyond_the_tolerance_is_off() -> None:
    assert not verdict(0.05 + 2e-4).ok
    assert judge(0.051, 0.05, "right", tolerance=0.01).ok


@pytest.mark.parametrize("nan", [float("nan"), torch.tensor(float("nan"))])
def test_nan_is_never_right(nan: object) -> None:
    assert verdict(nan).state == "off"


def test_the_shape_is_named_before_the_value() -> None:
    answer = judge(torch.zeros(4), torch.ones(4, 4), "right")
    assert answer.message == "expected shape [4, 4], got [4]"


def test_a_number_is_not_taken_for_a_matrix_of_it() -> None:
    assert judge(1.0, torch.ones(2, 2), "right").state == "off"


@pytest.mark.parametrize("answer", ["0.05", {"margin": 0.05}, object()])
def test_what_is_no_number_is_off(answer: object) -> None:
    assert verdict(answer).state == "off"
    assert type(answer).__name__ in verdict(answer).message


def test_a_tensor_with_gradient_is_judged_by_its_value() -> None:
    assert verdict(torch.tensor(0.05, requires_grad=True)).ok
