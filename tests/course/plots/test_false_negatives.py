"""Figures of false negatives: what is drawn where, and what is refused."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.false_negatives import (
    Candidate,
    plot_anchor,
    plot_distributions_over_training,
    plot_false_negative_counts,
    plot_net_push,
    plot_over_epochs,
    plot_shares,
)

GROUPS = {"positives": [0.5, 0.6], "false negatives": [0.3, 0.4], "true negatives": [0.0, 0.1]}


@pytest.fixture(autouse=True)
def _no_windows():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def bars(ax):
    return [patch.get_height() for patch in ax.patches]


def test_counts_draw_the_share_with_at_least_k():
    ax = plot_false_negative_counts({"default": [0, 0, 1, 3]})
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), [50, 25, 25])
    assert "mean 1.0, median 0" in ax.get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="counts"):
        plot_false_negative_counts({"default": []})


def test_distributions_make_a_grid_with_titles_on_top():
    figure = plot_distributions_over_training({name: {"before": GROUPS, "after": GROUPS} for name in "ab"})
    axes = figure.get_axes()
    assert [ax.get_title() for ax in axes] == ["before", "after", "", ""]
    assert axes[2].get_ylabel().startswith("b")
    assert "cosine" in figure.get_supxlabel()
    with pytest.raises(ValueError, match="moments"):
        plot_distributions_over_training({"a": {"before": GROUPS}, "b": {"after": GROUPS}})
    with pytest.raises(ValueError, match="moments"):
        plot_distributions_over_training({})


def test_shares_are_bars_in_groups_with_a_line_for_chance():
    ax = plot_shares(
        {"mean": {"fixed": 8, "adaptive": 7}, "hardest": {"fixed": 20, "adaptive": 15}}, chance=3
    )
    assert sorted(patch.get_width() for patch in ax.patches) == [7, 8, 15, 20]
    assert any(list(line.get_xdata()) == [3, 3] for line in ax.get_lines())
    with pytest.raises(ValueError, match="shares"):
        plot_shares({"mean": {"fixed": 8}, "hardest": {"adaptive": 20}}, chance=3)
    with pytest.raises(ValueError, match="shares"):
        plot_shares({}, chance=3)


def test_curves_begin_at_epoch_one():
    ax = plot_over_epochs({"hardest": [7, 11]}, label="share (%)", chance=3)
    assert list(ax.get_lines()[0].get_xdata()) == [1, 2]
    assert ax.get_ylabel() == "share (%)"
    with pytest.raises(ValueError, match="curves"):
        plot_over_epochs({})


def test_net_push_is_logarithmic_and_checks_lengths():
    ax = plot_net_push([0.01, 0.1], {"one": [1, 1], "both": [0.01, 0.1]})
    assert (ax.get_xscale(), ax.get_yscale(), len(ax.get_lines())) == ("log", "log", 2)
    with pytest.raises(ValueError, match="pushes"):
        plot_net_push([0.01, 0.1], {"one": [1]})


def test_anchor_shows_pictures_margins_and_forces():
    frame = np.zeros((8, 8, 3), np.uint8)
    own = Candidate(
        frame, "own", {"fixed": np.nan, "adaptive": np.nan}, {"fixed": np.nan, "adaptive": 0}, "2"
    )
    other = Candidate(frame, "other", {"fixed": 0.2, "adaptive": 0.1}, {"fixed": 1.0, "adaptive": 0.5})
    figure = plot_anchor("a dog", [own, other], "push")
    *pictures, margins, forces = figure.get_axes()
    assert [ax.get_title() for ax in pictures] == ["own", "other"]
    assert [bars(margins)[i] for i in (1, 3)] == [0.2, 0.1]
    assert [bars(forces)[i] for i in (1, 3)] == [1.0, 0.5]
    assert forces.get_ylabel() == "push"
    assert "2" in [text.get_text() for text in forces.texts]
    with pytest.raises(ValueError, match="candidates"):
        plot_anchor("a dog", [])
