"""What chapter 08 says of its numbers is what its cells printed and what the committed files hold."""

import re

import nbformat
import numpy as np
import pytest

from cmgsd_lite.course.results import load_result
from tests.notebooks.chapters import NOTEBOOKS, outputs


@pytest.fixture(scope="module")
def printed() -> str:
    notebook = nbformat.read(NOTEBOOKS / "08_training_on_msrvtt.ipynb", as_version=4)
    return "\n".join(output.text for output in outputs(notebook) if output.output_type == "stream")


def row(printed: str, name: str) -> list[float]:
    line = re.search(rf"^{re.escape(name)} +([\d. ]+)$", printed, re.MULTILINE)
    assert line is not None, name
    return [float(number) for number in line.group(1).split()]


def test_a_resumed_run_is_the_straight_one_and_weights_alone_see_old_captions_again(printed: str) -> None:
    straight, naive, resumed = (row(printed, name) for name in ("straight", "weights alone", "resumed"))
    assert straight == resumed
    assert len(naive) == 3
    assert naive[0] < straight[3] - 0.02


def test_two_hinges_at_their_margin_differ_in_recall(printed: str) -> None:
    rows = {name: row(printed, name) for name in ("hardest", "4 hardest", "InfoNCE")}
    for name in ("hardest", "4 hardest"):
        assert abs(rows[name][0] - 0.2) <= 0.03
    loss, spread, first, middle, last = zip(*rows.values(), strict=True)
    assert loss[2] > 1
    assert spread[0] < spread[1] < spread[2]
    assert last[2] - 8 < last[1] <= last[2] + 2, "nearly as good as InfoNCE"
    assert last[0] < last[1] - 3
    assert first[0] < middle[0] < last[0], "still rising"


def test_the_logs_of_msrvtt_are_what_the_text_says() -> None:
    curves = load_result("msrvtt-curves.json")["curves"]
    history = {name: curve["history"] for name, curve in curves.items()}
    names = ("fixed-hardest", "fixed-mean", "fixed-smooth", "infonce", "cmgsd-4")
    last = {name: history[name][-1] for name in names}
    assert min(names, key=lambda name: last[name]["loss"]) == "fixed-mean"
    assert max(names, key=lambda name: last[name]["validation"]["t2v"]["R@10"]) == "cmgsd-4"
    assert abs(last["fixed-hardest"]["loss"] - 0.2) < 0.005
    assert last["cmgsd-4"]["loss"] < 0.5 * last["fixed-hardest"]["loss"]
    floor = 100 * 10 / load_result("msrvtt-curves.json")["dataset"]["n_validation"]
    assert 9 < last["fixed-hardest"]["validation"]["t2v"]["R@10"] / floor < 12, "ten times its floor"


def differences(first: str, second: str, way: str, key: str) -> np.ndarray:
    runs = {row["name"]: row["per_seed"] for row in load_result("msrvtt-1k-A.json")["rows"]}
    if key == "category":
        return np.array(
            [
                a["more"][key][way] - b["more"][key][way]
                for a, b in zip(runs[first], runs[second], strict=True)
            ]
        )
    return np.array([a[way][key] - b[way][key] for a, b in zip(runs[first], runs[second], strict=True)])


RECALLS = ("R@1", "R@5", "R@10")


def test_against_infonce_level_one_way_behind_the_other() -> None:
    for key in RECALLS:
        gain = differences("cmgsd-4", "infonce", "t2v", key)
        assert gain.min() < 0 < gain.max(), "the seeds disagree about the sign"
    assert differences("cmgsd-4", "infonce", "v2t", "R@1").max() <= 0, "in no seed ahead"
    for way in ("t2v", "v2t"):
        assert 0 < differences("cmgsd-4", "infonce", way, "nDCG").mean() < 1
    assert all(abs(differences("cmgsd-4", "infonce", "t2v", key).mean()) < 0.5 for key in RECALLS)
    assert all(-2.5 < differences("cmgsd-4", "infonce", "v2t", key).mean() < -0.8 for key in RECALLS)


def test_against_the_plain_hinges() -> None:
    assert abs(differences("cmgsd-4", "fixed-smooth", "t2v", "R@1").mean()) < 0.5
    for way in ("t2v", "v2t"):
        assert 0.5 < differences("cmgsd-4", "fixed-smooth", way, "R@10").mean() < 2
        assert differences("cmgsd-4", "fixed-smooth", way, "nDCG").min() > 0
    assert all(differences("cmgsd-4", "fixed-mean", "t2v", key).min() > 0 for key in RECALLS)
    assert differences("cmgsd-4", "fixed-mean", "t2v", "category").max() < 0
    assert differences("cmgsd-4", "fixed-hardest", "t2v", "R@10").min() > 8
    hardest, four = (
        differences("cmgsd-4", name, "t2v", "R@10").mean() for name in ("fixed-hardest", "fixed-4")
    )
    assert 0.4 < four / hardest < 0.6, "half as much"
    assert abs(differences("cmgsd-4", "cmgsd-4-permuted", "t2v", "R@10").mean()) < 0.5, "so does its control"


def test_against_its_control_only_ndcg_is_ahead_in_every_seed() -> None:
    control = "cmgsd-4-permuted"
    means = [differences("cmgsd-4", control, way, key).mean() for way in ("t2v", "v2t") for key in RECALLS]
    assert sum(mean < 0 for mean in means) > 3
    ahead = {key: differences("cmgsd-4", control, "t2v", key) for key in ("nDCG", "category")}
    assert min(gain.min() for gain in ahead.values()) > 0
    assert ahead["category"].mean() > ahead["nDCG"].mean()
