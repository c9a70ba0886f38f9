"""Several processes, one batch: value, gradient and training of one process; what is said when one dies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cmgsd_lite.cli.main import main
from cmgsd_lite.distributed import GatheredLoss, average_gradients, gather, joined, on_first, processes
from cmgsd_lite.losses import CMGSDLoss, InfoNCELoss
from cmgsd_lite.training import fit
from cmgsd_lite.training.checkpoints import load_checkpoint
from cmgsd_lite.training.prepare import prepare_split
from cmgsd_lite.training.processes import DrawnTogether, Share
from cmgsd_lite.training.two_processes import compare, launch
from tests.losses.every import BUILDERS
from tests.many_processes import CONFIG, TRAIN, VALIDATION, model_of
from tests.training.test_loop import encode

SCRIPT = str(Path(__file__).parent / "many_processes.py")
PATIENCE = 300


def splits():
    return prepare_split(TRAIN, encode), prepare_split(VALIDATION, encode)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What three processes compute; the second half of it in two of them."""
    folder = tmp_path_factory.mktemp("three")
    return json.loads(
        launch(["-m", "tests.many_processes", "equal", "--folder", str(folder)], 3, PATIENCE)
    ), folder


@pytest.mark.slow
@pytest.mark.parametrize("group", ["all", "pair"])
def test_every_loss_has_value_and_gradient_of_the_joined_batch(found, group):
    far = found[0][group]
    assert {name.split(",")[0] for name in far} >= set(BUILDERS)
    assert "CMGSDLoss, in blocks" in far
    assert {name: value for name, value in far.items() if not value < 1e-9} == {}


@pytest.mark.slow
def test_distributed_data_parallel_averages_to_the_same_gradient(found):
    assert all(value < 1e-9 for value in found[0]["wrapped"].values())
    assert len(found[0]["wrapped"]) == 2


@pytest.mark.slow
def test_a_step_of_fit_has_the_gradient_of_one_process_dropout_included(found):
    assert len(found[0]["training"]["apart"]) == 4, "three models, and one with two captions a video"
    assert all(value < 1e-6 for value in found[0]["training"]["apart"].values())


@pytest.mark.slow
def test_a_training_in_three_processes_is_that_of_one(found):
    together = found[0]["training"]
    assert together["same weights"]
    alone = fit(model_of("mean-pool"), InfoNCELoss(), *splits(), CONFIG, progress=False, device="cpu")
    for one, three in zip(alone.history, together["history"], strict=True):
        assert three["loss"] == pytest.approx(one["loss"], rel=1e-4)
        assert three["validation"]["t2v"]["MnR"] == pytest.approx(one["validation"]["t2v"]["MnR"], rel=0.05)
    saved = load_checkpoint(found[1] / "checkpoint.pt")
    assert saved["history"] == together["history"]


@pytest.mark.slow
def test_bad_input_is_named_in_every_process(found):
    said = found[0]["refused"]
    assert said["no row"] == "x: expected at least one row in every process, got [0, 1, 2]"
    assert said["sizes"] == "sizes: expected 3, that of this process 2, got [3, 3, 3]"
    assert said["rows"] == "sim: expected [2, 6], a row for each own text, got [2, 2]"
    assert said["teacher"].startswith(
        "text_teacher: expected [2, '...'], a row for each own text, got [3, 4]"
    )
    assert said["ids"] == "ids: expected a tensor of numbers, got list"
    assert said["nothing"].startswith("sim: expected similarities [n, N], or text and video")
    assert said["first"] == "of the first process"
    assert "expected the settings of process 0, {'seed': 0}, got {'seed': 1}" in said["settings"]
    assert said["batch"] == "batch_size: expected a pair for each of 3 processes, got 2"


@pytest.mark.slow
def test_a_killed_process_ends_the_others_with_one_line_and_one_process_goes_on(tmp_path):
    with pytest.raises(RuntimeError) as stopped:
        launch(["-m", "tests.many_processes", "killed", "--folder", str(tmp_path)], 2, PATIENCE)
    assert str(stopped.value).startswith(
        "process 0 ended with 2: error: process 0 of 2: another process has stopped, or has not answered for "
        "600 s; start again and resume from the last checkpoint (--resume); process 1 ended with "
    )
    path = tmp_path / "checkpoint.pt"
    assert len(load_checkpoint(path)["history"]) == 1
    resumed = fit(
        model_of("mean-pool", seed=5),
        InfoNCELoss(),
        *splits(),
        CONFIG,
        checkpoint=path,
        resume=True,
        progress=False,
        device="cpu",
    )
    whole = fit(model_of("mean-pool"), InfoNCELoss(), *splits(), CONFIG, progress=False, device="cpu")
    for one, other in zip(whole.history, resumed.history, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-4)


@pytest.mark.slow
def test_the_command_line_under_torchrun(tmp_path):
    arguments = [
        "train",
        "--epochs",
        "1",
        "--batch-size",
        "255",
        "--device",
        "cpu",
        "--json",
        "--out",
        str(tmp_path),
    ]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    (tmp_path / "matplotlib.py").write_text("raise ImportError('no figures: they take as long as the rest')")
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = subprocess.run(
        [*torchrun, "cmgsd_lite", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert ended.returncode == 0, ended.stderr
    together = json.loads(ended.stdout)
    assert ended.stderr.count("training on cpu, float32") == 1
    assert json.loads((tmp_path / "metrics.json").read_text())["rows"] == together["rows"]
    assert [len(load_checkpoint(tmp_path / "checkpoint-seed0.pt")["history"])] == [1]
    assert together["rows"][0]["mean"]["t2v"]["R@10"] > 10


def test_the_main_job_is_not_for_torchrun(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["run"]) == 2
    assert "run: error: expected one process" in capsys.readouterr().err
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert main(["run"]) == 2
    assert capsys.readouterr().err == "", "said once"


@pytest.mark.slow
def test_what_gathering_is_for():
    rows = compare(pairs=7)
    assert len(rows) == 3
    assert all(row["gathered"] < 1e-5 < 0.1 < row["apart"] for row in rows)


def test_a_process_that_never_joins_is_told_of(monkeypatch):
    monkeypatch.setattr("cmgsd_lite.training.two_processes.GRACE", 0.5)
    waits = "import os, sys, time; sys.exit('no data') if os.environ['RANK'] == '1' else time.sleep(99)"
    with pytest.raises(RuntimeError, match="process 0 ended with .*; process 1 ended with 1: no data"):
        launch(["-c", waits], 2)


def test_one_process_is_the_loss_itself():
    loss, text, video = InfoNCELoss(), torch.rand(4, 3) / 2, torch.rand(4, 3) / 2
    assert torch.equal(GatheredLoss(loss)(text=text, video=video), loss(text=text, video=video))
    assert torch.equal(
        GatheredLoss(CMGSDLoss())(text @ video.T, text=text), CMGSDLoss()(text @ video.T, text=text)
    )
    assert gather(text) is text
    assert processes() == (0, 1)
    assert on_first(lambda: 3) == 3
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    average_gradients([weight])
    assert weight.grad.tolist() == [1, 1]
    with joined():
        assert processes() == (0, 1)


@pytest.mark.parametrize(("pairs", "count"), [(8, 3), (6, 2), (5, 5), (1, 1)])
def test_shares_are_the_whole_without_overlap(pairs, count):
    rows = [Share(rank, count).rows(pairs) for rank in range(count)]
    assert [i for part in rows for i in range(pairs)[part]] == list(range(pairs))
    sizes = Share(0, count).sizes(pairs)
    assert [part.stop - part.start for part in rows] == sizes
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("transposed", [False, True])
def test_dropout_of_a_share_is_that_of_the_whole(transposed):
    def dropped(x):
        torch.manual_seed(3)
        return nn.functional.dropout(x.transpose(0, 1).contiguous().transpose(0, 1) if transposed else x, 0.4)

    x = torch.ones(7, 5, 3)
    whole = dropped(x)
    assert 0 < whole.count_nonzero() < whole.numel()
    for rank in range(3):
        own = Share(rank, 3).rows(7)
        with DrawnTogether(own, 7):
            assert torch.equal(dropped(x[own]), whole[own])
