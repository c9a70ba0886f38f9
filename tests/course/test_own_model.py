"""The ground of chapter 11: paired batches, a log that tells faults apart, trials over clips and seeds."""

import pytest
import torch

from cmgsd_lite.course.own_model import batches, log_line, new_model, over_seeds, recall_at_10, train
from cmgsd_lite.losses import CMGSDLoss, MaxMarginRankingLoss


def test_batches_are_paired_by_their_seed_and_hold_a_clip_once():
    one, two = ([b.captions.tolist() for b in batches(2, 16, seed)] for seed in (3, 3))
    assert one == two != [b.captions.tolist() for b in batches(2, 16, seed=4)]
    for batch in batches(2, 16, clips=20):
        assert len(set(batch.rows.tolist())) == 16
        assert batch.rows.max() < 20
        assert len(batch.text) == len(batch.text_teacher) == len(batch.video_teacher) == 16


def test_a_line_of_the_log():
    sim = torch.tensor([[0.9, 0.1, 0.3], [0.8, 0.5, 0.1], [0.0, 0.1, 0.4]])
    line = log_line(CMGSDLoss(beta=0.0), sim, text=torch.eye(3))
    assert line["margin mean"] == pytest.approx(0.2)
    assert line["active"] == pytest.approx(100 * 3 / 12)  # text 1, and videos 0 and 2 ask
    assert line["gap"] == pytest.approx((0.6 - 0.3 + 0.3) / 3)
    assert line["clipped"] == 0
    assert line["lambda"] == 0.5
    assert sum(line["margins"]) == 6


def test_training_beats_no_training_and_a_runs_interval_is_of_its_difference():
    plain = MaxMarginRankingLoss(0.2, "mean")
    assert recall_at_10(train(plain, 0, steps=20)) > 2 * recall_at_10(new_model())
    runs = over_seeds(lambda seed: plain if seed else lambda sim: -sim.diagonal().mean(), seeds=(0, 1))
    assert runs.recall.shape == (2, 1000)
    assert 0 < runs.mean("recall") < 100
    assert runs.above(runs, "gain") == (0, 0, 0)
