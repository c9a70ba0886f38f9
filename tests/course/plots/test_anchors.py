"""One caption and its negatives: what the moving picture is given, and its still twin."""

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from cmgsd_lite.course.known import KnownWorld
from cmgsd_lite.course.plots.anchors import anchor_data, plot_anchor_margins
from cmgsd_lite.margins import zscore_margin


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_the_data_are_the_margins_of_the_other_clips():
    (batch,) = KnownWorld().batches(1, size=12)
    data = anchor_data(batch, ["text", "containment"], [3, 5])
    assert data["captions"] == [batch.texts[3], batch.texts[5]]
    others = [j for j in range(12) if j != 5]
    assert data["true"][1] == batch.true[5][others].int().tolist()
    margins = zscore_margin(batch.distances("text"))[5][others]
    np.testing.assert_allclose(np.array(data["margins"]["text"][1]) / 1000, margins, atol=6e-4)
    nearest = data["nearest"]["text"][1]
    assert len(nearest) == 3
    first = others[int(margins.argmin())]
    assert nearest[0].startswith(batch.clips[first].facets())
    assert nearest[0].endswith("(true)" if batch.true[5, first] else "(not true)")


def test_every_teacher_has_a_row_on_one_scale():
    margins = {"text": [0.1, 0.2, 0.2], "video": [0.3, 0.1, 0.35]}
    figure = plot_anchor_margins(margins, torch.tensor([True, False, False]), "a cat")
    first, second = figure.axes
    assert (first.get_ylabel(), second.get_ylabel()) == ("text", "video")
    assert first.get_xlim() == second.get_xlim()
    assert first.lines[0].get_xdata().tolist() == [0.1]
    assert sum(bar.get_height() for bar in first.patches) == 2
    with pytest.raises(ValueError, match="each with 3 margins"):
        plot_anchor_margins({"text": [0.1]}, [True, False, False], "a cat")
