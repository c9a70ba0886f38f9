"""The chapters' workbench: batches with their truth, trainings from one start, and someone who looks."""

import pytest
import torch

from cmgsd_lite.course.workbench import Workbench
from cmgsd_lite.losses import CMGSDLoss, MaxMarginRankingLoss
from cmgsd_lite.training.prepare import PreparedDataset
from cmgsd_lite.training.teaching import prepare_teacher


@pytest.fixture(scope="module")
def bench():
    return Workbench(epochs=1)


def weights(model):
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach()


def test_a_batch_its_distances_and_its_truth(bench):
    batch = bench.batch(seed=4, size=32)
    expected = prepare_teacher("text", bench.split).distances(batch.videos, batch.captions)
    assert torch.equal(bench.distances(batch, "text"), expected)
    truth, false = bench.truth(batch), bench.false_negatives(batch)
    assert not false.diagonal().any()
    assert torch.equal(false, (truth >= 1) & ~torch.eye(32, dtype=torch.bool))
    assert torch.equal(bench.batch(seed=4, size=32).captions, batch.captions)


def test_a_look_changes_nothing_and_comes_at_every_start_and_at_the_end(bench):
    looked = []
    loss = MaxMarginRankingLoss(0.2, "smooth")
    seen = bench.train(loss, look=lambda t, model: looked.append((t, bench.output(model, bench.batch()).sim)))
    assert [t for t, _ in looked] == [0, 1]
    assert torch.equal(looked[0][1], bench.output(bench.untrained(), bench.batch()).sim)
    assert torch.equal(weights(seen), weights(bench.train(loss)))


def test_training_helps_whatever_the_teacher(bench):
    before = bench.measure(bench.untrained())
    after = bench.measure(bench.train(CMGSDLoss(reduction="smooth"), teacher="directed"))
    assert set(before) == {"R@10", "nDCG"}
    assert after["R@10"] > before["R@10"] + 5
    assert after["nDCG"] > before["nDCG"]


def test_measured_on_the_test_clips(bench):
    assert len(bench.test) == len(PreparedDataset.of(bench.dataset, "protocol").test)
