"""The benchmark of what the margin costs: its arithmetic, and that no loss leaves a trace in the model."""

import json
from pathlib import Path

import pytest

from benchmarks import training_cost
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment

RESULT = Path(__file__).parents[2] / "docs" / "results" / "training-cost.json"


def test_ratios_are_taken_round_by_round():
    # The machine slows down to a third in the middle; the loss takes a quarter longer in every round.
    fixed = [1.0, 1.0, 3.0, 3.0]
    found = training_cost.ratios({training_cost.BASELINE: fixed, "other": [1.25 * t for t in fixed]})
    assert found["other"]["ratio"] == pytest.approx(1.25)
    assert found["other"]["quartiles"] == pytest.approx([1.25, 1.25])
    assert found[training_cost.BASELINE]["ratio"] == 1.0


def test_no_loss_adds_to_the_model():
    bench = Bench(Experiment(DataConfig(held_out=1700), {}))
    shapes = {
        name: {
            key: tuple(value.shape)
            for key, value in training_cost.epoch(bench, loss).model.state_dict().items()
        }
        for name, loss in training_cost.LOSSES.items()
    }
    plain = {key: tuple(value.shape) for key, value in bench.build_model(0).state_dict().items()}
    assert all(found == plain for found in shapes.values())


def test_committed_figures_are_those_of_the_benchmark():
    content = json.loads(RESULT.read_text())
    assert set(content) == {"minivtt", "MSR-VTT"}
    for result in content.values():
        assert list(result["training"]) == list(result["scoring"]) == list(training_cost.LOSSES)
        assert result["rounds"] >= 10
