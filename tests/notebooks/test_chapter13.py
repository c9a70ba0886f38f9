"""What chapter 13 says of its numbers holds for those that stand in it."""

import re
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import NOTEBOOKS, output_texts, outputs
from tests.notebooks.test_chapter11 import numbers


@pytest.fixture(scope="module", params=["", "solutions"])
def printed(request: Any) -> str:
    notebook = nbformat.read(NOTEBOOKS / request.param / "13_scaling_out.ipynb", as_version=4)
    return "\n".join(text for output in outputs(notebook) for text in output_texts(output))


def test_hardest_negatives_become_false_with_the_batch(printed: str) -> None:
    found = re.findall(
        r"N = +([\d,]+): +([\d.]+) false negatives a caption, hardest one false for +(\d+)", printed
    )
    sizes, counts, hardest = zip(
        *((int(n.replace(",", "")), float(c), int(h)) for n, c, h in found), strict=True
    )
    assert list(hardest) == sorted(hardest)
    assert all(0.02 < count / (size - 1) < 0.04 for size, count in zip(sizes, counts, strict=True))
    assert (round(counts[1]), round(counts[2])) in ((1, 4), (1, 3))
    (untrained,) = numbers("untrained model: hardest one false for NUMBER %", printed)
    assert untrained < hardest[3] / 4


def test_steps_and_epochs_turn_the_order_round(printed: str) -> None:
    small, large, longer = numbers(
        "steps: NUMBER; 256 pairs, 31 steps: NUMBER; 256 pairs, 125 steps: NUMBER", printed
    )
    assert large < small - 2
    assert small < longer - 2


def test_blocks_save_memory_always_and_work_for_the_hardest(printed: str) -> None:
    for name, whole, blocks in (("fixed, hardest", 3, 1), ("fixed, smooth", 3, 4)):
        row = numbers(rf"{name} +NUMBER +NUMBER MB +NUMBER +NUMBER MB", printed)
        assert (row[0], round(row[2])) == (whole, blocks)
        assert row[3] < row[1] / 4
    row = numbers("adaptive, hardest +NUMBER +NUMBER MB +NUMBER", printed)
    assert row[2] < row[0] / 2


def test_processes_apart_are_far_off_and_gathered_they_are_not(printed: str) -> None:
    apart = [int(x) for x in re.findall(r"apart: off by (\d+) %, gathered: off by rounding", printed)]
    assert len(apart) == 3
    assert min(apart) > 20
