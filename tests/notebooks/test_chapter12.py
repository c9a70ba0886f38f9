"""What chapter 12 says of its numbers holds for those that stand in it."""

import re
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import NOTEBOOKS, markdown, output_texts, outputs
from tests.notebooks.rules import RESULT
from tests.notebooks.test_chapter11 import numbers


@pytest.fixture(scope="module", params=["", "solutions"])
def chapter(request: Any) -> Any:
    return nbformat.read(NOTEBOOKS / request.param / "12_your_own_videos.ipynb", as_version=4)


@pytest.fixture(scope="module")
def printed(chapter: Any) -> str:
    return "\n".join(text for output in outputs(chapter) for text in output_texts(output))


def test_the_unfinished_film_is_named_and_hides_no_other(printed: str) -> None:
    assert "120 of 121 films have features" in printed
    assert "skipped: unfinished.mp4" in printed
    assert "24 test and 19 validation films were drawn" in printed


def test_ten_lines_of_counting_are_level_with_efficientnet(printed: str) -> None:
    (motion,) = numbers(r"(?m)^motion +R@5 NUMBER %", printed)
    (ours,) = numbers(r"(?m)^colours \+ motion +R@5 NUMBER %", printed)
    (theirs,) = numbers(r"(?m)^EfficientNet \+ motion +R@5 NUMBER %", printed)
    assert 26 + 10 < motion < ours - 8
    assert abs(ours - theirs) < 6


def test_what_is_found_is_what_the_features_hold(printed: str) -> None:
    rows = {
        kind: numbers(rf"(?m)^{kind} +NUMBER % +NUMBER %", printed)
        for kind in ("place", "colour", "motion", "thing")
    }
    ours, theirs = ({kind: row[i] for kind, row in rows.items()} for i in (0, 1))
    assert sorted(ours, key=ours.get, reverse=True) == ["place", "colour", "motion", "thing"]  # type: ignore[arg-type]
    assert ours["place"] > 90 > ours["colour"] > 80 > ours["motion"] > 60 > ours["thing"]
    assert theirs["thing"] > ours["thing"] + 8
    assert theirs["colour"] < ours["colour"] - 15


def test_the_search_finds_colour_and_place_and_another_thing(printed: str) -> None:
    assert re.search(r"^ *1\. video110 .*green owl.*field of flowers", printed, re.MULTILINE)
    (first,) = numbers(r"1\. video110 +NUMBER", printed)
    (second,) = numbers(r"(?m)^ *2\. video\d+ +NUMBER", printed)
    assert first > 1.3 * second


def test_a_leak_is_worth_some_twenty_points(printed: str) -> None:
    leaking, clean = numbers(
        r"The result</summary>NUMBER %   \(floor 21 %, split by film NUMBER %\)</details>\n*.*",
        printed[printed.index("other half") :],
    )
    assert 14 <= leaking - clean <= 32


def test_the_head_of_the_report_is_nearly_all_true(chapter: Any, printed: str) -> None:
    results = [result for text in map(str, printed.splitlines()) for result in RESULT.findall(text)]
    assert "17" in results
    found = [numbers(rf"after +{looks} pairs: +NUMBER true", printed)[0] for looks in (20, 50, 100, 200)]
    assert found[1] >= 45
    assert found[3] - found[2] < 0.4 * 100, "the curve has bent"
    assert "Its head is nearly all true" in markdown(chapter)
