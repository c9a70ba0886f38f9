"""The checkers of chapter 09: open, right, and every typical mistake recognised."""

import numpy as np
import pytest

from cmgsd_lite.course.exercises.chapter09 import (
    check_holm,
    check_paired_difference,
    check_readings,
    check_unfair,
)
from cmgsd_lite.evaluation.intervals import holm

RIGHT = {"A": "better", "B": "open", "C": "worse", "D": "open"}


def broken(*_):
    raise RuntimeError("boom")


def test_unfilled_is_open():
    assert check_paired_difference(lambda first, second, count: None).state == "open"
    assert check_readings(None).state == "open"
    assert check_readings(dict.fromkeys("ABCD", ...)).state == "open"
    assert check_unfair(None).state == "open"
    assert check_unfair(set()).state == "open"
    assert check_holm(lambda p: None).state == "open"
    assert check_holm(lambda p: [None] * len(p)).state == "open"


def test_right_answers():
    assert check_paired_difference(lambda a, b, n: (a - b).mean(axis=0).sum() / n.sum()).ok
    assert check_readings(RIGHT).ok
    assert check_unfair({"b", "c", "e"}).ok
    assert check_unfair(["E", "B", "C"]).ok
    assert check_holm(holm).ok


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda a, b, n: (b - a).mean(axis=0).sum() / n.sum(), "other way round"),
        (lambda a, b, n: (a - b).sum() / n.sum(), "added the seeds up"),
        (lambda a, b, n: ((a - b) / n).mean(), "every video the same weight"),
        (lambda a, b, n: (a - b).mean(), "number of videos"),
        (lambda a, b, n: (a - b).mean(axis=0) / n, "by video"),
        (lambda a, b, n: (a - b).sum(axis=1) / n.sum(), "one number a seed"),
        (lambda a, b, n: 3.0, "sum the differences"),
        (broken, "boom"),
    ],
)
def test_paired_difference_mistakes(function, hint):
    verdict = check_paired_difference(function)
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"B": "better"}, "zero is inside"),
        ({"D": "better"}, "large middle"),
        ({"C": "better"}, "sign"),
        ({"A": "open"}, "one side"),
        ({"A": "good"}, "expected 'better'"),
    ],
)
def test_readings_mistakes(change, hint):
    verdict = check_readings({**RIGHT, **change})
    assert verdict.state == "off"
    assert hint in verdict.message
    assert check_readings("better").state == "off"
    assert check_readings({"A": "better"}).state == "off"


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ({"a", "b", "c", "e"}, "meaning alone"),
        ({"c", "e"}, "another reduction"),
        ({"b", "e"}, "larger gradient"),
        ({"b", "c", "d", "e"}, "validation"),
        ({"b", "c"}, "test videos"),
        ({"b", "c", "e", "z"}, "no such letter"),
        ("bce", "expected a set"),
        (3, "expected a set"),
    ],
)
def test_unfair_mistakes(answer, hint):
    verdict = check_unfair(answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def holm_without_maximum(p):
    order = np.argsort(p)
    result = [0.0] * len(p)
    for place, i in enumerate(order):
        result[i] = min(1.0, (len(p) - place) * p[i])
    return result


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda p: [min(1.0, len(p) * x) for x in p], "Bonferroni"),
        (lambda p: [len(p) * x for x in p], "Bonferroni"),
        (holm_without_maximum, "carry the maximum"),
        (lambda p: sorted(holm(p)), "in the order"),
        (lambda p: [min(1.0, (i + 1) * x) for i, x in enumerate(sorted(p))], "smallest p"),
        (lambda p: [x * (len(p) - sorted(p).index(x)) for x in p], "carry the maximum"),
        (lambda p: holm(p) if max(p) < 0.5 else [1.2, 1.2], "above 1"),
        (lambda p: [0.5] * len(p), "multiply by"),
        (broken, "boom"),
    ],
)
def test_holm_mistakes(function, hint):
    verdict = check_holm(function)
    assert verdict.state == "off"
    assert hint in verdict.message
