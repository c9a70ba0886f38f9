"""The small training of chapters 02 and 03: the same twice, and its log says what it says it says."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.small_training import (
    draw_batch,
    hardest_standing,
    in_units_of_anchors,
    similarities,
    soft_standing,
    train_small,
    truth_of_looks,
)
from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.losses import MaxMarginRankingLoss


def test_a_batch_knows_its_false_negatives_and_its_words():
    batch = draw_batch(3)
    train = load_dataset().train
    right = minivtt.false_negatives(train, batch.videos.tolist(), batch.captions.tolist())
    assert np.array_equal(batch.false.numpy(), right)
    assert batch.words(5) in train.captions[batch.clip(5)]
    assert len(set(batch.videos.tolist())) == 128


def test_own_units_by_hand():
    sim = torch.tensor(
        [[0.9, 0.1, 0.3, 0.5], [0.0, 0.5, 0.1, 0.2], [0.4, 0.1, 0.7, 0.7], [0.2, 0.2, 0.5, 0.3]]
    )
    standing = in_units_of_anchors(sim)
    assert standing[0, 0] == pytest.approx((0.9 - 0.3) / 0.2)
    assert standing[0, 3] == pytest.approx(1)
    assert torch.allclose(in_units_of_anchors(3 * sim - 1), standing, atol=1e-5)
    expected = sum(np.delete(row, i).max() for i, row in enumerate(standing.numpy())) / 4
    assert hardest_standing(sim) == pytest.approx(expected, abs=1e-5)
    assert hardest_standing(sim, k=3) == pytest.approx(0, abs=1e-5)
    assert soft_standing(sim, 1000) == pytest.approx(0, abs=1e-2)
    assert soft_standing(sim, 0.3) < soft_standing(sim, 0.1)
    assert soft_standing(sim, 0.001) == pytest.approx(hardest_standing(sim), abs=1e-2)


def test_a_training_repeats_and_its_log_is_that_of_its_model():
    loss = MaxMarginRankingLoss(0.2, "smooth")
    one, other = (train_small(loss, epochs=1, look=True) for _ in range(2))
    assert one.log == other.log
    assert [len(looks) for looks in (one.looks, other.looks)] == [2, 2]
    assert one.looks[0].shape == truth_of_looks().shape == (1000, 1000)
    sim = similarities(one.model, draw_batch(99))
    assert one.log["standing"][-1] == pytest.approx(
        float(in_units_of_anchors(sim).diagonal().mean()), abs=1e-4
    )
    assert one.log["R@10"][-1] > 20, "3 by chance"


def test_a_factor_hardly_matters_to_adam_and_a_mask_does():
    loss = MaxMarginRankingLoss(0.2, "hardest")
    plain, masked = (train_small(loss, epochs=1, masked=masked).log["loss"][0] for masked in (False, True))
    assert masked < plain
    loss = MaxMarginRankingLoss(0.2)
    one, larger = (train_small(loss, epochs=1, scale=scale).log["R@10"][0] for scale in (1, 127))
    assert one == pytest.approx(larger, abs=1)
