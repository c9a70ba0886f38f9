"""Running: what is missing and no more, whatever stopped it and however many processes there are."""

import itertools
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import Bench
from study.plan import run_keys
from study.run import read_runs, run_one, run_study, values_path
from study.values import VideoValues
from tests.study.conftest import experiment


def content(out):
    """What decides a result: metrics and values per video of each run, without times."""
    runs, _ = read_runs(out)
    found = {}
    for run, row in runs.items():
        values = VideoValues.load(values_path(out, *run))
        found[run] = (row["metrics"], row["validation_score"], values.total.tolist(), values.count.tolist())
    return found


def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "study")


def test_a_study_goes_on_where_it_stopped(bench, finished, tmp_path):
    first = Bench(replace(bench.experiment, seeds=(0,)))
    assert run_study(first, tmp_path, progress=False) == (3, 0)
    before = (tmp_path / "rows.jsonl").read_text()
    assert run_study(bench, tmp_path, progress=False) == (6, 0)
    assert (tmp_path / "rows.jsonl").read_text().startswith(before)
    assert content(tmp_path) == content(finished)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [(row["name"], row["seed"]) for row in rows] == [
        (name, seed) for seed in (0, 1) for name in ("cmgsd-4", "cmgsd-4-permuted", "infonce")
    ]


def test_a_whole_study_trains_nothing(bench, finished, capsys):
    before = (finished / "rows.jsonl").read_bytes()
    assert run_study(bench, finished) == (6, 0)
    assert (finished / "rows.jsonl").read_bytes() == before
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("cut", [1, 40, "all but the line break"])
def test_a_line_cut_off_by_an_interruption_is_run_again(bench, finished, tmp_path, cut):
    out = copied(finished, tmp_path)
    *whole, last = (out / "rows.jsonl").read_text().splitlines(keepends=True)
    kept = last[:-1] if isinstance(cut, str) else last[:cut]
    (out / "rows.jsonl").write_text("".join(whole) + kept)
    runs, notes = read_runs(out)
    assert len(runs) == (6 if isinstance(cut, str) else 5)
    assert notes == ([] if isinstance(cut, str) else ["rows.jsonl: 1 damaged line(s) left out"])
    assert run_study(bench, out, progress=False) == (6, 0)
    assert content(out) == content(finished)


@pytest.mark.parametrize("line", ["null", "[1]", '{"key": "a"}', "\udcff not json"])
def test_lines_that_are_no_rows_are_counted_and_left_out(bench, finished, tmp_path, line):
    out = copied(finished, tmp_path)
    rows = (out / "rows.jsonl").read_bytes()
    (out / "rows.jsonl").write_bytes(line.encode(errors="surrogateescape") + b"\n\n" + rows)
    runs, notes = read_runs(out)
    assert len(runs) == 6
    assert notes == ["rows.jsonl: 1 damaged line(s) left out"]


def test_a_run_without_its_values_is_run_again(bench, finished, tmp_path):
    out = copied(finished, tmp_path)
    values_path(out, run_keys(bench)["infonce"], 1).unlink()
    assert read_runs(out)[1] == ["rows.jsonl: 1 run(s) without their file in values/ left out"]
    assert run_study(bench, out, progress=False) == (6, 0)
    assert content(out) == content(finished)


@pytest.mark.parametrize(("seconds", "trained"), [(0, 0), (5, 1), (6, 3), (100, 6)])
def test_no_run_starts_that_would_end_too_late(bench, tmp_path, monkeypatch, seconds, trained):
    clock = itertools.count()  # a second passes between two looks at it: a run takes two at first
    monkeypatch.setattr("study.run.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    assert run_study(bench, tmp_path, minutes=seconds / 60, progress=False) == (6, 6 - trained)
    found = [(row["name"], row["seed"]) for row in read_runs(tmp_path)[0].values()]
    # All conditions of a seed before the next seed: what is there can be compared.
    assert found == [(name, seed) for seed in (0, 1) for name in bench.experiment.conditions][:trained]


@pytest.mark.slow
def test_results_do_not_depend_on_processes(bench, finished, tmp_path):
    assert run_study(bench, tmp_path, jobs=2, progress=False) == (6, 0)
    assert content(tmp_path) == content(finished)


def test_seeds_are_paired(bench):
    """Losses with one meaning give one run: start, batches, captions and dropout are the seed's alone."""
    plan = bench.experiment
    same = replace(plan, conditions={"a": plan.conditions["infonce"], "b": plan.conditions["infonce"]})
    twins = Bench(same)
    metrics = {(name, seed): run_one(twins, name, seed)[0]["metrics"] for name in "ab" for seed in (0, 1)}
    assert metrics["a", 0] == metrics["b", 0]
    assert metrics["a", 1] == metrics["b", 1]
    assert metrics["a", 0] != metrics["a", 1]


def test_a_run_of_the_study_is_a_run_of_the_main_job(bench):
    row, values = run_one(bench, "cmgsd-4", seed=3)
    metrics = bench.run("cmgsd-4", seed=3).metrics
    for name in ("R@1", "R@10", "MdR", "MnR", "nDCG"):
        assert row["metrics"][name] == pytest.approx(metrics["t2v"][name])
        assert row["metrics"][f"{name} v2t"] == pytest.approx(metrics["v2t"][name])
    assert values.means()["R@10"] == pytest.approx(metrics["t2v"]["R@10"])


def test_other_data_in_the_same_folder_is_trained_anew(bench, finished, tmp_path):
    out = copied(finished, tmp_path)
    plan = experiment(bench.experiment.data.data, names=("infonce",), seeds=(0,))
    held = Bench(replace(plan, data=replace(plan.data, held_out=20)))
    assert run_study(held, out, progress=False) == (1, 0)
    assert len(read_runs(out)[0]) == 7


def test_rows_hold_no_path_and_no_caption(finished):
    text = (finished / "rows.jsonl").read_text()
    assert str(finished.parent) not in text
    assert "sleeps" not in text
    assert not any(np.isnan(list(row["metrics"].values())).any() for row in read_runs(finished)[0].values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "jobs: .*got 0"),
        ({"minutes": -1}, "minutes: .*-1"),
        ({"minutes": np.nan}, "minutes: .*nan"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(bench, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        run_study(bench, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_refused_before_anything_is_trained(bench, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(OSError, match="out"):
        run_study(bench, tmp_path / "out")


def test_a_condition_that_can_not_be_trained_is_named_before_anything_is_trained(bench, tmp_path):
    plan = bench.experiment
    broken = Bench(replace(plan, conditions={**plan.conditions, "truth": LossConfig("oracle")}))
    with pytest.raises(ValueError, match="condition truth: .*relevance"):
        run_study(broken, tmp_path, progress=False)
    assert read_runs(tmp_path) == ({}, [])
