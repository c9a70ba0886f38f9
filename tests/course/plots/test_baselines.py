"""Figures of the other answers: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.baselines import (
    PairPanel,
    plot_bench,
    plot_mask_precision,
    plot_pair_margins,
    plot_pushes,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(ax):
    """All points of an Axes by the marker that they are drawn with, sorted."""
    found = {}
    for line in ax.get_lines():
        found.setdefault(line.get_marker(), []).extend(zip(*line.get_data(), strict=True))
    return {marker: sorted(points) for marker, points in found.items()}


def test_pairs_stand_at_their_margin_and_removed_ones_at_the_foot():
    x, true = [0.1, 0.5, 0.9], [False, True, True]
    figure = plot_pair_margins(
        x, true, [PairPanel("mask", [0.2, 0.3, np.nan]), PairPanel("fixed", [0.2] * 3)], "nearness"
    )
    mask, fixed = figure.axes[:2]
    assert drawn(mask)["."] == [(0.1, 0.2)]
    assert drawn(mask)["o"] == [(0.5, 0.3)]
    ((place, foot),) = drawn(mask)["x"]
    assert place == 0.9
    assert foot < 0.2
    assert drawn(fixed)["x"] == []
    assert "removed (at the foot)" in mask.get_legend_handles_labels()[1]
    assert mask.get_xlabel() == "nearness"
    assert mask.get_ylim() == fixed.get_ylim()
    assert [ax.get_title() for ax in figure.axes[:2]] == ["mask", "fixed"]


def test_panels_of_another_unit_have_limits_of_their_own():
    panels = [PairPanel("margin", [0.1, 0.2]), PairPanel("gap", [5.0, 9.0], "gap asked for")]
    margin, gap = plot_pair_margins([0.1, 0.2], [False, True], panels).axes[:2]
    assert margin.get_ylim()[1] < 1 < gap.get_ylim()[0]
    assert gap.get_ylabel() == "gap asked for"


def test_all_pairs_removed_still_draws():
    figure = plot_pair_margins([0.1, 0.2], [False, True], [PairPanel("all", [np.nan, np.nan])])
    assert len(drawn(figure.axes[0])["x"]) == 2


def test_pairs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="panels"):
        plot_pair_margins([0.1], [False], [])
    with pytest.raises(ValueError, match="fixed: expected"):
        plot_pair_margins([0.1], [False], [PairPanel("fixed", [0.2, 0.2])])


def test_precision_is_drawn_against_the_share_removed():
    _, ax = plt.subplots()
    assert plot_mask_precision({"text": ([1, 10], [30.0, 10.0])}, floor=3.0, ax=ax) is ax
    curve, floor = ax.get_lines()
    assert [list(values) for values in curve.get_data()] == [[1, 10], [30.0, 10.0]]
    assert set(floor.get_ydata()) == {3.0}
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["text", "at random"]


def test_nothing_is_said_of_removed_pairs_where_there_are_none():
    (ax,) = plot_pair_margins([0.1, 0.2], [False, True], [PairPanel("fixed", [0.2, 0.2])], columns=1).axes
    assert ax.get_legend_handles_labels()[1] == ["true negative", "false negative"]


def test_shares_of_the_push_stand_in_the_cells():
    figure = plot_pushes({"one": [[-3, 2, 0], [1, -2, 0], [0, 1, -1]], "none": np.zeros((3, 3))}, (0, 1))
    one, none = figure.axes
    assert [text.get_text() for text in one.texts if text.get_text()] == [
        "50 %",
        "0 %",
        "25 %",
        "0 %",
        "0 %",
        "25 %",
    ]
    assert one.patches[0].get_xy() == (0.5, -0.5)
    assert {text.get_text() for text in none.texts} == {"", "0 %"}


def test_an_answer_stands_beside_its_plain_loss():
    runs = {
        "smooth": [{"R@10": 60.0}, {"R@10": 62.0}],
        "smooth + true mask *": [{"R@10": 63.0}, {"R@10": 65.0}],
        "InfoNCE": [{"R@10": 61.0}],
    }
    (ax,) = plot_bench(runs, ("R@10",)).axes
    points = drawn(ax)
    assert points["o"] == [(60.0, 0.0), (61.0, 2.0), (62.0, 0.0)]
    assert points["*"] == [(63.0, 1.0), (65.0, 1.0)]
    assert (61.0, 1.4) in points["None"], "the mean of the plain loss reaches down to its answer"
    assert [label.get_text() for label in ax.get_yticklabels()] == list(runs)
