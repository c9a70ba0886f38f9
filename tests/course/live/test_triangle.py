"""The triangle's margin is the z-score map, and its sides close."""

import json

import pytest

from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


def triangle(**chosen):
    return run("triangle", f"return triangle({{ ...USUAL, ...{json.dumps(chosen)} }})")


@pytest.mark.parametrize(
    ("between", "beta", "margin"),
    [(0.5, 0.1, 0.2), (0.3, 0.1, 0.1), (0.7, 0.05, 0.25), (0.3, 0, 0.2), (0.1, 0.2, 0)],
)
def test_margin_and_hinge(between, beta, margin):
    found = triangle(between=between, beta=beta)  # distances .35 and .45, mean .5, standard deviation .2
    assert found["margin"] == pytest.approx(margin)
    assert found["hinge"] == pytest.approx(max(0, margin + 0.35 - 0.45))
    assert found["fixed"] == pytest.approx(0.1)


@pytest.mark.parametrize(("between", "side"), [(0, 0.1), (0.3, 0.3), (1.5, 0.8)])
def test_no_side_is_longer_than_the_others_together(between, side):
    assert triangle(between=between)["between"] == pytest.approx(side)
