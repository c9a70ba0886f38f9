"""The checkers of chapter 05 accept right answers, recognise typical wrong ones and give nothing away."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter05 import check_auc, check_euclidean_from_cosine, check_text_teacher

CHECKS = {
    check_euclidean_from_cosine: lambda d: None,
    check_auc: lambda near, far: None,
    check_text_teacher: lambda text, owner, videos: None,
}


def sums(text, owner, videos):
    return torch.zeros(videos, text.shape[1]).index_add_(0, owner, text)


def means(text, owner, videos):
    return sums(text, owner, videos) / torch.bincount(owner, minlength=videos)[:, None]


def last_wins(text, owner, videos):
    return torch.stack([text[owner == video][-1] for video in range(videos)])


def auc(near, far):
    return ((near[:, None] < far).float() + (near[:, None] == far).float() / 2).mean()


@pytest.mark.parametrize("check", CHECKS)
def test_unfilled_exercises_are_open(check):
    assert check(CHECKS[check]).state == "open"


def test_right_answers_are_accepted():
    assert check_euclidean_from_cosine(lambda d: (2 * d).sqrt()).ok
    assert check_euclidean_from_cosine(lambda d: (2 - 2 * (1 - d)) ** 0.5).ok
    assert check_auc(auc).ok
    assert check_auc(lambda near, far: auc(near, far).item()).ok
    assert check_text_teacher(means).ok


@pytest.mark.parametrize(
    ("check", "function", "hint"),
    [
        (check_euclidean_from_cosine, lambda d: 2 * d, "squared"),
        (check_euclidean_from_cosine, lambda d: d.sqrt(), "factor is missing"),
        (check_euclidean_from_cosine, lambda d: (2 * (1 - d)).sqrt().nan_to_num(), "the distance already"),
        (check_euclidean_from_cosine, lambda d: d, "orthogonal"),
        (check_euclidean_from_cosine, lambda d: d.square(), "write |a - b|"),
        (check_auc, lambda near, far: (near[:, None] < far).float().mean(), "ties count half"),
        (check_auc, lambda near, far: (near[:, None] <= far).float().mean(), "half right"),
        (check_auc, lambda near, far: auc(far, near), "other way round"),
        (check_auc, lambda near, far: 15 * auc(near, far), "give the share"),
        (check_auc, lambda near, far: far.mean() - near.mean(), "difference of means"),
        (check_auc, lambda near, far: 0.3, "compare every entry"),
        (check_text_teacher, sums, "divide by the number"),
        (check_text_teacher, lambda t, o, v: t[[0, 2, 3]], "first caption alone"),
        (check_text_teacher, last_wins, "overwrites"),
        (check_text_teacher, lambda t, o, v: sums(t, o, v) / len(t), "number of all captions"),
        (
            check_text_teacher,
            lambda t, o, v: means(t, o, v) / means(t, o, v).norm(dim=1)[:, None],
            "normalise",
        ),
        (check_text_teacher, lambda t, o, v: t.mean(0).expand(v, -1), "tells none of them apart"),
        (check_text_teacher, lambda t, o, v: t, "expected shape [3, 2]"),
        (check_text_teacher, lambda t, o, v: t.no_such_thing(), "AttributeError"),
    ],
)
def test_wrong_answers_are_recognised(check, function, hint):
    verdict = check(function)
    assert verdict.state == "off"
    assert hint in verdict.message
