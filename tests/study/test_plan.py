"""What is compared with what, and which runs count as the same."""

import shutil
from dataclasses import asdict, replace

import pytest

from cmgsd_lite.training.conditions import CONDITIONS, LossConfig
from cmgsd_lite.training.experiment import Bench, DataConfig
from study.plan import CONTROLS, PLAIN, Comparison, comparisons, control_of, run_keys, with_controls
from tests.study.conftest import experiment, write_folder


def test_controls_stand_behind_their_rows_and_once():
    names = ["cmgsd-4-permuted", "infonce", "cmgsd-4", "cmgsd-hardest"]
    assert list(with_controls(names)) == [
        "cmgsd-4-permuted",
        "infonce",
        "cmgsd-4",
        "cmgsd-hardest",
        "cmgsd-hardest-permuted",
    ]
    assert set(with_controls(list(CONDITIONS))) == set(CONDITIONS)


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_control_differs_from_its_row_in_nothing_but_meaning(kind):
    row = LossConfig(kind, beta=0.1, margin=0.3, reduction=8, schedule="static", nearest=0.2)
    control = control_of(row)
    assert {name for name, value in asdict(row).items() if asdict(control)[name] != value} == {"kind"}
    assert "Permuted" in type(control.build()).__name__
    assert type(row.build()) is not type(control.build())


def test_unknown_names_and_none_are_refused():
    with pytest.raises(ValueError, match="condition: .*got 'cmgsd-5'"):
        with_controls(["infonce", "cmgsd-5"])
    with pytest.raises(ValueError, match="conditions: expected at least one"):
        with_controls([])


def test_rows_meet_their_control_and_the_strongest_plain_row():
    conditions = {
        **with_controls(["cmgsd-4", "infonce", "fixed-4"]),
        "mask": LossConfig("mask"),
        "strong": LossConfig("infonce-cmgsd", beta=0.1),
        "its control": LossConfig("infonce-permuted", beta=0.1),
        "another's control": LossConfig("infonce-permuted", beta=0.2),
    }
    found = comparisons(conditions, "fixed-4")
    assert [pair[:2] for pair in found if pair.headline] == [
        ("cmgsd-4", "cmgsd-4-permuted"),
        ("cmgsd-4", "fixed-4"),
        ("mask", "fixed-4"),
        ("strong", "its control"),
        ("strong", "fixed-4"),
    ]
    others = {pair.first for pair in found if not pair.headline}
    assert others == {"cmgsd-4-permuted", "infonce", "its control", "another's control"}
    assert {pair.second for pair in found if not pair.headline} == {"fixed-4"}
    assert comparisons(with_controls(["cmgsd-4"]), None) == [Comparison("cmgsd-4", "cmgsd-4-permuted", True)]


def test_plain_losses_see_no_distances():
    built = [LossConfig(kind).build() for kind in PLAIN]
    assert [type(loss).__name__ for loss in built] == ["MaxMarginRankingLoss", "InfoNCELoss", "SigmoidLoss"]


def test_the_same_content_elsewhere_has_the_same_keys(bench, folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "another name")
    assert run_keys(Bench(experiment(copy))) == run_keys(bench)


@pytest.mark.parametrize("video", [3, 70, 90])
def test_other_features_of_one_video_of_any_split_have_other_keys(bench, tmp_path, video):
    changed = run_keys(Bench(experiment(write_folder(tmp_path / "clips", {video}))))
    assert set(changed.values()).isdisjoint(run_keys(bench).values())


def test_keys_change_with_what_decides_the_numbers(bench):
    keys = [run_keys(bench)["infonce"], run_keys(bench)["cmgsd-4"]]
    plan = bench.experiment
    for other in (
        replace(plan, training=replace(plan.training, epochs=3)),
        replace(plan, model="gated-experts"),
        replace(plan, data=replace(plan.data, queries="protocol")),
        replace(plan, data=replace(plan.data, held_out=10)),
        replace(plan, conditions={"infonce": LossConfig("infonce", temperature=0.1)}),
    ):
        changed = Bench(other)
        keys.append(run_keys(changed)["infonce"])
    assert len(set(keys)) == len(keys)
    # Neither the seeds of a run nor the name of a condition decide anything.
    same = replace(plan, seeds=(7,), training=replace(plan.training, seed=5))
    same = replace(same, conditions={"another name": LossConfig("infonce")})
    assert run_keys(Bench(same))["another name"] == keys[0]


def test_a_choice_on_held_out_videos_sees_no_test_video():
    whole, held = DataConfig().load(), DataConfig(held_out=300).load()
    assert len(held.train) == len(whole.train) - 300
    assert set(held.test.video_ids) <= set(whole.train.video_ids)
    assert set(held.test.video_ids).isdisjoint({*held.train.video_ids, *held.validation.video_ids})
    assert held.validation.video_ids == whole.validation.video_ids
    assert held.test.name == "test"
    assert any("held out" in note for note in held.notes)
    with pytest.raises(ValueError, match="held_out: expected 1 to 1999 training videos, got 2000"):
        DataConfig(held_out=2000).load()
