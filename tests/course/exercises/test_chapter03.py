"""The checkers of chapter 03: open, right, and every typical mistake recognised."""

from collections import Counter

import pytest
import torch

from cmgsd_lite.course.exercises.chapter03 import check_duplicates, check_twin_share, check_video_anchors


def broken(*_):
    raise RuntimeError("boom")


def hardest_text(sim, dim=0, diagonal=-2.0):
    negatives = sim.clone()
    negatives[range(len(sim)), range(len(sim))] = diagonal
    return negatives.argmax(dim=dim)


def video_anchors(sim, true):
    return true[hardest_text(sim), torch.arange(len(sim))].float().mean()


def test_video_anchors_open_right_and_broken():
    assert check_video_anchors(lambda sim, true: None).state == "open"
    assert check_video_anchors(video_anchors).ok
    assert "boom" in check_video_anchors(broken).message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda sim, true: true[torch.arange(5), hardest_text(sim, 1)].float().mean(), "share of the texts"),
        (lambda sim, true: true[sim.argmax(0), torch.arange(5)].float().mean(), "positive is among"),
        (lambda sim, true: (true & ~torch.eye(5, dtype=torch.bool)).sum() / 20, "among all negatives"),
        (lambda sim, true: 5 * video_anchors(sim, true), "a count"),
        (lambda sim, true: (true & ~torch.eye(5, dtype=torch.bool)).any(0).float().mean(), "any false"),
        (lambda sim, true: 0.123, "value is off"),
    ],
)
def test_video_anchors_mistakes(wrong, hint):
    verdict = check_video_anchors(wrong)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_duplicates_open_and_right():
    assert check_duplicates(None, None).state == "open"
    assert check_duplicates(0.3, None).state == "open"
    assert check_duplicates(0.3, 0).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((0, 0), "margin does not"),
        ((0.3, 1), "what is its derivative"),
        ((0.6, 0), "mean of the two directions"),
        ((1.2, 0), "one hardest negative"),
        ((0.15, 0), "not its half"),
        ((0.2, 0), "is .3 here"),
        (("x", 0), "two numbers"),
        ((9, 9), "values are off"),
    ],
)
def test_duplicates_mistakes(answer, hint):
    verdict = check_duplicates(*answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def rows_of(captions_of, fold=str.lower):
    return [(fold(c), video) for video, captions in captions_of.items() for c in captions]


def twins(captions_of, fold=str.lower):
    rows = rows_of(captions_of, fold)
    return [text for text, video in rows if any(t == text and v != video for t, v in rows)]


def repeated(captions_of):
    """Share of the rows whose text occurs twice, be it at one video."""
    count = Counter(text for text, _ in rows_of(captions_of))
    return sum(n for n in count.values() if n > 1) / 12


def test_twin_share_open_right_and_broken():
    assert check_twin_share(lambda captions_of: None).state == "open"
    assert check_twin_share(lambda captions_of: len(twins(captions_of)) / 12).ok
    assert "boom" in check_twin_share(broken).message


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda c: len(twins(c, str)) / 12, "upper and lower case"),
        (repeated, "at its own video is no twin"),
        (lambda c: len(twins(c)), "a count"),
        (lambda c: len(set(twins(c))) / len({text for text, _ in rows_of(c)}), "different captions once"),
        (lambda c: len(set(twins(c))) / 12, "not one for each text"),
        (lambda c: (len(twins(c)) - len(set(twins(c)))) / 12, "first row of a text"),
        (lambda c: 100 * len(twins(c)) / 12, "not percent"),
        (lambda c: 0.77, "value is off"),
    ],
)
def test_twin_share_mistakes(wrong, hint):
    verdict = check_twin_share(wrong)
    assert verdict.state == "off"
    assert hint in verdict.message
