"""The checkers of chapter 07: open, right, and every typical mistake recognised."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.exercises.chapter07 import (
    check_combine,
    check_known_positives,
    check_learning_rates,
    check_log,
    combine_inputs,
    known_inputs,
)
from cmgsd_lite.margins import zscore_margin
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def combined(static, dynamic, share):
    if not static or not dynamic:
        return sum([*static, *dynamic]) / len([*static, *dynamic])
    return (1 - share) * sum(static) / len(static) + share * sum(dynamic) / len(dynamic)


def by_weights(static, dynamic, share):
    share = 1 if not static else 0 if not dynamic else share
    weights = [(1 - share) / max(len(static), 1)] * len(static) + [share / max(len(dynamic), 1)] * len(
        dynamic
    )
    return sum(w * m for w, m in zip(weights, [*static, *dynamic], strict=True))


def in_arrays(static, dynamic, share):
    means = [np.mean([m.numpy() for m in matrices], axis=0) for matrices in (static, dynamic) if matrices]
    return means[0] if len(means) == 1 else (1 - share) * means[0] + share * means[1]


def stacked(static, dynamic, share):
    means = [torch.stack(matrices).mean(dim=0) for matrices in (static, dynamic) if matrices]
    return torch.lerp(means[0], means[-1], share)


def test_combine():
    right = [combined, by_weights, in_arrays, stacked, lambda s, d, x: by_weights(s, d, x).tolist()]
    wrong = [
        (lambda s, d, x: combined(s, d, 1 - x), "share of the dynamic"),
        (
            lambda s, d, x: (
                (1 - x) * sum(s, torch.zeros(2, 2)) / max(len(s), 1)
                + x * sum(d, torch.zeros(2, 2)) / max(len(d), 1)
            ),
            "less than 1",
        ),
        (lambda s, d, x: sum([*s, *d]) / len([*s, *d]), "plain mean over all"),
        (lambda s, d, x: (1 - x) * sum(s) + x * sum(d), "more than 1"),
        (lambda s, d, x: combined(s, d, 0.25), "yours gives"),
        (lambda s, d, x: (1 - x) * sum(s) / len(s) + x * sum(d) / len(d), "ZeroDivisionError"),
        (lambda s, d, x: s[0] if s else d[0], "yours gives"),
        (lambda s, d, x: combined(s, d, x).mean(), "got one number"),
    ]
    assert_answers_back(check_combine, combined)
    for function in right:
        assert check_combine(function).ok
    for function, words in wrong:
        verdict = check_combine(function)
        assert verdict.state == "off", words
        assert words in verdict.message


def test_the_inputs_of_combine_hold_every_case():
    generator = torch.Generator().manual_seed(99)
    lengths = {tuple(map(len, combine_inputs(generator, 2)[:2])) for _ in range(100)}
    assert (0, 0) not in lengths
    assert any(static == 0 for static, _ in lengths)
    assert any(dynamic == 0 for _, dynamic in lengths)


def margin_with_ids(distances, ids):
    apart = ids[:, None] != ids[None, :]
    z = (distances - distances[apart].mean()) / distances[apart].std(correction=0)
    return torch.where(apart, 0.2 + 0.05 * z, 0.2)


def in_a_loop(distances, ids):
    n = len(ids)
    values = np.array([distances[i, j] for i in range(n) for j in range(n) if ids[i] != ids[j]])
    z = (np.asarray(distances) - values.mean()) / values.std()
    return [[0.2 + 0.05 * z[i][j] if ids[i] != ids[j] else 0.2 for j in range(n)] for i in range(n)]


def spread(distances, counted, kept, elsewhere=0.2, correction=0):
    values = distances[counted]
    z = (distances - values.mean()) / values.std(correction=correction)
    return torch.where(kept, 0.2 + 0.05 * z, elsewhere)


def masks(ids):
    apart, off = ids[:, None] != ids[None, :], ~torch.eye(len(ids), dtype=torch.bool)
    return apart, off, torch.ones_like(off)


def by_package(distances, ids):
    return zscore_margin(distances, 0.2, 0.05, eps=0, min_margin=None, negatives=masks(ids)[0])


def spread_of_all(distances, ids):
    apart, off, _ = masks(ids)
    z = (distances - distances[apart].mean()) / distances[off].std(correction=0)
    return torch.where(apart, 0.2 + 0.05 * z, 0.2)


def test_known_positives():
    right = [
        margin_with_ids,
        in_a_loop,
        by_package,
        lambda d, ids: spread(d, masks(ids)[0], masks(ids)[0]),
        lambda d, ids: margin_with_ids(d.double(), ids).numpy(),
    ]
    wrong = [
        (lambda d, ids: spread(d, masks(ids)[1], masks(ids)[1]), "still a negative"),
        (lambda d, ids: spread(d, masks(ids)[1], masks(ids)[0]), "still counts"),
        (lambda d, ids: spread(d, masks(ids)[2], masks(ids)[0]), "diagonal counts"),
        (spread_of_all, "still counts in the standard deviation"),
        (lambda d, ids: spread(d, masks(ids)[0], masks(ids)[0], 0.0), "not 0"),
        (lambda d, ids: spread(d, masks(ids)[0], masks(ids)[2]), "get α"),
        (lambda d, ids: spread(d, masks(ids)[0], masks(ids)[0], correction=1), "correction=0"),
        (lambda d, ids: margin_with_ids(d, ids).clamp(min=0.15), "yours gives"),
        (lambda d, ids: 0.4 - margin_with_ids(d, ids), "yours gives"),
    ]
    assert_answers_back(check_known_positives, margin_with_ids)
    assert_tells_apart(check_known_positives, right, wrong, known_inputs)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((0.03, 0.003), "above and below"),
        ((0.01, 0.001), "three times the gradient"),
        ((0.02, 0.001), "one of the three"),
        ((0.01 / 3, 0.001), "longer steps"),
        ((0.001, 0.03), "wrong way round"),
        ((1, 2), "how long"),
        (("a", 1), "numbers"),
    ],
)
def test_learning_rate_mistakes(answer, hint):
    verdict = check_learning_rates(*answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_learning_rates_open_and_right():
    assert check_learning_rates(None, None).state == "open"
    assert check_learning_rates(0.03, None).state == "open"
    assert check_learning_rates(torch.tensor(0.03), np.float32(1e-3)).ok
    with pytest.raises(AssertionError):
        check_learning_rates(0.01, 0.001, strict=True)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ("zyx", "nothing is at 0"),
        ("yxz", "its λ is the ramp"),
        ("xzy", "ramp from"),
        ("y", "three letters"),
        (3, "text"),
    ],
)
def test_log_mistakes(answer, hint):
    verdict = check_log(answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_log_open_and_right():
    assert check_log(None).state == "open"
    for answer in ("yzx", "YZX ", "y, z, x", "y z x", ["y", "z", "x"]):
        assert check_log(answer).ok
