"""Scores that cannot be cosines: said once, by name, and never where half precision rounds."""

import warnings

import pytest
import torch

from cmgsd_lite.losses import CMGSDLoss, MaxMarginRankingLoss
from tests.losses.every import BUILDERS, batch


def warnings_of(loss, sim, times=1, **given):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(times):
            loss(sim, **given)
    return [str(warning.message) for warning in caught if "cosines" in str(warning.message)]


@pytest.mark.parametrize("name", sorted(BUILDERS))
@pytest.mark.parametrize("scale", [100.0, -100.0, 1.5])
def test_scores_beyond_cosines_warn_once_for_every_loss_object(name, scale):
    sim, given = batch()
    sim = (sim / sim.abs().max()) * scale
    messages = [warnings_of(BUILDERS[name](), sim, times=3, **given) for _ in range(2)]
    assert [len(found) for found in messages] == [1, 1]
    assert messages[0] == messages[1]
    assert messages[0][0].startswith(f"{name}: sim: expected cosines in [-1, 1]")
    assert "normalise" in messages[0][0]
    assert "margin and temperature" in messages[0][0]


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_one_score_out_of_range_is_enough_and_comes_late(name):
    sim, given = batch()
    loss = BUILDERS[name]()
    assert not warnings_of(loss, sim, times=2, **given)
    for place in ((2, 5), (0, 0)):
        bad = sim.clone()
        bad[place] = -1.01
        assert len(warnings_of(BUILDERS[name](), bad, **given)) == 1
    assert len(warnings_of(loss, bad, times=2, **given)) == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_cosines_of_every_precision_are_quiet(dtype):
    x = torch.randn(64, 512, generator=torch.Generator().manual_seed(0))
    unit = torch.nn.functional.normalize(x, dim=-1).to(dtype)
    sim = unit @ unit.T
    loss = BUILDERS["InfoNCELoss"]()
    assert not warnings_of(loss, sim)
    assert not warnings_of(
        loss, torch.nextafter(torch.ones(2, 2, dtype=dtype), torch.tensor(2.0, dtype=dtype))
    )
    assert len(warnings_of(loss, sim * 1.1)) == 1


def test_the_warning_points_at_the_callers_line():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BUILDERS["InfoNCELoss"]()(2 * torch.eye(3))
    assert [warning.filename for warning in caught] == [__file__]


def test_large_finite_scores_are_not_called_infinite():
    sim = torch.full((3, 3), 3e38)
    assert len(warnings_of(BUILDERS["MaxMarginRankingLoss"](), sim)) == 1


@pytest.mark.parametrize(
    "sim", [[[1.0, 0.0], [0.0, 1.0]], "scores", torch.eye(3).long(), torch.eye(3).to(torch.complex64)]
)
def test_scores_that_are_no_real_tensor_are_refused(sim):
    with pytest.raises(ValueError, match="sim: expected a tensor of real scores"):
        MaxMarginRankingLoss()(sim)


def test_settings_that_are_no_number_are_refused():
    for settings in ({"margin": "a"}, {"beta": None}, {"min_margin": float("nan")}, {"max_margin": "x"}):
        with pytest.raises(ValueError, match=f"{next(iter(settings))}: expected a finite number"):
            CMGSDLoss(**settings)


def test_cosines_taken_inside_a_loss_keep_their_precision_under_autocast():
    text, video = torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(0))
    loss = MaxMarginRankingLoss(reduction="mean")
    with torch.autocast("cpu", torch.bfloat16):
        whole, blocks = loss(text=text, video=video), loss(text=text, video=video, block=4)
    torch.testing.assert_close(whole, loss(text=text, video=video), rtol=0, atol=0)
    torch.testing.assert_close(blocks, whole)


def test_blocks_in_a_compiled_graph_are_refused():
    text = torch.eye(4)
    torch._dynamo.reset()
    graph = torch.compile(MaxMarginRankingLoss(), backend="eager", fullgraph=True)
    with pytest.raises(Exception, match="expected no blocks in a compiled graph"):
        graph(text=text, video=text, block=2)
