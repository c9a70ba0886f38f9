"""The checkers of chapter 08: open, right, and every typical mistake recognised."""

import pytest

from cmgsd_lite.course.exercises.chapter08 import (
    check_above_floor,
    check_choose_epoch,
    check_random_recall,
    check_steps,
)

RECALLS = ("R@1", "R@5", "R@10")


def broken(*_):
    raise RuntimeError("boom")


def mean_recall(record, way="t2v"):
    return sum(record["validation"][way][key] for key in RECALLS) / 3


def test_steps_open_and_right():
    assert check_steps(None, None).state == "open"
    assert check_steps(32, None).state == "open"
    assert check_steps(32, 4096).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((33, 4096), "partial batch"),
        ((4107 / 128, 4096), "whole numbers"),
        ((641, 4096), "one caption a video"),
        ((642, 4096), "one caption a video"),
        ((7, 4096), "whole batches"),
        ((32, 4107), "dropped batch"),
        ((32, 32), "whole batch of captions"),
        ((32, 82140), "one caption is drawn"),
        ((32, 81920), "one caption is drawn"),
        ((32, 5), "number of captions"),
        (("a", 4096), "expected numbers"),
    ],
)
def test_steps_mistakes(answer, hint):
    verdict = check_steps(*answer)
    assert verdict.state == "off"
    assert hint in verdict.message
    assert "4096" not in verdict.message


def test_choose_epoch_open_right_and_broken():
    assert check_choose_epoch(lambda history: None).state == "open"
    assert check_choose_epoch(lambda history: max(history, key=mean_recall)["epoch"]).ok
    assert "boom" in check_choose_epoch(broken).message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda h: max(range(len(h)), key=lambda i: mean_recall(h[i])), "counted from 1"),
        (lambda h: max(h, key=lambda r: mean_recall(r, "v2t"))["epoch"], "text to video"),
        (lambda h: max(reversed(h), key=mean_recall)["epoch"], "the earliest"),
        (lambda h: max(h, key=lambda r: r["validation"]["t2v"]["R@10"])["epoch"], "R@10 alone"),
        (lambda h: max(h, key=lambda r: r["validation"]["t2v"]["R@1"])["epoch"], "R@1 alone"),
        (lambda h: min(h, key=lambda r: r["loss"])["epoch"], "training loss"),
        (lambda h: h[-1]["epoch"], "last epoch"),
        (lambda h: min(h, key=mean_recall)["epoch"], "lowest recall"),
        (lambda h: max(map(mean_recall, h)), "number"),
        (lambda h: 77, "not the number"),
    ],
)
def test_choose_epoch_mistakes(wrong, hint):
    verdict = check_choose_epoch(wrong)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_above_floor_open_right_and_broken():
    assert check_above_floor(lambda ndcg, floor: None).state == "open"
    assert check_above_floor(lambda ndcg, floor: 100 * (ndcg - floor) / (100 - floor)).ok
    assert "boom" in check_above_floor(broken).message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda n, f: (n - f) / (100 - f), "in percent"),
        (lambda n, f: n - f, "distance from the floor"),
        (lambda n, f: 100 * n / f, "should give 0"),
        (lambda n, f: 100 * (n - f) / f, "relative to the floor"),
        (lambda n, f: 100 * (n - f) / n, "relative to the nDCG"),
        (lambda n, f: max(0.0, 100 * (n - f) / (100 - f)), "do not clip"),
        (lambda n, f: 50.0, "below the floor"),
        (lambda n, f: n, "is off"),
    ],
)
def test_above_floor_mistakes(wrong, hint):
    verdict = check_above_floor(wrong)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_random_recall_open_and_right():
    assert check_random_recall(None, None).state == "open"
    assert check_random_recall(3.3, None).state == "open"
    assert check_random_recall(10 / 3, 1).ok
    assert check_random_recall(3.3, 1.0).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((10 / 300, 0.01), "in percent"),
        ((1 / 3, 0.1), "that is R@1: ten"),
        ((1 / 300, 0.001), "in percent"),
        ((1.0, 10 / 3), "wrong way round"),
        ((10, 10), "ten of how many"),
        ((50, 20), "how many of the places"),
        (("a", 1), "two numbers"),
    ],
)
def test_random_recall_mistakes(answer, hint):
    verdict = check_random_recall(*answer)
    assert verdict.state == "off"
    assert hint in verdict.message
