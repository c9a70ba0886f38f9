"""The truth as a teacher: what the best of all distances would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from cmgsd_lite.teachers.base import TensorTeacher, check_numbers


@dataclass(eq=False)
class Oracle(TensorTeacher):
    """Distance 1 - relevance, from a ground truth that real data do not have.

    Args:
        relevance: In [0, 1]: a matrix [C, V] of all captions and videos, or a function of rows of N videos
            and numbers of M captions to [M, N], such as ``batch_relevance`` of the embedded world returns.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> teacher = Oracle(torch.tensor([[1.0, 0.5], [0.0, 1.0]]))
        >>> teacher.distances(torch.tensor([0, 1]), torch.tensor([0]))
        tensor([[0.0000, 0.5000]])
    """

    relevance: Tensor | Callable[[Tensor, Tensor], Tensor]

    def distances(self, videos: Tensor, captions: Tensor) -> Tensor:
        """Measure from captions to videos: [M, N] in [0, 1], as ``Teacher`` says."""
        if isinstance(self.relevance, Tensor):
            check_numbers(videos, captions, self.relevance.shape[1], self.relevance.shape[0])
            self.to(videos.device)
            return 1 - self.relevance[captions][:, videos]
        return 1 - self.relevance(videos, captions).to(videos.device)
