"""The checkers of chapter 05: right answers in any dress, wrong ones caught and named."""

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

from cmgsd_lite.course.exercises.chapter05 import (
    FALSE,
    auc_inputs,
    caption_auc,
    check_caption_auc,
    check_containment,
    check_praised,
    check_precision,
    containment_inputs,
    precision_inputs,
)
from cmgsd_lite.evaluation.nearest import area_under_curve
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def compared(d, false):
    no_pair = torch.eye(len(d), dtype=torch.bool)
    near, far = (false & ~no_pair).float(), (~false & ~no_pair).float()
    wins = (d[:, :, None] < d[:, None, :]).float() + (d[:, :, None] == d[:, None, :]).float() / 2
    pairs = near[:, :, None] * far[:, None, :]
    count = pairs.sum(dim=2).sum(dim=1)
    return ((wins * pairs).sum(dim=2).sum(dim=1)[count > 0] / count[count > 0]).mean()


def by_loop(d, false, tie=0.5, own=False):
    shares = []
    for i in range(len(d)):
        near = [float(d[i, j]) for j in range(len(d)) if (own or j != i) and false[i, j]]
        far = [float(d[i, j]) for j in range(len(d)) if (own or j != i) and not false[i, j]]
        wins = [1.0 if a < b else tie if a == b else 0.0 for a in near for b in far]
        if wins:
            shares.append(sum(wins) / len(wins))
    return sum(shares) / len(shares)


def by_numpy(d, false):
    d, false = np.asarray(d), np.asarray(false)
    rows = [(np.delete(d[i], i), np.delete(false[i], i)) for i in range(len(d))]
    return np.nanmean([area_under_curve(row[right], row[~right]) for row, right in rows])


def test_caption_auc():
    right = [compared, by_loop, by_numpy, caption_auc, lambda d, f: sympy.Float(by_loop(d, f))]
    wrong = [
        (lambda d, f: by_loop(d.T, f.T), "that is per clip"),
        (lambda d, f: by_loop(d, f, tie=0), "ties count half"),
        (lambda d, f: by_loop(d, f, tie=1), "half right"),
        (lambda d, f: by_loop(d, f, own=True), "own clip is no negative"),
        (lambda d, f: 1 - by_loop(d, f), "other way round"),
        (lambda d, f: 100 * by_loop(d, f), "not percent"),
        (
            lambda d, f: area_under_curve(
                d[f & ~torch.eye(len(d), dtype=torch.bool)], d[~f & ~torch.eye(len(d), dtype=torch.bool)]
            ),
            "over the batch",
        ),
        (lambda d, f: 0.75, "expected"),
        (lambda d, f: [by_loop(d, f)], "expected one number"),
    ]
    assert_answers_back(check_caption_auc, compared)
    assert_tells_apart(check_caption_auc, right, wrong, auc_inputs)


def sorted_pairs(d, false, k):
    pairs = [(float(d[i, j]), bool(false[i, j])) for i in range(len(d)) for j in range(len(d)) if i != j]
    return sum(right for _, right in sorted(pairs)[:k]) / k


def masked(d, false, k):
    d = d.masked_fill(torch.eye(len(d), dtype=torch.bool), 9)
    return false.flatten()[d.flatten().argsort()[:k]].float().mean()


def smallest(d, false, k):
    outside = ~torch.eye(len(d), dtype=torch.bool)
    return false[outside][d[outside].topk(k, largest=False).indices].double().mean().item()


def with_numpy(d, false, k):
    outside = ~np.eye(len(d), dtype=bool)
    return np.asarray(false)[outside][np.argsort(np.asarray(d)[outside])[:k]].mean()


def test_precision():
    right = [masked, sorted_pairs, smallest, with_numpy, lambda d, f, k: sympy.Float(sorted_pairs(d, f, k))]
    wrong = [
        (lambda d, f, k: f.flatten()[d.flatten().argsort()[:k]].float().mean(), "the diagonal is in it"),
        (lambda d, f, k: sorted_pairs(-d, f, k), "farthest"),
        (lambda d, f, k: k * sorted_pairs(d, f, k), "how many"),
        (lambda d, f, k: 100 * sorted_pairs(d, f, k), "not percent"),
        (
            lambda d, f, k: k * sorted_pairs(d, f, k) / max(1, int((f & ~torch.eye(len(f)).bool()).sum())),
            "that is recall",
        ),
        (by_row, "of each row"),
        (lambda d, f, k: sorted_pairs(d, f, 1), "expected"),
        (lambda d, f, k: 1 - sorted_pairs(d, f, k), "expected"),
        (lambda d, f, k: f.float().mean(), "expected"),
    ]
    assert_answers_back(check_precision, masked)
    assert_tells_apart(check_precision, right, wrong, precision_inputs)


def by_row(d, f, k):
    found = []
    for i in range(len(d)):
        row = sorted((float(d[i, j]), bool(f[i, j])) for j in range(len(d)) if j != i)[:k]
        found += [right for _, right in row]
    return sum(found) / len(found)


def missing(caption, others):
    words = set(caption.split())
    return len(words - set(" ".join(others).split())) / len(words)


def one_by_one(caption, others):
    words = dict.fromkeys(caption.split())
    return sum(all(word not in other.split() for other in others) for word in words) / len(words)


def complement(caption, others):
    words = set(caption.split(" "))
    return 1 - len(words & {word for other in others for word in other.split(" ")}) / len(words)


def exact(caption, others):
    words = set(caption.split())
    return sympy.Rational(len(words - set(" ".join(others).split())), len(words))


def jaccard(caption, others):
    one, other = set(caption.split()), set(" ".join(others).split())
    return 1 - len(one & other) / len(one | other)


def test_containment():
    right = [missing, one_by_one, complement, exact, lambda c, o: torch.tensor(missing(c, o))]
    wrong = [
        (lambda c, o: missing(" ".join(o), [c]), "the other direction"),
        (lambda c, o: 1 - missing(c, o), "*is* contained"),
        (jaccard, "no directed distance"),
        (
            lambda c, o: sum(w not in " ".join(o).split() for w in c.split()) / len(c.split()),
            "counts once",
        ),
        (lambda c, o: sum(w not in " ".join(o) for w in {*c.split()}) / len({*c.split()}), "whole words"),
        (lambda c, o: sum(missing(c, [one]) for one in o) / len(o), "the mean over"),
        (lambda c, o: min(missing(c, [one]) for one in o), "one caption at a time"),
        (lambda c, o: missing(c, o[:1]), "expected"),
        (lambda c, o: 0.5, "expected"),
    ]
    assert_answers_back(check_containment, missing)
    assert_tells_apart(check_containment, right, wrong, containment_inputs)


def by_vagueness():
    return torch.tensor([0.1, 0.1, 0.1, 0.9, 0.9, 0.9])[:, None].expand(6, 6)


def test_the_false_negatives_of_the_exercise():
    assert FALSE.sum(1).tolist() == [4, 4, 4, 1, 1, 1]
    assert not FALSE.diagonal().any()


@pytest.mark.parametrize(
    "distances",
    [
        by_vagueness(),
        by_vagueness().numpy() * 7,
        by_vagueness().tolist(),
        pd.DataFrame(by_vagueness().numpy()),
        [[sympy.Rational(1 if i < 3 else 2, 3)] * 6 for i in range(6)],
    ],
)
def test_useless_teachers_that_are_praised(distances):
    assert check_praised(distances, strict=True).ok


@pytest.mark.parametrize(
    ("distances", "hint"),
    [
        (torch.zeros(6, 6), "over the batch 50 %"),
        (by_vagueness().T, "per caption"),
        (-by_vagueness(), "over the batch 20 %"),
        (~FALSE, "per caption 100 %"),
        (FALSE, "over the batch 0 %"),
        (by_vagueness()[:3], "shape [6, 6]"),
        (by_vagueness() * float("nan"), "finite"),
        (by_vagueness() - 0.01 * FALSE, "per caption 100 %"),
        ("rows", "matrix of numbers"),
    ],
)
def test_teachers_that_are_not(distances, hint):
    verdict = check_praised(distances)
    assert verdict.state == "off"
    assert hint in verdict.message
    with pytest.raises(AssertionError, match="not yet"):
        check_praised(distances, strict=True)
    assert check_praised(None).state == "open"
