"""Figures of the study: which comparison goes where, and what a hollow point says."""

from cmgsd_lite.course.plots.study import (
    adaptivity_groups,
    comparison,
    factor_lines,
    plot_factor,
    plot_intervals,
)


def entry(first, second, factor="", difference=1.0):
    found = {"difference": difference, "low": difference - 0.5, "high": difference + 0.5, "p_holm": 0.01}
    metrics = dict.fromkeys(("R@10", "nDCG", "mAP@R"), found)
    return {"a": first, "b": second, "factor": factor, "seeds": 3, "metrics": metrics}


def test_figures_sort_comparisons_by_what_they_say():
    result = {
        "comparisons": [
            entry("cmgsd-4-ramp", "cmgsd-4-ramp-permuted"),
            entry("oracle-4", "cmgsd-4-ramp-permuted"),
            entry("cmgsd-4-ramp-permuted", "fixed-4"),
            entry("cmgsd-4-ramp", "infonce"),
        ]
    }
    groups = adaptivity_groups(result)
    assert [name.split(":")[0] for name in groups] == ["softening", "adaptivity", "the truth"]
    assert [[label for label, _ in found] for found in groups.values()] == [
        ["4-ramp"],
        ["4-ramp"],
        ["oracle-4"],
    ]
    ax = plot_intervals(groups, "nDCG")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["4-ramp", "4-ramp", "oracle-4"]
    assert comparison(result, "cmgsd-4-ramp", "infonce") is result["comparisons"][3]
    assert comparison(result, "infonce", "cmgsd-4-ramp") is None


def test_a_hollow_point_is_an_interval_around_zero():
    ax = plot_intervals({"g": [("clear", entry("a", "b")), ("open", entry("a", "b", difference=0.2))]})
    points = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert points[0].get_markerfacecolor() != "white"
    assert points[1].get_markerfacecolor() == "white"


def test_factor_lines_are_levels_in_order():
    result = {
        "comparisons": [entry("a", "b", f"beta={beta}", beta) for beta in (0.1, 0.2)] + [entry("a", "b")]
    }
    lines = factor_lines(result, {"hardest": ("a", "b"), "4": ("c", "d")}, "beta")
    assert {name: [level for level, _ in found] for name, found in lines.items()} == {
        "hardest": ["0.1", "0.2"]
    }
    ax = plot_factor(lines)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.1", "0.2"]
