"""Numbers and claims in the prose of a chapter are those of its own outputs: chapters 00 and 01."""

import re
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import build_tool, markdown, output_texts, outputs
from tests.notebooks.rules import RESULT

build = build_tool()


def read(chapter: str) -> tuple[str, list[str], str]:
    """The text, the results of the predictions, and what is printed."""
    notebook: Any = nbformat.read(build.target(build.SOURCE / f"{chapter}.py", "student"), as_version=4)
    texts = [text for output in outputs(notebook) for text in output_texts(output)]
    found = [result for text in texts for result in RESULT.findall(text)]
    return " ".join(markdown(notebook).split()), found, "\n".join(texts)


def test_chapter_00() -> None:
    text, (place, rescued, share, concerned), printed = read("00_start_here")
    assert place == "5"
    assert "put the fifth airplane first" in text
    assert 28 <= float(rescued.split()[0]) <= 39
    assert "About a third of its" in text
    recall = re.findall(r"own clip first: +(\d+) %", printed)
    assert recall in (["10"], ["11"])
    assert "wrong nine times out of ten" in text
    several = re.findall(r"more than one: +(\d+) %", printed)
    assert 55 <= int(several[0]) <= 85
    assert "Most sentences fit several clips" in text
    perfect = re.findall(r"R@1 of a perfect model: +(\d+) %", printed)
    assert 30 <= int(perfect[0]) <= 50
    assert "even a perfect model has to draw lots" in text
    assert (share, concerned) == ("3.7 %", "40 %")
    mean, median = re.findall(r"has ([\d.]+) in the mean, (\d+) in the median", printed)[0]
    assert float(mean) > 1
    assert median == "0"
    most = int(re.findall(r"has (\d+)$", printed, re.MULTILINE)[0])
    assert 50 <= most <= 80
    assert "a few vague captions fit half the batch" in text


def test_chapter_01_by_hand() -> None:
    text, (rank, floor, *_), printed = read("01_retrieval")
    assert rank == "50.5"
    assert "text 1: 88.2" in printed
    assert r"\text{nDCG} = 88.2" in text
    assert 75 <= float(floor) <= 85
    for line in ("R@1   t2v 50.00", "MdR   t2v  1.50", "MnR   t2v  1.75", "R-Precision 50.0", "mAP@R 50.0"):
        assert line in printed
    assert "mAP@R, 3 before 1 25.0" in printed
    assert "rank of each video's best caption: [1. 1.]" in printed


def row(printed: str, name: str) -> list[str]:
    return re.findall(rf"^{re.escape(name)}  +(.*)$", printed, re.MULTILINE)[-1].split()


def test_chapter_01_on_the_model() -> None:
    text, (_, _, floor, small, _), printed = read("01_retrieval")
    found = [float(value) for value in row(printed, "nDCG")]
    assert found[0] == 89
    assert "Its nDCG from text to video is 89." in text
    assert 70 <= found[1] == float(floor) <= 80, "a quarter of the scale lies above the floor"
    assert 0.4 <= (found[0] - found[1]) / (100 - found[1]) <= 0.6
    assert "the model has won about half of it" in text
    assert float(row(printed, "R@10")[0]) == 40
    assert "R@10 was 40 %" in text
    assert float(small.split()[0]) > 1.4 * 40
    assert 700 <= float(row(printed, "MnR")[3]) <= 800, "not the 500 of the other direction"
    assert float(row(printed, "nDCG@10")[1]) < 0.5 * found[1]


@pytest.mark.parametrize(
    ("case", "scores"),
    [
        ("well-behaved", "50 50 50 50"),
        ("constant", "25 25 100 0"),
        ("ties", "25 50 50 50"),
        ("half NaN", "100 50 100 refused"),
        ("every video twice", "50 50 100 0"),
    ],
)
def test_chapter_01_torture(case: str, scores: str) -> None:
    assert row(read("01_retrieval")[2], case) == scores.split()
