"""Batches about which everything is known agree with the data set they were drawn from."""

import pytest
import torch

from cmgsd_lite.course.known import KnownWorld
from cmgsd_lite.data import load_dataset
from cmgsd_lite.data.minivtt import false_negatives
from cmgsd_lite.distances import cosine_distances


@pytest.fixture(scope="module")
def world():
    return KnownWorld()


def test_a_batch_has_clips_captions_and_the_truth(world):
    (batch,) = world.batches(1, seed=3, size=20)
    train = load_dataset().train
    for text, shown in zip(batch.texts, batch.clips, strict=True):
        assert text in train.captions[shown.video_id]
    others = ~torch.eye(20, dtype=torch.bool)
    expected = torch.from_numpy(false_negatives(train, batch.videos.tolist(), batch.captions.tolist()))
    assert torch.equal(batch.true & others, expected & others)
    row = batch.true_of(batch.texts[4])
    assert torch.equal(row, batch.true[4])


def test_distances_are_those_of_teachers_and_of_the_model_itself(world):
    (batch,) = world.batches(1, size=8)
    expected = cosine_distances(world.train.text_teacher[batch.videos])
    torch.testing.assert_close(batch.distances("text"), expected, atol=1e-5, rtol=0)
    model = world.model(0).train()
    own = batch.own_distances(model)
    torch.testing.assert_close(own["text"], batch.own_distances(model)["text"], msg="no dropout")
    assert {name: list(d.shape) for name, d in own.items()} == {"text": [8, 8], "video": [8, 8]}
    assert model.training
