"""Two teachers in one: their distances weighted, each in the unit of its own spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from cmgsd_lite.teachers.base import Teacher, TensorTeacher

SAMPLE = 512
"""Videos from which the spreads are measured: their distances to each other's captions."""


@dataclass(eq=False)
class Blend(TensorTeacher):
    """The weighted sum of two distances: ``share * first / spread + (1 - share) * second / spread``.

    Several teachers of a loss weigh alike. Where one of them knows much more, as directed text distances do
    beside a video distance, a blend says by how much.

    Args:
        first: A teacher.
        second: Another, prepared on the same split.
        share: Weight of the first, in (0, 1).
        spreads: The unit of each: its standard deviation over pairs of different videos, as ``of`` measures.

    Source:
        ours (docs/METHOD.md, "Directed distances").

    Example:
        >>> teacher = VideoToVideo(torch.eye(2), torch.tensor([0, 1]))
        >>> rows = torch.tensor([0, 1])
        >>> Blend(teacher, teacher, 0.7, (1.0, 1.0)).distances(rows, rows)
        tensor([[0., 1.],
                [1., 0.]])
    """

    first: Teacher
    second: Teacher
    share: float
    spreads: tuple[float, float]

    @classmethod
    def of(cls, first: Teacher, second: Teacher, share: float, first_caption: Tensor) -> Self:
        """Measure the spreads on up to ``SAMPLE`` evenly spaced training videos, and blend.

        Args:
            first: A teacher.
            second: Another.
            share: Weight of the first.
            first_caption: Number of the first caption of each training video [V].

        Raises:
            ValueError: On a share out of range, or fewer than two videos.
        """
        if not 0 < share < 1:
            raise ValueError(f"share: expected a number in (0, 1), got {share}")
        if len(first_caption) < 2:
            raise ValueError(f"first_caption: expected at least two videos, got {len(first_caption)}")
        videos = torch.linspace(0, len(first_caption) - 1, min(SAMPLE, len(first_caption))).long()
        others = ~torch.eye(len(videos), dtype=torch.bool)
        measured = [one.distances(videos, first_caption[videos])[others].double() for one in (first, second)]
        return cls(first, second, share, (_spread(measured[0]), _spread(measured[1])))

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N], as ``Teacher`` says."""
        one, other = self.first.distances(videos, captions), self.second.distances(videos, captions)
        return one * (self.share / self.spreads[0]) + other * ((1 - self.share) / self.spreads[1])


def _spread(values: Tensor) -> float:
    """Standard deviation; 1 for values that differ by rounding alone, which say nothing in any unit."""
    spread = float(values.std(correction=0))
    return spread if spread > 1e-6 * float(values.abs().amax()) else 1.0
