"""Figures of the study's verdict: what is drawn is what was given."""

import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.verdict import plot_decision, plot_differences, plot_dose, plot_levels


def difference(middle, reach=0.5):
    return {"difference": middle, "low": middle - reach, "high": middle + reach}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_optimum_of_each_row_is_marked():
    tries = {"CMGSD": {"0.05": 111.0, "0.1": 113.0, "0.2": 112.0}, "control": {"0.1": 110.0, "0.2": 111.5}}
    ax = plot_decision(tries, {"InfoNCE": 110.5})
    stars = [(*line.get_xdata(), *line.get_ydata()) for line in ax.lines if line.get_marker() == "*"]
    assert stars == [(0.1, 113.0), (0.2, 111.5)]
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"CMGSD", "control", "InfoNCE"}


def test_a_point_is_hollow_where_the_interval_crosses_zero():
    ax = plot_differences({"nDCG": [("a", difference(1.0)), ("b", difference(0.2))]})
    points = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata()) == 1]
    assert [point.get_markerfacecolor() == "white" for point in points] == [False, True]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


def test_every_teacher_is_named_at_its_dose():
    ax = plot_dose({"text": (29.0, difference(0.1)), "directed": (83.0, difference(0.8))}, unit="nDCG")
    assert {(text.get_text(), *text.xy) for text in ax.texts} == {
        ("text", 29.0, 0.1),
        ("directed", 83.0, 0.8),
    }


def test_levels_stand_in_their_order():
    lines = {name: {"low": difference(0.1), "high": difference(0.4)} for name in ("hinge", "control")}
    ax = plot_levels(lines, factor="rate")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["low", "high"]
    assert len(ax.containers) == 2
