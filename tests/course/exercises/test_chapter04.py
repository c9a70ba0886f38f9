"""The checkers of chapter 04: open, right, and every typical mistake recognised."""

import pytest
import torch

from cmgsd_lite.course.exercises.chapter04 import check_excuse, check_margin_map, check_removal
from cmgsd_lite.margins import zscore_margin


def broken(*_):
    raise RuntimeError("boom")


def margin_map(d, beta, *, everything=False, sign=1, correction=0, least=0.0, own=0.2, divide=True):
    pairs = ~torch.eye(len(d), dtype=torch.bool)
    values = d.flatten() if everything else d[pairs]
    z = (d - values.mean()) / (values.std(correction=correction) if divide else 1)
    margin = (0.2 + sign * beta * z).clamp(min=least)
    return margin if own is None else torch.where(pairs, margin, own)


def test_margin_map_open_right_and_broken():
    assert check_margin_map(lambda distances, beta: None).state == "open"
    assert check_margin_map(margin_map).ok
    assert "boom" in check_margin_map(broken).message


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"everything": True}, "diagonal is in your mean"),
        ({"everything": True, "own": None}, "gets no alpha"),
        ({"sign": -1}, "sign is the other way"),
        ({"correction": 1}, "correction=0"),
        ({"least": -9.0}, "clip at 0 is missing"),
        ({"least": -9.0, "own": None}, "clip at 0, and give"),
        ({"own": None}, "is no pair"),
        ({"own": 0.0}, "is no pair"),
        ({"divide": False}, "divide by the standard deviation"),
        ({"own": 0.7}, "value is off"),
    ],
)
def test_margin_map_mistakes(change, hint):
    verdict = check_margin_map(lambda d, beta: margin_map(d, beta, **change))
    assert verdict.state == "off"
    assert hint in verdict.message


def test_a_centred_margin_map_is_told_so():
    verdict = check_margin_map(lambda d, beta: zscore_margin(d, 0.2, beta, eps=0.0))
    assert verdict.state == "off"
    assert "centred" in verdict.message


def parts(g, d):
    s = d.std(correction=0)
    z = (d - d.mean()) / s
    return s, z, (g * z).mean()


def excuse(g, d, beta):
    s, z, gz = parts(g, d)
    return beta / s * (g - g.mean() - z * gz)


def test_excuse_open_right_and_broken():
    assert check_excuse(lambda g, d, beta: None).state == "open"
    assert check_excuse(excuse).ok
    assert "boom" in check_excuse(broken).message


def test_the_right_excuse_is_the_gradient_of_autograd():
    def by_autograd(g, d, beta):
        d = d.clone().requires_grad_()
        (g * (0.2 + beta * parts(g, d)[1])).sum().backward()
        return d.grad

    assert check_excuse(by_autograd).ok


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda g, d, b: -excuse(g, d, b), "other sign"),
        (lambda g, d, b: b / parts(g, d)[0] * (g - g.mean()), "third term"),
        (lambda g, d, b: b / parts(g, d)[0] * (g - parts(g, d)[1] * parts(g, d)[2]), "second term"),
        (lambda g, d, b: b / parts(g, d)[0] * g, "also moves the mean"),
        (lambda g, d, b: excuse(g, d, b) * parts(g, d)[0], "divide by s"),
        (lambda g, d, b: excuse(g, d, b) / b, "beta is missing"),
        (lambda g, d, b: b / parts(g, d)[0] * (g - g.mean() - parts(g, d)[2]), "third term is z times"),
        (
            lambda g, d, b: b / parts(g, d)[0] * (g - g.mean() + parts(g, d)[1] * parts(g, d)[2]),
            "third term is taken off",
        ),
        (lambda g, d, b: g * 0 + 7, "term by term"),
    ],
)
def test_excuse_mistakes(wrong, hint):
    verdict = check_excuse(wrong)
    assert verdict.state == "off"
    assert hint in verdict.message


def test_removal_open_and_right():
    assert check_removal(None).state == "open"
    assert check_removal(-10).ok


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0, "higher than the positive"),
        (-2, "for cosines"),
        (-5, "below 0"),
        (10, "asks for more"),
        (float("-inf"), "finite margins"),
        (-7, "value is off"),
        ("many", "expected numbers"),
    ],
)
def test_removal_mistakes(answer, hint):
    verdict = check_removal(answer)
    assert verdict.state == "off"
    assert hint in verdict.message
