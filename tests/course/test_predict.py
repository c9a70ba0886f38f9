"""A guess stands beside the result; without one the result is folded; no guess breaks the cell."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course import predict as module
from cmgsd_lite.course.predict import predict

RANKING = ["smooth", "mean", "hardest"]


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(module, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def last_line(capsys):
    return capsys.readouterr().out.strip().splitlines()[-1]


@pytest.mark.parametrize("result", [16, 16.04, torch.tensor(16.0), np.float32(16)])
def test_a_number_with_unit_floor_and_control(capsys, result):
    predict("What share?", 10, result=result, unit="%", floor=1.94, beside={"control": 15.8})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["What share?", "your guess  10 %"]
    assert lines[2] == "result      16 %   (floor 1.94 %, control 15.8 %)"
    assert lines[3] in (
        "The result lies 6 points above your guess, 1.6 times as high.",
        "The result lies 6.04 points above your guess, 1.6 times as high.",
    )


@pytest.mark.parametrize("guess", [10, 10.0, "10", " 10 %", "10,0", torch.tensor(10), np.int64(10)])
def test_a_number_may_be_written_in_many_ways(capsys, guess):
    predict("What share?", guess, result=10, unit="%")
    assert last_line(capsys) == "Right, to the digits shown."


@pytest.mark.parametrize(
    ("guess", "result", "remark"),
    [
        (60, 57.1, "The result lies 2.9 below your guess."),
        (0, 0.5, "The result lies 0.5 above your guess."),
        (-1, 1, "The result lies 2 above your guess."),
        (100, 16256, "The result lies 16,156 above your guess, 1.6e+02 times as high."),
    ],
)
def test_how_far_off_a_number_is(capsys, guess, result, remark):
    predict("How many?", guess, result=result)
    assert last_line(capsys) == remark


def test_a_ranking_says_which_places_differ(capsys):
    predict("From best to worst?", ["Smooth", "hardest", "mean"], result=RANKING)
    assert (
        last_line(capsys)
        == "1 of 3 places are right. place 2: mean, not hardest; place 3: hardest, not mean."
    )
    predict("From best to worst?", "smooth, mean, hardest", result=tuple(RANKING))
    assert last_line(capsys) == "Right."


def test_a_choice_in_any_case(capsys):
    predict("Which?", " LEFT", result="left", choices=["left", "right"])
    assert last_line(capsys) == "Right."
    predict("Which?", "right", result="left", choices=["left", "right"])
    assert last_line(capsys).startswith("Not what came out")


@pytest.mark.parametrize(
    ("guess", "result", "expected"),
    [
        ("a lot", 3, "a number"),
        ([1, 2], 3, "a number"),
        (float("nan"), 3, "a number"),
        (torch.ones(2), 3, "a number"),
        (object(), 3, "a number"),
        (10**400, 3, "a number"),
        (["smooth", "mean"], RANKING, "hardest, mean, smooth"),
        (["smooth", "mean", "mean"], RANKING, "hardest, mean, smooth"),
        (7, RANKING, "hardest, mean, smooth"),
        ("middle", "left", "one of left, right"),
        (3, "left", "one of left, right"),
    ],
)
def test_a_guess_that_can_not_be_read_gets_one_line(capsys, guess, result, expected):
    predict("Which?", guess, result=result, choices=["left", "right"])
    line = last_line(capsys)
    assert line.startswith("guess: expected")
    assert expected in line


@pytest.mark.parametrize(
    ("result", "text"), [(57.13, "57.1 %"), (RANKING, ", ".join(RANKING)), ("left", "left")]
)
def test_without_a_guess_the_result_is_folded(shown, capsys, result, text):
    predict("What & where?", result=result, unit="%", choices=["left", "right"])
    (bundle,) = shown
    before, _, folded = bundle["text/html"].partition("<details>")
    assert "What &amp; where?" in before
    assert text not in before or isinstance(result, str), "a choice is named in the question, with the others"
    assert f"</summary>{text}</details>" in folded
    assert text not in bundle["text/plain"].splitlines()[-1], "a terminal shows it backwards"
    assert bundle["text/plain"].endswith(text[::-1])
    assert capsys.readouterr().out == ""


def test_a_ranking_is_not_given_away_by_its_order(shown):
    predict("From best to worst?", result=RANKING)
    assert "(put in order: hardest, mean, smooth)" in shown[0]["text/html"]


def test_a_result_outside_the_choices_is_the_authors_mistake():
    with pytest.raises(ValueError, match="choices"):
        predict("Which?", result="left", choices=["right"])
