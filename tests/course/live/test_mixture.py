"""The moving picture of two teachers gives the package's margins."""

import pytest
import torch

from cmgsd_lite.margins import combined_margin
from cmgsd_lite.schedules import LinearRamp
from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


def mixed(done, beta, again):
    return run("mixture", f"return mixed(TEACHER, MODEL, {done}, {beta}, {again})")


@pytest.mark.parametrize("done", [0.0, 0.3, 0.4, 0.6, 1.0])
def test_margins_are_those_of_the_package(done):
    share = LinearRamp(0.2, 0.6)(done)
    found = mixed(done, 0.05, "true")
    distances = torch.tensor(run("mixture", "return [TEACHER, MODEL]"))
    expected = combined_margin(distances, [1 - share, share], 0.2, 0.05)
    off = ~torch.eye(4, dtype=torch.bool)
    assert torch.allclose(torch.tensor(found["margins"])[off], expected[off], atol=1e-4)
    assert found["share"] == pytest.approx(share)


def test_without_standardising_again_the_spread_shrinks_in_the_middle():
    assert mixed(0.4, 0.05, "false")["spread"] == pytest.approx(0.80, abs=0.01)
    assert mixed(0.4, 0.05, "true")["spread"] == pytest.approx(1)
    assert mixed(0, 0.05, "false")["spread"] == pytest.approx(1)
