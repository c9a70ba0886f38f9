"""The checkers of chapter 06 accept right answers, recognise typical wrong ones and give nothing away."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter06 import check_largest_beta, check_permuted, check_reversed
from cmgsd_lite.margins import permute_margin, zscore_margin


def test_unfilled_exercises_are_open():
    assert check_largest_beta(None).state == "open"
    assert check_reversed(lambda margin, alpha: None).state == "open"
    assert check_permuted(lambda margin, order: ...).state == "open"


def test_right_answers_are_accepted():
    assert check_largest_beta(0.1).ok
    assert check_largest_beta(torch.tensor(0.2 / 2)).ok
    assert check_reversed(lambda margin, alpha: 2 * alpha - margin).ok
    assert check_reversed(lambda margin, alpha: alpha - (margin - alpha)).ok
    assert check_permuted(lambda margin, order: margin[order][:, order]).ok
    assert check_permuted(lambda margin, order: margin[order[:, None], order]).ok


def test_the_answers_are_what_the_package_does():
    d = torch.rand(6, 6, generator=torch.Generator().manual_seed(0))
    one, other = (zscore_margin(d, 0.2, beta, min_margin=None) for beta in (0.05, -0.05))
    assert torch.allclose(2 * 0.2 - one, other, atol=1e-6)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
    assert torch.equal(one[order][:, order], permute_margin(one, torch.Generator().manual_seed(1)))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.2, "one standard deviation"),
        (0.4, "lower end"),
        (0.05, "may be larger"),
        (-0.1, "sign"),
        (3, "z = -2"),
    ],
)
def test_wrong_betas_are_recognised(answer, hint):
    verdict = check_largest_beta(answer)
    assert verdict.state == "off"
    assert hint in verdict.message
    assert "0.1" not in repr(verdict)


@pytest.mark.parametrize(
    ("check", "function", "hint"),
    [
        (check_reversed, lambda m, alpha: -m, "mirror at α"),
        (check_reversed, lambda m, alpha: alpha - m, "mean is 0"),
        (check_reversed, lambda m, alpha: m.T, "far stays far"),
        (check_reversed, lambda m, alpha: m.flip(0, 1), "renames the pairs"),
        (check_reversed, lambda m, alpha: m, "nothing has changed"),
        (check_reversed, lambda m, alpha: 1 / m, "express it by M"),
        (check_permuted, lambda m, order: m, "nothing has changed"),
        (check_permuted, lambda m, order: m[order], "only the rows"),
        (check_permuted, lambda m, order: m[:, order], "only the columns"),
        (check_permuted, lambda m, order: m[order, order], "picks N entries"),
        (check_permuted, lambda m, order: m[order.argsort()][:, order.argsort()], "inverse"),
        (check_permuted, lambda m, order: m.T, "the same order"),
        (check_permuted, lambda m, order: m / 0 / None, "TypeError"),
    ],
)
def test_wrong_functions_are_recognised(check, function, hint):
    verdict = check(function)
    assert verdict.state == "off"
    assert hint in verdict.message
