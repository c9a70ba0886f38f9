"""Figures of chapter 07: what is drawn is what was given, and wrong sizes are refused."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.self_distillation import (
    plot_agreement,
    plot_matrices,
    plot_two_questions,
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


def test_agreement_draws_curves_and_levels():
    ax = plot_agreement([0, 1], {"dynamic text": [70, 80]}, {"static": 78})
    assert ax.lines[0].get_ydata().tolist() == [70, 80]
    assert set(ax.lines[1].get_ydata()) == {78}
    assert labels(ax) == ["dynamic text", "static"]


def test_each_reduction_is_a_path_from_row_to_row():
    rows = {"fixed with hardest": (30, 87), "CMGSD with hardest": (39, 90), "fixed with smooth": (43, 89)}
    ax = plot_two_questions({name: {"R@10": x, "nDCG": y} for name, (x, y) in rows.items()})
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[30, 87], [39, 90]], [[43, 89]]]
    assert labels(ax) == ["hardest", "smooth"]
    assert [text.get_text() for text in ax.texts] == ["fixed", "CMGSD", "fixed"]


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="expected 2 for 'short'"):
        plot_agreement([0, 1], {"short": [1]})


def test_functions_draw_where_they_are_told():
    _, ax = plt.subplots()
    assert plot_agreement([0, 1], {"a": [1, 2]}, ax=ax) is ax
    assert plot_two_questions({"a with b": {"R@10": 1, "nDCG": 2}}, ax) is ax
