"""The report's numbers against a calculation by hand, and what its tables and notes say."""

import json
import statistics
from dataclasses import replace

import numpy as np
import pytest

from cmgsd_lite.evaluation.intervals import holm, paired_bootstrap
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import Bench
from study.plan import run_keys
from study.report import format_summary, strongest_plain, summarise
from study.run import values_path
from study.values import VideoValues
from tests.study.conftest import experiment

VALUES = {
    # By condition and seed: R@10 and nDCG of the queries of four videos; video 0 has two queries.
    ("cmgsd-4", 0): ([200, 100, 100, 0], [160, 90, 80, 70]),
    ("cmgsd-4", 1): ([100, 100, 100, 100], [170, 95, 85, 75]),
    ("cmgsd-4-permuted", 0): ([100, 100, 0, 0], [150, 80, 70, 60]),
    ("cmgsd-4-permuted", 1): ([100, 0, 100, 0], [150, 85, 75, 65]),
    ("infonce", 0): ([200, 100, 100, 100], [150, 80, 70, 60]),
    ("infonce", 1): ([200, 100, 0, 100], [150, 80, 70, 60]),
}
COUNT = np.array([2.0, 1, 1, 1])


def write_runs(bench, out, runs=VALUES, scores=None):
    """A folder of runs whose numbers are known."""
    keys, lines = run_keys(bench), []
    for (name, seed), found in runs.items():
        values = VideoValues(("R@10", "nDCG"), np.array(found, float), np.stack([COUNT, COUNT]))
        values.save(values_path(out, keys[name], seed))
        row = {
            "key": keys[name],
            "name": name,
            "seed": seed,
            "metrics": values.means(),
            "seconds": 1.0 + seed,
        }
        more = {"validation_score": (scores or {}).get(name, 50.0), "loss": {}, "versions": {"torch": "2"}}
        lines.append(json.dumps(row | more))
    (out / "rows.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def summary(bench, tmp_path_factory):
    out = tmp_path_factory.mktemp("known")
    write_runs(bench, out)
    return summarise(bench, out, draws=400)


def entry(summary, first, second):
    return next(e for e in summary["comparisons"] if (e["first"], e["second"]) == (first, second))


def test_means_by_hand(summary):
    rows = {row["name"]: row for row in summary["rows"]}
    assert rows["cmgsd-4"]["mean"]["R@10"] == pytest.approx((400 / 5 + 400 / 5) / 2)
    assert rows["infonce"]["mean"]["R@10"] == pytest.approx((500 / 5 + 400 / 5) / 2)
    assert rows["infonce"]["sd"]["R@10"] == pytest.approx(statistics.stdev([100, 80]))
    assert rows["infonce"]["seconds"] == 1.5
    assert summary["runs_missing"] == 0


def test_differences_by_hand(summary):
    own = entry(summary, "cmgsd-4", "cmgsd-4-permuted")
    assert own["metrics"]["R@10"]["by_seed"] == pytest.approx([200 / 5, 200 / 5])
    assert own["metrics"]["R@10"]["difference"] == pytest.approx(40)
    assert own["metrics"]["nDCG"]["by_seed"] == pytest.approx([40 / 5, 50 / 5])
    against = entry(summary, "cmgsd-4", "infonce")["metrics"]["R@10"]
    assert against["difference"] == pytest.approx((-100 / 5 + 0) / 2)


def test_intervals_are_those_of_videos_crossed_with_seeds(summary):
    a, b = (np.array([VALUES[name, seed][0] for seed in (0, 1)], float) for name in ("cmgsd-4", "infonce"))
    expected = paired_bootstrap(a, b, COUNT, 400)
    found = entry(summary, "cmgsd-4", "infonce")["metrics"]["R@10"]
    assert (found["low"], found["high"], found["p"]) == (expected.low, expected.high, expected.p)


def test_holm_runs_over_the_headline_and_nothing_else(summary):
    asked = [entry(summary, "cmgsd-4", other) for other in ("cmgsd-4-permuted", "infonce")]
    family = [e["metrics"][metric] for e in asked for metric in ("R@10", "nDCG")]
    assert [found["p_holm"] for found in family] == holm([found["p"] for found in family])
    softening = entry(summary, "cmgsd-4-permuted", "infonce")
    assert not softening["headline"]
    assert "p_holm" not in softening["metrics"]["R@10"]


def test_only_seeds_that_both_have_are_compared(bench, tmp_path):
    write_runs(bench, tmp_path, {run: found for run, found in VALUES.items() if run != ("infonce", 1)})
    summary = summarise(bench, tmp_path, draws=50)
    assert entry(summary, "cmgsd-4", "cmgsd-4-permuted")["seeds"] == [0, 1]
    against = entry(summary, "cmgsd-4", "infonce")
    assert against["seeds"] == [0]
    assert against["metrics"]["R@10"]["difference"] == pytest.approx(-100 / 5)
    assert summary["runs_missing"] == 1
    assert "1 run(s) are missing" in format_summary(summary)


def test_the_strongest_plain_row_is_chosen_by_validation_alone(folder, tmp_path):
    several = Bench(experiment(folder, names=("fixed-4", "infonce", "cmgsd-4")))
    runs = VALUES | {("fixed-4", seed): ([200, 100, 100, 100], [200, 100, 100, 100]) for seed in (0, 1)}
    scores = {"fixed-4": 40.0, "infonce": 41.0, "cmgsd-4": 90.0}  # fixed-4 is best on the test videos
    write_runs(several, tmp_path, runs, scores)
    summary = summarise(several, tmp_path, draws=50)
    assert summary["strongest_plain"] == "infonce"
    assert [e["first"] for e in summary["comparisons"] if e["second"] == "infonce"] == [
        "fixed-4",
        "cmgsd-4",
        "cmgsd-4-permuted",
    ]
    # A seed that only one plain row has does not count.
    plain = {name: {0: {"validation_score": score}} for name, score in scores.items()}
    plain["fixed-4"][1] = {"validation_score": 99.0}
    assert strongest_plain(several, plain | {"cmgsd-4-permuted": {}}) == "infonce"
    assert strongest_plain(several, {name: {} for name in several.experiment.conditions}) is None


def test_what_is_missing_is_said(folder, bench, tmp_path):
    empty = summarise(bench, tmp_path, draws=50)
    assert empty["rows"] == empty["comparisons"] == []
    assert "6 run(s) are missing" in format_summary(empty)
    alone = Bench(experiment(folder, names=("cmgsd-4",), seeds=(0,)))
    write_runs(bench, tmp_path)
    text = format_summary(summarise(alone, tmp_path, draws=50))
    assert "One seed" in text
    assert "No plain row" in text
    assert "4 run(s) in the folder are not of this experiment" in text


def test_a_choice_on_held_out_videos_is_called_one(bench, tmp_path):
    plan = bench.experiment
    held = Bench(replace(plan, data=replace(plan.data, held_out=20)))
    assert "Measured on 20 held-out training videos" in format_summary(summarise(held, tmp_path))
    assert "held-out" not in format_summary(summarise(bench, tmp_path))


def test_the_table_says_what_the_summary_holds(bench, summary):
    first, second, *notes = format_summary(summary).split("\n\n")
    assert [line.split("|")[1].strip() for line in first.splitlines()[2:]] == list(
        bench.experiment.conditions
    )
    assert "| 90.0 ± 14.1 |" in first
    own = entry(summary, "cmgsd-4", "cmgsd-4-permuted")["metrics"]["R@10"]
    line = next(line for line in second.splitlines() if "cmgsd-4 − cmgsd-4-permuted" in line)
    assert f"{own['difference']:+.2f} [{own['low']:+.2f}, {own['high']:+.2f}]" in line
    assert ("*" in line) == any(
        found["p_holm"] < 0.05 for found in entry(summary, "cmgsd-4", "cmgsd-4-permuted")["metrics"].values()
    )
    assert "Holm" in notes[0]


def test_a_study_that_was_run_is_reported_whole(bench, finished):
    summary = summarise(bench, finished, draws=50)
    json.dumps(summary, allow_nan=False)
    assert summary["dataset"]["n_test"] == 24
    assert [row["name"] for row in summary["rows"]] == ["cmgsd-4", "cmgsd-4-permuted", "infonce"]
    assert summary["rows"][2]["loss"]["kind"] == "infonce"
    assert {"R@10", "nDCG", "mAP@R", "nDCG (category)", "R@10 v2t"} <= set(
        summary["comparisons"][0]["metrics"]
    )
    means = {row["name"]: row["mean"] for row in summary["rows"]}
    for found in summary["comparisons"]:
        for metric, interval in found["metrics"].items():
            expected = means[found["first"]][metric] - means[found["second"]][metric]
            assert interval["difference"] == pytest.approx(expected, abs=1e-4)


def test_rows_without_a_control_are_compared_with_the_plain_one(bench, tmp_path):
    masked = {"mask": LossConfig("guided-mask"), "infonce": bench.experiment.conditions["infonce"]}
    other = Bench(replace(bench.experiment, conditions=masked))
    write_runs(other, tmp_path, {("mask", 0): VALUES["cmgsd-4", 0], ("infonce", 0): VALUES["infonce", 0]})
    found = summarise(other, tmp_path, draws=50)["comparisons"]
    assert [(e["first"], e["second"], e["headline"]) for e in found] == [("mask", "infonce", True)]
