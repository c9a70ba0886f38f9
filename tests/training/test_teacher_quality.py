"""Teacher quality is measured as it is said to be: by hand, by slow loops and by scipy."""

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu, spearmanr

from cmgsd_lite.data import load_dataset, minivtt
from cmgsd_lite.evaluation.agreement import area_under_curve, batch_agreement, rank_correlation
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.training.prepare import PreparedDataset, PreparedSplit
from cmgsd_lite.training.teacher_quality import (
    clip_relevance,
    draw_batches,
    four_distances,
    unscaled_teacher,
)


@pytest.fixture(scope="module")
def dataset():
    return load_dataset()


@pytest.fixture(scope="module")
def prepared(dataset):
    return PreparedDataset.of(dataset, "protocol")


def small_split():
    features = {"rgb": torch.tensor([[[3.0, 4.0]], [[1.0, 0.0]], [[0.0, 2.0]]])}
    return PreparedSplit(
        ["a", "b", "c"],
        features,
        {"rgb": torch.ones(3, 1, dtype=torch.bool)},
        torch.eye(6),
        torch.tensor([0, 0, 1, 2, 2, 2]),
        torch.eye(3),
        features["rgb"][:, 0],
    )


def test_rank_correlation_is_that_of_scipy():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 5, 50)  # many ties
    y = x + generator.normal(size=50)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert rank_correlation([1, 2, 3], [9, 4, 1]) == pytest.approx(-1)
    assert np.isnan(rank_correlation([1, 1], [1, 2]))


def test_area_is_the_share_of_pairs_in_the_right_order():
    near, far = [0.1, 0.5, 0.5], [0.5, 0.9, 0.2, 0.0]
    by_hand = np.mean([(n < f) + 0.5 * (n == f) for n in near for f in far])
    assert area_under_curve(near, far) == pytest.approx(by_hand)
    assert area_under_curve(near, far) == pytest.approx(mannwhitneyu(far, near).statistic / 12)
    assert np.isnan(area_under_curve([], far))


def test_numbers_are_checked():
    with pytest.raises(ValueError, match="x: expected numbers, got NaN"):
        rank_correlation([float("nan"), 1], [1, 2])
    with pytest.raises(ValueError, match="expected 2 >= 2 numbers like x, got 3"):
        rank_correlation([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"relevance: expected a square matrix like distances \[2, 2\]"):
        batch_agreement(np.zeros((2, 2)), np.zeros((3, 3)))


def test_agreement_leaves_the_diagonal_out():
    # Row 0: the false negative (1) is nearer than both others; row 1 has none; row 2: it is the farthest.
    d = np.array([[9, 1, 2, 3], [1, 9, 2, 3], [2, 5, 9, 4], [1, 1, 2, 9]])
    truth = np.array([[1, 1, 0, 0], [0, 1, 0, 0.5], [0, 1, 1, 0], [0, 0, 0, 0]])
    found = batch_agreement(d, truth)
    outside = ~np.eye(4, dtype=bool)
    assert found["auc_per_anchor"] == pytest.approx(0.5)
    assert found["auc"] == pytest.approx(area_under_curve([1, 5], [2, 3, 1, 2, 3, 2, 4, 1, 1, 2]))
    assert found["spearman"] == pytest.approx(spearmanr(-d[outside], truth[outside]).statistic)


def test_batches_are_drawn_as_in_training(prepared):
    one, two = draw_batches(prepared.train, 2, size=64, seed=3)
    assert len(set(one.videos.tolist())) == 64
    assert torch.equal(prepared.train.video_of_text[one.captions], one.videos)
    assert not torch.equal(one.videos, two.videos)
    assert torch.equal(draw_batches(prepared.train, 1, size=64, seed=3)[0].captions, one.captions)
    with pytest.raises(ValueError, match="size: expected at most 300"):
        draw_batches(prepared.validation, 1, size=301)


def test_distances_are_static_and_dynamic(prepared):
    model = build_model(ModelConfig("mean-pool", 256, {"appearance_mean": 128, "motion": 64})).train()
    (batch,) = draw_batches(prepared.train, 1, size=8)
    assert list(four_distances(prepared.train, batch)) == ["text-static", "video-static"]
    found = four_distances(prepared.train, batch, model)
    assert list(found) == ["text-static", "video-static", "text-dynamic", "video-dynamic"]
    again = four_distances(prepared.train, batch, model)
    assert torch.equal(found["text-dynamic"], again["text-dynamic"])  # no dropout
    assert model.training  # and the model is as it was
    teacher = prepared.train.text_teacher[batch.videos]
    cosine = torch.nn.functional.cosine_similarity(teacher[0], teacher[5], dim=0)
    assert found["text-static"][0, 5] == pytest.approx(1 - cosine.item(), abs=1e-5)


def test_clips_are_relevant_to_each_other_by_all_their_captions(dataset):
    videos = torch.tensor([5, 2, 9])
    found = clip_relevance(dataset.train, videos)
    part = dataset.train.subset([dataset.train.video_ids[i] for i in (5, 2, 9)])
    truth, counts = minivtt.relevance(part), [len(part.captions[name]) for name in part.video_ids]
    first, last = truth[: counts[0]], truth[counts[0] + counts[1] :]
    assert found[0, 2] == pytest.approx((first[:, 2].mean() + last[:, 0].mean()) / 2, abs=1e-6)
    assert torch.equal(found, found.T)


def test_the_unscaled_teacher_keeps_the_shape_of_its_experts():
    split = small_split()
    assert torch.allclose(unscaled_teacher(split), torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]]))
