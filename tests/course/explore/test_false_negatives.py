"""The explorer of false negatives: who is shown, which forces, and that the controls redraw."""

import ipywidgets
import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from cmgsd_lite.course.explore import false_negatives as explorer
from cmgsd_lite.course.explore.false_negatives import (
    ExploredBatch,
    anchor_figure,
    explore_false_negatives,
    pair_forces,
)
from cmgsd_lite.data.minivtt import clip
from cmgsd_lite.losses import ranking_hinge

SIM = torch.tensor([[0.5, 0.6, 0.45, 0.1], [0.1, 0.9, 0.2, 0.0], [0.3, 0.0, 0.5, 0.7], [0.0, 0.1, 0.2, 0.8]])


@pytest.fixture(autouse=True)
def _no_windows():
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def batch(margins=None):
    true = np.eye(4, dtype=bool)
    true[0, 1] = true[0, 2] = true[2, 3] = true[3, 1] = True
    true[3, 3] = False  # a mistaken caption is no anchor
    margin = torch.full((4, 4), 0.2)
    margin[0, 1] = -1.0
    return ExploredBatch(
        ["a", "b", "c", "d"],
        [f"video{i}" for i in range(4)],
        SIM,
        true,
        margins or {"fixed": 0.2, "adaptive": margin},
    )


def test_forces_of_mean_count_the_active_hinges():
    active = [(hinge > 0).float() for hinge in ranking_hinge(SIM, 0.2)]
    expected = (active[0] + active[1]) * 2 * 4 / (2 * 4 * 3)
    off = ~torch.eye(4, dtype=torch.bool)
    torch.testing.assert_close(pair_forces(SIM, 0.2, "mean")[off], expected[off])


def test_forces_of_hardest_are_whole_pushes_that_sum_to_nothing():
    forces = pair_forces(SIM, 0.2, "hardest")
    assert set(forces.fill_diagonal_(0).flatten().tolist()) <= {0.0, 1.0, 2.0}
    assert pair_forces(SIM, 0.2, "smooth").sum().abs() < 1e-5


def test_a_smaller_margin_takes_the_slot_away():
    assert pair_forces(SIM, 0.2, "hardest")[0, 1] >= 1
    assert pair_forces(SIM, batch().margins["adaptive"], "hardest")[0, 1] == 0


def test_anchors_are_true_of_their_own_clip_and_have_false_negatives():
    assert batch().anchors() == [0, 2]


def test_the_figure_shows_own_clip_then_false_then_hard_true_negatives():
    figure = anchor_figure(batch(), 0, "hardest", most=2, hard=1)
    titles = [ax.get_title().split("\n")[0] for ax in figure.get_axes()[:4]]
    assert titles == ["own clip", "false negative", "false negative", "true negative"]
    assert figure.get_axes()[1].get_title().endswith("0.60")
    shown = [" ".join(ax.get_xlabel().split()) for ax in figure.get_axes()[:2]]
    assert shown == [clip(name).facets().replace(" |", "") for name in ("video0", "video1")]
    with pytest.raises(ValueError, match="anchor"):
        anchor_figure(batch(), 4)


def test_slider_and_list_redraw(monkeypatch):
    drawn = []
    monkeypatch.setattr(explorer, "show_figure", lambda figure, name, alt: drawn.append((name, alt)))
    asked = []
    monkeypatch.setattr(
        explorer, "anchor_figure", lambda batch, anchor, reduction: asked.append((anchor, reduction))
    )
    box = explore_false_negatives(batch())
    slider, choice = box.children[0].children
    assert isinstance(slider, ipywidgets.IntSlider)
    assert (slider.min, slider.max) == (0, 1)
    slider.value = 1
    choice.value = "hardest"
    assert asked == [(0, "smooth"), (2, "smooth"), (2, "hardest")]
    assert len(drawn) == 3
    assert len(drawn[0][1]) >= 20


def test_batches_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="video_ids"):
        ExploredBatch(["a"], [], torch.eye(1), np.eye(1, dtype=bool), {"fixed": 0.2})
    with pytest.raises(ValueError, match="true"):
        ExploredBatch(["a"], ["video0"], torch.eye(1), np.eye(2, dtype=bool), {"fixed": 0.2})
    with pytest.raises(ValueError, match="margins"):
        ExploredBatch(["a"], ["video0"], torch.eye(1), np.eye(1, dtype=bool), {})
    lonely = ExploredBatch(
        ["a", "b"], ["video0", "video1"], torch.eye(2), np.eye(2, dtype=bool), {"fixed": 0.2}
    )
    with pytest.raises(ValueError, match="false negatives"):
        explore_false_negatives(lonely)
