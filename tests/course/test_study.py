"""The study's summary is looked up by names, stand-ins among them."""

import pytest

from cmgsd_lite.course.results import load_result
from cmgsd_lite.course.study import Study, in_words


def entry(difference, low, high):
    return {"difference": difference, "low": low, "high": high}


ONE, OTHER = entry(0.5, 0.1, 0.9), entry(1.0, 0.4, 1.6)
STUDY = Study(
    {
        "sets": {
            "minivtt": {
                "stands for": {"best plain": "smooth", "hinge": "smooth"},
                "choice": {"rows": {"smooth": {"value": 0.05, "scores": {"0.02": 140.0, "0.05": 141.5}}}},
                "rows": {"smooth": {"confirm": {"R@10": [51.2, 0.2]}}},
                "pairs": {"smooth": {"mask": {"R@10": ONE}}},
                "comparisons": [{"first": "mask", "second": "smooth", "seen": {"R@10": OTHER}}],
            }
        }
    }
)


@pytest.mark.parametrize("second", ["smooth", "best plain", "hinge"])
def test_a_stand_in_is_the_row_it_stands_for(second):
    assert STUDY.difference("minivtt", "mask", second, "R@10") == ONE
    assert STUDY.seen("minivtt", "mask", second, "R@10") == OTHER
    assert STUDY.mean("minivtt", second, "R@10") == 51.2
    assert STUDY.knob("minivtt", second) == 0.05
    assert STUDY.scores("minivtt", second) == {0.02: 140.0, 0.05: 141.5}
    assert STUDY.best_score("minivtt", second) == 141.5


def test_what_was_not_compared_is_a_key_error():
    with pytest.raises(KeyError, match="hardest"):
        STUDY.difference("minivtt", "mask", "hardest", "R@10")
    with pytest.raises(KeyError, match="mask against hardest"):
        STUDY.seen("minivtt", "mask", "hardest", "R@10")


@pytest.mark.parametrize(
    ("found", "word"),
    [(entry(1, 0.1, 2), "above"), (entry(-1, -2, -0.1), "below"), (entry(0, -1, 1), "open")],
)
def test_an_interval_in_a_word(found, word):
    assert in_words(found).endswith(word)


def test_the_summary_comes_with_the_package():
    study = Study.load()
    assert study.summary == load_result("study.json")
    assert study.summary["missing"] == []
    assert {study.row(data, "hinge") for data in study.summary["sets"]} <= {"hardest", "8-hardest", "smooth"}
