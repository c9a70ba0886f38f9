"""Figures of chapter 04: what is drawn, and what is refused."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.margin_derivation import plot_by_group, plot_lines, plot_maps


@pytest.fixture(autouse=True)
def _no_windows():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def test_maps_show_distances_and_margins_of_every_teacher():
    figure = plot_maps({"a": [0.1, 0.9], "b": [1.0, 2.0]}, {"a": [0.15, 0.25], "b": [0.15, 0.25]})
    left, right = figure.get_axes()
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["a", "b"]
    assert "distance" in left.get_xlabel()
    assert "margin" in right.get_xlabel()
    with pytest.raises(ValueError, match="margins"):
        plot_maps({"a": [0.1]}, {"b": [0.1]})


def test_lines_and_marks():
    ax = plot_lines([0, 1], {"margin": [0.1, 0.3]}, "distance", "margin (cosine)", marks=[(0.5, "alpha")])
    first, mark = ax.get_lines()
    np.testing.assert_allclose(first.get_ydata(), [0.1, 0.3])
    assert list(mark.get_xdata()) == [0.5, 0.5]
    assert ax.texts[0].get_text() == "alpha"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance", "margin (cosine)")
    with pytest.raises(ValueError, match="lines"):
        plot_lines([0, 1], {"margin": [0.1]}, "", "")


def test_groups_have_a_box_each_at_their_median():
    ax = plot_by_group({"none": [-1, 0, 1], "both": [4, 5, 6]}, "gradient", level=0)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["none", "both"]
    medians = {float(line.get_ydata()[0]) for line in ax.get_lines() if len(set(line.get_ydata())) == 1}
    assert {0.0, 5.0} <= medians
    with pytest.raises(ValueError, match="groups"):
        plot_by_group({"none": []}, "gradient")
