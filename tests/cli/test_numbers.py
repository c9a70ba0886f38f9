"""Folders whose numbers or texts are odd: info says so, then a job refuses, or goes on with what was said."""

import json
import math

import numpy as np
import pytest

from cmgsd_lite.cli.main import main
from tests.cli.folders import QUICK, command, write_folder

BOTH = {"rgb": (range(42), 1), "audio": (range(42), 1)}
JOBS = {"train": ("train",), "run": ("run", "--conditions", "cmgsd-hardest", "--seeds", "1", "--jobs", "1")}
both_jobs = pytest.mark.parametrize("job", JOBS)


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch):
    monkeypatch.setattr("cmgsd_lite.cli.train.can_draw", lambda: False)


def changed(folder, change, expert="rgb"):
    path = folder / f"{expert}.npz"
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, video_id=content["video_id"], features=change(content["features"].astype(np.float64)))
    return folder


def put(value, *place):
    def change(values):
        values[place] = value
        return values

    return change


def started(job, data, out, *more):
    return main([*JOBS[job], "--data", str(data), "--out", str(out), *QUICK, *more])


def refused(job, data, out, capsys, *more):
    """The one line of a job that is refused; nothing of a training is there."""
    assert started(job, data, out, *more) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "it/s" not in said.err, "a progress bar was there"
    assert not list(out.rglob("*.pt"))
    return said.err.splitlines()[-1]


def told(data, capsys):
    assert main(["info", str(data)]) == 0
    return capsys.readouterr().out


@both_jobs
@pytest.mark.parametrize(
    ("change", "by_info", "by_job"),
    [
        (put(math.nan, slice(None), 1), "none present among 42 videos", "expected features, found none"),
        (put(math.inf, 3, 2), "expected finite numbers", "expected finite numbers"),
        (put(-math.inf, 40), "expected finite numbers", "expected finite numbers"),
        (put(1e300, 3, 2), "expected finite numbers", "expected finite numbers"),
        (lambda values: values * 1e30, "expected numbers up to 1e+15", "expected numbers up to 1e+15"),
        (np.zeros_like, "rgb: every vector is the same", "expected training videos that differ"),
        (np.ones_like, "rgb: every vector is the same", "expected training videos that differ"),
        (
            lambda values: values * 1e-42,
            "rgb: every vector is the same",
            "expected training videos that differ",
        ),
    ],
)
def test_features_that_teach_nothing(tmp_path, capsys, job, change, by_info, by_job):
    data = changed(write_folder(tmp_path / "data"), change)
    assert by_info in told(data, capsys)
    assert by_job in refused(job, data, tmp_path / "out", capsys)


@both_jobs
def test_videos_with_a_nan_are_left_out_and_counted(tmp_path, capsys, job):
    data = changed(write_folder(tmp_path / "data"), put(math.nan, slice(0, 42, 3), 5))
    note = "10 of 30 videos have no features in rgb and are left out"
    assert note in told(data, capsys)
    assert started(job, data, tmp_path / "out") == 0
    assert note in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["dataset"]["n_train"] == 16


@both_jobs
def test_an_expert_that_says_nothing_goes_along_beside_one_that_does(tmp_path, capsys, job):
    data = changed(write_folder(tmp_path / "data", experts=BOTH), np.ones_like, "audio")
    assert "expert audio: every vector is the same" in told(data, capsys)
    assert started(job, data, tmp_path / "out") == 0
    assert "expert audio: every vector is the same" in capsys.readouterr().err


@both_jobs
def test_an_expert_that_no_training_video_has_is_left_out_and_not_tested_untrained(tmp_path, capsys, job):
    data = write_folder(tmp_path / "data", experts={**BOTH, "audio": (range(30, 42), 1)})
    assert "24 of 24 videos have no audio: nothing can be learned of it" in told(data, capsys)
    assert started(job, data, tmp_path / "out") == 0
    assert "experts left out: audio (no training video has it)" in capsys.readouterr().err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics["dataset"]["experts"]) == ["rgb"]
    line = refused(job, data, tmp_path / "asked", capsys, "--experts", "rgb,audio")
    assert "features['audio']: expected training videos that have this expert, got none" in line


@both_jobs
@pytest.mark.parametrize("words", ["a man sings", "!!!", "\U0001f600"])
def test_captions_that_are_all_the_same_are_said_and_ranked_all_the_same(tmp_path, capsys, job, words):
    data = write_folder(tmp_path / "data", caption=lambda *_: words)
    note = "all captions are the same, so that nothing can be learned of them"
    assert note in told(data, capsys)
    assert started(job, data, tmp_path / "out") == 0
    assert note in capsys.readouterr().err


@both_jobs
def test_one_test_video(tmp_path, capsys, job):
    data = write_folder(tmp_path / "data", test=1)
    assert "one video is always ranked first; nothing can be measured on it" in told(data, capsys)
    assert "test: expected at least 2 videos" in refused(job, data, tmp_path / "out", capsys)


@pytest.mark.parametrize("text", ["\ud800", "a cat \udfff sings", "\udc80" * 50])
def test_half_a_sign_is_replaced_and_counted(tmp_path, capsys, text):
    odd = {3, 12, 35}
    data = write_folder(
        tmp_path / "data", caption=lambda i, n, words: text if i in odd and n == 2 else f"a {' '.join(words)}"
    )
    assert "3 captions have half a sign (a lone surrogate), which is replaced (first: video3)" in told(
        data, capsys
    )
    assert started("train", data, tmp_path / "out") == 0
    found = ["search", "--data", str(data), "--checkpoint", str(tmp_path / "out" / "cmgsd-hardest-seed0.pt")]
    capsys.readouterr()
    assert main([*found, "--out", str(tmp_path / "found"), "--top", "12", f"{text} cat"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 12
    assert (tmp_path / "found" / "search.html").is_file()


@pytest.mark.parametrize("text", ["word " * 20_000, "x" * 100_000])
def test_very_long_captions_are_taken_whole_and_printed_short(tmp_path, capsys, text):
    data = write_folder(
        tmp_path / "data", caption=lambda i, n, words: text if i % 10 == 0 else f"a {' '.join(words)}"
    )
    assert "15 captions of more than 10,000 letters are taken whole (first: video0)" in told(data, capsys)
    assert started("train", data, tmp_path / "out") == 0
    found = ["search", "--data", str(data), "--checkpoint", str(tmp_path / "out" / "cmgsd-hardest-seed0.pt")]
    capsys.readouterr()
    assert main([*found, "--out", str(tmp_path / "found"), "--top", "12", "--report", text]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 500
    assert text.strip() in (tmp_path / "found" / "search.html").read_text(encoding="utf-8")


@both_jobs
@pytest.mark.parametrize("epochs", ["0", "-1"])
def test_no_epochs(tmp_path, capsys, job, epochs):
    with pytest.raises(SystemExit) as stopped:
        started(job, "minivtt", tmp_path / "out", f"--epochs={epochs}")
    assert stopped.value.code == 2
    assert f"--epochs: expected a whole number from 1 to 1000000, got '{epochs}'" in capsys.readouterr().err


def test_a_training_that_diverges_keeps_its_last_checkpoint(tmp_path):
    """As a user sees it, in processes of their own; resumed, it ends in the same place."""
    data, seen = write_folder(tmp_path / "data"), []
    words = ["train", "--data", data, "--out", "out", "--batch-size", "8", "--epochs", "12"]
    words += ["--learning-rate", "1e6"]
    for more in ([], ["--resume"]):
        done = command(*words, *more, cwd=tmp_path)
        assert done.returncode == 2
        assert b"Traceback" not in done.stderr
        line = done.stderr.decode().splitlines()[-1]
        assert "epoch 2, step 2 of 3, learning rate 9.698e+05, videos 'video" in line
        assert line.endswith("the last good checkpoint, of epoch 1, is kept in out/checkpoint-seed0.pt")
        seen.append((line, (tmp_path / "out" / "checkpoint-seed0.pt").read_bytes()))
    assert seen[0] == seen[1]
