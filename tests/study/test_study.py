"""The whole study in small: every stage runs, and what is reported is what the runs gave."""

import json
import statistics

import numpy as np
import pytest

from cmgsd_lite.evaluation.intervals import paired_interval
from study import plan
from study.benches import has_data
from study.quality import measure_teachers
from study.run import file_name, run_study
from study.store import Store, pack
from study.summary import Chosen, summarise
from study.values import VideoValues


@pytest.fixture(scope="module")
def summary(finished, store):
    return summarise(finished[1], store)


def test_every_stage_has_run(finished, summary):
    assert {run["run"]["stage"] for run in finished[1].values()} == {
        "choose", "repeat", "confirm", "rates", "factors"
    }  # fmt: skip
    assert summary["missing"] == []
    assert set(summary["sets"]["minivtt"]["rows"]) == set(plan.ROWS)


def test_the_rule_of_choice_is_the_one_of_the_plan(finished, summary):
    runs = finished[1].values()
    for row in ("smooth", "directed+video"):
        by_value = {}
        for run in runs:
            if run["run"]["stage"] == "choose" and run["run"]["row"] == row:
                by_value.setdefault(run["run"]["value"], []).append(
                    sum(run["metrics"][metric] for metric in plan.RULE)
                )
        assert {len(scores) for scores in by_value.values()} == {len(plan.SEEDS["choose"])}
        best = max(plan.ROWS[row].values, key=lambda value: statistics.fmean(by_value[value]))
        assert summary["sets"]["minivtt"]["choice"]["rows"][row]["value"] == best


def test_everything_with_a_margin_stands_on_the_hinge_that_won(finished, summary):
    base = summary["sets"]["minivtt"]["choice"]["base"]
    for run in finished[1].values():
        stands = run["run"]["base"]
        plain = plan.ROWS[run["run"]["row"]].group == "plain" or run["run"]["row"] == "random-untuned"
        assert stands is None if plain else stands == base


def test_a_difference_is_that_of_the_means_and_its_interval_that_of_the_values(finished, summary):
    folder, _ = finished
    one = summary["sets"]["minivtt"]["comparisons"][0]
    chose = Chosen.of("minivtt", finished[1])
    for metric in plan.HEADLINE["minivtt"]:
        loose = []
        for row in (one["first"], one["second"]):
            keys = [chose.key("confirm", "minivtt", row, seed) for seed in plan.SEEDS["confirm"]]
            files = [folder / "values" / file_name(key, "confirm") for key in keys]
            loose.append([VideoValues.load(file).of(metric) for file in files])
        first, second = (np.stack([total for total, _ in side]) for side in loose)
        interval = paired_interval(first, second, loose[0][0][1])
        found = one["confirm"][metric]
        assert found["difference"] == pytest.approx(interval.difference, abs=1e-3)
        assert found["low"] == pytest.approx(interval.low, abs=1e-2)
        means = [
            summary["sets"]["minivtt"]["rows"][one[side]]["confirm"][metric][0]
            for side in ("first", "second")
        ]
        assert found["difference"] == pytest.approx(means[0] - means[1], abs=2e-3)


def test_holm_runs_over_all_named_comparisons(summary):
    entries = [
        one["confirm"][metric]
        for one in summary["sets"]["minivtt"]["comparisons"]
        for metric in plan.HEADLINE["minivtt"]
    ]
    assert all(entry["holm"] >= entry["p"] for entry in entries)
    smallest = min(entries, key=lambda entry: entry["p"])
    assert smallest["holm"] == pytest.approx(min(1, smallest["p"] * len(entries)), rel=0.02)


def test_the_report_is_plain_json_without_nan(summary):
    assert json.loads(json.dumps(summary, allow_nan=False)) == json.loads(json.dumps(summary))


def test_packing_again_keeps_what_has_no_loose_file(finished, tmp_path):
    folder, runs = finished
    for path in folder.glob("*.npz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert pack(runs, tmp_path / "nothing", tmp_path) == []
    for path in folder.glob("*.npz"):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_values_that_are_nowhere_are_named(finished, tmp_path):
    runs = finished[1]
    compared = {key for key, run in runs.items() if run["run"]["stage"] not in ("choose", "repeat")}
    assert set(pack(runs, tmp_path / "nothing", tmp_path)) == compared
    with pytest.raises(KeyError, match="on confirm"):
        Store(tmp_path).sums([next(iter(compared))], "confirm", "R@10")


def test_teachers_are_measured_by_the_truth(finished):
    found = measure_teachers(Chosen.of("minivtt", finished[1]))
    assert {"text", "directed", "video", "directed+video", "own", "noise 2"} == set(found)
    assert found["directed"]["auc_text"] > found["text"]["auc_text"] > found["video"]["auc_text"]
    assert found["directed+video"]["precision"] > found["noise 2"]["precision"]


def test_without_real_data_its_runs_are_left_out_aloud(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CMGSD_DATA", "somewhere")
    assert has_data("msrvtt")
    monkeypatch.delenv("CMGSD_DATA")
    assert not has_data("msrvtt")
    assert has_data("minivtt")
    monkeypatch.setattr("study.run.has_data", lambda name: False)
    assert run_study(tmp_path / "runs.jsonl", tmp_path, {}, minutes=10, jobs=1) > 0
    assert "CMGSD_DATA is not set" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
