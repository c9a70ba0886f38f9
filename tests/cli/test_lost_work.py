"""No lost work: what would fail after training is said before it; what may fail does not take it along."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from cmgsd_lite import __version__
from cmgsd_lite.cli import figures, preflight
from cmgsd_lite.cli import train as jobs
from cmgsd_lite.cli.main import main
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment
from tests.cli.folders import QUICK, command, write_folder

RANKS = ["R@1", "R@5", "R@10", "R@50", "MdR", "MnR"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("data") / "plain")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *words):
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def one_run(*more):
    return ("run", "--conditions", "cmgsd-4", "--seeds", 1, "--jobs", 1, *QUICK, *more)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii:strict"])
def test_a_terminal_that_can_not_print_the_table_gets_it_with_replacements(encoding, tmp_path):
    write_folder(tmp_path / "Kätzchen 猫")
    words = ("run", "--data", "Kätzchen 猫", "--conditions", "infonce", "--seeds", 2, "--jobs", 1, *QUICK)
    env = {"PYTHONIOENCODING": encoding, "MPLBACKEND": "no_such_backend"}
    done = command(*words, "--out", "out", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr.decode("latin1")
    table = done.stdout.decode(encoding.split(":")[0])
    assert "| infonce |" in table
    assert ("±" if encoding == "cp1252" else "?") in table
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"metrics.json", "results.png", "training.png"} <= written


def test_without_the_packages_for_figures_there_is_the_table(folder, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "IPython.py").write_text("raise ImportError('No module named IPython')")
    done = command("train", "--data", folder, "--out", "out", *QUICK, cwd=tmp_path,
                   env={"PYTHONPATH": str(tmp_path / "broken")})  # fmt: skip
    error = done.stderr.decode()
    assert done.returncode == 0, error
    assert b"| cmgsd-hardest |" in done.stdout
    line = next(line for line in error.splitlines() if "figures are left out" in line)
    assert "IPython" in line
    assert 'pip install "cmgsd-lite[course]"' in line
    assert {"metrics.json", "history.json"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_categories_that_some_videos_lack_are_left_out_with_a_note(here, capsys):
    write_folder(here / "some", category=lambda i: None if i % 5 == 0 else i % 3)
    code, out, error = run(capsys, *one_run("--data", "some", "--json"))
    assert code == 0
    assert "relevance by category is left out: 3 of 12 test videos have none" in error
    results = json.loads(out)
    assert results["dataset"]["relevance"] == "caption overlap"
    assert set(results["random_floor"]) == {"caption overlap", "caption overlap, own left out"}


def test_where_nothing_is_relevant_recall_is_still_measured(here, capsys):
    write_folder(here / "silent", caption=lambda *_: "it is there", category=lambda i: None)
    code, out, error = run(capsys, *one_run("--data", "silent", "--out", "out"))
    assert code == 0
    assert "relevance by caption overlap is left out: no video is relevant to any query" in error
    assert out.splitlines()[0] == "| condition | R@1 | R@5 | R@10 | MdR | R@10 v2t | seconds |"
    assert "random ranking" not in out
    results = json.loads((here / "out" / "metrics.json").read_text())
    assert results["dataset"]["relevance"] is None
    assert list(results["rows"][0]["mean"]["t2v"]) == RANKS
    assert (here / "out" / "results.png").exists()
    code, out, _ = run(capsys, "evaluate", "--checkpoint", "out/models/cmgsd-4-seed0.pt", "--json")
    assert code == 0
    assert list(json.loads(out)["t2v"]) == RANKS


def test_where_only_the_own_video_is_relevant_that_kind_stays(here, capsys):
    letters = "abcdefghijklmnopqrstuvwxyzäöüßéèêáàâóòôúùûíìî"
    write_folder(here / "apart", caption=lambda video, *_: 5 * letters[video], category=lambda i: i)
    code, out, error = run(capsys, *one_run("--data", "apart", "--json"))
    assert code == 0
    assert "without a query's own video is left out: no other video is relevant" in error
    assert set(json.loads(out)["random_floor"]) == {"caption overlap", "category"}


@pytest.mark.parametrize("job", ["run", "train"])
def test_a_single_test_video_is_said_before_training(job, here, capsys):
    write_folder(here / "one", test=1)
    code, out, error = run(capsys, job, "--data", "one", "--out", "out", *QUICK)
    assert (code, out) == (2, "")
    assert "one, test: expected at least 2 videos" in error.splitlines()[-1]
    assert not (here / "out").exists()


@pytest.mark.parametrize(("train", "drawn"), [(3, 2), (20, 4)])
def test_few_training_videos_leave_a_fifth_for_validation(train, drawn, here, capsys):
    write_folder(here / "few", train=train, validation=0, test=4)
    code, out, error = run(capsys, "train", "--data", "few", "--json", "--epochs", 1, "--batch-size", 2)
    assert f"{drawn} videos drawn by a fixed seed" in error
    if train == 3:  # one is left to train on: a batch has two
        assert code == 2
        assert "needs 2 training videos, got 1" in error.splitlines()[-1]
    else:
        assert json.loads(out)["dataset"]["n_validation"] == drawn


def blocked_by_a_file(out):
    out.write_text("x")


def blocked_models(out):
    out.mkdir()
    (out / "models").write_text("x")


def blocked_metrics(out):
    (out / "metrics.json").mkdir(parents=True)


def blocked_figure(out):
    (out / "margins.png").mkdir(parents=True)


@pytest.mark.parametrize(
    ("block", "match"),
    [
        (blocked_by_a_file, "out: expected a folder that can be written to"),
        (blocked_models, "models: expected a folder that can be written to"),
        (blocked_metrics, "metrics.json: expected to write a file of this name, found a folder"),
        (blocked_figure, "margins.png: expected to write a file of this name, found a folder"),
    ],
)
def test_an_output_that_can_not_be_written_is_said_before_training(
    block, match, folder, here, capsys, monkeypatch
):
    block(here / "out")
    monkeypatch.setattr(Bench, "run", lambda *a, **k: pytest.fail("trained"))
    code, out, error = run(capsys, *one_run("--data", folder, "--out", "out"))
    assert (code, out) == (2, "")
    assert match in error.splitlines()[-1]


def test_a_disk_without_space_is_said_before_training(folder, here, capsys, monkeypatch):
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    monkeypatch.setattr(Bench, "run", lambda *a, **k: pytest.fail("trained"))
    code, _, error = run(capsys, *one_run("--data", folder))
    assert code == 2
    assert "MB of free space, found 0 MB" in error


def test_the_last_seed_s_checkpoint_is_looked_at_before_the_first_is_trained(folder, here, capsys):
    words = ("train", "--data", folder, "--out", "out", *QUICK)
    assert run(capsys, *words, "--seed", 1)[0] == 0
    code, _, error = run(capsys, *words, "--seeds", 2)
    assert code == 2
    assert "checkpoint-seed1.pt: exists; continue it with --resume" in error
    code, _, error = run(capsys, *words, "--seeds", 2, "--resume", "--learning-rate", 0.1)
    assert code == 2
    assert "checkpoint-seed1.pt: expected the settings learning_rate = 0.1" in error
    assert not (here / "out" / "checkpoint-seed0.pt").exists()


def test_the_first_step_of_every_condition_comes_before_the_first_training(folder):
    conditions = {"infonce": LossConfig("infonce"), "oracle": LossConfig("oracle")}
    training = TrainingConfig(epochs=1, batch_size=8)
    bench = Bench(Experiment(DataConfig(str(folder)), conditions, training=training))
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match="condition oracle: relevance: the loss learns from ground truth"):
        bench.rehearse()
    assert torch.equal(torch.get_rng_state(), state)


def test_a_figure_that_fails_is_one_line_and_the_rest_is_there(folder, here, capsys, monkeypatch):
    def breaks(*_, **__):
        raise RuntimeError("no font\nat all")

    monkeypatch.setattr(figures, "plot_recall", breaks)
    code, out, error = run(capsys, *one_run("--data", folder, "--out", "out", "--json"))
    assert code == 0
    assert "training.png: left out after an error (RuntimeError: no font at all)" in error.splitlines()
    assert json.loads(out) == json.loads((here / "out" / "metrics.json").read_text())
    written = {path.name for path in (here / "out").iterdir()}
    assert {"results.png", "margins.png"} <= written
    assert "training.png" not in written
    assert "training.png" not in error.splitlines()[-1]


def test_numbers_are_there_before_the_first_figure(folder, here, capsys, monkeypatch):
    def stopped(*_):
        assert json.loads((here / "out" / "metrics.json").read_text())["rows"]
        assert "| cmgsd-4 |" in capsys.readouterr().out
        raise KeyboardInterrupt

    monkeypatch.setattr(figures, "write_figures", stopped)
    assert run(capsys, *one_run("--data", folder, "--out", "out"))[0] == 130


def test_a_disk_that_is_full_by_then_does_not_eat_the_table(folder, here, capsys, monkeypatch):
    def full(path, *_):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(jobs, "write_json", full)
    monkeypatch.setattr("cmgsd_lite.training.bench.save_checkpoint", full)
    code, out, error = run(capsys, *one_run("--data", folder, "--out", "out"))
    assert code == 2
    assert "| cmgsd-4 |" in out
    assert "cmgsd-4-seed0.pt: the trained model is not written" in error
    assert "No space left" in error.splitlines()[-1]


def test_runs_before_one_that_fails_are_kept(folder, here, capsys, monkeypatch):
    train_one = Bench.run

    def fails_on_the_second(bench, name, seed, *more, **settings):
        if name == "infonce":
            raise ValueError("loss: expected a finite number, got nan at 40.0% of training")
        return train_one(bench, name, seed, *more, **settings)

    words = ("run", "--data", folder, "--out", "out", "--conditions", "fixed-mean,infonce", "--seeds", 1)
    with monkeypatch.context() as patched:
        patched.setattr(Bench, "run", fails_on_the_second)
        code, _, error = run(capsys, *words, "--jobs", 1, *QUICK)
    assert code == 2
    assert "stopped after 1 of 2 runs; their numbers are in" in error
    partial = json.loads((here / "out" / "metrics-partial.json").read_text())
    assert [row["name"] for row in partial["rows"]] == ["fixed-mean"]
    assert run(capsys, *words, "--jobs", 1, *QUICK)[0] == 0
    assert not (here / "out" / "metrics-partial.json").exists()


def test_seeds_before_one_that_is_stopped_are_kept(folder, here, capsys, monkeypatch):
    train_one = Bench.run

    def stopped_at_the_second(bench, name, seed, *more, **settings):
        if seed == 1:
            raise KeyboardInterrupt
        return train_one(bench, name, seed, *more, **settings)

    monkeypatch.setattr(Bench, "run", stopped_at_the_second)
    code, _, error = run(capsys, "train", "--data", folder, "--out", "out", "--seeds", 3, *QUICK)
    assert code == 130
    assert "stopped after 1 of 3 runs" in error
    partial = json.loads((here / "out" / "metrics-partial.json").read_text())
    assert [one["seed"] for one in partial["rows"][0]["per_seed"]] == [0]


def test_a_clone_that_was_never_installed_knows_its_version(folder, here, capsys, monkeypatch):
    def unknown(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    code, out, _ = run(capsys, *one_run("--data", folder, "--json"))
    assert code == 0
    found = json.loads(out)["versions"]
    assert found["cmgsd-lite"] == __version__
    assert (found["torch"], found["numpy"]) == (torch.__version__, np.__version__)
    assert found["wordllama"] == "not installed"


def test_a_tilde_is_the_home_folder(folder, here, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(here))
    (here / "videos").symlink_to(folder)
    code, _, error = run(capsys, *one_run("--data=~/videos", "--out=~/mine"))
    assert code == 0, error
    assert (here / "mine" / "metrics.json").exists()


def test_experts_left_out_are_named_and_no_video_is_lost(here, capsys):
    write_folder(here / "both", experts={"frames": (range(0, 42, 2), 3), "mean": (range(42), 1)})
    write_folder(here / "mixed", experts={"frames": (range(42), 3), "mean": (range(0, 42, 2), 1)})
    expected = {
        "both": (["mean"], "experts left out: frames (several vectors a video)", "--experts frames,mean"),
        "mixed": (
            ["frames", "mean"],
            "because 12 of 24 train, 3 of 6 validation, 6 of 12 test videos",
            "--experts mean",
        ),
    }
    for name, (experts, note, offer) in expected.items():
        code, out, error = run(capsys, "train", "--data", name, "--out", name + "-out", "--json", *QUICK)
        assert code == 0, error
        about = json.loads(out)["dataset"]
        assert (about["n_train"], about["n_validation"], about["n_test"]) == (24, 6, 12)
        assert list(about["experts"]) == experts
        line = next(line for line in error.splitlines() if line.startswith("experts "))
        assert note in line
        assert offer in line
        _, out, _ = run(capsys, "info", name)
        assert f"training: {line}" in out.splitlines()
        assert json.loads(run(capsys, "info", name, "--json")[1])["training"] == [line]


def test_files_written_name_no_path_of_this_machine(folder, here, capsys):
    code, _, _ = run(capsys, "train", "--data", folder.resolve(), "--out", here / "out", *QUICK)
    assert code == 0
    for path in (here / "out").rglob("*"):
        content = path.read_bytes()
        for name in (str(here), str(folder), str(folder.parent)):
            assert name.encode() not in content, path.name


def test_resuming_as_a_user_spells_it(here, capsys):
    write_folder(here / "videos")
    (here / "link").symlink_to(here / "videos")
    words = ("train", "--out", "out", "--json", *QUICK)
    first = json.loads(run(capsys, *words, "--data", "videos")[1])
    for spelling in ("./videos", "videos/", here / "videos", "link"):
        code, out, error = run(capsys, *words, "--data", spelling, "--resume")
        assert code == 0, error
        assert json.loads(out)["rows"][0]["mean"] == first["rows"][0]["mean"]
    write_folder(here / "videos", seed=1)  # other videos under the same path and names
    written = (here / "out" / "metrics.json").read_bytes()
    code, out, error = run(capsys, *words, "--data", "videos", "--resume")
    assert (code, out) == (2, "")
    assert "found other train captions, train features of rgb" in error.splitlines()[-1]
    assert (here / "out" / "metrics.json").read_bytes() == written


@pytest.mark.slow
def test_a_page_that_fails_leaves_the_table(here, capsys, monkeypatch):
    monkeypatch.setattr(jobs, "write_truth_page", lambda *_: 1 / 0)
    words = ("run", "--conditions", "fixed-hardest", "--epochs", 1, "--seeds", 1, "--jobs", 1, "--json")
    code, out, error = run(capsys, *words)
    assert code == 0
    assert "false-negatives.png: left out after an error (ZeroDivisionError: division by zero)" in error
    assert json.loads(out)["rows"][0]["name"] == "fixed-hardest"


@pytest.mark.slow
def test_a_loss_that_is_no_number_stops_both_processes_with_one_line(folder, tmp_path):
    words = ("run", "--data", folder, "--jobs", 2, "--learning-rate", 1e30, "--out", "out", *QUICK)
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert b"seed 0: " in last
    assert b"expected" in last
    assert b"finite" in last


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_one_line(folder, tmp_path):
    limited = "import resource, runpy, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
    start = (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); runpy.run_module('cmgsd_lite', run_name='__main__')"
    )
    begin = [sys.executable, "-c", limited + start, "train", "--data", str(folder), "--out", "out", *QUICK]
    done = subprocess.run(begin, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "out").glob("*.pt")), "nothing half written"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_an_output_that_takes_nothing_is_one_line(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "cmgsd_lite", "info", str(folder)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes end otherwise elsewhere")
def test_a_reader_that_goes_away_is_no_error(folder):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "cmgsd_lite", "info", str(folder)],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_resuming_where_nothing_is_begins_anew_and_says_so(folder, here, capsys):
    code, _, error = run(capsys, "train", "--data", folder, "--out", "out", "--resume", *QUICK)
    assert code == 0
    assert "checkpoint-seed0.pt: no checkpoint yet, so seed 0 is trained from the start" in error


def test_without_a_test_list_train_works_and_what_reports_refuses(tmp_path, capsys):
    data, out = write_folder(tmp_path / "data", train=24, validation=6, test=0), tmp_path / "out"
    for path in data.glob("*.csv"):
        path.unlink()
    for part, videos in {"train": range(24), "val": range(24, 30)}.items():
        (data / f"own_{part}.csv").write_text("\n".join(["video_id", *(f"video{i}" for i in videos)]))
    code, printed, _ = run(capsys, "train", "--data", data, "--condition", "infonce", *QUICK, "--out", out)
    assert code == 0
    assert "nothing can be reported as a test result, these are numbers of the validation videos" in printed
    model = out / "infonce-seed0.pt"
    for job in (one_run("--data", data, "--out", tmp_path / "run"), ("evaluate", "--checkpoint", model)):
        code, printed, error = run(capsys, *job)
        assert (code, printed) == (2, "")
        assert "there is no test list" in error
        assert "such lines in own_test.csv would supply a test list: video_id | video" in error
