"""The figures of distances and margins show what they are given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.margin_functions import (
    LEAST,
    TALLEST,
    describe,
    plot_controls,
    plot_margin_grid,
    plot_margin_histogram,
    plot_noise,
    plot_picks,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def stairs(ax):
    return {patch.get_label(): patch.get_data().values for patch in ax.patches if patch.get_label()}


def test_each_group_of_margins_sums_to_100_percent():
    margins = [0.05, 0.15, 0.15, 0.9, -np.inf, 0.05]
    false = [True, False, False, False, True, False]
    found = stairs(plot_margin_histogram(margins, false, [0.0, 0.1, 0.2], fixed=0.2))
    assert found["true negatives"].tolist() == [25, 75]  # .9 lies beyond and is counted in the last bin
    assert found["false negatives"].tolist() == [50, 0]  # the other half of the group is removed
    with pytest.raises(ValueError, match="expected 2 like margins, got 1"):
        plot_margin_histogram([0.1, 0.2], [True], [0, 1])


def test_the_grid_has_a_panel_for_each_setting():
    d = np.array([[0.0, 0.4, 0.8], [0.4, 0.0, 0.6], [0.8, 0.6, 0.0]])
    figure = plot_margin_grid(
        d, d < 0.5, lambda d, a, b: a + b * (d - 0.6), alphas=[0.1, 0.2], betas=[0.0, 0.6, -0.5]
    )
    assert len(figure.axes) == 6
    assert figure.axes[4].get_title() == "α = 0.2, β = 0.6\nmean 0.20, 0 % clipped"
    assert figure.axes[1].get_title() == "α = 0.1, β = 0.6\nmean 0.10, 33 % clipped"


def test_controls_show_the_mean_margin_at_each_relevance():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, (12, 12)) / 2
    figure = plot_controls({"fixed": np.full((12, 12), 0.2), "falling": 0.2 - truth / 10}, truth, fixed=0.2)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["fixed", "falling"]
    assert figure.axes[2].lines[0].get_ydata().tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert figure.axes[3].lines[0].get_ydata().tolist() == pytest.approx([0.2, 0.15, 0.1])
    with pytest.raises(ValueError, match="at least one matrix"):
        plot_controls({}, truth, fixed=0.2)


def test_means_leave_rare_levels_and_removed_pairs_out():
    truth, margin = np.zeros((12, 12)), np.full((12, 12), 0.2)
    truth[::2], truth[0, 1:LEAST] = 1, 0.5  # too few of one half
    margin[:, ::2] = 0.4
    margin[::2, ::2] = -np.inf
    (line, _) = plot_controls({"mask": margin}, truth, fixed=0.2).axes[1].lines
    assert line.get_xdata().tolist() == [0, 1]
    assert line.get_ydata().tolist() == pytest.approx([0.2 + 0.2 * 36 / 66, 0.2])


def test_controls_say_where_all_pairs_are_removed():
    truth = np.zeros((12, 12))
    truth[:, ::2] = 1
    margins = {"mask": np.where(truth > 0, -np.inf, 0.2), "fixed": np.full((12, 12), 0.2)}
    figure = plot_controls(margins, truth, fixed=0.2)
    assert [[text.get_text() for text in ax.texts] for ax in figure.axes[2:]] == [["removed"], []]


def test_describe_counts_what_is_clipped():
    assert describe([0.0, 0.1, 0.2, 0.3]) == "mean 0.15, 25 % clipped"
    assert describe([-np.inf, 0.2]) == "mean 0.20, 50 % clipped"


def test_histograms_have_one_scale_and_a_taller_bin_says_its_share():
    ax = plot_margin_histogram([0.05, 0.05, 0.05, 0.15], [True] * 4, [0.0, 0.1, 0.2])
    assert ax.get_ylim() == (0, TALLEST)
    assert [text.get_text() for text in ax.texts] == ["75 % below 0.1"]
    low = plot_margin_histogram(np.linspace(0.005, 0.095, 10), [True] * 10, np.linspace(0, 0.1, 11))
    assert low.get_ylim() == (0, TALLEST)
    assert not low.texts


def test_picks_are_paths_above_the_floor():
    ax = plot_picks({"permuted": [(0, 28), (1, 25)], "adaptive": [(0, 28), (2, 9)]}, floor=3)
    assert ax.lines[1].get_xydata().tolist() == [[0, 28], [2, 9]]
    assert set(ax.lines[2].get_ydata()) == {3}
    assert {"permuted", "adaptive", "fixed", "all pairs"} == {text.get_text() for text in ax.texts}


def test_drawn_and_expected_stand_side_by_side():
    (ax,) = plot_noise({"A": 0.6, "none": 0.4}, {"none": 0.38, "A": 0.62}).axes
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([60, 40, 62, 38])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["A", "none"]
