"""The figure of distances that grow up shows what it is given, on one scale."""

import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.distances import plot_growing


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_each_measure_has_a_panel_on_one_scale():
    grown = {"text": [{"AUC": 70.0, "batch": 72.0}, {"AUC": 80.0, "batch": 85.0}]}
    figure = plot_growing([0, 4], grown, {"text": {"AUC": 90.0, "batch": 77.0}}, ["AUC", "batch"])
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("AUC", "batch")
    assert first.get_ylim() == second.get_ylim()
    assert list(second.lines[0].get_ydata()) == [72.0, 85.0]
    assert set(second.lines[1].get_ydata()) == {77.0}
    assert second.lines[0].get_color() == second.lines[1].get_color()


def test_missing_trainings_are_refused():
    with pytest.raises(ValueError, match="expected 2 entries for 'text', got 1"):
        plot_growing([0, 4], {"text": [{"AUC": 70.0}]}, {}, ["AUC"])
