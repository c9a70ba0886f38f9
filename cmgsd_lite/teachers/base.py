"""What every teacher is: prepared once on the training videos, asked for the distances of a batch."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor

from cmgsd_lite.similarity import cosine_similarity_matrix, full_precision
from cmgsd_lite.validation import checks_values


@runtime_checkable
class Teacher(Protocol):
    """Anything that measures how far the captions of a batch are from its videos; one's own may stand in.

    Source:
        ours.

    Example:
        >>> class Random:
        ...     def distances(self, videos, captions):
        ...         return torch.rand(len(captions), len(videos))
        >>> isinstance(Random(), Teacher)
        True
    """

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos.

        Args:
            videos: Rows of N videos in the training split.
            captions: Numbers of M captions in the flat order of the split, those of one video next to each
                other: the captions of a whole batch, or of a block of its rows.

        Returns:
            Finite distances [M, N] in any unit, on the device of the numbers; rows are texts, columns are
            videos, not necessarily symmetric. A small one says that the caption is true of the video.
        """
        ...


class TensorTeacher:
    """A teacher whose fields are tensors, or teachers of this kind: they move between devices together."""

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors, in place; nothing is done where they are there already.

        Numbers on another device move the teacher after them, once: it stays there.
        """
        for name, value in vars(self).items():
            if isinstance(value, Tensor | TensorTeacher):
                setattr(self, name, value.to(device))
        return self


def cosine_distances_between(text: Tensor, video: Tensor) -> Tensor:
    """Cosine distance [M, N] of vectors [M, D] to vectors [N, D], float32 or wider, also under autocast."""
    # Under autocast the product would have steps as wide as the differences between near pairs.
    with full_precision(text):
        return 1 - cosine_similarity_matrix(text, video)


def check_numbers(videos: Tensor, captions: Tensor, video_count: int, caption_count: int) -> None:
    """Raise ValueError unless the numbers of a batch are rows that a teacher has."""
    for name, numbers, count in (("videos", videos, video_count), ("captions", captions, caption_count)):
        if not isinstance(numbers, Tensor):
            raise ValueError(f"{name}: expected a tensor of whole numbers, got {type(numbers).__name__}")
        if numbers.ndim != 1 or numbers.dtype not in (torch.int64, torch.int32):
            raise ValueError(f"{name}: expected whole numbers [N], got {numbers.dtype} {list(numbers.shape)}")
        if checks_values(numbers) and len(numbers):
            low, high = torch.stack(torch.aminmax(numbers)).tolist()
            if low < 0 or high >= count:
                raise ValueError(f"{name}: expected numbers from 0 to {count - 1}, got {low} to {high}")
