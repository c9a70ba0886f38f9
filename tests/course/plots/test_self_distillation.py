"""Figures of chapter 07: what is drawn is what was given, and wrong sizes are refused."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.self_distillation import (
    plot_agreement,
    plot_margins_over_training,
    plot_matrices,
    plot_weights,
)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def labels(ax):
    return ax.get_legend_handles_labels()[1]


def test_matrices_show_every_number_off_the_diagonal_on_one_scale():
    given = {"a": [[9.0, 0.1], [0.2, 9.0]], "b": [[9.0, 0.3], [0.4, 9.0]]}
    figure = plot_matrices(given)
    first, second = figure.axes[:2]
    assert [text.get_text() for text in first.texts] == ["0.100", "0.200"]
    assert first.get_title() == "a"
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0.1, 0.4)
    assert given["a"][0][0] == 9.0  # what was given is not changed


def test_matrices_leave_an_array_of_the_caller_alone():
    matrix = np.ones((2, 2))
    plot_matrices({"a": matrix})
    assert np.isfinite(matrix).all()


def test_matrices_refuse_nothing_and_what_is_not_square():
    with pytest.raises(ValueError, match="at least one"):
        plot_matrices({})
    with pytest.raises(ValueError, match=r"\[2, 3\] for 'wide'"):
        plot_matrices({"wide": np.zeros((2, 3))})


def test_weights_are_stacked():
    ax = plot_weights([0, 0.5, 1], {"static": [1, 0.5, 0], "dynamic": [0, 0.5, 1]})
    tops = [area.get_datalim(ax.transData).y1 for area in ax.collections]
    assert tops == [1, 1]  # dynamic stands on static, and both fill up to one
    bottom = ax.collections[1].get_paths()[0].vertices[:, 1].min()
    assert bottom == 0
    halfway = [y for x, y in ax.collections[1].get_paths()[0].vertices if x == 0.5]
    assert set(halfway) == {0.5, 1}
    assert labels(ax) == ["static", "dynamic"]


def test_agreement_draws_curves_and_levels():
    ax = plot_agreement([0, 1], {"dynamic text": [70, 80]}, {"static": 78})
    assert ax.lines[0].get_ydata().tolist() == [70, 80]
    assert set(ax.lines[1].get_ydata()) == {78}
    assert labels(ax) == ["dynamic text", "static"]


def test_margins_draw_mean_and_band_and_ramp():
    ax = plot_margins_over_training(
        [0, 1], {"false negatives": [[0.0, 0.1, 0.2], [0.1, 0.1, 0.1]]}, fixed=0.2, ramp=(0.2, 0.6)
    )
    mean, fixed = ax.lines
    assert mean.get_ydata().tolist() == pytest.approx([0.1, 0.1])
    assert set(fixed.get_ydata()) == {0.2}
    band = ax.collections[0].get_paths()[0].vertices
    assert sorted({round(float(y), 6) for x, y in band if x == 0}) == [0.02, 0.18]
    assert labels(ax) == ["ramp", "false negatives", "fixed margin"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot_weights([0, 1], {"short": [1]}),
        lambda: plot_agreement([0, 1], {"short": [1]}),
        lambda: plot_margins_over_training([0, 1], {"short": [[0.1]]}),
    ],
)
def test_other_lengths_are_refused(draw):
    with pytest.raises(ValueError, match="expected 2 for 'short'"):
        draw()


def test_functions_draw_where_they_are_told():
    _, ax = plt.subplots()
    assert plot_agreement([0, 1], {"a": [1, 2]}, ax=ax) is ax
    assert plot_weights([0, 1], {"a": [1, 1]}, ax=ax) is ax
    assert plot_margins_over_training([0], {"a": [[0.1]]}, ax=ax) is ax
