"""The measured temperature twins: what is drawn, and the committed figures."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import temperature_twin
from cmgsd_lite.losses import CMGSDLoss
from cmgsd_lite.margins import off_diagonal
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment

FILE = Path(__file__).parents[2] / "docs" / "results" / "temperature-twin.json"


@pytest.fixture(scope="module")
def bench():
    return Bench(Experiment(DataConfig(held_out=1700), {}))


def batch(n=16):
    generator = torch.Generator().manual_seed(0)
    sim = torch.rand(n, n, generator=generator) - 0.5
    teachers = torch.randn(2, n, 5, generator=generator)
    return temperature_twin.Batch(sim, *teachers)


@pytest.mark.parametrize("noise", ["gaussian", "permuted"])
def test_margins_have_the_spread_that_is_asked_for(noise):
    drawn = list(temperature_twin.margins(batch(), noise, 0.05, 3))
    assert len(drawn) == 3
    assert not torch.equal(drawn[0], drawn[1])
    for margin in drawn:
        assert off_diagonal(margin).mean().item() == pytest.approx(0.2, abs=1e-5)
        assert off_diagonal(margin).std(correction=0).item() == pytest.approx(0.05, rel=0.03)
    if noise == "permuted":
        one = batch()
        teachers = {"text_teacher": one.text_teacher, "video_teacher": one.video_teacher}
        own = CMGSDLoss(0.2, 0.05, schedule="static").margins(one.sim, **teachers)["combined"]
        torch.testing.assert_close(drawn[0].flatten().sort().values, own.flatten().sort().values)


def test_rows_follow_the_training_and_leave_the_random_state_alone(bench):
    state = torch.get_rng_state()
    rows = temperature_twin.measure(bench, (0, 1), {16: 20}, (0.1,))
    assert torch.equal(torch.get_rng_state(), state)
    assert [(r["epochs_trained"], r["noise"]) for r in rows] == [
        (0, "gaussian"),
        (0, "permuted"),
        (1, "gaussian"),
        (1, "permuted"),
    ]
    assert rows[0]["spread_of_scores"] != rows[2]["spread_of_scores"]
    assert all(0 < r["tau_over_beta"] < 2 for r in rows)


def test_committed_figures_are_those_of_the_benchmark():
    content = json.loads(FILE.read_text())
    assert set(content) == {"minivtt", "MSR-VTT"}
    for result in content.values():
        assert result["command"].startswith("python benchmarks/temperature_twin.py")
        cells = {(r["epochs_trained"], r["pairs"], r["noise"], r["beta"]) for r in result["rows"]}
        assert len(cells) == len(result["rows"]) == 4 * 3 * 2 * 4
        for r in result["rows"]:
            assert r["draws"] == temperature_twin.DRAWS[r["pairs"]]
            assert r["picks_apart"] < r["picks_apart_from_hardest"]
