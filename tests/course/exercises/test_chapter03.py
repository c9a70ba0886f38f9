"""The checkers of chapter 03 accept right answers, however written, and recognise typical wrong ones."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.exercises.chapter03 import (
    check_order,
    check_pooling_trap,
    check_video_anchors,
    order_inputs,
    slot_inputs,
)
from cmgsd_lite.evaluation.nearest import anchor_areas
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def slot(sim, true):
    outside = ~torch.eye(len(sim), dtype=torch.bool)
    hardest = sim.masked_fill(~outside, -torch.inf).argmax(dim=0)
    return true[hardest, torch.arange(len(sim))].float().mean()


def slot_loop(sim, true):
    found = 0
    for j in range(len(sim)):
        others = [i for i in range(len(sim)) if i != j]
        found += bool(true[max(others, key=lambda i: float(sim[i, j])), j])
    return found / len(sim)


def slot_in_numpy(sim, true):
    sim = np.array(sim)
    np.fill_diagonal(sim, -2)
    return np.asarray(true)[sim.argmax(0), np.arange(len(sim))].mean()


def no_diagonal(true):
    return true & ~torch.eye(len(true), dtype=torch.bool)


SLOT = [
    slot,
    slot_loop,
    slot_in_numpy,
    lambda s, t: t.gather(0, (s - 9 * torch.eye(len(s))).argmax(0)[None]).double().mean(),
    lambda s, t: t.T.float()[range(len(s)), (s.T - 9 * torch.eye(len(s))).argmax(1)].sum() / len(s),
]
WRONG_SLOT = [
    (lambda s, t: slot(s.T, t.T), "share of the texts"),
    (lambda s, t: t[s.argmax(0), torch.arange(len(s))].float().mean(), "positive is among"),
    (
        lambda s, t: t[s.clone().fill_diagonal_(0).argmax(0), torch.arange(len(s))].float().mean(),
        "may be negative",
    ),
    (
        lambda s, t: t[torch.arange(len(s)), (s - 9 * torch.eye(len(s))).argmax(0)].float().mean(),
        "video first",
    ),
    (lambda s, t: no_diagonal(t).sum() / (len(s) * (len(s) - 1)), "among all negatives"),
    (lambda s, t: no_diagonal(t).any(0).float().mean(), "any false"),
    (lambda s, t: len(s) * slot(s, t), "a count"),
    (lambda s, t: 100 * slot(s, t), "not percent"),
    (lambda s, t: 0.123, "yours gives"),
]


def test_who_sits_in_the_slot_of_a_video():
    assert_answers_back(check_video_anchors, slot)
    assert_tells_apart(check_video_anchors, SLOT, WRONG_SLOT, slot_inputs)


def order(sim, false):
    shares = []
    for i in range(len(sim)):
        others = torch.arange(len(sim)) != i
        high, low = sim[i][false[i] & others], sim[i][~false[i] & others]
        if len(high) and len(low):
            lead = high[:, None] - low[None, :]
            shares.append(((lead > 0) + 0.5 * (lead == 0)).mean())
    return torch.stack(shares).mean()


def order_loop(sim, false):
    shares = []
    for i, (row, marks) in enumerate(zip(sim.tolist(), false.tolist(), strict=True)):
        high = [x for j, (x, f) in enumerate(zip(row, marks, strict=True)) if f and j != i]
        low = [x for j, (x, f) in enumerate(zip(row, marks, strict=True)) if not f and j != i]
        points = [(a > b) + (a == b) / 2 for a in high for b in low]
        if points:
            shares.append(sum(points) / len(points))
    return sum(shares) / len(shares)


def order_in_numpy(sim, false):
    sim, false = np.asarray(sim, np.float64).round(3), np.asarray(false)
    shares = []
    for i in range(len(sim)):
        high, low = (
            np.delete(sim[i], i)[np.delete(false[i], i)],
            np.delete(sim[i], i)[~np.delete(false[i], i)],
        )
        if high.size and low.size:
            shares.append((np.sign(high[:, None] - low) / 2 + 0.5).mean())
    return np.mean(shares)


def own_among_true(sim, false):
    shares = []
    for row, marks in zip(sim, false, strict=True):
        lead = row[marks][:, None] - row[~marks][None, :]
        if lead.numel():
            shares.append(((lead > 0) + 0.5 * (lead == 0)).mean())
    return torch.stack(shares).mean()


def above_only(sim, false):
    eye = torch.eye(len(sim), dtype=torch.bool)
    shares = []
    for row, marks, own in zip(sim, false, eye, strict=True):
        lead = row[marks][:, None] - row[~marks & ~own][None, :]
        if lead.numel():
            shares.append((lead > 0).float().mean())
    return torch.stack(shares).mean()


def none_is_zero(sim, false):
    pairs = false[:, :, None] & ~(false | torch.eye(len(sim), dtype=torch.bool))[:, None, :]
    lead = sim[:, :, None] - sim[:, None, :]
    points = ((lead > 0) + 0.5 * (lead == 0)) * pairs
    return (points.sum(dim=(1, 2)) / pairs.sum(dim=(1, 2)).clamp(min=1)).mean()


ORDER = [
    order,
    order_loop,
    order_in_numpy,
    lambda s, f: anchor_areas(-s.double().numpy(), f.numpy())["auc_text"] / 100,
    lambda s, f: 1 - anchor_areas(s.double().numpy(), f.numpy())["auc_text"] / 100,
]
WRONG_ORDER = [
    (lambda s, f: anchor_areas(-s.numpy(), f.numpy())["auc_batch"] / 100, "pairs of different texts"),
    (lambda s, f: order(s.T, f.T) if f.T.any() else 0.5, "per video"),
    (none_is_zero, "leave it out of the mean"),
    (lambda s, f: 1 - order(s, f), "lies below"),
    (above_only, "count half"),
    (own_among_true, "no negative"),
    (lambda s, f: 100 * order(s, f), "not percent"),
    (lambda s, f: order(-s.abs(), f), "yours gives"),
    (lambda s, f: order(s, ~f), "lies below"),
]


def test_the_order_per_text():
    assert_answers_back(check_order, order)
    assert_tells_apart(check_order, ORDER, WRONG_ORDER, order_inputs)


TRAP = torch.tensor(
    [[1.0, -0.5, -0.6, -0.6], [-0.6, 1.0, -0.5, -0.6], [0.8, 0.8, 1.0, 0.8], [0.8, 0.8, 0.8, 1.0]]
)
FALSE = torch.zeros(4, 4)
FALSE[0, 1] = FALSE[1, 2] = 1
LEVELS = [
    [1, 0.9, 0.8, 0.8, 0.8],
    [0.1, 1, 0.1, 0.1, 0],
    [0.1, 0.1, 1, 0.1, 0],
    [0.9, 0.9, 0.9, 1, 0.9],
    [0.9] * 5,
]
MARKS = [[0, 1, 0, 0, 0], [1, 0, 1, 1, 0], [1, 1, 0, 1, 0], [0] * 5, [0] * 5]


@pytest.mark.parametrize(
    ("sim", "false"),
    [
        (TRAP, FALSE),
        (TRAP.numpy(), FALSE.bool()),
        (TRAP.tolist(), FALSE.bool().tolist()),
        (TRAP / 2, FALSE.int().numpy()),
        (LEVELS, MARKS),
    ],
)
def test_matrices_that_pooling_misreads(sim, false):
    verdict = check_pooling_trap(sim, false)
    assert verdict.ok, verdict.message
    assert "per text 100" in verdict.message


def marked(*places):
    false = torch.zeros(4, 4)
    for place in places:
        false[place] = 1
    return false


@pytest.mark.parametrize(
    ("sim", "false", "hint"),
    [
        (TRAP[:3], FALSE[:3], "square"),
        (TRAP, FALSE[:2, :2], "same size"),
        ("a", "b", "square"),
        (3 * TRAP, FALSE, "between -1 and 1"),
        (TRAP, 2 * FALSE, "True and False"),
        (TRAP, FALSE + torch.eye(4), "leave the diagonal"),
        (TRAP, marked((0, 1)), "at least two texts"),
        (TRAP, marked((0, 2), (1, 2)), "within every text"),
        (TRAP - 0.4 * (TRAP == 0.8) - 1.0 * (TRAP == 0.8) + 0.0, FALSE, "levels"),
        (TRAP.T, FALSE, "within every text"),
    ],
)
def test_other_matrices(sim, false, hint):
    verdict = check_pooling_trap(sim, false)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_an_empty_trap_is_open_and_strict_raises():
    assert check_pooling_trap(None, FALSE).state == "open"
    with pytest.raises(AssertionError):
        check_pooling_trap(TRAP, TRAP, strict=True)
