"""The checkers of chapter 07: open, right, and every typical mistake recognised."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter07 import (
    check_combine,
    check_known_positives,
    check_learning_rate,
    check_twins,
)


def broken(*_):
    raise RuntimeError("boom")


def test_twins_are_open_until_both_are_given():
    assert check_twins(None, None).state == "open"
    assert check_twins(0.093, None).state == "open"


def test_twins_right_to_three_digits():
    assert check_twins(0.093, 0.191).ok
    assert check_twins(0.0926, 0.1909).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((0.097, 0.184), "t is how far"),
        ((0.139, 0.121), "gave it to the teacher"),
        ((0.116, 0.156), "does not start at 0"),
        ((0.191, 0.093), "wrong way round"),
        ((0.108, 0.192), "its own standard deviation"),
        ((0.031, 0.112), "a sum"),
        ((0.5, 0.5), "first find λ"),
    ],
)
def test_twins_mistakes(answer, hint):
    verdict = check_twins(*answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_twins_want_numbers():
    assert check_twins("a", 1).state == "off"


def combined(static, dynamic, share):
    if not static or not dynamic:
        both = [*static, *dynamic]
        return sum(both) / len(both)
    return (1 - share) * sum(static) / len(static) + share * sum(dynamic) / len(dynamic)


def test_combine_open_right_and_broken():
    assert check_combine(lambda *_: None).state == "open"
    assert check_combine(combined).ok
    assert "boom" in check_combine(broken).message


def test_combine_that_fails_only_without_a_group_is_off():
    def divides(static, dynamic, share):
        return (1 - share) * sum(static) / len(static) + share * sum(dynamic) / len(dynamic)

    verdict = check_combine(divides)
    assert verdict.state == "off"
    assert "ZeroDivisionError" in verdict.message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda s, d, x: combined(s, d, 1 - x), "share of the dynamic"),
        (lambda s, d, x: (1 - x) * sum(s) + x * sum(d), "each group is a mean"),
        (lambda s, d, x: sum([*s, *d]) / len([*s, *d]), "plain mean over all"),
        (lambda s, d, x: sum(s) / len(s) + sum(d) / len(d), "weights sum to 2"),
        (
            lambda s, d, x: (1 - x) * sum(s) / max(len(s), 1) + x * sum(d) / max(len(d), 1),
            "without static matrices",
        ),
        (
            lambda s, d, x: (
                (1 - x * bool(s)) * sum(s) / max(len(s), 1) + (x if s else 1) * sum(d) / max(len(d), 1)
            ),
            "without dynamic matrices",
        ),
        (lambda s, d, x: s[0] if s else d[0], "mixture is off"),
    ],
)
def test_combine_mistakes(wrong, hint):
    verdict = check_combine(wrong)
    assert verdict.state == "off"
    assert hint in verdict.message


def spread(distances, ids, counted, kept, elsewhere=0.2, correction=0):
    off = ~torch.eye(len(ids), dtype=torch.bool)
    masks = {"negatives": ids[:, None] != ids[None, :], "off": off, "all": torch.ones_like(off)}
    values = distances[masks[counted]]
    z = (distances - values.mean()) / values.std(correction=correction)
    return torch.where(masks[kept], 0.2 + 0.05 * z, elsewhere)


def test_known_positives_open_right_and_broken():
    assert check_known_positives(lambda *_: None).state == "open"
    assert check_known_positives(lambda d, i: spread(d, i, "negatives", "negatives")).ok
    assert "boom" in check_known_positives(broken).message


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        (("off", "off"), "still a negative"),
        (("off", "negatives"), "still counts"),
        (("all", "negatives"), "the diagonal counts"),
        (("negatives", "negatives", 0.0), "not 0"),
        (("negatives", "all"), "get α"),
        (("negatives", "negatives", 0.2, 1), "correction=0"),
        (("all", "all"), "which pairs are negatives"),
    ],
)
def test_known_positives_mistakes(settings, hint):
    verdict = check_known_positives(lambda d, i: spread(d, i, *settings))
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.01, "how long"),
        (0.02, "fixed term"),
        (0.01 / 3, "longer steps"),
        (0.05, "count again"),
        (1, "is off"),
    ],
)
def test_learning_rate_mistakes(answer, hint):
    verdict = check_learning_rate(answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_learning_rate_open_and_right():
    assert check_learning_rate(None).state == "open"
    assert check_learning_rate(0.03).ok
