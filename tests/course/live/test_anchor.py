"""The picture of one caption's negatives computes the AUC that the package computes, and hides no mark."""

import json

import pytest
import torch

from cmgsd_lite.evaluation.agreement import area_under_curve
from tests.course.live.scripts import needs_node, run

pytestmark = needs_node


@pytest.mark.parametrize("seed", range(4))
def test_the_area_is_that_of_the_package(seed):
    generator = torch.Generator().manual_seed(seed)
    margins = (torch.randint(0, 12, (30,), generator=generator) / 10).tolist()
    right = (torch.rand(30, generator=generator) < 0.3).int().tolist()
    near, far = ([m for m, r in zip(margins, right, strict=True) if r == kind] for kind in (1, 0))
    found = run("anchor", f"return area({json.dumps(margins)}, {json.dumps(right)});")
    assert found == pytest.approx(area_under_curve(near, far))


def test_nothing_to_compare_is_said():
    assert run("anchor", "return area([0.1, 0.2], [1, 1]);") is None


def test_marks_in_one_place_are_stacked_and_counted():
    code = "const at = [50, 50, 50, 300].concat(Array(40).fill(100));"
    marks, crowded = run("anchor", code + "return stacked(at, at.map((_, j) => j === 0));")
    assert len({tuple(mark) for mark in marks[:4]}) == 4
    assert [(column["x"], column["count"]) for column in crowded] == [(100, 40)]
