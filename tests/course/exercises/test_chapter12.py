"""The checkers of chapter 12 accept right answers of many forms and recognise wrong ones."""

import numpy as np
import pandas as pd
import torch

from cmgsd_lite.course.exercises.chapter12 import (
    check_expected_true,
    check_leak,
    check_looks,
    check_moments,
    film_lengths,
    judged_pairs,
    judged_parts,
    split_clips,
)
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def moments(seconds, count):
    stretch = seconds / count
    return torch.arange(count) * stretch + stretch / 2


MOMENTS_RIGHT = [
    moments,
    lambda seconds, count: [seconds * (2 * k + 1) / (2 * count) for k in range(count)],
    lambda seconds, count: np.linspace(0, seconds, 2 * count + 1)[1::2],
    lambda seconds, count: torch.linspace(0, seconds, 2 * count + 1, dtype=torch.float64)[1::2],
    lambda seconds, count: tuple((k + 0.5) / count * seconds for k in range(count)),
    lambda seconds, count: pd.Series(np.arange(1, 2 * count, 2)) * seconds / count / 2,
]
MOMENTS_WRONG = [
    (lambda seconds, count: np.linspace(0, seconds, count), "often black"),
    (lambda seconds, count: [k * seconds / count for k in range(count)], "begins"),
    (lambda seconds, count: [(k + 1) * seconds / count for k in range(count)], "ends"),
    (lambda seconds, count: np.linspace(0, seconds, count + 2)[1:-1], "one stretch more"),
    (lambda seconds, count: (np.arange(count) + 0.5) / count, "shares of the film"),
    (lambda seconds, count: moments(seconds, count).flip(0), "yours gives"),
    (lambda seconds, count: moments(seconds, count).round(), "yours gives"),
    (lambda seconds, count: moments(seconds, count + 1), "expected"),
    (lambda seconds, count: seconds / 2, "expected"),
]


def test_moments():
    assert_answers_back(check_moments, moments)
    assert_tells_apart(check_moments, MOMENTS_RIGHT, MOMENTS_WRONG, film_lengths)


def leak(train, test):
    films = [clip.rsplit("_", 1)[0] for clip in train]
    return sum(clip.rsplit("_", 1)[0] in films for clip in test) / len(test) * 100


def leak_in_pandas(train, test):
    films = [pd.Series(names).str.replace(r"_\d+$", "", regex=True) for names in (test, train)]
    return 100 * films[0].isin(films[1]).mean()


def shared(train, test, film, of):
    films = {film(clip) for clip in train}
    return 100 * sum(film(clip) in films for clip in test) / len(of)


def film_of(clip):
    return "_".join(clip.split("_")[:-1])


def same_film(one, other):
    return one[: one.rindex("_")] == other[: other.rindex("_")]


LEAK_RIGHT = [
    leak,
    leak_in_pandas,
    lambda train, test: 100 * np.mean([film_of(clip) in {film_of(c) for c in train} for clip in test]),
    lambda train, test: torch.tensor([100.0 * any(same_film(c, t) for c in train) for t in test]).mean(),
    lambda train, test: 100 - 100 * sum(not any(same_film(c, t) for c in train) for t in test) / len(test),
]
LEAK_WRONG = [
    (lambda train, test: 100 * sum(clip in train for clip in test) / len(test), "compare films"),
    (lambda train, test: shared(train, test, lambda c: c.split("_")[0], test), "in front of the first _"),
    (lambda train, test: leak(train, test) / 100, "percent"),
    (lambda train, test: leak(train, test) / 100 * len(test), "divide by the test clips"),
    (lambda train, test: leak(test, train), "not the others"),
    (lambda train, test: 100 - leak(train, test), "clean"),
    (lambda train, test: leak([c[:-2] + "_0" for c in train], [c[:-2] + "_0" for c in test]), "expected"),
    (
        lambda train, test: leak(train, sorted({t.rpartition("_")[0] + "_0" for t in test})),
        "share of the films",
    ),
    (lambda train, test: shared(train, test, lambda c: c[-1], test), "yours gives"),
    (lambda train, test: shared(train, test, lambda c: c[:-1], train), "yours gives"),
]


def test_a_split_that_leaks():
    assert_answers_back(check_leak, leak)
    assert_tells_apart(check_leak, LEAK_RIGHT, LEAK_WRONG, split_clips)


def expected(pairs, looked, true):
    precision = true / looked
    return (precision * pairs).sum()


EXPECTED_RIGHT = [
    expected,
    lambda pairs, looked, true: sum(
        float(p) * float(t) / float(k) for p, k, t in zip(pairs, looked, true, strict=True)
    ),
    lambda pairs, looked, true: (true.double() / looked) @ pairs.double(),
    lambda pairs, looked, true: np.dot(np.asarray(pairs), np.asarray(true) / np.asarray(looked)),
    lambda pairs, looked, true: (true + (pairs - looked) * true / looked).sum().item(),
]
EXPECTED_WRONG = [
    (lambda pairs, looked, true: pairs.sum() * true.sum() / looked.sum(), "threw the parts together"),
    (lambda pairs, looked, true: pairs.sum() * (true / looked).mean(), "how many pairs it has"),
    (lambda pairs, looked, true: pairs.sum() * true[0] / looked[0], "further down"),
    (lambda pairs, looked, true: true.sum(), "the ones you saw"),
    (lambda pairs, looked, true: ((pairs - looked) * true / looked).sum(), "did not see"),
    (lambda pairs, looked, true: expected(pairs, looked, true) / pairs.sum(), "not a share"),
    (lambda pairs, looked, true: expected(pairs, looked, looked - true), "yours gives"),
    (lambda pairs, looked, true: pairs * true / looked, "expected one number"),
]


def test_how_many_are_true():
    assert_answers_back(check_expected_true, expected)
    assert_tells_apart(check_expected_true, EXPECTED_RIGHT, EXPECTED_WRONG, judged_parts)


def looks(true, wanted):
    places = torch.nonzero(torch.as_tensor(true))[:, 0] + 1
    return places[wanted - 1]


def by_counting(true, wanted):
    for place, judged in enumerate(true, start=1):
        wanted -= int(judged)
        if wanted == 0:
            return place
    return None


LOOKS_RIGHT = [
    looks,
    by_counting,
    lambda true, wanted: np.flatnonzero(np.asarray(true))[wanted - 1] + 1,
    lambda true, wanted: int((true.cumsum(0) >= wanted).int().argmax()) + 1,
    lambda true, wanted: len(true) - int((true.cumsum(0) >= wanted).sum()) + 1,
]
LOOKS_WRONG = [
    (lambda true, wanted: looks(true, wanted) - 1, "place 0"),
    (lambda true, wanted: looks(true, wanted) - wanted, "left out"),
    (lambda true, wanted: wanted, "if every pair"),
    (lambda true, wanted: wanted / true.double().mean(), "random order"),
    (lambda true, wanted: looks(true.flip(0), wanted), "not last"),
    (lambda true, wanted: true.sum(), "yours gives"),
    (lambda true, wanted: len(true), "yours gives"),
    (lambda true, wanted: 1, "yours gives"),
]


def test_how_many_looks():
    assert_answers_back(check_looks, looks)
    assert_tells_apart(check_looks, LOOKS_RIGHT, LOOKS_WRONG, judged_pairs)
