"""Figures of stored studies: differences with intervals, found and sorted by what they say."""

import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.study import (
    adaptivity_groups,
    comparison,
    factor_lines,
    plot_factor,
    plot_intervals,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def entry(first, second, difference=1.0, factor=""):
    found = {"difference": difference, "low": difference - 0.5, "high": difference + 0.5}
    return {"a": first, "b": second, "factor": factor, "metrics": {"R@10": found, "nDCG": found}}


RESULT = {
    "comparisons": [
        entry("oracle-4", "cmgsd-4-ramp-permuted", 2.0),
        entry("cmgsd-4-ramp", "cmgsd-4-ramp-permuted", 0.2),
        entry("cmgsd-4-ramp-permuted", "fixed-4"),
        entry("cmgsd-4-ramp", "cmgsd-4-ramp-permuted", 0.3, "beta=0.05"),
        entry("cmgsd-4-ramp", "cmgsd-4-ramp-permuted", -0.9, "beta=0.2"),
    ]
}


def test_a_comparison_is_found_by_its_two_names_and_its_factor():
    assert comparison(RESULT, "oracle-4", "cmgsd-4-ramp-permuted")["metrics"]["R@10"]["difference"] == 2.0
    found = comparison(RESULT, "cmgsd-4-ramp", "cmgsd-4-ramp-permuted", "beta=0.2")
    assert found["metrics"]["R@10"]["difference"] == -0.9
    assert comparison(RESULT, "fixed-4", "cmgsd-4-ramp-permuted") is None, "the order matters"


def test_comparisons_are_sorted_into_softening_adaptivity_and_the_truth():
    groups = adaptivity_groups({"comparisons": RESULT["comparisons"][:3]})
    assert [name.split(":")[0] for name in groups] == ["softening", "adaptivity", "the truth"]
    assert [[label for label, _ in entries] for entries in groups.values()] == [
        ["4-ramp"],
        ["4-ramp"],
        ["oracle-4"],
    ]


def test_an_interval_across_zero_has_a_hollow_point():
    ax = plot_intervals({"g": [("clear", entry("a", "b")), ("open", entry("a", "b", 0.2))]})
    points = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert [point.get_markerfacecolor() == "white" for point in points] == [False, True]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["clear", "open"]


def test_a_factor_is_a_line_over_its_levels():
    lines = factor_lines(RESULT, {"four hardest": ("cmgsd-4-ramp", "cmgsd-4-ramp-permuted")}, "beta")
    assert [level for level, _ in lines["four hardest"]] == ["0.05", "0.2"]
    ax = plot_factor(lines)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.05", "0.2"]
    assert list(ax.get_lines()[0].get_ydata()) == [0.3, -0.9]
    assert factor_lines(RESULT, {"one": ("oracle-4", "cmgsd-4-ramp-permuted")}, "beta") == {}
