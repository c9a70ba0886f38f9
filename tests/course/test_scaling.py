"""The instruments of chapter 13 count what stands and what is multiplied."""

import pytest
import torch

from cmgsd_lite.course.own_model import new_model
from cmgsd_lite.course.scaling import Meter, false_negatives_by_size, metered, rows_in_blocks
from cmgsd_lite.losses import MaxMarginRankingLoss


def test_what_stands_and_what_is_multiplied():
    with Meter(10, 4) as meter:
        product = torch.ones(10, 4) @ torch.ones(4, 10)
        product.expand(50, 10, 10)  # a view takes no room
    assert (meter.largest, meter.products) == (400, 1.0)


@pytest.mark.parametrize(("reduction", "products"), [("hardest", 1), ("smooth", 4)])
def test_a_loss_whole_and_in_blocks(reduction, products):
    loss = MaxMarginRankingLoss(0.2, reduction)
    whole, blocks = metered(loss, 512), metered(loss, 512, block=64)
    assert whole.products == 3
    assert blocks.products == pytest.approx(products, abs=0.3)
    assert whole.largest == 4 * 512 * 512
    assert blocks.largest < whole.largest / 3


@pytest.mark.parametrize("block", [1, 3, 10])
def test_rows_in_blocks_are_the_matrix_without_its_diagonal(block):
    text, video = torch.rand(2, 7, 3)
    joined = torch.cat(list(rows_in_blocks(text, video, block)))
    torch.testing.assert_close(joined, (text @ video.T).fill_diagonal_(-2))


def test_the_share_of_false_pairs_does_not_depend_on_the_batch():
    found = false_negatives_by_size(new_model(), [8, 128])
    assert found[8]["share"] == pytest.approx(found[128]["share"], abs=0.7)
    assert found[8]["any"] < found[128]["any"] <= 100
    assert found[8]["number"] < found[128]["number"]
