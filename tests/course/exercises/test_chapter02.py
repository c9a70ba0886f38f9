"""The checkers of chapter 02 accept right answers, however written, and recognise typical wrong ones."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from cmgsd_lite.course.exercises.chapter02 import (
    check_cross_entropy,
    check_k_hardest,
    check_logs,
    check_push_shares,
    cross_entropy_inputs,
    k_inputs,
    share_inputs,
)
from cmgsd_lite.losses import MaxMarginRankingLoss
from tests.course.exercises.checkers import assert_answers_back, assert_tells_apart


def cross_entropy(sim, margin, temperature):
    outside = 1 - torch.eye(len(sim))
    logits = (sim + margin * outside) / temperature
    return torch.logsumexp(logits, dim=0) - logits.diagonal()


def cross_entropy_by_leads(sim, margin, temperature):
    lead = sim - sim.diagonal()[None, :]
    powers = torch.exp((margin + lead) / temperature).masked_fill(torch.eye(len(sim), dtype=torch.bool), 0)
    return torch.log1p(powers.sum(dim=0))


def cross_entropy_loop(sim, margin, temperature):
    losses = []
    for j in range(len(sim)):
        scores = torch.stack([sim[i, j] + (margin if i != j else 0) for i in range(len(sim))])
        losses.append(-(scores / temperature).softmax(0)[j].log())
    return torch.stack(losses)


def spread_out(sim, margin, temperature):
    return (sim + margin * (1 - torch.eye(len(sim)))) / temperature


CROSS_ENTROPY = [
    cross_entropy,
    cross_entropy_by_leads,
    cross_entropy_loop,
    lambda s, m, t: functional.cross_entropy(spread_out(s, m, t).T, torch.arange(len(s)), reduction="none"),
    lambda s, m, t: -torch.log_softmax(spread_out(s, m, t), dim=0).diagonal(),
]
WRONG_CROSS_ENTROPY = [
    (lambda s, m, t: cross_entropy(s.T, m, t), "text to video"),
    (lambda s, m, t: cross_entropy(s + m, 0, t), "negatives only"),
    (lambda s, m, t: cross_entropy(s, m * t, t), "before you divide"),
    (lambda s, m, t: cross_entropy(s, m, 1), "temperature is missing"),
    (lambda s, m, t: cross_entropy(s, m, t).mean(), "leave out the mean"),
    (lambda s, m, t: t * cross_entropy(s, m, t), "that is smooth"),
    (lambda s, m, t: cross_entropy(s, -m, t), "yours gives"),
    (lambda s, m, t: cross_entropy(s, m, t).detach(), "no gradient"),
]


def test_cross_entropy_of_videos():
    assert_answers_back(check_cross_entropy, cross_entropy)
    assert_tells_apart(
        check_cross_entropy, CROSS_ENTROPY, WRONG_CROSS_ENTROPY, cross_entropy_inputs, gradient=True
    )


def shares(violations, temperature):
    powers = torch.exp(violations / temperature)
    return powers / (1 + powers.sum())


def shares_by_autograd(violations, temperature):
    leaf = violations.clone().requires_grad_()
    (temperature * torch.log1p((leaf / temperature).exp().sum())).backward()
    return leaf.grad


def shares_in_numpy(violations, temperature):
    powers = np.exp(np.asarray(violations) / temperature)
    return powers / (powers.sum() + 1.0)


SHARES = [
    shares,
    shares_by_autograd,
    shares_in_numpy,
    lambda v, t: (torch.cat([v, torch.zeros(1)]) / t).softmax(0)[:-1],
    lambda v, t: [float(torch.exp(x / t) / (1 + sum(torch.exp(y / t) for y in v))) for x in v],
]
WRONG_SHARES = [
    (lambda v, t: (v / t).softmax(0), "sum to 1"),
    (lambda v, t: shares(v, t) / t, "the cross-entropy"),
    (lambda v, t: shares(v, 1), "temperature is missing"),
    (lambda v, t: functional.one_hot(v.argmax(), len(v)) * (v.max() > 0), "hardest alone"),
    (lambda v, t: torch.sigmoid(v / t), "each negative alone"),
    (lambda v, t: shares(-v, t), "yours gives"),
    (lambda v, t: shares(v, t).sum(), "got one number"),
    (lambda v, t: shares(v, t).clamp(max=0.5), "yours gives"),
]


def test_push_shares():
    assert_answers_back(check_push_shares, shares)
    assert_tells_apart(check_push_shares, SHARES, WRONG_SHARES, share_inputs)


def k_hardest(sim, margin, k):
    outside = 1 - torch.eye(len(sim))
    rows = torch.relu(margin + sim - sim.diagonal()[:, None]) * outside
    columns = torch.relu(margin + sim - sim.diagonal()[None, :]) * outside
    return (rows.topk(k, dim=1).values.mean() + columns.topk(k, dim=0).values.mean()) / 2


def k_hardest_loop(sim, margin, k):
    total = 0.0
    for matrix in (sim, sim.T):
        for i in range(len(sim)):
            hinges = [
                max(0.0, float(margin + matrix[i, j] - matrix[i, i])) for j in range(len(sim)) if j != i
            ]
            total += sum(sorted(hinges)[-k:]) / k
    return total / (2 * len(sim))


def k_hardest_in_numpy(sim, margin, k):
    sim, off = np.asarray(sim), 1 - np.eye(len(sim))
    rows = (margin + sim - np.diag(sim)[:, None]).clip(0) * off
    columns = (margin + sim - np.diag(sim)[None, :]).clip(0) * off
    return (np.sort(rows, axis=1)[:, -k:].mean() + np.sort(columns, axis=0)[-k:].mean()) / 2


def hinges(sim, margin, own=0.0):
    off = 1 - torch.eye(len(sim))
    rows = torch.relu(margin + sim - sim.diagonal()[:, None]) * off + own * (1 - off)
    columns = torch.relu(margin + sim - sim.diagonal()[None, :]) * off + own * (1 - off)
    return rows, columns.T


def largest(sim, margin, k, own=0.0):
    return torch.cat([h.topk(k, dim=1).values for h in hinges(sim, margin, own)])


K_HARDEST = [
    k_hardest,
    k_hardest_loop,
    k_hardest_in_numpy,
    lambda s, m, k: largest(s, m, k).mean(),
    lambda s, m, k: MaxMarginRankingLoss(m, k)(s),
]
WRONG_K_HARDEST = [
    (lambda s, m, k: largest(s, m, k)[: len(s)].mean(), "text to video alone"),
    (lambda s, m, k: largest(s, m, k)[len(s) :].mean(), "video to text alone"),
    (lambda s, m, k: 2 * k_hardest(s, m, k), "added the two directions"),
    (lambda s, m, k: largest(s, m, k).sum(1).mean(), "summed over the k"),
    (lambda s, m, k: k_hardest(s, m, 1), "hardest one alone"),
    (lambda s, m, k: largest(s, m, k, own=m).mean(), "diagonal is among"),
    (
        lambda s, m, k: torch.cat([h.flatten().topk(k * len(s)).values for h in hinges(s, m)]).mean(),
        "row by row",
    ),
    (
        lambda s, m, k: (hinges(s, m)[0].topk(k, 1)[0].mean() + hinges(s, m)[0].topk(k, 0)[0].mean()) / 2,
        "S_jj, not S_ii",
    ),
    (lambda s, m, k: k_hardest(s, m, len(s) - 1), "yours gives"),
    (lambda s, m, k: k_hardest(s, 0, k), "yours gives"),
]


def test_k_hardest():
    assert_answers_back(check_k_hardest, k_hardest)
    assert_tells_apart(check_k_hardest, K_HARDEST, WRONG_K_HARDEST, k_inputs)


@pytest.mark.parametrize(
    "answer", ["B, D, C, A", "bdca", ["B", "D", "C", "A"], ("b", "d", "c", "a"), "B > D > C > A"]
)
def test_the_order_of_the_logs_in_any_spelling(answer):
    assert check_logs(answer).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ("C, D, A, B", "order of the losses"),
        ("C, B, D, A", "how far do the negatives spread"),
        ("C, B, A, D", "order of the spreads"),
        ("A, C, D, B", "worst one first"),
        ("B, C, D, A", "how many spreads"),
        ("D, B, C, A", "how many spreads"),
        ("B, D, C", "each once"),
        ("B, D, C, A, A", "each once"),
        (["best", "worst"], "each once"),
        (3, "each once"),
    ],
)
def test_other_orders_of_the_logs(answer, hint):
    verdict = check_logs(answer)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_unordered_logs_are_open_and_strict_raises():
    assert check_logs(None).state == "open"
    with pytest.raises(AssertionError):
        check_logs("ABCD", strict=True)
