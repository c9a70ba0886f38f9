"""The command line on a small data set in the official layout: JSON, exit codes, files, one-line errors."""

import json
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from cmgsd_lite.cli import commands
from cmgsd_lite.cli.main import main
from cmgsd_lite.cli.report import results_table
from cmgsd_lite.course.plots import plot_margins, save_figure
from cmgsd_lite.evaluation.metrics import random_floor, retrieval_metrics
from cmgsd_lite.runtime import set_threads, write_json
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import CONDITIONS
from cmgsd_lite.training.experiment import Bench, DataConfig, Experiment, run_all, tabulate

WORDS = ["man", "woman", "dog", "cat", "car", "boat", "runs", "sings", "cooks", "beach", "kitchen", "stage"]
METRICS = ["R@1", "R@5", "R@10", "R@50", "MdR", "MnR"]
RELEVANCE_METRICS = ["nDCG", "nDCG@10", "mAP@R", "R-Precision"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """24 training, 6 validation and 12 test videos, 3 captions each, as the official release has them."""
    root = tmp_path_factory.mktemp("msrvtt")
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(len(WORDS), 12))
    videos, sentences, features = [], [], []
    for i in range(42):
        split = "train" if i < 24 else "validate" if i < 30 else "test"
        chosen = rng.choice(len(WORDS), 4, replace=False)
        features.append(picture[chosen].sum(0) + 0.1 * rng.normal(size=12))
        videos.append({"id": i, "video_id": f"video{i}", "category": i % 3, "split": split})
        for _ in range(3):
            words = " ".join(WORDS[w] for w in rng.permutation(chosen)[:3])
            sentences.append({"sen_id": len(sentences), "video_id": f"video{i}", "caption": f"a {words}"})
    (root / "videodatainfo.json").write_text(json.dumps({"videos": videos, "sentences": sentences}))
    for name, rows in (("train.9k", range(30)), ("JSFUSION_test", range(30, 42))):
        lines = ["video_id,sentence" if "test" in name else "video_id"]
        for i in rows:
            first = next(s["caption"] for s in sentences if s["video_id"] == f"video{i}")
            lines.append(f"video{i},{first}" if "test" in name else f"video{i}")
        (root / f"MSRVTT_{name}.csv").write_text("\n".join(lines) + "\n")
    np.savez(root / "rgb.npz", video_id=np.arange(42), features=np.array(features, np.float16))
    return root


def run_command(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


QUICK = ("--epochs", 2, "--batch-size", 8, "--jobs", 1)


def test_run_prints_one_json_object_and_writes_the_same(folder, tmp_path, capsys):
    names = "fixed-hardest,cmgsd-4,cmgsd-4-permuted,infonce"
    code, out, _ = run_command(
        capsys, "run", "--data", folder, "--conditions", names, "--seeds", 2, "--seed", 5, "--out", tmp_path,
        "--json", *QUICK
    )  # fmt: skip
    assert code == 0
    printed = json.loads(out)
    assert printed == json.loads((tmp_path / "metrics.json").read_text())
    assert printed["schema"] == 1
    about = printed["dataset"]
    assert (about["n_train"], about["n_validation"], about["n_test"], about["n_queries"]) == (24, 6, 12, 36)
    assert about["protocol"] == "1k-A"
    assert printed["seeds"] == [5, 6]
    assert [row["name"] for row in printed["rows"]] == names.split(",")
    for row in printed["rows"]:
        assert [run["seed"] for run in row["per_seed"]] == [5, 6]
        for direction in ("t2v", "v2t"):
            assert list(row["mean"][direction]) == METRICS + RELEVANCE_METRICS
            for key in METRICS:
                values = [run[direction][key] for run in row["per_seed"]]
                assert row["mean"][direction][key] == pytest.approx(np.mean(values))
                assert row["sd"][direction][key] == pytest.approx(np.std(values, ddof=1))
        assert all(run["seconds"] > 0 for run in row["per_seed"])
    assert set(printed["versions"]) >= {"torch", "numpy", "python"}
    written = {path.name for path in tmp_path.iterdir()}
    assert {"metrics.json", "history.json", "results.png", "training.png", "margins.png", "models"} <= written


@pytest.mark.slow
def test_results_do_not_depend_on_processes_or_company(folder):
    conditions = {name: CONDITIONS[name] for name in ("cmgsd-hardest-permuted", "infonce")}
    training = TrainingConfig(epochs=2, batch_size=8)
    both = Experiment(DataConfig(str(folder)), conditions, (0, 1), training=training)
    alone = Experiment(DataConfig(str(folder)), {"infonce": conditions["infonce"]}, (1,), training=training)
    here = run_all(Bench(both), jobs=1, progress=False)
    spread = run_all(Bench(both), jobs=2, progress=False)
    assert [(r.name, r.seed, r.metrics) for r in here] == [(r.name, r.seed, r.metrics) for r in spread]
    assert run_all(Bench(alone), progress=False)[0].metrics == here[3].metrics


def test_table_names_every_row_and_the_random_floor(folder):
    experiment = Experiment(
        DataConfig(str(folder)),
        {"infonce": CONDITIONS["infonce"]},
        (0,),
        training=TrainingConfig(epochs=1, batch_size=8),
    )
    bench = Bench(experiment)
    results = tabulate(experiment, bench.describe(), run_all(bench, progress=False))
    table = results_table(results)
    assert "| infonce |" in table
    floor = random_floor(bench.relevance["caption overlap"])
    assert results["random_floor"]["caption overlap"]["t2v"] == pytest.approx(floor)
    assert f"{floor:.1f}" in table.splitlines()[-1]
    assert results["rows"][0]["sd"]["t2v"]["R@1"] is None, "one seed has no standard deviation"
    assert set(results["random_floor"]) == {
        "caption overlap",
        "caption overlap, own left out",
        "category",
        "category, own left out",
    }


def test_protocol_queries_are_the_sentences_of_the_list(folder):
    bench = Bench(Experiment(DataConfig(str(folder), queries="protocol"), {}))
    assert len(bench.prepared.test.text) == 12
    assert bench.relevance["category"].shape == (12, 12)
    with pytest.raises(ValueError, match="queries: expected"):
        Bench(Experiment(DataConfig(str(folder), queries="some"), {}))


def test_train_evaluate_search_in_turn(folder, tmp_path, capsys):
    out = tmp_path / "mine"
    common = ("--data", folder, "--out", out, "--epochs", 3, "--batch-size", 8)
    code, text, _ = run_command(capsys, "train", "--condition", "cmgsd-4", "--beta", "0.1", *common)
    assert code == 0
    assert "| cmgsd-4 |" in text
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["rows"][0]["loss"]["beta"] == 0.1

    checkpoint = out / "cmgsd-4-seed0.pt"
    code, text, _ = run_command(capsys, "evaluate", "--checkpoint", checkpoint, "--json")
    assert code == 0
    assert json.loads(text)["t2v"] == metrics["rows"][0]["per_seed"][0]["t2v"]

    code, text, _ = run_command(
        capsys, "search", "a dog runs", "--checkpoint", checkpoint, "--json", "--top", 4, "--out", tmp_path
    )
    hits = json.loads(text)["results"]
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4]
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert all(30 <= int(hit["video_id"].removeprefix("video")) < 42 for hit in hits), "test videos alone"

    code, _, error = run_command(capsys, "train", "--condition", "cmgsd-4", "--beta", "0.1", *common)
    assert code == 2
    assert "--resume" in error
    code, text, _ = run_command(
        capsys, "train", "--condition", "cmgsd-4", "--beta", "0.1", "--resume", "--json", *common
    )
    assert code == 0
    assert json.loads(text)["rows"][0]["mean"] == metrics["rows"][0]["mean"]


def test_search_takes_the_newest_checkpoint_under_runs(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = run_command(capsys, "search", "a dog")
    assert code == 2
    assert "python -m cmgsd_lite run" in error
    for name in ("older", "newer"):
        run_command(
            capsys, "run", "--data", folder, "--conditions", "infonce", "--seeds", 1,
            "--out", f"runs/{name}", *QUICK,
        )  # fmt: skip
    old = Path("runs/older/models/infonce-seed0.pt")
    os.utime(old, (time.time() - 60,) * 2)
    code, out, error = run_command(capsys, "search", "a dog")
    assert code == 0
    assert "newer" in error
    assert len(out.splitlines()) == 5


def test_info_says_what_is_there(folder, capsys):
    code, out, _ = run_command(capsys, "info", folder)
    assert code == 0
    assert "rgb" in out
    assert "42" in out
    code, out, _ = run_command(capsys, "info", folder, "--json")
    assert json.loads(out)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("run", "--data", "nowhere"), "nowhere"),
        (("run", "--conditions", "magic", "--data", "FOLDER"), "condition: expected one of"),
        (("run", "--experts", "audio", "--data", "FOLDER"), "audio"),
        (("train", "--schedule", "later", "--data", "FOLDER"), "--schedule: expected"),
        (("evaluate", "--checkpoint", "none.pt"), "none.pt"),
        (("search", " ", "--checkpoint", "none.pt"), "none.pt"),
        (("info", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, match, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, error = run_command(capsys, *(folder if a == "FOLDER" else a for a in arguments))
    assert code == 2
    assert out == ""
    last = error.strip().splitlines()[-1]
    assert match in last
    assert "error:" in last
    assert "Traceback" not in error


def test_an_error_that_nobody_expected_is_one_line_that_says_where_its_traceback_is(
    monkeypatch, capsys, tmp_path
):
    def broken(options):
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr(commands, "info", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code, out, error = run_command(capsys, "info", "nowhere")
    assert (code, out, len(error.splitlines())) == (2, "", 1)
    assert "unexpected ZeroDivisionError: by nothing" in error
    (file,) = tmp_path.iterdir()
    assert str(file) in error
    assert 'raise ZeroDivisionError("by' in file.read_text()


@pytest.mark.parametrize("arguments", [["magic"], ["run", "--epochs", "many"], []])
def test_bad_arguments_are_one_line_and_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_json_with_nan_is_refused_and_the_old_file_kept(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": math.nan})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_threads_are_set_in_one_place():
    set_threads(1)
    assert torch.get_num_threads() == 1
    with pytest.raises(ValueError, match="threads"):
        set_threads(0)


def test_figures_are_the_same_bytes_twice_and_refuse_other_endings(tmp_path):
    for ending in ("png", "svg"):
        written = []
        for name in ("a", "b"):
            ax = plot_margins({"cmgsd": [1, 3]}, [0.1, 0.2, 0.3], fixed=0.2)
            assert ax.get_xlabel() == "margin (cosine units)"
            save_figure(ax.figure, tmp_path / f"{name}.{ending}")
            written.append((tmp_path / f"{name}.{ending}").read_bytes())
        assert written[0] == written[1]
    with pytest.raises(ValueError, match=r"\.png or \.svg"):
        save_figure(plot_margins({"cmgsd": [1]}, [0, 1]).figure, tmp_path / "a.pdf")


@pytest.mark.realdata
def test_the_main_job_on_real_features_learns(cmgsd_data):
    experiment = Experiment(
        DataConfig(str(cmgsd_data)),
        {"infonce": CONDITIONS["infonce"]},
        (0,),
        training=TrainingConfig(epochs=2),
    )
    bench = Bench(experiment)
    about = bench.describe()["dataset"]
    assert (about["n_train"] + about["n_validation"], about["n_test"]) == (4351, 300)
    assert about["experts"] == {"efficientnet_lite0_video_mean": [1, 1280]}
    result = bench.run("infonce", seed=0)
    chance = retrieval_metrics(np.zeros((300, 300)))["t2v"]["MnR"]
    assert result.metrics["t2v"]["MnR"] < 0.5 * chance


def test_info_calls_nothing_of_the_embedded_data_missing(capsys):
    code, out, _ = run_command(capsys, "info")
    assert code == 0
    assert "missing" not in out
    assert "left out" not in out
    for name in ("low", "default", "high"):
        assert f"file minivtt_{name}.json.zip: captions of --protocol {name}" in out
    assert "note: plain train: 123 of 2,000 videos have no motion, which is masked" in out
