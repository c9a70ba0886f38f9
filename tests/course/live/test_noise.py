"""The moving picture of noise draws what the package draws, and frames what the package expects."""

import json

import pytest
import torch

from cmgsd_lite.losses.expected import expected_hardest, sampled_hardest
from tests.course.live.scripts import needs_node, run

pytestmark = needs_node
VIOLATIONS = [0.1, 0.04, 0.01, -0.05]


@pytest.mark.parametrize("temperature", [0.02, 0.06, 0.3])
def test_the_frames_are_a_softmax_and_the_smooth_loss(temperature):
    found = run("noise", f"return softened({json.dumps([*VIOLATIONS, 0])}, {temperature})")
    contenders = torch.tensor([*VIOLATIONS, 0.0]) / temperature
    assert found["shares"] == pytest.approx(torch.softmax(contenders, 0).tolist(), abs=1e-6)
    value = expected_hardest(torch.tensor(VIOLATIONS), temperature).item()
    assert found["value"] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(("where", "noise_on_zero"), [("all", True), ("negatives alone", False)])
def test_the_bars_are_drawn_as_the_package_draws(where, noise_on_zero):
    call = f"sampled({json.dumps([*VIOLATIONS, 0])}, .06, {json.dumps(where)}, 20000, generator(7))"
    found = run("noise", f"return {call}")
    theirs = sampled_hardest(
        torch.tensor(VIOLATIONS),
        0.06,
        20000,
        noise_on_zero=noise_on_zero,
        generator=torch.Generator().manual_seed(0),
    )
    assert found["total"] / 20000 == pytest.approx(theirs.values.mean().item(), abs=3e-3)
    for i, pick in enumerate([0, 1, 2, 3, -1]):
        share = (theirs.picks == pick).float().mean().item()
        assert found["picks"][i] / 20000 == pytest.approx(share, abs=0.02)
