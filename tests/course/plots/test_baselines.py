"""Figures of the other answers: what is drawn is what was given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.baselines import PairPanel, plot_mask_precision, plot_pair_margins


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
        x, true, [PairPanel("mask", [0.2, 0.3, np.nan]), PairPanel("fixed", [0.2] * 3)]
    )
    mask, fixed = figure.axes[:2]
    assert drawn(mask)["."] == [(0.1, 0.2)]
    assert drawn(mask)["o"] == [(0.5, 0.3)]
    ((place, foot),) = drawn(mask)["x"]
    assert place == 0.9
    assert foot < 0.2
    assert drawn(fixed)["x"] == []
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
