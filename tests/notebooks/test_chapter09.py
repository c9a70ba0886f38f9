"""What chapter 09 says in words is what the study's summary holds, and what its cells printed."""

import re
from typing import Any

import nbformat
import pytest

from cmgsd_lite.course.study import Study
from tests.notebooks.chapters import NOTEBOOKS, outputs

DATA = ("msrvtt", "minivtt")


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.load()


@pytest.fixture(scope="module")
def printed() -> str:
    notebook = nbformat.read(NOTEBOOKS / "09_when_does_it_help.ipynb", as_version=4)
    return "\n".join(output.text for output in outputs(notebook) if output.output_type == "stream")


def above(found: Any) -> bool:
    return bool(found["low"] > 0)


def below(found: Any) -> bool:
    return bool(found["high"] < 0)


def is_open(found: Any) -> bool:
    return not above(found) and not below(found)


@pytest.mark.parametrize("data", DATA)
def test_a_random_margin_is_a_temperature(study: Study, data: str) -> None:
    assert above(study.difference(data, "random-untuned", "hardest", "R@10"))
    assert below(study.difference(data, "random-untuned", "best plain", "R@10")), "above the lucky dice"
    assert is_open(study.difference(data, "best random", "best plain", "R@10"))
    assert study.knob(data, "best random") < 0.05, "a small spread"


def test_the_gain_follows_what_the_teacher_knows_not_point_by_point(study: Study) -> None:
    known = {
        row: study.summary["quality"][row]["precision"]
        for row in ("text", "own", "directed", "directed+video")
    }
    assert known["text"] < known["own"] < known["directed+video"] < known["directed"]
    gain = {row: study.difference("minivtt", row, "best random", "nDCG") for row in known}
    assert is_open(gain["own"])
    assert min(gain[row]["low"] for row in ("directed", "directed+video")) > gain["text"]["high"]
    blend = gain["directed+video"]["difference"] - gain["directed"]["difference"]
    assert 0.05 < blend < 0.15, "a tenth"
    whole, ramp = (
        study.difference("minivtt", row, "best plain", "nDCG") for row in ("directed+video", "ramp")
    )
    assert 0.15 < ramp["difference"] / whole["difference"] < 0.25, "a fifth"


def test_a_noisy_teacher_brings_more_than_its_precision_says(study: Study) -> None:
    precision = {row: study.summary["quality"][row]["precision"] for row in ("noise 2", "text")}
    assert precision["noise 2"] < precision["text"] + 2, "knows no more at the top"
    noisy = study.summary["sets"]["minivtt"]["noises"]["2"]["nDCG"]
    text = study.difference("minivtt", "text", "hinge", "nDCG")
    assert noisy["low"] > text["high"]
    assert 2.5 < noisy["difference"] / text["difference"] < 3.5, "thrice"


@pytest.mark.parametrize("data", DATA)
def test_meaning_adds_half_a_point_of_relevance(study: Study, data: str) -> None:
    for second in ("best plain", "best random", "permuted", "infonce"):
        found = study.difference(data, "directed+video", second, "nDCG")
        assert above(found)
        assert 0.4 < found["difference"] < 0.65


def test_recall_depends_on_the_data(study: Study) -> None:
    def of(data: str, second: str, metric: str = "R@10") -> Any:
        return study.difference(data, "directed+video", second, metric)

    assert -0.6 < of("msrvtt", "best plain")["difference"] < -0.4
    assert abs(of("msrvtt", "best plain")["high"]) < 0.1, "at the edge of its interval"
    assert above(of("minivtt", "best plain"))
    assert is_open(of("minivtt", "permuted"))
    named = study.summary["sets"]["minivtt"]["comparisons"][:4]
    assert [one["second"] for one in named if one["confirm"]["R@10"]["holm"] < 0.05] == ["infonce"]
    of_hinge = -study.difference("minivtt", "infonce", "hinge", "R@10")["difference"]
    assert 0.35 < of_hinge / of("minivtt", "infonce")["difference"] < 0.65, "half"
    assert below(of("msrvtt", "best plain", "R@10 v2t"))
    for placebo in ("best random", "permuted"):
        assert below(of("msrvtt", placebo, "R@5")), "meaning costs recall there"
        assert below(of("msrvtt", placebo, "R@10 v2t"))
        assert not below(of("minivtt", placebo, "R@5"))
    frames = study.summary["sets"]["msrvtt"]["frames"]["comparisons"][1]
    assert frames["second"] == "permuted"
    assert 0 < frames["confirm"]["nDCG"]["low"] < frames["confirm"]["nDCG"]["high"] < 0.42, "smaller"
    assert frames["confirm"]["R@10"]["high"] < -0.8, "larger"
    assert below(frames["confirm"]["R@10 v2t"])
    assert above(of("msrvtt", "best random", "nDCG v2t"))
    assert above(of("msrvtt", "best plain", "nDCG v2t"))
    assert above(of("msrvtt", "best plain", "nDCG (category)"))


@pytest.mark.parametrize("data", DATA)
def test_the_wrong_sign_is_made_small_and_costs_relevance(study: Study, data: str) -> None:
    assert study.knob(data, "reversed") == min(study.scores(data, "reversed"))
    assert below(study.difference(data, "reversed", "best plain", "nDCG"))
    assert is_open(study.difference(data, "reversed", "best plain", "R@10"))


def test_it_helps_where_false_negatives_are_many(study: Study, printed: str) -> None:
    of_set = study.summary["sets"]["minivtt"]
    gains = [of_set["rates"][f"minivtt-{rate}"]["comparisons"][1]["confirm"] for rate in ("low", "high")]
    assert gains[0]["nDCG"]["high"] < gains[1]["nDCG"]["low"]
    assert is_open(gains[0]["R@10"])
    assert above(gains[1]["R@10"])
    assert re.search(r"minivtt-high, over the permuted control: R@10 .* above", printed)
    batches = [of_set["batches"][size]["permuted"]["nDCG"]["difference"] for size in ("64", "128", "256")]
    assert batches == sorted(batches)
    assert above(of_set["batches"]["256"]["permuted"]["R@10"])
    noises = {float(noise): found["nDCG"] for noise, found in of_set["noises"].items()}
    assert all(above(found) for found in noises.values())
    assert 0.45 < noises[2.0]["difference"] / noises[0.0]["difference"] < 0.65, "half"


@pytest.mark.parametrize("data", DATA)
def test_margin_for_relevance_mask_where_recall_counts(study: Study, data: str) -> None:
    assert below(study.difference(data, "mask", "directed+video", "nDCG"))
    assert not below(study.difference(data, "mask", "directed+video", "R@10"))
    assert above(study.difference("msrvtt", "mask", "directed+video", "R@10"))
    assert below(study.difference(data, "soft", "directed+video", "nDCG"))
    assert study.difference(data, "soft", "infonce", "nDCG")["difference"] < 0.05, "little"


def test_the_intervals_are_honest(study: Study, printed: str) -> None:
    for data in DATA:
        assert all(
            93 < found["coverage"] < 97.5 for found in study.summary["sets"][data]["coverage"].values()
        )
    assert re.search(r"holds the truth in 9\d\.\d of 100", printed)
