"""Static text teacher: what all captions of a video say, taken together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
    check_captions(captions)
    counts = torch.tensor([len(texts) for texts in captions])
    vectors = encode([text for texts in captions for text in texts]).float()
    owner = torch.repeat_interleave(torch.arange(len(captions)), counts)
    return torch.zeros(len(captions), vectors.shape[1]).index_add_(0, owner, vectors) / counts[:, None]


def check_captions(captions: Sequence[Sequence[str]]) -> None:
    """Raise ValueError unless there is a list of captions, none of them empty, for each of some videos.

    Captions that are one string would be taken letter by letter.
    """
    if isinstance(captions, str | Mapping) or not captions:
        kind = f"{type(captions).__name__} of {len(captions)}"
        raise ValueError(f"captions: expected at least one video, each with a list of captions, got {kind}")
    for video, texts in enumerate(captions):
        if isinstance(texts, str) or not texts or not all(isinstance(text, str) for text in texts):
            found = str(texts)[:60]
            raise ValueError(
                f"captions: expected at least one text for video {video}, in a list, got {found!r}"
            )
