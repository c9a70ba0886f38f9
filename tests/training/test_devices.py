"""Where and how precisely a training computes: no bit changes on the CPU, nothing stays behind."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from cmgsd_lite.cli.main import main
from cmgsd_lite.errors import DataError
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import load_checkpoint
from cmgsd_lite.training.devices import autocast, chosen_device, placed, seeded
from cmgsd_lite.training.prepare import prepare_split
from cmgsd_lite.training.scoring import score
from cmgsd_lite.training.trainer import Trainer
from tests.training.test_loop import WORDS, encode, make_split

META = torch.device("meta")
CONFIG = TrainingConfig(epochs=2, batch_size=8, patience=None, seed=3)
TRAIN = prepare_split(make_split(40), encode)


def small_model(kind="mean-pool"):
    return build_model(ModelConfig(kind, len(WORDS), {"appearance": 10}, 16, 32, layers=1, heads=2))


def by_hand(model, loss):
    """The loop as it was before there was a choice of device: one thing after another, losses as numbers."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    first, counts = TRAIN.first_caption_and_count()
    history, steps = [], len(TRAIN) // 8
    with torch.random.fork_rng(devices=[]):
        for epoch in range(2):
            model.train()
            torch.default_generator.manual_seed((3 * 1_000_003 + epoch) * 2 + 1)
            drawn = torch.Generator().manual_seed((3 * 1_000_003 + epoch) * 2)
            order, total = torch.randperm(len(TRAIN), generator=drawn), 0.0
            for step in range(steps):
                videos = order[step * 8 : step * 8 + 8]
                captions = first[videos] + (torch.rand(8, generator=drawn) * counts[videos]).long()
                progress = (epoch * steps + step) / (2 * steps)
                optimizer.param_groups[0]["lr"] = 1e-3 * 0.5 * (1 + math.cos(math.pi * progress))
                output = model(TRAIN.text[captions], *TRAIN.videos(videos))
                value = loss(
                    output.sim,
                    text=output.text,
                    video=output.video,
                    text_teacher=TRAIN.text_teacher[videos],
                    video_teacher=TRAIN.video_teacher[videos],
                    progress=progress,
                )
                optimizer.zero_grad(set_to_none=True)
                value.backward()
                optimizer.step()
                total += value.item()
            history.append(total / steps)
    return history


@pytest.mark.parametrize("kind", ["mean-pool", "gated-experts", "transformer"])
@pytest.mark.parametrize(
    "loss",
    [CMGSDLoss(), CMGSDLoss(reduction="smooth"), PermutedCMGSDLoss(seed=1), InfoNCELoss()],
    ids=["hardest", "smooth", "permuted", "infonce"],
)
def test_the_cpu_in_float32_is_the_plain_loop_to_the_last_bit(kind, loss):
    expected, model = small_model(kind), small_model(kind)
    losses = by_hand(expected, loss)
    result = fit(model, loss, TRAIN, config=CONFIG, progress=False, device="cpu", precision="float32")
    assert [record["loss"] for record in result.history] == losses
    assert result.device == "cpu"
    for mine, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("kind", ["mean-pool", "gated-experts", "transformer"])
def test_half_precision_is_of_the_products_alone(kind):
    seen = {}

    class Watched(InfoNCELoss):
        def forward(self, sim, *, text=None, video=None):
            seen.update(
                sim=sim.dtype, text=text.dtype, video=video.dtype, inside=torch.is_autocast_enabled("cpu")
            )
            return super().forward(sim)

    half, full = small_model(kind), small_model(kind)
    losses = {}
    for model, precision in ((half, "bfloat16"), (full, "float32")):
        result = fit(
            model, Watched(), TRAIN, config=CONFIG, progress=False, device="cpu", precision=precision
        )
        losses[precision] = result.history[-1]["loss"]
        assert seen == {"sim": torch.float32, "text": torch.float32, "video": torch.float32, "inside": False}
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.02)
    assert {x.dtype for x in half.parameters()} == {torch.float32}
    assert score(half, TRAIN).dtype == torch.float32


def test_scores_under_autocast_are_those_of_float32_products():
    model = small_model().eval()
    with torch.inference_mode(), autocast(torch.device("cpu"), "bfloat16"):
        text, video = model.encode_text(TRAIN.text), model.encode_video(TRAIN.features, TRAIN.masks)
        sim = model.similarity(text, video)
    assert sim.dtype == torch.float32
    torch.testing.assert_close(sim, (text.vectors[:, 0] @ video.vectors[:, 0].T))


def test_a_checkpoint_of_another_precision_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"

    def train(precision, resume):
        return fit(
            small_model(),
            CMGSDLoss(),
            TRAIN,
            config=CONFIG,
            checkpoint=path,
            resume=resume,
            progress=False,
            device="cpu",
            precision=precision,
        )

    train("bfloat16", resume=False)
    with pytest.raises(DataError, match="expected the settings precision = 'float32', found .*'bfloat16'"):
        train("float32", resume=True)
    content = load_checkpoint(path)
    del content["precision"]  # as checkpoints were before there was a choice
    torch.save(content, path)
    assert train("float32", resume=True).history == content["history"]


def test_a_device_or_precision_that_is_not_there_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto") == torch.device("cpu")
    for name in ("cuda:7", "meta", "fridge", 3.5):
        with pytest.raises(ValueError, match=r"device: expected one that is there \(auto, cpu.*\), got '"):
            chosen_device(name)
    model = small_model()
    with pytest.raises(ValueError, match="device: expected one that is there"):
        fit(model, InfoNCELoss(), TRAIN, device="fridge")
    with pytest.raises(ValueError, match="precision: expected one of float32, bfloat16; got 'float16'"):
        fit(model, InfoNCELoss(), TRAIN, device="cpu", precision="float16")
    assert main(["train", "--device", "fridge"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "device: expected one that is there" in said[0]


def test_auto_is_the_gpu_where_there_is_one(monkeypatch):
    class There:
        device = torch.device("cuda:3")

        def item(self):
            return 0.0

    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", lambda *size, device: asked.append(device) or There())
    assert chosen_device() == torch.device("cuda:3")
    assert asked == ["cuda"]


def test_where_losses_are_looked_at_once_an_epoch_the_step_is_named_all_the_same():
    class BreaksAt(nn.Module):
        steps = 0

        def forward(self, sim):
            self.steps += 1
            return sim.mean() * (math.nan if self.steps == 3 else 1.0)

    for at_once, steps in ((True, 3), (False, 5)):
        loss = BreaksAt()
        trainer = Trainer(small_model(), loss, TRAIN, CONFIG, None, None)
        trainer.looks_at_each_step = at_once
        with pytest.raises(ValueError, match=r"loss: expected a finite number, got nan at 20.0% of training"):
            trainer.run_epoch(0)
        assert loss.steps == steps


class AllThere(nn.Module):
    def forward(self, sim, text, video, text_teacher, video_teacher, ids):
        assert {x.device for x in (sim, text, video, text_teacher, video_teacher, ids)} == {META}
        return sim.mean()


@pytest.mark.parametrize("kind", ["mean-pool", "gated-experts", "transformer"])
@pytest.mark.parametrize(
    "loss",
    [
        AllThere(),
        CMGSDLoss(),
        CMGSDLoss(reduction=4, form="summed", within="anchor"),
        PermutedCMGSDLoss(reduction="smooth"),
        MaxMarginRankingLoss(reduction="mean"),
        InfoNCELoss(),
    ],
)
def test_a_step_elsewhere_neither_waits_nor_mixes_devices(kind, loss, monkeypatch):
    """On the device "meta" a look at a value is an error, and so is a tensor that stayed on the CPU."""
    real, config = torch.autocast, TrainingConfig(epochs=2, batch_size=8, captions_per_video=2)
    monkeypatch.setattr(
        torch, "autocast", lambda kind, **settings: real("cpu", **settings)
    )  # knows no "meta"
    trainer = Trainer(small_model(kind).to("meta"), loss, TRAIN, config, None, None, META)
    trainer.optimizer = torch.optim.AdamW(trainer.model.parameters())  # fused there is none
    assert not trainer.looks_at_each_step
    for videos, captions in list(trainer.batches(0))[:2]:
        value = trainer.step(videos, captions, 0.3)
    assert value.device == META
    assert all(x.grad.device == META for x in trainer.model.parameters())


def test_all_values_are_looked_at_before_a_training_elsewhere():
    features = {"appearance": TRAIN.features["appearance"].clone()}
    features["appearance"][-1, 0, 3] = math.nan  # the last video: in no batch of the first epoch, maybe
    with pytest.raises(ValueError, match=r"features\['appearance'\]: expected finite numbers"):
        Trainer(small_model(), CMGSDLoss(), replace(TRAIN, features=features), CONFIG, None, None)
    text = TRAIN.text.clone()
    text[-1] = math.inf
    trainer = Trainer(small_model(), CMGSDLoss(), replace(TRAIN, text=text), CONFIG, None, None)
    with pytest.raises(ValueError, match="text: expected finite vectors"):
        trainer.look_at_everything()
    state = torch.get_rng_state()
    Trainer(small_model(), CMGSDLoss(), TRAIN, CONFIG, None, None).look_at_everything()
    assert torch.equal(torch.get_rng_state(), state)


def test_modules_come_back_from_where_they_were_put():
    class Travels(nn.Linear):
        seen = ()

        def to(self, device):
            self.seen = (*self.seen, str(device))
            return self

    model, loss = Travels(2, 2), MaxMarginRankingLoss()
    with pytest.raises(ZeroDivisionError), placed(META, model, loss):
        1 / (model.seen != ("meta",))
    assert model.seen == ("meta", "cpu")


def test_generators_are_given_back():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with seeded(5, torch.device("cpu")):
        drawn = torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(5)))
