"""What chapters 02 and 03 say of their trainings is what their stored outputs hold."""

import re
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import build_tool, outputs

build = build_tool()


def printed(chapter: str) -> str:
    """Everything that the solved chapter printed, predictions too."""
    notebook: Any = nbformat.read(build.target(build.SOURCE / f"{chapter}.py", "solved"), as_version=4)
    shown = [
        o.text if o.output_type == "stream" else o.get("data", {}).get("text/html", "")
        for o in outputs(notebook)
    ]
    return "\n".join(text for text in shown if "<img" not in text)


@pytest.fixture(scope="module")
def second() -> str:
    return printed("02_ranking_loss")


@pytest.fixture(scope="module")
def third() -> str:
    return printed("03_false_negatives")


def numbers(pattern: str, text: str) -> list[float]:
    """The numbers of the first match."""
    found = re.search(pattern, text)
    assert found is not None, pattern
    return [float(number) for number in found.groups()]


def result(question: str, text: str) -> str:
    """The folded result of a prediction."""
    found = re.search(re.escape(question) + r".*?The result</summary>(.*?)</details>", text, re.DOTALL)
    assert found is not None, question
    return found.group(1)


def test_adam_does_not_see_a_factor(second: str) -> None:
    times, plain = numbers(r"(\d+) %   \(floor 3 %, mean (\d+) %\)", result("times 127", second))
    assert abs(times - plain) <= 1


def test_the_circle(second: str) -> None:
    assert result("end nearest to each other", second).startswith("hardest")
    smooth, mean = numbers(r"(\d+) %   \(floor 7 %, mean (\d+) %\)", result("Which R@1 has smooth", second))
    assert smooth >= mean + 10


def test_the_standing_tells_and_the_others_do_not(second: str) -> None:
    correlation = {
        sign: numbers(rf"all epochs: {sign} +(-?\d\.\d+)", second)[0]
        for sign in ("loss", "crowding", "spread", "standing")
    }
    assert correlation.pop("standing") > 0.9
    assert all(abs(value) < 0.5 for value in correlation.values())


def test_four_hardest_end_at_the_margin_and_retrieve(second: str) -> None:
    recall, loss, crowding = numbers(r"\n4 hardest +R@10 ([\d.]+)  loss ([\d.]+)  crowding ([\d.]+)", second)
    (hardest,) = numbers(r"\nhardest +R@10 ([\d.]+)", second)
    assert loss == pytest.approx(0.2, abs=0.015)
    assert crowding > 0.4
    assert recall > hardest + 4


def test_the_rate_decides_between_hardest_and_mean_only(second: str) -> None:
    line = r"\n{} +rate 0.0003: (\d+) %   rate 0.001: (\d+) %   rate 0.003: (\d+) %"
    mean, hardest, smooth = (numbers(line.format(name), second) for name in ("mean", "hardest", "smooth"))
    assert abs(mean[0] - hardest[0]) <= 3, "level"
    assert mean[2] > hardest[2] + 8
    assert all(s > max(m, h) + 3 for s, m, h in zip(smooth, mean, hardest, strict=True))
    assert result("which loss does it harm", second).startswith("hardest")


def test_most_captions_have_no_false_negative(third: str) -> None:
    assert result("a caption on average", third).startswith("4.")
    assert result("the median", third).startswith("0 ")
    assert numbers(r"captions with any: (\d+) %", third)[0] < 50


def test_who_starves(third: str) -> None:
    hardest, two, mean = numbers(r"turned: hardest (\d+)   2 hardest (\d+)   mean (\d+)", third)
    assert hardest == 0
    assert min(two, mean) >= 5


def test_few_are_mutual(third: str) -> None:
    assert numbers(r"(\d+) %", result("is mutual", third))[0] < 15


def test_orders_per_text_and_pooled(third: str) -> None:
    rows = {
        name: numbers(rf"\n{name} +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)", third)
        for name in ("mean", "hardest", "4 hardest", "smooth", "hardest, masked")
    }
    for text, _, pooled, own, _ in rows.values():
        assert text > 88
        assert 3 <= text - pooled <= 11
        assert 50 < own < 60
    gain = [m - h for m, h in zip(rows["hardest, masked"], rows["hardest"], strict=True)]
    assert gain[0] <= gain[1] <= 5, "most for the videos"
    assert 0 <= gain[4] <= 5
    mean, best = (
        numbers(r"(\d+) %", result(q, third))[0]
        for q in ("a false negative stand above", "the own clip stand")
    )
    assert mean > 85 > 60 > best > 50


def test_the_hardest_is_often_false(third: str) -> None:
    share, chance = numbers(r"(\d+) %   \(floor (\d+) %\)", result("hardest negatives is false", third))
    assert share > 5 * chance
