"""The page of examples: every clip says in words what is in it, beside its ranks."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.distributions import Example, plot_truth_page

FRAME = np.zeros((8, 8, 3), np.uint8)
PANELS = {"before": {"positives": [0.5, 0.6], "true negatives": [0.0, 0.1]}}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def labels(example):
    return [ax.get_xlabel() for ax in plot_truth_page(PANELS, [example]).axes[1:]]


def test_both_clips_of_an_example_show_their_facets_in_words():
    example = Example("a dog", FRAME, FRAME, "fixed: rank 7", "red dog, up\nsnow", "blue dog, left\nbeach")
    assert labels(example) == ["red dog, up\nsnow", "blue dog, left\nbeach\nfixed: rank 7"]


def test_facets_may_be_left_out():
    assert labels(Example("a dog", FRAME, FRAME, "fixed: rank 7")) == ["", "fixed: rank 7"]
