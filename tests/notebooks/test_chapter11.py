"""What chapter 11 says of its numbers holds for those that stand in it."""

import re
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import NOTEBOOKS, output_texts, outputs

NUMBER = r"([+-]?\d+(?:\.\d+)?)"


@pytest.fixture(scope="module", params=["", "solutions"])
def printed(request: Any) -> str:
    notebook = nbformat.read(NOTEBOOKS / request.param / "11_your_own_model.ipynb", as_version=4)
    return "\n".join(text for output in outputs(notebook) for text in output_texts(output))


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern.replace("NUMBER", NUMBER), text)
    assert found, pattern
    return [float(number) for number in found.groups()]


@pytest.mark.parametrize("kind", ["gated-experts", "transformer"])
def test_the_adaptive_margin_is_well_ahead_of_the_fixed_one(printed: str, kind: str) -> None:
    fixed, adaptive = numbers(f"{kind} +fixed margin NUMBER, adaptive margin NUMBER", printed)
    assert adaptive > fixed + 4


def test_the_hardest_negative_teaches_a_random_clip_little(printed: str) -> None:
    shown, floor, control = numbers(r"result</summary>NUMBER %   \(floor NUMBER %, mean NUMBER %\)", printed)
    assert shown - floor < (control - floor) / 2


def test_the_log_tells_shrinking_and_a_large_beta(printed: str) -> None:
    rows = {
        name: numbers(rf"\n{name} +NUMBER % +NUMBER %" + " +NUMBER" * 6, printed)
        for name in ("fixed", "adaptive", "permuted", r"beta \.3")
    }
    active = {name: row[0] for name, row in rows.items()}
    assert active["fixed"] > 88
    assert active[r"beta \.3"] == min(active.values())
    assert rows[r"beta \.3"][1] > 25
    assert max(rows[name][1] for name in ("fixed", "adaptive", "permuted")) < 5
    assert all(row[2] == 0.2 for row in rows.values())
    assert rows["fixed"][4] == max(row[4] for row in rows.values()), "its gap in cosines looks best"
    assert rows["fixed"][6] == min(row[6] for row in rows.values()), "in spreads it is the smallest"
    assert rows["fixed"][7] == min(row[7] for row in rows.values()), "and so is its recall"
    (start,) = numbers("spread of sim at the first step: NUMBER", printed)
    assert 0.4 < rows["fixed"][5] / start < 0.65
    assert abs(rows[r"beta \.3"][7] - rows["permuted"][7]) < 2 < rows["adaptive"][7] - rows[r"beta \.3"][7]


def test_the_gain_shrinks_against_a_tuned_control(printed: str) -> None:
    gain, low, _ = numbers(r"hardest negative: R@10 NUMBER points \[NUMBER, NUMBER\]", printed)
    assert gain > 5
    assert low > 0
    (left,) = numbers(r"result</summary>NUMBER points", printed)
    assert left < -3
    recall, low, high = numbers(r"both tuned: R@10 NUMBER \[NUMBER, NUMBER\]", printed)
    assert low < 0 < high
    assert abs(recall) < 1
    gain, low, _ = numbers(r"both tuned: nDCG NUMBER \[NUMBER, NUMBER\]", printed)
    assert 0 < low < gain < 0.5
    assert re.search(r"by beta: .* chosen: 0\.025", printed), "the smallest that was tried"


def test_each_patient_shows_its_fault(printed: str) -> None:
    line = "NAME last" + r" +NUMBER" * 2 + r" +NUMBER %" * 2 + r" +NUMBER" * 3
    rows = {name: numbers(line.replace("NAME", name), printed) for name in "ABCD"}
    assert rows["A"][6] == 0.5
    assert rows["B"][2] > 25
    assert max(rows[name][2] for name in "ACD") < 5
    assert rows["D"][5] > 0.5 > max(rows[name][5] for name in "ABC")
    assert {rows[name][6] for name in "BCD"} == {1.0}
