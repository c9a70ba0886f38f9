"""Static text teacher: what all captions of a video say, taken together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def text_teacher(captions: Sequence[Sequence[str]], encode: Callable[[list[str]], Tensor]) -> Tensor:
    """Static text teacher: the mean vector of all captions of each video.

    Args:
        captions: The captions of each of V videos, at least one.
        encode: Turns N texts into vectors [N, D], such as ``WordLlamaEncoder().encode``.

    Returns:
        Teacher [V, D], float32, not normalised (the loss normalises).

    Raises:
        ValueError: If there is no video, or one without captions.

    Source:
        Generalised distillation (Lopez-Paz et al., ICLR 2016) as the paper's abstract uses it; taking all
        captions is ours.

    Example:
        >>> text_teacher([["a dog", "a cat"], ["a car"]], lambda texts: torch.ones(len(texts), 2))
        tensor([[1., 1.],
                [1., 1.]])
    """
    if not captions:
        raise ValueError("captions: expected at least one video, got none")
    counts = torch.tensor([len(texts) for texts in captions])
    if bool((counts == 0).any()):
        raise ValueError(f"captions: expected at least one a video, video {int(counts.argmin())} has none")
    vectors = encode([text for texts in captions for text in texts]).float()
    owner = torch.repeat_interleave(torch.arange(len(captions)), counts)
    return torch.zeros(len(captions), vectors.shape[1]).index_add_(0, owner, vectors) / counts[:, None]
