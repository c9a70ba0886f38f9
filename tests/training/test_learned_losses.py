"""Losses with parameters in ``fit``: optimised without weight decay, told, saved and resumed."""

import math

import pytest
import torch
from torch import nn

from cmgsd_lite.errors import DataError
from cmgsd_lite.losses import InfoNCELoss, MaxMarginRankingLoss, SigmoidLoss
from cmgsd_lite.losses.learned import learned_numbers
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import load_checkpoint
from cmgsd_lite.training.conditions import ADDED, LossConfig, condition
from cmgsd_lite.training.prepare import prepare_split
from cmgsd_lite.training.resuming import check_resumable, data_digest
from cmgsd_lite.training.trainer import Trainer
from tests.training.test_loop import CONFIG, encode, make_split, small_model, weights_of

LOSSES = {
    "infonce": lambda: InfoNCELoss(0.1, learnable=True),
    "sigmoid": lambda: SigmoidLoss(20.0, -8.0),
    "soft": lambda: LossConfig("soft-targets", learnable=True).build(),
}


@pytest.fixture(scope="module")
def train():
    return prepare_split(make_split(40), encode)


def trained(loss, train, **options):
    model = small_model()
    return loss, fit(model, loss, train, config=options.pop("config", CONFIG), progress=False, **options)


@pytest.mark.parametrize("name", LOSSES)
def test_parameters_are_trained_and_told(name, train):
    loss, result = trained(LOSSES[name](), train)
    start = learned_numbers(LOSSES[name]())
    told = [record["learned"] for record in result.history]
    assert told[-1] == learned_numbers(loss)
    assert all(values.keys() == start.keys() for values in told)
    assert all(told[0][key] != start[key] and told[-1][key] != told[0][key] for key in start)


def test_they_have_no_weight_decay_and_the_model_keeps_its_own(train):
    """Where the scores have no gradient, weight decay alone would move a parameter."""

    class Still(nn.Module):
        def __init__(self):
            super().__init__()
            self.number = nn.Parameter(torch.tensor(3.0))

        def forward(self, sim):
            return (sim.sum() + self.number) * 0

    still = Still()
    config = TrainingConfig(epochs=2, batch_size=8, weight_decay=0.5, learning_rate=0.1)
    model = small_model()
    before = weights_of(model).norm()
    fit(model, still, train, config=config, progress=False)
    assert still.number.item() == 3.0
    assert weights_of(model).norm() < 0.9 * before


def test_a_loss_without_parameters_leaves_optimizer_and_record_as_they_were(train):
    trainer = Trainer(small_model(), InfoNCELoss(), train, CONFIG, None, None)
    groups = trainer.optimizer.state_dict()["param_groups"]
    plain = torch.optim.AdamW(small_model().parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    assert groups == plain.state_dict()["param_groups"]
    _, result = trained(MaxMarginRankingLoss(), train)
    assert set(result.history[0]) == {"epoch", "loss", "learning_rate", "seconds"}


@pytest.mark.parametrize("name", LOSSES)
def test_resuming_goes_on_bit_for_bit(name, train, tmp_path):
    whole, expected = trained(LOSSES[name](), train)

    class Stopped(Exception):
        pass

    loss = LOSSES[name]()
    inner, steps = loss.compute, []

    def stops_in_the_third_epoch(*given):
        steps.append(1)
        if len(steps) > 12:
            raise Stopped
        return inner(*given)

    loss.compute = stops_in_the_third_epoch
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Stopped):
        trained(loss, train, checkpoint=path)
    assert load_checkpoint(path)["history"][-1]["learned"] == expected.history[1]["learned"]
    resumed, result = trained(LOSSES[name](), train, checkpoint=path, resume=True)
    assert torch.equal(weights_of(result.model), weights_of(expected.model))
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), whole.parameters(), strict=True))
    assert [r["learned"] for r in result.history] == [r["learned"] for r in expected.history]


def test_a_checkpoint_of_another_kind_of_loss_is_refused_by_name(train, tmp_path):
    path = tmp_path / "checkpoint.pt"
    trained(InfoNCELoss(learnable=True), train, checkpoint=path)
    with pytest.raises(
        DataError, match=r"expected a loss with parameters \[\], found one with \['log_scale'\]"
    ):
        trained(InfoNCELoss(), train, checkpoint=path, resume=True)


def test_a_checkpoint_from_before_these_settings_goes_on(train, tmp_path):
    path, data = tmp_path / "checkpoint.pt", data_digest(train, None)
    old = {"kind": "infonce", "temperature": 0.05}
    trained(InfoNCELoss(), train, checkpoint=path, about={"loss": old})
    check_resumable(path, small_model(), CONFIG, {"loss": {**old, **ADDED}}, data)
    with pytest.raises(DataError, match="loss = "):
        check_resumable(path, small_model(), CONFIG, {"loss": {**old, **ADDED, "learnable": True}}, data)


def test_a_temperature_at_its_bound_stays_there(train):
    loss = InfoNCELoss(0.0101, learnable=True)
    config = TrainingConfig(epochs=6, batch_size=8, learning_rate=0.05, patience=None)
    _, result = trained(loss, train, config=config)
    assert all(record["learned"]["temperature"] >= 0.01 for record in result.history)


def test_conditions_say_what_is_learned():
    assert list(condition("infonce-learned").build().parameters())
    assert learned_numbers(condition("sigmoid").build()) == {"scale": 20.0, "bias": -8.0}
    assert not list(condition("soft-targets").build().parameters())
    shared = LossConfig("infonce", positives="share").build()
    assert shared.positives == "share"
    assert math.isclose(LossConfig("soft-truth", strength=0.3).build().weight, 0.3)
