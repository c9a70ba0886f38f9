"""Figures of chapter 04: what is drawn, and what is refused."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.margin_derivation import plot_lines, plot_maps, plot_triangle


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


def test_lines():
    ax = plot_lines([0, 1], {"margin": [0.1, 0.3]}, "distance", "margin (cosine)")
    (first,) = ax.get_lines()
    np.testing.assert_allclose(first.get_ydata(), [0.1, 0.3])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance", "margin (cosine)")
    with pytest.raises(ValueError, match="lines"):
        plot_lines([0, 1], {"margin": [0.1]}, "", "")


def test_the_triangle_has_its_sides_and_both_rings():
    ax = plot_triangle(0.35, 0.45, 0.3)
    x, y = (np.asarray(values) for values in ax.get_lines()[0].get_data())
    np.testing.assert_allclose(np.hypot(np.diff(x), np.diff(y)), [0.35, 0.3, 0.45])
    rings = {line.get_label(): np.hypot(*line.get_data()).max() for line in ax.get_lines()[1:3]}
    assert rings == {"fixed margin 0.20": pytest.approx(0.55), "margin by distance 0.10": pytest.approx(0.45)}
    with pytest.raises(ValueError, match="between: expected 0.10 to 0.80, got 0.9"):
        plot_triangle(0.35, 0.45, 0.9)
