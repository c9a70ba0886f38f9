"""Numbers that are none: refused before the first epoch, named with their place where they come later."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cmgsd_lite.data import ExpertFeatures
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import load_checkpoint
from cmgsd_lite.training.prepare import prepare_split
from tests.training.test_loop import encode, make_split, small_model

CONFIG = TrainingConfig(epochs=6, batch_size=8, patience=None)
NAMES = set(make_split(40).video_ids)


def changed(change, mask=None):
    split = make_split(40)
    values, here = split.features["appearance"]
    expert = ExpertFeatures(change(values.copy()), here if mask is None else mask)
    return prepare_split(replace(split, features={"appearance": expert}), encode)


def put(value, *place):
    def change(values):
        values[place] = value
        return values

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put(math.nan, 3), "finite"),
        (put(math.nan, 39, 0, 9), "finite"),
        (put(math.inf, 0, 0, 0), "finite"),
        (put(-math.inf, 17), "finite"),
        (put(1e30, 5, 0, 2), "finite numbers up to 1e\\+15"),
        (lambda values: -1e20 * values, "finite numbers up to 1e\\+15"),
        (np.zeros_like, "features: expected training videos that differ"),
        (lambda values: np.full_like(values, 7.5), "features: expected training videos that differ"),
        (lambda values: values * np.float32(1e-9), "features: expected training videos that differ"),
    ],
)
def test_features_that_teach_nothing_are_refused_before_the_first_epoch(tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        fit(small_model(), CMGSDLoss(), changed(change), config=CONFIG, checkpoint=tmp_path / "c" / "x.pt")
    assert not (tmp_path / "c").exists()


def test_an_expert_that_no_training_video_has_is_refused():
    nobody = np.zeros((40, 1), bool)
    with pytest.raises(
        ValueError, match=r"features\['appearance'\]: expected training videos that have this"
    ):
        fit(small_model(), CMGSDLoss(), changed(lambda values: values, nobody), config=CONFIG)


def test_a_video_that_no_expert_has_is_refused():
    here = np.ones((40, 1), bool)
    here[3] = False
    with pytest.raises(
        ValueError, match="masks: expected a token in every training video, got none in 'video3'"
    ):
        fit(small_model(), CMGSDLoss(), changed(lambda values: values, here), config=CONFIG)


def test_what_stands_where_the_mask_is_false_is_not_looked_at():
    here = np.ones((40, 2), bool)
    here[3, 1] = False
    train = changed(lambda values: put(math.nan, 3, 1)(np.concatenate([values, values], axis=1)), here)
    result = fit(small_model(), CMGSDLoss(), train, config=replace(CONFIG, epochs=1), progress=False)
    assert math.isfinite(result.history[0]["loss"])


@pytest.mark.parametrize("text", ["\ud800", "a cat \udfff", "\udc80\udc80"])
def test_half_a_sign_is_refused_by_name(text):
    split = make_split(40)
    captions = {**split.captions, split.video_ids[7]: [text]}
    with pytest.raises(ValueError, match="lone surrogate"):
        fit(small_model(), CMGSDLoss(), replace(split, captions=captions), config=CONFIG)


def test_a_very_long_caption_is_taken_whole():
    encoder = WordLlamaEncoder().encode
    long = "word " * 20_000 + "cat " * 20_000
    word, cat, both = encoder(["word " * 20_000, "cat " * 20_000, long])
    torch.testing.assert_close(both, (word + cat) / 2, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 10**30])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed: expected a whole number from 0 to 4294967295, got {seed}"):
        TrainingConfig(seed=seed)


class Breaks(nn.Module):
    """A loss that breaks at a step: itself, or the gradient that it hands on."""

    def __init__(self, at, loss=1.0, gradient=1.0):
        super().__init__()
        self.at, self.factor, self.gradient, self.steps = at, loss, gradient, 0

    def forward(self, sim):
        self.steps += 1
        if self.steps != self.at:
            return sim.mean()
        value = sim.mean() * self.factor
        value.register_hook(lambda gradient: gradient * self.gradient)
        return value


def said_of(error):
    """Epoch, step, learning rate and videos, as a message names them."""
    found = re.search(r"epoch (\d+), step (\d+) of 5, learning rate (\S+), videos ([^;]*);", str(error))
    assert found, error
    return int(found[1]), int(found[2]), float(found[3]), re.findall(r"'(video\d+)'", found[4])


@pytest.mark.parametrize(
    ("breaks", "what", "place"),
    [
        ({"at": 3, "loss": math.nan}, "loss: expected a finite number, got nan", (1, 3)),
        ({"at": 12, "loss": math.inf}, "loss: expected a finite number, got", (3, 2)),
        ({"at": 7, "gradient": math.nan}, "finite", (2, 3)),
        ({"at": 10, "gradient": math.inf}, "NaN or infinity in the model's weights", (2, 5)),
        ({"at": 10, "gradient": 1e25}, "NaN or infinity in the optimizer's state", (2, 5)),
    ],
)
def test_where_a_training_broke_and_what_is_left_of_it(tmp_path, breaks, what, place):
    path, train = tmp_path / "checkpoint.pt", prepare_split(make_split(40), encode)
    with pytest.raises(ValueError, match=what) as stopped:
        fit(small_model(), Breaks(**breaks), train, config=CONFIG, checkpoint=path, progress=False)
    epoch, step, rate, videos = said_of(stopped.value)
    assert (epoch, step) == place
    done = ((epoch - 1) * 5 + step - 1) / 30
    assert rate == pytest.approx(1e-3 * 0.5 * (1 + math.cos(math.pi * done)), rel=1e-3)
    assert len(set(videos)) == 8
    assert set(videos) <= NAMES
    if epoch == 1:
        assert "there is no checkpoint" in str(stopped.value)
        assert not path.exists()
    else:
        assert f"the last good checkpoint, of epoch {epoch - 1}, is kept in {path}" in str(stopped.value)
        assert len(load_checkpoint(path)["history"]) == epoch - 1


def test_the_videos_that_are_named_are_those_of_the_batch():
    class Watches(nn.Module):
        def forward(self, sim, ids):
            self.last = ids
            return sim.mean() * (math.nan if 17 in ids else 1.0)

    loss, train = Watches(), prepare_split(make_split(40), encode)
    with pytest.raises(ValueError, match="video17'") as stopped:
        fit(small_model(), loss, train, config=CONFIG, ids=train.video_ids, progress=False)
    assert said_of(stopped.value)[3] == [train.video_ids[row] for row in loss.last.tolist()]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("loss", [CMGSDLoss, InfoNCELoss])
def test_a_learning_rate_that_is_far_too_high(tmp_path, loss, precision):
    path = tmp_path / "checkpoint.pt"
    train, held_out = (prepare_split(make_split(n, seed), encode) for n, seed in ((40, 0), (12, 1)))
    config = TrainingConfig(epochs=12, batch_size=8, learning_rate=1e6, patience=None)

    def stopped(resume):
        settings = {"checkpoint": path, "precision": precision, "progress": False, "resume": resume}
        with pytest.raises(ValueError, match="finite") as error:
            fit(small_model(), loss(), train, held_out, config, **settings)
        return str(error.value), path.read_bytes() if path.exists() else None

    first, kept = stopped(resume=False)
    said_of(first)
    again, still = stopped(resume=True)
    assert again == first
    assert still == kept


def test_a_compiled_loss_looks_at_nothing_and_is_looked_at_all_the_same():
    loss, train = InfoNCELoss(), prepare_split(make_split(40), encode)
    loss.compile(backend="eager")
    config = replace(CONFIG, learning_rate=1e20)
    with pytest.raises(ValueError, match="loss: expected a finite number, got nan") as stopped:
        fit(small_model(), loss, train, config=config, progress=False)
    assert said_of(stopped.value)[:2] == (1, 2)
