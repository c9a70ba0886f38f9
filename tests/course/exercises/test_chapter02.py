"""The checkers of chapter 02 accept right answers, recognise typical wrong ones and give nothing away."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter02 import check_collapsed_loss, check_k_hardest, check_video_to_text


def raised(sim, margin, dim):
    own = sim.diagonal()
    return margin + sim - (own[:, None] if dim == 1 else own[None, :])


def hinge(sim, margin, dim):
    return torch.relu(raised(sim, margin, dim)).fill_diagonal_(0)


def v2t(sim, margin):
    return hinge(sim, margin, 0)


def hardest(sim, margin, k):
    rows = hinge(sim, margin, 1).topk(k, dim=1).values
    return torch.cat([rows, hinge(sim, margin, 0).topk(k, dim=0).values.T])


def k_hardest(sim, margin, k):
    return hardest(sim, margin, k).mean()


def test_unfilled_exercises_are_open():
    assert check_video_to_text(lambda sim, margin: None).state == "open"
    assert check_collapsed_loss(None).state == "open"
    assert check_k_hardest(lambda sim, margin, k: ...).state == "open"


def test_right_answers_are_accepted():
    assert check_video_to_text(v2t).ok
    assert check_video_to_text(lambda sim, margin: hinge(sim.T, margin, 1).T).ok
    assert check_collapsed_loss(0.2).ok
    assert check_collapsed_loss(torch.tensor(0.2)).ok
    assert check_k_hardest(k_hardest).ok


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda sim, margin: hinge(sim, margin, 1), "that is text to video"),
        (lambda sim, margin: v2t(sim, margin).T, "transposed"),
        (lambda sim, margin: torch.relu(raised(sim, margin, 0)), "diagonal is not 0"),
        (lambda sim, margin: raised(sim, margin, 0).fill_diagonal_(0), "never below 0"),
        (lambda sim, margin: v2t(sim, 0.0), "margin is missing"),
        (lambda sim, margin: 2 * v2t(sim, margin), "off the diagonal"),
    ],
)
def test_wrong_hinges_are_recognised(function, hint):
    verdict = check_video_to_text(function)
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("answer", "hint"),
    [(0, "what is left"), (0.4, "mean of the two"), (0.1, "both directions"), (3, "one number")],
)
def test_wrong_collapsed_losses_are_recognised(answer, hint):
    verdict = check_collapsed_loss(answer)
    assert verdict.state == "off"
    assert hint in verdict.message


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (lambda s, m, k: hardest(s, m, k)[:5].mean(), "text to video alone"),
        (lambda s, m, k: hardest(s, m, k)[5:].mean(), "video to text alone"),
        (lambda s, m, k: 2 * k_hardest(s, m, k), "added the two directions"),
        (lambda s, m, k: hardest(s, m, k).sum(), "took sums"),
        (lambda s, m, k: hardest(s, m, k).sum(1).mean(), "summed over the k"),
        (lambda s, m, k: hardest(s, m, k)[hardest(s, m, k) > 0].mean(), "zeros count"),
        (lambda s, m, k: k_hardest(s, m, 1), "hardest one alone"),
        (lambda s, m, k: k_hardest(s, m, 4), "over all negatives"),
        (
            lambda s, m, k: torch.cat(
                [
                    torch.relu(raised(s, m, 1)).topk(k, dim=1).values,
                    torch.relu(raised(s.T, m, 1)).topk(k, dim=1).values,
                ]
            ).mean(),
            "diagonal is among",
        ),
        (lambda s, m, k: k_hardest(s, 0.0, k), "per anchor the mean"),
    ],
)
def test_wrong_k_hardest_losses_are_recognised(function, hint):
    verdict = check_k_hardest(function)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_an_exception_is_a_verdict():
    assert "TypeError" in check_video_to_text(lambda sim: sim).message
    assert "ZeroDivisionError" in check_k_hardest(lambda sim, margin, k: 1 / 0).message
