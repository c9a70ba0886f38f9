"""Blending two teachers: each in the unit of its own spread, weighted by a share."""

import pytest
import torch

from cmgsd_lite.teachers import Blend, VideoToVideo

VIDEOS, CAPTIONS = 9, 2


class Scaled:
    """A teacher of one's own: a fixed matrix of distances [V, V] in a unit of its own."""

    def __init__(self, unit: float, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.matrix = unit * torch.rand(VIDEOS, VIDEOS, generator=generator)

    def distances(self, videos: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        """Rows are the captions' own videos."""
        return self.matrix[captions // CAPTIONS][:, videos]


FIRST_CAPTION = CAPTIONS * torch.arange(VIDEOS)


def z(matrix: torch.Tensor) -> torch.Tensor:
    others = [matrix[i, j].item() for i in range(VIDEOS) for j in range(VIDEOS) if i != j]
    mean = sum(others) / len(others)
    return matrix / (sum((x - mean) ** 2 for x in others) / len(others)) ** 0.5


def test_each_distance_counts_in_the_unit_of_its_own_spread():
    first, second = Scaled(1.0, 0), Scaled(1000.0, 1)
    blend = Blend.of(first, second, 0.7, FIRST_CAPTION)
    found = blend.distances(torch.arange(VIDEOS), FIRST_CAPTION)
    assert torch.allclose(found, 0.7 * z(first.matrix) + 0.3 * z(second.matrix), atol=1e-5)


def test_a_block_of_rows_is_the_block_of_the_whole():
    blend = Blend.of(Scaled(1.0, 0), Scaled(2.0, 1), 0.5, FIRST_CAPTION)
    videos, captions = torch.arange(VIDEOS), torch.tensor([0, 3, 5, 8, 17])
    whole = blend.distances(videos, captions)
    assert torch.equal(whole[1:3], blend.distances(videos, captions[1:3]))


def test_distances_that_are_all_equal_count_for_nothing():
    flat = VideoToVideo(torch.ones(VIDEOS, 3), torch.arange(VIDEOS).repeat_interleave(CAPTIONS))
    scaled = Scaled(1.0, 0)
    blend = Blend.of(flat, scaled, 0.5, FIRST_CAPTION)
    found = blend.distances(torch.arange(VIDEOS), FIRST_CAPTION)
    assert torch.allclose(found, 0.5 * z(scaled.matrix), atol=1e-5)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_out_of_range_is_named(share):
    with pytest.raises(ValueError, match=r"share: expected a number in \(0, 1\)"):
        Blend.of(Scaled(1.0, 0), Scaled(1.0, 1), share, FIRST_CAPTION)


def test_one_video_has_no_spread():
    with pytest.raises(ValueError, match="first_caption: expected at least two videos, got 1"):
        Blend.of(Scaled(1.0, 0), Scaled(1.0, 1), 0.5, FIRST_CAPTION[:1])
