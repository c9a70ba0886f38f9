"""What the moving picture of distributions is given: shares of groups, and orders per anchor."""

import json

import pytest
import torch

from cmgsd_lite.course.histograms import BINS, VIEWS, distribution_frames, group_shares, order_of
from cmgsd_lite.course.small_training import in_units_of_anchors

SIM = torch.tensor([[0.9, 0.81, 0.1, 0.0], [0.2, 0.7, 0.3, 0.1], [0.1, 0.4, 0.6, 0.5], [-0.9, 0.1, 0.2, 0.3]])
FALSE = torch.zeros(4, 4, dtype=torch.bool)
FALSE[0, 1] = FALSE[2, 0] = True


@pytest.mark.parametrize("view", VIEWS)
def test_each_group_adds_up_to_a_hundred(view):
    shares = group_shares(SIM, FALSE, view)
    assert [len(row) for row in shares] == [BINS] * 3
    assert [sum(row) for row in shares] == pytest.approx([100, 100, 100], abs=1)


def test_a_similarity_falls_into_its_bin_and_what_is_beyond_counts_at_the_end():
    _, false, true = group_shares(SIM, FALSE, "cosine")
    assert false[int((0.81 + 0.5) / 1.5 * BINS)] == 50
    assert true[0] == 0, "text 4, at -.9, has no false negative and does not count"
    assert group_shares(SIM - 1, FALSE, "cosine")[2][0] == 100, "-.5 and less"
    with pytest.raises(ValueError, match="view"):
        group_shares(SIM, FALSE, "metres")


def test_a_vague_text_weighs_more_only_where_each_pair_counts_once():
    false = torch.tensor([[0, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]).bool()
    sim = torch.tensor(
        [[0.9, 0.0, 0.1, 0.2], [0.1, 0.9, 0.0, 0.2], [0.6, 0.0, 0.9, 0.5], [0.2, 0.0, 0.1, 0.9]]
    )
    place = int((float(in_units_of_anchors(sim)[2, 0]) + 4) / 10 * BINS)
    assert group_shares(sim, false, "each text once")[1][place] == 50
    assert group_shares(sim, false, "each pair once")[1][place] == 25


def test_orders_by_hand():
    order = order_of(SIM, FALSE)
    # Text 1: .81 above .1 and 0; text 3: .1 below .4 and .5. Pooled: .81 beats all ten, .1 the two lower ones
    # and ties with three.
    assert order["FN above TN"] == pytest.approx(50)
    assert order["own above FN"] == pytest.approx(100)
    assert order["pooled"] == pytest.approx(100 * (10 + 2 + 1.5) / 20)


def test_own_units_do_not_see_scale_and_shift():
    sim = torch.randn(40, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    false = torch.rand(40, 40, generator=torch.Generator().manual_seed(1)) < 0.1
    false.fill_diagonal_(False)
    one, other = (group_shares(scaled, false, "each text once") for scaled in (sim, 0.25 * sim + 0.5))
    assert one == other


def test_frames_are_json():
    frames = distribution_frames({"mean": [SIM, SIM]}, FALSE)
    assert len(frames["losses"]["mean"]) == 2
    json.dumps(frames, allow_nan=False)
