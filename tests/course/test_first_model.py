"""The first model's answers lie beside the truth of the right pair."""

import numpy as np
import pytest
import torch

from cmgsd_lite.course.first_model import (
    Search,
    draw_batch,
    ranks_in_parts,
    ranks_of_any_that_fits,
    train_first_model,
)
from cmgsd_lite.data import load_dataset, minivtt


def search(sim, own, true):
    sim, true = torch.tensor(sim), torch.tensor(true, dtype=torch.bool)
    clips = tuple(f"video{j}" for j in range(sim.shape[1]))
    return Search(["?"] * len(sim), clips, sim, torch.tensor(own), true, true.float())


def test_ranks_of_any_that_fits():
    four = search([[0.1, 0.9, 0.5, 0.7], [0.4, 0.3, 0.2, 0.1]], [0, 3], [[1, 0, 0, 1], [0, 0, 0, 0]])
    assert ranks_of_any_that_fits(four, four.sim).tolist() == [2, 4], "the own clip counts though mistaken"
    assert ranks_of_any_that_fits(four, -four.sim).tolist() == [1, 1]


def test_ranks_in_parts():
    four = search([[0.1, 0.9, 0.5, 0.7], [0.4, 0.3, 0.2, 0.1]], [0, 3], [[1, 0, 0, 1], [0, 0, 0, 0]])
    assert ranks_in_parts(four, 2).tolist() == [2, 2]
    assert ranks_in_parts(four, 4).tolist() == [4, 4]


def test_a_batch_holds_captions_of_its_clips_and_their_false_negatives():
    batch, train = draw_batch(40, seed=3), load_dataset().train
    assert len(set(batch.clips)) == 40
    rows, row = [], 0
    first = {}
    for clip in train.video_ids:
        first[clip] = row
        row += len(train.captions[clip])
    for clip, caption in zip(batch.clips, batch.captions, strict=True):
        rows.append(first[clip] + train.captions[clip].index(caption))
    videos = [train.video_ids.index(clip) for clip in batch.clips]
    expected = minivtt.false_negatives(train, videos, rows)
    assert expected.any()
    assert np.array_equal(batch.false_negative, expected)


@pytest.mark.slow
def test_the_truth_lies_beside_the_query():
    found, test = train_first_model(epochs=1), load_dataset().test
    assert found.sim.shape == found.true.shape == found.relevance.shape == (3000, 1000)
    query = 3 * 17 + 2
    assert found.own[query] == 17
    assert found.clips[17] == test.video_ids[17]
    assert found.queries[query] == test.captions[test.video_ids[17]][2]
    row = sum(len(test.captions[clip]) for clip in test.video_ids[:17]) + 2
    assert np.array_equal(found.true[query], minivtt.entailment(test)[row])
    assert np.array_equal(found.relevance[query], minivtt.relevance(test)[row])
