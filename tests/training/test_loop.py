"""fit(): what an epoch draws, pairing, resuming to the bit, stopping, checkpoints; on made-up data."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from cmgsd_lite.data import ExpertFeatures, Split
from cmgsd_lite.errors import DataError
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss, PermutedCMGSDLoss
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.teachers import feature_statistics
from cmgsd_lite.training import TrainingConfig, fit, validation_score
from cmgsd_lite.training.checkpoints import load_checkpoint, load_model, save_checkpoint
from cmgsd_lite.training.conditions import CONDITIONS, condition
from cmgsd_lite.training.prepare import group_codes, prepare_split
from cmgsd_lite.training.scoring import evaluate, score

WORDS = ["red", "blue", "cat", "dog", "car", "boat", "runs", "sleeps", "night", "beach", "sings", "tree"]


def make_split(count, seed=0, name="train"):
    """Videos whose features are a noisy linear picture of the words of their captions."""
    rng = np.random.default_rng(seed)
    picture = np.random.default_rng(99).normal(size=(len(WORDS), 10))
    ids = [f"video{seed * 1000 + i}" for i in range(count)]
    captions, features = {}, np.zeros((count, 1, 10), np.float32)
    for i, video in enumerate(ids):
        chosen = rng.choice(len(WORDS), 4, replace=False)
        features[i, 0] = picture[chosen].sum(0) + 0.1 * rng.normal(size=10)
        captions[video] = [
            " ".join(WORDS[w] for w in rng.permutation(chosen)[: 2 + k % 3]) for k in range(1 + i % 3)
        ]
    experts = {"appearance": ExpertFeatures(features, np.ones((count, 1), bool))}
    return Split(name, ids, captions, captions, experts)


def encode(texts):
    return torch.tensor([[float(text.split().count(word)) for word in WORDS] for text in texts])


@pytest.fixture(scope="module")
def train_split():
    return prepare_split(make_split(40), encode)


@pytest.fixture(scope="module")
def validation_split():
    return prepare_split(make_split(12, seed=1, name="validation"), encode)


def small_model(seed=0):
    return build_model(
        ModelConfig("mean-pool", len(WORDS), {"appearance": 10}, embed_dim=16, hidden_dim=32), seed
    )


CONFIG = TrainingConfig(epochs=4, batch_size=8, patience=None)


def weights_of(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


class Recorder(nn.Module):
    """A loss that takes notes."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, sim, text_teacher, progress, ids):
        self.calls.append((sim.detach().clone(), text_teacher, progress, ids))
        return sim.square().mean()


def test_preparing_a_split_keeps_captions_with_their_videos():
    split = make_split(5)
    prepared = prepare_split(split, encode)
    flat = [text for video in split.video_ids for text in split.captions[video]]
    assert torch.equal(prepared.text, encode(flat))
    first, counts = prepared.first_caption_and_count()
    for row, video in enumerate(split.video_ids):
        assert counts[row] == len(split.captions[video])
        assert flat[first[row]] == split.captions[video][0]
        mean = encode(split.captions[video]).mean(0)
        torch.testing.assert_close(prepared.text_teacher[row], mean)


def test_other_texts_leave_the_teacher_with_all_captions():
    split = make_split(5)
    asked = {video: ["red cat"] for video in split.video_ids}
    prepared = prepare_split(split, encode, texts=asked)
    assert len(prepared.text) == 5
    assert torch.equal(prepared.text_teacher, prepare_split(split, encode).text_teacher)


def test_teachers_of_other_splits_use_the_training_statistics():
    train, other = make_split(40), make_split(12, seed=1)
    statistics = feature_statistics(
        {"appearance": torch.from_numpy(train.features["appearance"].values)},
        {"appearance": torch.ones(40, 1, dtype=torch.bool)},
    )
    prepared = prepare_split(other, encode, statistics)
    mean, std = statistics["appearance"]
    raw = torch.from_numpy(other.features["appearance"].values[:, 0])
    torch.testing.assert_close(prepared.video_teacher, (raw - mean) / std)


def test_an_empty_split_is_an_error():
    with pytest.raises(ValueError, match="expected at least one video"):
        prepare_split(make_split(3).subset([]), encode)


def test_an_epoch_takes_every_video_once_and_drops_the_partial_batch(train_split):
    recorder = Recorder()
    fit(small_model(), recorder, train_split, config=TrainingConfig(epochs=2, batch_size=12), progress=False)
    assert len(recorder.calls) == 2 * (40 // 12)
    progress = [call[2] for call in recorder.calls]
    assert progress == [step / 6 for step in range(6)]
    for epoch in (recorder.calls[:3], recorder.calls[3:]):
        teachers = torch.cat([call[1] for call in epoch])
        known = {tuple(row.tolist()) for row in train_split.text_teacher}
        assert len(known) == 40, "every video can be told by its teacher"
        seen = [tuple(row.tolist()) for row in teachers]
        assert len(seen) == len(set(seen)) == 36
        assert set(seen) <= known
    assert all(call[3] is None for call in recorder.calls)


def test_several_captions_a_video_come_with_ids(train_split):
    recorder = Recorder()
    config = TrainingConfig(epochs=1, batch_size=12, captions_per_video=3)
    fit(small_model(), recorder, train_split, config=config, progress=False)
    assert len(recorder.calls) == 40 // 4
    ids = recorder.calls[0][3]
    assert ids.tolist() == [i for i in ids[::3].tolist() for _ in range(3)]
    assert len(set(ids.tolist())) == 4


def test_known_positives_reach_the_loss_as_ids(train_split):
    recorder = Recorder()
    names = [f"twin{i // 2}" for i in range(40)]
    config = TrainingConfig(epochs=1, batch_size=40)
    fit(small_model(), recorder, train_split, config=config, ids=names, progress=False)
    assert sorted(recorder.calls[0][3].tolist()) == [i // 2 for i in range(40)]
    with pytest.raises(ValueError, match="ids: expected one for each of the 40"):
        fit(small_model(), recorder, train_split, config=config, ids=names[:3], progress=False)
    assert group_codes(None, 3).tolist() == [0, 1, 2]


def test_training_learns(train_split, validation_split):
    untrained = evaluate(small_model(), validation_split)["t2v"]["MnR"]
    config = TrainingConfig(epochs=25, batch_size=8, patience=None)
    result = fit(small_model(), InfoNCELoss(), train_split, validation_split, config, progress=False)
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    assert evaluate(result.model, validation_split)["t2v"]["MnR"] < 0.6 * untrained
    assert not result.model.training
    rates = [record["learning_rate"] for record in result.history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-5


def test_one_seed_is_one_result_and_the_global_generator_is_left_alone(train_split, validation_split):
    def train(seed):
        config = TrainingConfig(epochs=3, batch_size=8, seed=seed)
        result = fit(small_model(), CMGSDLoss(), train_split, validation_split, config, progress=False)
        return weights_of(result.model)

    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = train(0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(100)
    assert torch.equal(train(0), first)
    assert not torch.equal(train(1), first)


def test_conditions_with_one_seed_see_the_same_batches(train_split):
    a, b = Recorder(), Recorder()
    fit(small_model(), a, train_split, config=CONFIG, progress=False)
    fit(small_model(seed=3), b, train_split, config=CONFIG, progress=False)
    for (_, teacher_a, *_), (_, teacher_b, *_) in zip(a.calls, b.calls, strict=True):
        assert torch.equal(teacher_a, teacher_b)


@pytest.mark.parametrize("make_loss", [CMGSDLoss, lambda: PermutedCMGSDLoss(seed=4), InfoNCELoss])
def test_resume_continues_bit_for_bit(train_split, validation_split, tmp_path, make_loss):
    whole = fit(small_model(), make_loss(), train_split, validation_split, CONFIG, progress=False)

    class Interrupted(Exception):
        pass

    class StopsInTheThirdEpoch(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = make_loss()
            self.forward = self._counted(self.inner.forward)

        def _counted(self, forward):
            import functools

            @functools.wraps(forward)
            def counted(**inputs):
                self.steps = getattr(self, "steps", 0) + 1
                if self.steps > 2 * 5 + 2:
                    raise Interrupted
                return forward(**inputs)

            return counted

        def state_dict(self, *args, **kwargs):
            return self.inner.state_dict(*args, **kwargs)

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Interrupted):
        fit(
            small_model(),
            StopsInTheThirdEpoch(),
            train_split,
            validation_split,
            CONFIG,
            checkpoint=path,
            progress=False,
        )
    assert len(load_checkpoint(path)["history"]) == 2
    torch.rand(7)  # whatever happened in between
    resumed = fit(
        small_model(seed=9),
        make_loss(),
        train_split,
        validation_split,
        CONFIG,
        checkpoint=path,
        resume=True,
        progress=False,
    )
    assert torch.equal(weights_of(resumed.model), weights_of(whole.model))
    assert [r["loss"] for r in resumed.history] == [r["loss"] for r in whole.history]
    assert resumed.best_epoch == whole.best_epoch
    again = fit(
        small_model(),
        make_loss(),
        train_split,
        validation_split,
        CONFIG,
        checkpoint=path,
        resume=True,
        progress=False,
    )
    assert torch.equal(weights_of(again.model), weights_of(whole.model)), "a finished run is not run again"


def test_resuming_with_other_settings_is_refused(train_split, tmp_path):
    path = tmp_path / "checkpoint.pt"
    fit(small_model(), InfoNCELoss(), train_split, config=CONFIG, checkpoint=path, progress=False)
    other = TrainingConfig(epochs=5, batch_size=8)
    for config, about, match in (
        (other, {}, "expected the settings"),
        (CONFIG, {"data": "x"}, "training of"),
    ):
        with pytest.raises(DataError, match=match):
            fit(
                small_model(),
                InfoNCELoss(),
                train_split,
                config=config,
                checkpoint=path,
                resume=True,
                about=about,
                progress=False,
            )
    save_checkpoint(path, small_model(), {})
    with pytest.raises(DataError, match="running training"):
        fit(
            small_model(),
            InfoNCELoss(),
            train_split,
            config=CONFIG,
            checkpoint=path,
            resume=True,
            progress=False,
        )


def test_the_best_validation_epoch_is_kept_and_patience_stops(train_split, validation_split):
    class Spoiled(MaxMarginRankingLoss):
        """Pushes positives down: every epoch is worse than the first."""

        def forward(self, sim, margin=None, ids=None):
            return sim.diagonal().mean() * 10

    config = TrainingConfig(epochs=12, batch_size=8, patience=2, learning_rate=1e-2)
    result = fit(small_model(), Spoiled(), train_split, validation_split, config, progress=False)
    scores = [validation_score(record) for record in result.history]
    assert result.best_epoch == 1 + scores.index(max(scores))
    assert len(result.history) == result.best_epoch + 2 < 12
    best = evaluate(result.model, validation_split)
    assert best == result.history[result.best_epoch - 1]["validation"]


def test_a_loss_that_is_not_finite_stops_at_once(train_split):
    class Broken(nn.Module):
        def forward(self, sim):
            return sim.sum() * math.nan

    with pytest.raises(ValueError, match="loss: expected a finite number, got nan"):
        fit(small_model(), Broken(), train_split, config=CONFIG, progress=False)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 1}, "batch_size"),
        ({"batch_size": 9, "captions_per_video": 2}, "multiple"),
        ({"batch_size": 4, "captions_per_video": 4}, "two videos"),
        ({"patience": 0}, "patience"),
        ({"learning_rate": math.nan}, "learning_rate"),
    ],
)
def test_bad_settings_are_named(settings, match):
    with pytest.raises(ValueError, match=match):
        TrainingConfig(**settings)


def test_too_few_videos_for_a_batch(train_split):
    with pytest.raises(ValueError, match="batch_size: 64 needs 64 training videos, got 40"):
        fit(small_model(), InfoNCELoss(), train_split, config=TrainingConfig(batch_size=64), progress=False)


def test_scores_in_chunks_are_the_scores_at_once(train_split, monkeypatch):
    model = small_model().eval()
    whole = score(model, train_split)
    assert whole.shape == (len(train_split.text), 40)
    monkeypatch.setattr("cmgsd_lite.training.scoring.CHUNK", 7)
    torch.testing.assert_close(score(model, train_split), whole)
    assert score(model.train(), train_split).equal(score(model, train_split)), "dropout is off while scoring"
    assert model.training


def test_checkpoints_are_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "model.pt"
    model = small_model()
    save_checkpoint(path, model, {"data": "made up"})
    loaded, about = load_model(path)
    assert about == {"data": "made up"}
    assert torch.equal(weights_of(loaded), weights_of(model))
    before = path.read_bytes()

    def fails_halfway(where, content):
        where.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.write_bytes", fails_halfway)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, model, {})
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]


def test_damaged_and_foreign_checkpoints_are_named(tmp_path):
    with pytest.raises(DataError, match="found no file"):
        load_checkpoint(tmp_path / "none.pt")
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match=r"damaged\.pt: expected a checkpoint") as refused:
        load_checkpoint(damaged)
    assert "weights_only" not in str(refused.value), "no advice to load it unsafely"
    foreign = tmp_path / "foreign.pt"
    torch.save({"weights": torch.zeros(2)}, foreign)
    with pytest.raises(DataError, match="expected a checkpoint, found .* in place of format 1"):
        load_checkpoint(foreign)


def test_every_condition_is_the_loss_that_its_name_says():
    kinds = {"fixed": MaxMarginRankingLoss, "cmgsd": CMGSDLoss, "infonce": InfoNCELoss}
    for name, config in CONDITIONS.items():
        loss = config.build(seed=1)
        parts = name.split("-")
        expected = PermutedCMGSDLoss if parts[-1] == "permuted" else kinds[parts[0]]
        assert type(loss) is expected
        if len(parts) > 1:
            reduction = getattr(loss, "ranking", loss).reduction
            assert str(reduction) == parts[1]
    control, row = condition("cmgsd-4-permuted"), condition("cmgsd-4")
    assert (control.beta, control.reduction, control.schedule) == (row.beta, row.reduction, row.schedule)
    assert condition("cmgsd-4", beta=0.1, margin=None).beta == 0.1
    with pytest.raises(ValueError, match="condition: expected one of"):
        condition("magic")
    assert validation_score({}) is None


@pytest.mark.parametrize("whole", [np.int64, np.array, torch.tensor])
@pytest.mark.parametrize("real", [np.float32, np.array, torch.tensor, Fraction])
def test_numbers_of_other_kinds_give_a_checkpoint_that_can_be_read(whole, real, train_split, tmp_path):
    dims = {"appearance": whole(10)}
    dropouts = {"text_dropout": real(0.25), "video_dropout": real(0.5)}
    settings = ModelConfig("mean-pool", whole(len(WORDS)), dims, whole(16), whole(32), **dropouts)
    numbers = {"epochs": 1, "batch_size": 8, "captions_per_video": 1, "patience": 1, "seed": 1}
    rates = {"learning_rate": real(0.125), "weight_decay": real(0.25)}
    config = TrainingConfig(**{name: whole(number) for name, number in numbers.items()}, **rates)
    model, path = build_model(settings, whole(1)), tmp_path / "model.pt"
    fit(model, InfoNCELoss(real(0.125)), train_split, config=config, checkpoint=path, progress=False)
    assert load_model(path)[0].config == ModelConfig(
        "mean-pool", len(WORDS), {"appearance": 10}, 16, 32, text_dropout=0.25, video_dropout=0.5
    )
