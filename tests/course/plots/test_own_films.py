"""Figures of one's own films show the numbers that they are given."""

import numpy as np

from cmgsd_lite.course.plots.own_films import plot_change, plot_report


def test_what_does_not_change_is_left_blank():
    frames = np.zeros((8, 4, 4, 3), np.uint8)
    change = np.zeros((8, 4, 4), bool)
    change[2, 1, 1] = True
    below = [np.asarray(ax.images[0].get_array()) for ax in plot_change(frames, change).axes[4:]]
    assert [int((picture == 0).all(axis=-1).sum()) for picture in below] == [0, 1, 0, 0]


def test_the_report_counts_what_was_found():
    ax = plot_report([True, False, True], floor=50)
    perfect, report, chance = (line.get_ydata() for line in ax.lines)
    assert list(perfect) == [0, 1, 2, 3]
    assert list(report) == [0, 1, 1, 2]
    assert list(chance) == [0, 0.5, 1, 1.5]
