"""Figures of the ranking losses: what is drawn where, and what is refused."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.base import LOSS_LOOKS, loss_style
from cmgsd_lite.course.plots.ranking_loss import plot_rates, plot_shrinking, plot_signs, plot_soft_hinges

LOGS = {
    name: {"R@10": [40, 50], "loss": [0.3, 0.2], "spread": [0.1, 0.2], "standing": [1.0, 2.0]}
    for name in ("mean", "hardest")
}


@pytest.fixture(autouse=True)
def _no_windows():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def test_a_loss_has_one_look_and_no_other_loss_has_it():
    assert len({colour for colour, _ in LOSS_LOOKS.values()}) == len(LOSS_LOOKS)
    assert loss_style("something else")["color"] == "black"


def test_soft_hinges_lie_above_the_hinge_by_no_more_than_the_temperature_allows():
    warm, cold, hinge = (line.get_ydata() for line in plot_soft_hinges([0.3, 0.03]).lines[:3])
    for soft, tau in ((warm, 0.3), (cold, 0.03)):
        assert (soft >= hinge).all()
        assert (soft - hinge).max() == pytest.approx(tau * np.log(2))
    x = plot_soft_hinges([0.3]).lines[1].get_xdata()
    assert np.allclose(hinge[x <= -0.2], 0)
    with pytest.raises(ValueError, match="temperatures"):
        plot_soft_hinges([])


def test_what_a_loss_compares_with_is_dotted_in_its_colour():
    spread, standing = plot_shrinking(LOGS, {"hardest": 2.6}).axes
    assert [line.get_label() for line in spread.lines] == ["mean", "hardest"]
    np.testing.assert_allclose(standing.lines[1].get_ydata(), [1, 2])
    bar = standing.lines[-1]
    assert list(bar.get_ydata()) == [2.6, 2.6]
    assert bar.get_color() == loss_style("hardest")["color"]
    assert standing.get_ylim()[1] > 2.6
    with pytest.raises(ValueError, match="losses"):
        plot_shrinking({}, {})


def test_signs_share_the_axis_of_recall():
    axes = plot_signs(LOGS, ["loss", "spread"]).axes
    assert [ax.get_xlabel() for ax in axes] == ["loss", "spread"]
    assert axes[0].get_ylim() == axes[1].get_ylim()
    np.testing.assert_allclose(axes[1].lines[0].get_xdata(), [0.1, 0.2])
    with pytest.raises(ValueError, match="signs"):
        plot_signs(LOGS, [])


def test_rates_stand_at_their_ticks():
    ax = plot_rates({"mean": {0.0003: 46, 0.001: 57}})
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.0003", "0.001"]
    assert ax.get_xscale() == "log"
