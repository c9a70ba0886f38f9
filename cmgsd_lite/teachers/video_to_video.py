"""A distance between two videos, read as one from the captions of the first to the second."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cmgsd_lite.teachers.base import TensorTeacher, check_numbers, cosine_distances_between


@dataclass(eq=False)
class VideoToVideo(TensorTeacher):
    """Cosine distance between a caption's own video and another: the same whichever caption was drawn.

    With the mean text vectors of the videos it is the video-to-video text distance, with frozen video
    features the video distance: what ``text_teacher`` and ``video_teacher`` are to a loss.

    Args:
        features: One vector a video [V, D], such as ``text_teacher`` or ``video_teacher`` return.
        video_of_text: Row of the own video of each caption [C].

    Source:
        The static distances of the reconstruction (docs/METHOD.md, "The reconstruction").

    Example:
        >>> teacher = VideoToVideo(torch.eye(2), torch.tensor([0, 0, 1]))
        >>> teacher.distances(torch.tensor([0, 1]), torch.tensor([1, 2]))
        tensor([[0., 1.],
                [1., 0.]])
    """

    features: Tensor
    video_of_text: Tensor

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N] in [0, 2], as ``Teacher`` says."""
        check_numbers(videos, captions, len(self.features), len(self.video_of_text))
        self.to(videos.device)
        return cosine_distances_between(self.features[self.video_of_text[captions]], self.features[videos])
