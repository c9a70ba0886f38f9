"""Every teacher answers one question in one way, on any device."""

import pytest
import torch

from cmgsd_lite.data import load_dataset
from cmgsd_lite.data.minivtt import batch_relevance
from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.teachers import Containment, Directed, DirectedEmbedding, Oracle, Teacher, VideoToVideo
from tests.teachers.test_directed import letters, sentences

CAPTIONS = sentences(4, videos=7)
OWNER = torch.tensor([j for j, of_video in enumerate(CAPTIONS) for _ in of_video])
FEATURES = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
TRUTH = torch.rand(len(OWNER), 7, generator=torch.Generator().manual_seed(1))
EVERY = {
    "video to video": lambda: VideoToVideo(FEATURES, OWNER),
    "directed embedding": lambda: DirectedEmbedding.of(CAPTIONS, letters),
    "containment": lambda: Containment.of(CAPTIONS),
    "directed": lambda: Directed.of(CAPTIONS, letters),
    "oracle": lambda: Oracle(TRUTH),
    "oracle of a function": lambda: Oracle(lambda videos, captions: TRUTH[captions][:, videos]),
}
VIDEOS, TEXTS = torch.tensor([6, 0, 3, 1]), torch.tensor([2, 0, 5, 2, 7])


@pytest.mark.parametrize("name", EVERY)
def test_rows_are_captions_and_columns_videos_one_pair_at_a_time(name):
    teacher = EVERY[name]()
    assert isinstance(teacher, Teacher)
    found = teacher.distances(VIDEOS, TEXTS)
    assert found.shape == (5, 4)
    assert found.dtype == torch.float32
    assert found.min() >= -1e-6
    alone = [[teacher.distances(VIDEOS[[j]], TEXTS[[i]]) for j in range(4)] for i in range(5)]
    torch.testing.assert_close(found, torch.tensor(alone), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", EVERY)
def test_half_precision_around_it_changes_nothing(name):
    teacher = EVERY[name]()
    expected = teacher.distances(VIDEOS, TEXTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(teacher.distances(VIDEOS, TEXTS), expected)


@pytest.mark.parametrize("name", [name for name in EVERY if "function" not in name])
def test_the_numbers_take_the_tensors_along_once(name):
    teacher = EVERY[name]()
    assert teacher.to("cpu") is teacher
    before = fields(teacher)
    teacher.distances(VIDEOS, TEXTS)
    assert all(a is b for a, b in zip(before, fields(teacher), strict=True)), "moved although it was there"
    teacher.to("meta")
    assert {x.device.type for x in fields(teacher)} == {"meta"}


def test_numbers_on_another_device_decide():
    teacher = Oracle(TRUTH)
    found = teacher.distances(VIDEOS.to("meta"), VIDEOS[:2].to("meta"))
    assert found.device.type == "meta"
    assert found.shape == (2, 4)
    assert teacher.relevance.device.type == "meta", "and the teacher stays there"


def fields(teacher):
    inside = [value for value in vars(teacher).values() if not isinstance(value, int)]
    return [x for value in inside for x in ([value] if isinstance(value, torch.Tensor) else fields(value))]


def test_video_to_video_is_the_distance_that_a_loss_takes_from_features():
    videos = torch.tensor([4, 2, 6])
    captions = torch.tensor([int((v == OWNER).nonzero()[0]) for v in videos])
    found = VideoToVideo(FEATURES, OWNER).distances(videos, captions)
    torch.testing.assert_close(found, cosine_distances(FEATURES[videos]), atol=1e-6, rtol=0)


def test_the_oracle_takes_the_truth_of_the_embedded_world():
    train = load_dataset().train
    split = train.subset(train.video_ids[:30])
    videos, captions = torch.arange(10), torch.arange(3)
    truth = batch_relevance(split)(videos, captions)
    assert torch.equal(Oracle(batch_relevance(split)).distances(videos, captions), 1 - truth)
    assert torch.equal(Oracle(truth).distances(videos[:4], captions[1:]), 1 - truth[1:, :4])


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"oracle of a function"}))
@pytest.mark.parametrize(
    ("videos", "captions", "message"),
    [
        ([0, 1], TEXTS, "videos: expected a tensor of whole numbers, got list"),
        (VIDEOS, TEXTS.float(), r"captions: expected whole numbers \[N\], got torch.float32"),
        (VIDEOS > 2, TEXTS, r"videos: expected whole numbers \[N\], got torch.bool"),
        (torch.tensor([-1, 2]), TEXTS, "videos: expected numbers from 0 to 6, got -1 to 2"),
        (VIDEOS, torch.tensor([0, 99]), r"captions: expected numbers from 0 to \d+, got 0 to 99"),
    ],
)
def test_numbers_that_are_no_rows_are_refused(name, videos, captions, message):
    with pytest.raises(ValueError, match=message):
        EVERY[name]().distances(videos, captions)


@pytest.mark.parametrize("captions", [["a cat", "a dog"], {"video1": ["a cat"]}, "a cat", [["a cat"], [3]]])
def test_captions_that_would_be_taken_letter_by_letter_are_refused(captions):
    for make in (Containment.of, lambda c: DirectedEmbedding.of(c, letters)):
        with pytest.raises(ValueError, match="captions: expected at least one"):
            make(captions)
