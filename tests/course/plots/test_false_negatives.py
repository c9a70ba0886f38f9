"""Figures of false negatives: what is drawn where, and what is refused."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.histograms import BINS
from cmgsd_lite.course.plots.false_negatives import (
    plot_false_negative_counts,
    plot_groups,
    plot_shares,
    plot_turn,
)


@pytest.fixture(autouse=True)
def _no_windows():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def test_counts_draw_the_share_with_at_least_k():
    ax = plot_false_negative_counts({"default": [0, 0, 1, 3]})
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), [50, 25, 25])
    assert "mean 1.0, median 0" in ax.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="counts"):
        plot_false_negative_counts({"default": []})


def test_groups_share_both_axes():
    shares = [np.full(BINS, 100 / BINS)] * 2 + [np.eye(BINS)[0] * 100]
    figure = plot_groups({"before": shares, "after": shares}, "cosine")
    assert [ax.get_title() for ax in figure.axes] == ["before", "after"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.axes[0].get_xlim()[0] <= -0.5
    assert len(figure.axes[0].patches) == 3
    assert "cosine" in figure.get_supxlabel()
    with pytest.raises(ValueError, match="panels"):
        plot_groups({}, "cosine")


def test_shares_are_bars_with_a_line_for_chance():
    ax = plot_shares({"mean": 8, "hardest": 20}, chance=3)
    assert [patch.get_width() for patch in ax.patches] == [8, 20]
    assert any(list(line.get_xdata()) == [3, 3] for line in ax.get_lines())
    with pytest.raises(ValueError, match="shares"):
        plot_shares({}, chance=3)


def test_turned_pairs_stand_at_their_angles():
    (ax,) = plot_turn({"start": [[0, -45, 180], [40, -45, 180]]}).axes
    places = np.array([dots.get_offsets()[0] for dots in ax.collections])
    angles = np.rad2deg(np.arctan2(places[:, 1], places[:, 0]))
    np.testing.assert_allclose(np.abs(angles), [0, 45, 180, 40, 45, 180], atol=1e-6)
    assert "text\n1 = 2" in [text.get_text() for text in ax.texts]
    with pytest.raises(ValueError, match="panels"):
        plot_turn({})
