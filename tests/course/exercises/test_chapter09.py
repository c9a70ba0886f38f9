"""The checkers of chapter 09: open, five right answers each, typical mistakes and mistakes made by rule."""

import math

import numpy as np
import pytest
import torch

from cmgsd_lite.course.exercises.chapter09 import (
    COMPARISONS,
    SENTENCES,
    check_holm,
    check_sentences,
    check_unfair,
    check_videos_needed,
    videos_needed,
)
from cmgsd_lite.course.exercises.checking import hundredths
from cmgsd_lite.evaluation.intervals import holm
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def needed(of_videos, of_seeds, rest, seeds, error):
    left = error * error - of_seeds / seeds
    if left <= 0:
        return math.inf
    return math.ceil((of_videos + rest / seeds) / left)


def by_counting(of_videos, of_seeds, rest, seeds, error):
    if of_seeds / seeds >= error**2:
        return float("inf")
    low, high = 1, 10**9
    while low < high:
        middle = (low + high) // 2
        enough = of_videos / middle + of_seeds / seeds + rest / (seeds * middle) <= error**2
        low, high = (low, middle) if enough else (middle + 1, high)
    return low


RIGHT_NEEDED = [
    needed,
    by_counting,
    videos_needed,
    lambda v, s, r, n, e: np.inf if s / n >= e**2 else np.ceil((v + r / n) / (e**2 - s / n)),
    lambda v, s, r, n, e: 10**15 if s / n >= e**2 else torch.tensor(needed(v, s, r, n, e)),
]
WRONG_NEEDED = [
    (lambda v, s, r, n, e: math.ceil((v + r / n) / e**2), "leaves the seeds out"),
    (lambda v, s, r, n, e: needed(v + r - r / n, s, r, n, e), "averaged over the seeds as well"),
    (lambda v, s, r, n, e: math.ceil((v + r / n) / abs(e**2 - s / n)), "answer infinity"),
    (lambda v, s, r, n, e: needed(v, s, r, n, math.sqrt(e)), "square the wanted one"),
    (lambda v, s, r, n, e: needed(v, s, r, n, e) + 1, "yours gives"),
    (lambda v, s, r, n, e: math.ceil(v / e**2), "yours gives"),
    (
        lambda v, s, r, n, e: math.inf if s / n >= e**2 else int((v + r / n) / (e**2 - s / n)) + 1,
        "yours gives",
    ),
    (
        lambda v, s, r, n, e: math.inf if s / n > e**2 else math.ceil((v + r / n) / (e**2 - s / n)),
        "stops with ZeroDivisionError",
    ),
]


def of_variances(generator, n):
    of_videos, of_seeds, rest = (float(hundredths(generator, low=1, high=9)) for _ in range(3))
    return of_videos, of_seeds / 20, rest, n, 0.203 + n / 10


def test_how_many_videos():
    assert_answers_back(check_videos_needed, needed)
    assert_tells_apart(check_videos_needed, RIGHT_NEEDED, WRONG_NEEDED, of_variances)


def corrected(p_values):
    found, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        found[i] = highest
    return found


def by_arrays(p_values):
    p = np.asarray(p_values)
    order = np.argsort(p)
    steps = np.minimum(1, (len(p) - np.arange(len(p))) * p[order])
    found = np.empty(len(p))
    found[order] = np.maximum.accumulate(steps)
    return found


RIGHT_HOLM = [
    corrected,
    holm,
    by_arrays,
    lambda p: tuple(by_arrays(p)),
    lambda p: torch.tensor(corrected(p)),
]
WRONG_HOLM = [
    (lambda p: [min(1, len(p) * x) for x in p], "Bonferroni"),
    (lambda p: sorted(corrected(p)), "in the order in which they came"),
    (lambda p: [min(1, (sorted(p).index(x) + 1) * x) for x in p], "belongs to the smallest"),
    (lambda p: [min(1, (len(p) - sorted(p).index(x)) * x) for x in p], "carry the maximum"),
    (lambda p: p, "yours gives"),
    (lambda p: max(corrected(p)), "expected shape"),
]


def test_holm():
    assert_answers_back(check_holm, corrected)
    assert_tells_apart(
        check_holm, RIGHT_HOLM, WRONG_HOLM, lambda g, n: (hundredths(g, n, low=0.01, high=0.6).tolist(),)
    )


@pytest.mark.parametrize(
    ("check", "right", "known"),
    [
        (check_unfair, {"b", "c", "d", "f"}, COMPARISONS),
        (check_sentences, {"a", "d"}, SENTENCES),
    ],
)
def test_letters(check, right, known):
    for answer in (None, ..., set(), ""):
        assert check(answer).state == "open"
    ordered = sorted(right)
    for answer in (
        right,
        ordered,
        tuple(ordered),
        ", ".join(ordered).upper(),
        np.array(ordered),
        frozenset(right),
    ):
        assert check(answer).ok
    for letter in known:  # one too many or one too few
        verdict = check(right ^ {letter})
        assert verdict.state == "off"
        assert verdict.message.startswith(f"look at {letter} again")
    assert "no such letter: z" in check({"z", *right}).message
    for answer in (3, {"a": True}):
        assert "expected letters" in check(answer).message
    with pytest.raises(AssertionError):
        check({"a", "b", "c", "d", "e"}, strict=True)


@pytest.mark.parametrize(
    "said",
    [list, set, "".join, ", ".join, np.array, lambda letters: " and ".join(letters).upper(), "({})".format],
    ids=["list", "set", "bdcf", "commas", "array", "and", "brackets"],
)
def test_letters_in_any_form(said):
    for check, reasons, wanted in ((check_unfair, COMPARISONS, False), (check_sentences, SENTENCES, True)):
        letters = [letter for letter, (is_so, _) in reasons.items() if is_so == wanted]
        assert check(said(letters)).ok


def test_a_function_that_changes_its_list_is_judged_by_the_list_it_was_given():
    def in_place(p_values):
        p_values.sort()
        return holm(p_values)

    assert "in the order in which they came" in repr(check_holm(in_place))
