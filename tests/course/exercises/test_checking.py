"""The checker of functions, shown on one exercise: the hinge of the other direction."""

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

from cmgsd_lite.course.exercises.checking import (
    check_function,
    checker,
    hundredths,
    inputs_generator,
    other_inputs,
)
from cmgsd_lite.course.exercises.verdict import Verdict, judge, same
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart, mutants


def right(sim, margin):
    own = sim.diagonal()
    hinge = torch.relu(margin + sim - own[None, :])
    return hinge.masked_fill(torch.eye(len(sim), dtype=torch.bool), 0)


def text_to_video(sim, margin):
    return torch.relu(margin + sim - sim.diagonal()[:, None]) * (1 - torch.eye(len(sim)))


def inputs(generator, n):
    return hundredths(generator, n, n), float(hundredths(generator, low=0.1, high=0.4)) + 0.005


MISTAKES = (
    (text_to_video, "that is text to video"),
    (lambda sim, m: torch.relu(m + sim - sim.diagonal()), "the diagonal is not 0"),
    (lambda sim, m: right(sim, 0), "the margin is missing"),
)


@checker
def check(function):
    return check_function(
        function,
        right,
        inputs,
        "an anchor video looks along its column",
        MISTAKES,
        gradient=True,
    )


def loop(sim, margin):
    hinge = torch.zeros(len(sim), len(sim))
    for j in range(len(sim)):
        for i in range(len(sim)):
            if i != j:
                hinge[i, j] = torch.relu(margin + sim[i, j] - sim[j, j])
    return hinge


RIGHT = [
    right,
    loop,
    lambda sim, margin: text_to_video(sim.T, margin).T,
    lambda sim, m: (sim - sim.diag() + m).clamp(min=0) * (1 - torch.eye(len(sim))),
    lambda sim, m: torch.where(torch.eye(len(sim)) > 0, 0.0, (m + sim - sim.diagonal()).clip(0)),
]
WRONG = [
    (text_to_video, "that is text to video"),
    (lambda sim, m: torch.relu(m + sim - sim.diagonal()), "the diagonal is not 0"),
    (lambda sim, m: right(sim, 0), "the margin is missing"),
    (lambda sim, m: right(sim, 0.2), "yours gives"),
    (lambda sim, m: right(sim, m).detach(), "yours has no gradient"),
    (
        lambda sim, m: torch.relu(m + sim - sim.diagonal()).fill_diagonal_(0),
        "modified by an inplace operation",
    ),
    (lambda sim, m: right(sim, m) + sim - sim.detach(), "another gradient"),
    (lambda sim, m: right(sim, m).sum(), "expected shape [2, 2], got one number"),
    (lambda sim, m: right(sim, m)[:4, :4], "expected shape [6, 6], got [4, 4]"),
    (lambda sim, m: torch.tensor(6.0), "got one number"),
]


def test_the_exercise():
    assert_answers_back(check, right)
    assert_tells_apart(check, RIGHT, WRONG, inputs, gradient=True)


def test_the_rules_make_the_usual_mistakes():
    names = " ".join(name for name, _ in mutants(right))
    for rule in ("drop the second term", "forget the diagonal", "do not clip", "answer.T", "answer.detach()"):
        assert rule in names


def test_a_checker_with_one_input_is_found_out():
    fixed = torch.tensor([[0.5, 0.2], [0.2, 0.5]])  # symmetric, and nothing below the margin

    def blind(function):
        return judge(function(fixed, 0.4), right(fixed, 0.4), "right")

    with pytest.raises(AssertionError):
        assert_tells_apart(blind, RIGHT, [], inputs)


def test_the_counter_example_is_the_smallest_and_reads_well():
    message = check(lambda sim, m: right(sim, m) + (len(sim) > 2)).message
    assert message.startswith("for sim = [[")
    assert message.count("], [") == 6, "three rows: the input, yours and the expected"
    assert "margin = 0." in message
    assert "yours gives [[" in message
    assert "expected [[" in message


def test_strict_raises_for_whoever_grades():
    assert check(right, strict=True).ok
    for answer in (lambda sim, m: None, text_to_video):
        with pytest.raises(AssertionError, match=r"not attempted|that is text to video"):
            check(answer, strict=True)


def test_for_grading_other_inputs_are_drawn():
    seen = []

    def watched(sim, margin):
        seen.append(sim)
        return right(sim, margin)

    def sims(seed):
        seen.clear()
        with other_inputs(seed):
            assert check_function(watched, right, inputs, "right").ok
        return [sim.tolist() for sim in seen]

    assert sims(7) == sims(7)
    assert sims(7) != sims(8)
    with pytest.raises(ZeroDivisionError), other_inputs(9):
        1 / 0  # noqa: B018
    assert inputs_generator().initial_seed() == 0, "as before, whatever happened inside"
    assert sims(0) == [sim.tolist() for sim, _ in drawn_for_learners()]


def drawn_for_learners():
    generator = torch.Generator().manual_seed(0)
    return [inputs(generator, n) for n in (2, 3, 4, 6) for _ in range(6)]


def test_a_function_that_takes_arrays_is_tried_with_arrays():
    def of_arrays(sim, margin):
        hinge = (margin + sim - np.diag(sim)[None, :]).clip(0)
        np.fill_diagonal(hinge, 0)
        return hinge

    assert check_function(of_arrays, right, inputs, "right").ok
    assert "no gradient" in check(of_arrays).message


def test_arguments_are_copies():
    def greedy(sim, margin):
        answer = right(sim, margin)
        sim.zero_()
        return answer

    assert check_function(greedy, right, inputs, "right").ok


def test_what_the_question_leaves_open_is_left_open():
    def first(x):
        return x

    def check_scale(function, prepare=None):
        return check_function(function, first, lambda g, n: (hundredths(g, n) + 2,), "right", prepare=prepare)

    assert not check_scale(lambda x: 3 * x).ok
    assert check_scale(lambda x: 3 * x, prepare=lambda x: x / x.norm()).ok
    assert not check_scale(lambda x: x + 1, prepare=lambda x: x / x.norm()).ok


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2.5],
        (1, 2.5),
        np.array([1, 2.5]),
        [torch.tensor(1.0), np.float32(2.5)],
        [sympy.Integer(1), sympy.Rational(5, 2)],
        pd.Series([1, 2.5]),
        torch.tensor([1, 2.5], dtype=torch.bfloat16, requires_grad=True),
    ],
)
def test_numbers_of_any_kind(answer):
    assert same(answer, torch.tensor([1, 2.5]))
    assert judge(answer, [1, 2.5], "right").ok


def test_tables_texts_and_what_is_neither():
    assert judge(pd.DataFrame([[1, 2], [3, 4]]), [[1, 2], [3, 4]], "right").ok
    assert judge([torch.ones(2), torch.zeros(2)], [[1, 1], [0, 0]], "right").ok
    assert judge(" Better", "better", "right").ok
    assert judge("worse", "better", "right", [("worse", "look again")]).message == "look again"
    assert judge(3, "better", "right").message == "expected a text, got int"
    assert judge(["a"], [1.0], "right").message == "expected numbers, got list"
    assert judge([[1, 2], [3]], [1.0], "right").message == "expected numbers, got list"
    assert not same(sympy.Symbol("x"), 1)


@checker
def check_half(answer):
    """Check a half.

    Args:
        answer: A number.

    Source:
        Euclid.

    Example:
        >>> check_half(None)
        · not attempted yet
    """
    return judge(answer, 0.5, "halved")


def test_a_checker_can_be_strict_and_says_so_in_its_help():
    assert check_half(0.5, strict=True) == check_half(answer=0.5) == Verdict("correct", "halved")
    assert check_half(1).state == "off"
    for strict in (lambda: check_half(1, strict=True), lambda: check_half(1, True)):
        with pytest.raises(AssertionError, match="not yet"):
            strict()
    titles = [line for line in check_half.__doc__.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == ["Args:", "Returns:", "Raises:", "Source:", "Example:"]
    assert "    answer: A number.\n    strict: Raise" in check_half.__doc__
    assert "Source:\n    Euclid." in check_half.__doc__
