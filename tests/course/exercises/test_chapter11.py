"""The checkers of chapter 11 accept right answers of many forms and recognise wrong ones."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from cmgsd_lite.course.exercises.chapter11 import (
    PATIENTS,
    SAID,
    check_diagnoses,
    check_expert_embedding,
    check_fair_reports,
    check_own_loss,
    experts_of_videos,
)
from tests.course.exercises.checkers import assert_answers_back, wrong_by_rule


def mean_of_present(vectors, present):
    return vectors.sum(dim=1) / present.sum(dim=1, keepdim=True)


def loop(vectors, present):
    return torch.stack([one[there].mean(0) for one, there in zip(vectors, present, strict=True)])


def in_numpy(vectors, present):
    vectors, present = np.asarray(vectors), np.asarray(present)
    return (vectors * present[:, :, None]).sum(axis=1) / present.sum(axis=1)[:, None]


def test_embedding_of_experts():
    right = [
        mean_of_present,
        loop,
        lambda v, p: v.sum(1),  # another length: no cosine distance sees it
        lambda v, p: normalize(v.mean(1), dim=1),
        in_numpy,
    ]
    wrong = [
        (lambda v, p: v[:, 0], "first expert"),
        (lambda v, p: v.flatten(1), "end to end"),
        (lambda v, p: v.amax(1), "no mean"),
        (lambda v, p: v.mean(0), "mean over videos"),
        (lambda v, p: v.sum(), "expected shape"),
        (lambda v, p: v.sum(1).abs(), "yours gives"),
        (lambda v, p: -v.sum(1), "yours gives"),
        (lambda v, p: v.sum(1) + 0.1, "yours gives"),
    ]
    assert_answers_back(check_expert_embedding, mean_of_present)
    assert [i for i, function in enumerate(right) if not check_expert_embedding(function).ok] == []
    for function, words in wrong:
        verdict = check_expert_embedding(function)
        assert verdict.state == "off"
        assert words in verdict.message
    for name, function in wrong_by_rule(mean_of_present, experts_of_videos):
        of_any_length = name.startswith("do not divide")
        assert check_expert_embedding(function).ok == of_any_length, name


def test_diagnoses():
    assert check_diagnoses(None).state == check_diagnoses({"A": None, "B": ...}).state == "open"
    for answer in (
        PATIENTS,
        {k: v.upper() for k, v in PATIENTS.items()},
        {k.lower(): v for k, v in PATIENTS.items()},
        {k: f" {v} " for k, v in PATIENTS.items()},
        dict(reversed(PATIENTS.items())),
    ):
        assert check_diagnoses(answer).ok
    for name in PATIENTS:
        for said in SAID:
            if said != PATIENTS[name]:
                verdict = check_diagnoses({**PATIENTS, name: said})
                assert verdict.state == "off"
                assert verdict.message.startswith(name)
                assert PATIENTS[name] not in verdict.message, "the answer is not given away"
    assert "expected one of" in check_diagnoses({**PATIENTS, "B": "ill"}).message
    assert "expected one of" in check_diagnoses({"A": PATIENTS["A"]}).message
    assert "dictionary" in check_diagnoses("healthy").message
    with pytest.raises(AssertionError, match="look like that"):
        check_diagnoses(dict.fromkeys("ABCD", "healthy"), strict=True)


@pytest.mark.parametrize(
    "answer", ["BE", "b, e", "B and E", ["E", "B"], {"B", "e"}, ["B", "and", "E"], ("B", "E")]
)
def test_fair_reports(answer):
    assert check_fair_reports(answer).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("AB", "best plain loss"),
        ("BC", "allowed to choose"),
        ("DE", "chose the seed"),
        ("EF", "test split"),
        ("B", "cannot tell"),
        ("E", "without 0"),
        ("G", "expected letters"),
        ("", "expected letters"),
        (3, "expected letters"),
        ("ABCDEF", "best plain loss"),
    ],
)
def test_unfair_reports(answer, words):
    verdict = check_fair_reports(answer)
    assert verdict.state == "off"
    assert words in verdict.message


def test_unread_reports_are_open():
    assert check_fair_reports(None).state == check_fair_reports(...).state == "open"


def others(sim):
    return sim[~torch.eye(len(sim), dtype=torch.bool)]


def hinge(sim):
    return torch.relu(0.2 + sim - sim.diagonal()[:, None]).mean()


def info_nce(sim):
    return torch.nn.functional.cross_entropy(sim / 0.1, torch.arange(len(sim)))


@pytest.mark.parametrize(
    "loss",
    [
        hinge,
        info_nce,
        lambda sim: info_nce(sim) + info_nce(sim.T),
        lambda sim: others(sim).mean() - sim.diagonal().mean(),
        lambda sim: torch.relu(0.2 + others(sim).max() - sim.diagonal().min()),
        lambda sim: hinge(sim).square(),
        lambda sim: (sim - torch.eye(len(sim))).square().mean(),
    ],
)
def test_losses_that_one_can_train_with(loss):
    assert check_own_loss(loss).ok


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda sim: hinge(sim).item(), "no gradient"),
        (lambda sim: hinge(sim).detach(), "no gradient"),
        (lambda sim: torch.relu(0.2 + sim - sim.diagonal()), "expected one number"),
        (lambda sim: -sim.mean(), "rewards similar negatives"),
        (lambda sim: sim.diagonal().mean(), "punishes similar partners"),
        (lambda sim: hinge(sim) - 5 * others(sim).mean(), "rewards similar negatives"),
        (lambda sim: torch.relu(0.2 + sim[0] - sim[0, 0]).mean(), "change places"),
        (lambda sim: others(sim).exp().mean().log() - sim.diagonal().log().mean(), "finite"),
        (lambda sim: others(sim).std() * 0 + others(sim - sim).sum(), "no push"),
        (lambda sim: torch.relu(sim - sim.diagonal() + 0.2).fill_diagonal_(0).sum(), "stops with"),
    ],
)
def test_losses_that_one_can_not_train_with(loss, words):
    verdict = check_own_loss(loss)
    assert verdict.state == "off"
    assert words in verdict.message


def test_an_unwritten_loss_is_open():
    assert check_own_loss(lambda sim: None).state == check_own_loss(lambda sim: ...).state == "open"
