"""The figures of retrieval show what they are given."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.retrieval import (
    plot_matrix,
    plot_ranked_scores,
    plot_recall_at_k,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_matrix_shows_each_number_and_frames_the_diagonal():
    ax = plot_matrix([[0.9, 0.123, 0.5], [0.2, 0.8, -0.001]])
    assert texts(ax) == ["0.90", "0.12", "0.50", "0.20", "0.80", "0"]
    assert len(ax.patches) == 2
    assert [label.get_text() for label in ax.get_xticklabels()] == ["video 1", "video 2", "video 3"]


def test_signed_colours_have_zero_in_the_middle():
    image = plot_matrix([[-0.1, 0.0], [0.4, 0.2]], signed=True).images[0]
    assert image.get_clim() == (-0.4, 0.4)


def test_a_constant_matrix_can_be_drawn():
    assert texts(plot_matrix(np.ones((2, 2)))) == ["1.00"] * 4


def test_a_vector_is_no_matrix():
    with pytest.raises(ValueError, match=r"expected a matrix .* got shape \[3\]"):
        plot_matrix([1.0, 2.0, 3.0])


def test_scores_are_sorted_and_the_own_item_is_named():
    ax = plot_ranked_scores([0.4, 0.7, 0.1], own=0)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["video 2", "video 1 (own)", "video 3"]
    assert [bar.get_width() for bar in ax.patches] == [0.7, 0.4, 0.1]
    with pytest.raises(ValueError, match="own: expected 0 to 2, got 3"):
        plot_ranked_scores([0.4, 0.7, 0.1], own=3)


def test_recall_at_k_counts_ranks_up_to_k():
    ax = plot_recall_at_k({"t2v": [1, 1.5, 3, 20]}, up_to=5)
    assert ax.lines[0].get_ydata().tolist() == [25, 50, 75, 75, 75]
    with pytest.raises(ValueError, match="ranks"):
        plot_recall_at_k({})
