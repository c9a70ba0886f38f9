"""Teachers in a training: by name or one's own, what the loss is given of them, and what is refused."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from cmgsd_lite.cli.main import main
from cmgsd_lite.errors import DataError
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss, MaxMarginRankingLoss
from cmgsd_lite.losses.selected import SelectedSourcesLoss
from cmgsd_lite.teachers import Blend, Containment, Directed, Oracle, VideoToVideo
from cmgsd_lite.training import TrainingConfig, fit
from cmgsd_lite.training.checkpoints import load_model
from cmgsd_lite.training.conditions import CONDITIONS, LossConfig, condition
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment, margin_histogram
from cmgsd_lite.training.loop import rehearse
from cmgsd_lite.training.prepare import prepare_split
from cmgsd_lite.training.teaching import TEACHERS, prepare_teacher, prepare_teachers, uses_teacher
from tests.cli.folders import write_folder
from tests.training.test_loop import encode, make_split, small_model, weights_of

SPLIT = make_split(24)
TRAIN = prepare_split(SPLIT, encode)
CONFIG = TrainingConfig(epochs=2, batch_size=8)


def train(loss, teacher, train=TRAIN, **options):
    return fit(small_model(), loss, train, config=CONFIG, teacher=teacher, progress=False, **options)


class Recorder(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, sim, distances=None, text_teacher=None, video_teacher=None):
        self.calls.append((distances, text_teacher, video_teacher))
        return sim.square().mean()


@pytest.mark.parametrize("name", TEACHERS)
def test_a_name_is_prepared_on_the_training_split(name):
    teacher = prepare_teacher(name, TRAIN)
    captions = [SPLIT.captions[video] for video in SPLIT.video_ids]
    direct = {
        "text": lambda: VideoToVideo(TRAIN.text_teacher, TRAIN.video_of_text),
        "video": lambda: VideoToVideo(TRAIN.video_teacher, TRAIN.video_of_text),
        "directed": lambda: Directed.of(captions, encode),
        "directed-embedding": lambda: Directed.of(captions, encode).embedding,
        "containment": lambda: Containment.of(captions),
        "directed+video": lambda: Blend.of(
            Directed.of(captions, encode),
            VideoToVideo(TRAIN.video_teacher, TRAIN.video_of_text),
            0.7,
            TRAIN.first_caption_and_count()[0],
        ),
    }[name]()
    videos, texts = torch.arange(24), torch.arange(len(TRAIN.text))
    torch.testing.assert_close(teacher.distances(videos, texts), direct.distances(videos, texts))


def test_the_loss_gets_distances_by_name_and_no_features():
    recorder = Recorder()
    train(recorder, ["directed", "video"])
    for distances, *features in recorder.calls:
        assert list(distances) == ["directed", "video"]
        assert all(d.shape == (8, 8) for d in distances.values())
        assert features == [None, None]
    recorder = Recorder()
    train(recorder, None)
    assert recorder.calls[0][0] is None
    assert all(features is not None for features in recorder.calls[0][1:])


def test_the_distances_are_those_of_the_drawn_captions():
    class Numbers:
        def distances(self, videos, captions):
            assert torch.equal(TRAIN.video_of_text[captions], videos)
            return (100 * captions[:, None] + videos).float()

    recorder = Recorder()
    train(recorder, Numbers())
    (found,) = recorder.calls[0][0].values()
    assert list(recorder.calls[0][0]) == ["Numbers"]
    owner = TRAIN.video_of_text[(found.diagonal() // 100).long()]
    assert torch.equal(owner, (found.diagonal() % 100).long())


def test_text_and_video_by_name_train_as_the_features_do():
    loss = CMGSDLoss(schedule="static", reduction="mean")
    by_name, by_feature = train(loss, ["text", "video"]), train(loss, None)
    torch.testing.assert_close(weights_of(by_name.model), weights_of(by_feature.model), atol=1e-4, rtol=0)


@pytest.mark.parametrize("teacher", ["directed", {"mine": Oracle(torch.rand(len(TRAIN.text), 24))}])
def test_a_teacher_changes_what_is_learnt(teacher):
    loss = CMGSDLoss(schedule="static")
    assert not torch.equal(weights_of(train(loss, teacher).model), weights_of(train(loss, None).model))


def test_a_raw_split_is_prepared_with_its_words():
    found = fit(
        small_model_for_wordllama(), CMGSDLoss(), SPLIT, config=CONFIG, teacher="containment", progress=False
    )
    assert math.isfinite(found.history[-1]["loss"])


def small_model_for_wordllama():
    from cmgsd_lite.models import ModelConfig, build_model

    return build_model(ModelConfig("mean-pool", 256, {"appearance": 10}, embed_dim=16, hidden_dim=32))


@pytest.mark.parametrize(
    ("teacher", "match"),
    [
        ("directd", r"teacher: expected some of text, video, directed, .*, each once, got 'directd'"),
        (["text", "text"], "each once, got 'text', 'text'"),
        ([], "got none"),
        ({}, "teacher: expected teachers by name, got none for any name"),
        ({"mine": torch.rand}, r"got none for \['mine'\]"),
    ],
)
def test_what_is_no_teacher_is_refused(teacher, match):
    with pytest.raises(ValueError, match=match):
        prepare_teachers(teacher, TRAIN)


def test_words_that_were_not_kept_are_asked_for():
    others = prepare_split(SPLIT, encode, texts={video: ["red cat"] for video in SPLIT.video_ids})
    assert others.captions == ()
    with pytest.raises(ValueError, match="train: expected the captions of the videos"):
        prepare_teacher("directed", others)
    prepare_teacher("video", others)


def test_a_loss_that_takes_no_distances_is_refused_at_once():
    class Plain(nn.Module):
        def forward(self, sim):
            return sim.mean()

    with pytest.raises(ValueError, match="teacher: expected a loss whose forward takes distances"):
        rehearse(small_model(), Plain(), TRAIN, None, CONFIG, teacher="text")


@pytest.mark.parametrize(
    ("wrong", "match"),
    [(torch.zeros(8, 3), r"expected shape \[8, 8\]"), (torch.full((8, 8), math.nan), "finite distances")],
)
def test_one_s_own_answer_is_checked(wrong, match):
    class Mine:
        def distances(self, videos, captions):
            return wrong

    with pytest.raises(ValueError, match=rf"distances\['Mine'\]: .*{match}"):
        train(CMGSDLoss(), Mine())


def test_resuming_compares_the_teacher(tmp_path):
    path, loss = tmp_path / "checkpoint.pt", CMGSDLoss()
    straight = train(loss, ["directed", "video"], checkpoint=path)
    again = train(loss, ["directed", "video"], checkpoint=path, resume=True)
    assert torch.equal(weights_of(again.model), weights_of(straight.model))
    for other, match in ((None, r"teacher = \[\], found"), ("directed", r"teacher = \['directed'\], found")):
        with pytest.raises(DataError, match=match):
            train(loss, other, checkpoint=path, resume=True)


def test_only_losses_with_static_distances_use_a_teacher():
    assert uses_teacher(CMGSDLoss())
    assert uses_teacher(SelectedSourcesLoss(CMGSDLoss(), ["distances"]))
    assert not uses_teacher(CMGSDLoss(schedule="dynamic"))
    assert not uses_teacher(MaxMarginRankingLoss())
    assert not uses_teacher(InfoNCELoss())
    using = {name for name, config in CONDITIONS.items() if uses_teacher(config.build())}
    assert using == {name for name in CONDITIONS if "cmgsd" in name}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("teaching") / "data")


def bench_of(folder, **conditions):
    return Bench(Experiment(DataConfig(str(folder)), conditions, (0,), training=CONFIG))


def test_a_condition_s_teacher_is_used_and_told(folder, tmp_path):
    taught = condition("cmgsd-4", schedule="static", teacher=("directed", "video"))
    plain = replace(taught, teacher=None)
    bench = bench_of(folder, taught=taught, plain=plain)
    bench.rehearse()
    assert bench.teachers("plain") is None
    assert bench.teachers("taught")["directed"] is bench.teachers("taught")["directed"], "prepared once"
    path = tmp_path / "checkpoint.pt"
    ours, theirs = bench.run("taught", 0, tmp_path, checkpoint=path), bench.run("plain", 0)
    assert ours.history[-1]["loss"] != theirs.history[-1]["loss"]
    model, _ = load_model(tmp_path / "taught-seed0.pt")
    shown = margin_histogram(model, taught.build(), bench.prepared.train, bench.teachers("taught"))
    assert ours.margins == shown != margin_histogram(model, taught.build(), bench.prepared.train)
    bench.check_resume("taught", 0, path)
    with pytest.raises(DataError, match=r"teacher = \[\], found teacher = \['directed', 'video'\]"):
        bench_of(folder, taught=plain).check_resume("taught", 0, path)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (
            LossConfig("fixed", teacher=("directed",)),
            "condition x: teacher: expected none, for the loss 'fixed'",
        ),
        (LossConfig("cmgsd", teacher=("nobody",)), "condition x: teacher: expected some of text, .*'nobody'"),
        (LossConfig("cmgsd", schedule="dynamic", teacher=("text",)), "condition x: teacher: expected none"),
    ],
)
def test_a_condition_that_can_not_use_it_is_found_before_training(folder, config, match):
    with pytest.raises(ValueError, match=match):
        bench_of(folder, x=config).rehearse()


def run(capsys, *words):
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


QUICK = ("--epochs", 1, "--batch-size", 8)


def test_the_command_line_takes_several(folder, tmp_path, capsys):
    names = "fixed-4,cmgsd-4,cmgsd-4-permuted"
    words = ("run", "--data", folder, "--conditions", names, "--seeds", 1, "--jobs", 1, *QUICK)
    code, out, _ = run(capsys, *words, "--teacher", "directed, video", "--out", tmp_path, "--json")
    assert code == 0
    teachers = {row["name"]: row["loss"]["teacher"] for row in json.loads(out)["rows"]}
    both = ["directed", "video"]
    assert teachers == {"fixed-4": None, "cmgsd-4": both, "cmgsd-4-permuted": both}
    _, out, _ = run(capsys, *words, "--teacher", "directed,video", "--out", tmp_path)
    assert "teacher directed, video; seeds 0" in out


def test_training_resumes_with_the_same_teacher_alone(folder, tmp_path, capsys):
    words = ("train", "--data", folder, "--out", tmp_path, *QUICK)
    assert run(capsys, *words, "--teacher", "containment")[0] == 0
    assert run(capsys, *words, "--teacher", "containment", "--resume")[0] == 0
    code, _, error = run(capsys, *words, "--teacher", "text", "--resume")
    assert code == 2
    assert "expected the settings teacher = ['text'], found teacher = ['containment']" in error


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (
            ["--teacher", "nobody"],
            "--teacher: expected some of text, video, directed, directed-embedding, con",
        ),
        (["--teacher", ""], "--teacher: expected some of"),
        (["--teacher", "text", "--condition", "infonce"], "expected a condition with static distances"),
        (["--teacher", "text", "--schedule", "dynamic"], "expected a condition with static distances"),
    ],
)
def test_bad_teachers_are_one_line(folder, tmp_path, capsys, words, match):
    code, _, error = run(capsys, "train", "--data", folder, "--out", tmp_path, *QUICK, *words)
    assert code == 2
    assert match in error.splitlines()[-1]
    assert not any(tmp_path.iterdir())


def test_a_teacher_that_the_loss_does_not_use_is_refused():
    for loss in (MaxMarginRankingLoss(), CMGSDLoss(schedule="dynamic")):
        with pytest.raises(ValueError, match="teacher: expected a loss that uses one, got"):
            fit(
                small_model(),
                loss,
                TRAIN,
                config=TrainingConfig(1, batch_size=4),
                teacher="video",
                progress=False,
            )
