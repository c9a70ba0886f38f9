"""Similarity of texts and videos: ``sim[i, j]``, rows are texts, columns are videos, everywhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def normalise(x: Tensor) -> Tensor:
    """Scale every row to Euclidean length one; a row of zeros stays zero.

    Args:
        x: Embeddings [..., D]. float16 and bfloat16 are computed in float32, because the
            squares of large half-precision numbers overflow.

    Returns:
        Unit rows [..., D], float32 or wider.

    Example:
        >>> normalise(torch.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    return functional.normalize(at_least_float32(x), dim=-1)


def cosine_similarity_matrix(text: Tensor, video: Tensor) -> Tensor:
    """Cosine similarity of every text with every video.

    Args:
        text: Text embeddings [N_texts, D].
        video: Video embeddings [N_videos, D].

    Returns:
        ``sim`` [N_texts, N_videos] in [-1, 1]: rows are texts, columns are videos.

    Raises:
        ValueError: If the two are not matrices of one width.

    Example:
        >>> sim = cosine_similarity_matrix(torch.eye(2), torch.eye(2))
        >>> sim.diagonal()
        tensor([1., 1.])
    """
    if text.ndim != 2 or video.ndim != 2 or text.shape[1] != video.shape[1]:
        raise ValueError(
            "text and video: expected [N_texts, D] and [N_videos, D] with one D, "
            f"got {list(text.shape)} and {list(video.shape)}"
        )
    return normalise(text) @ normalise(video).T


def full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """A block in which products on the device of ``x`` keep their inputs' precision, also under autocast.

    Half precision has steps as wide as the differences between near duplicates.
    """
    if torch.amp.is_autocast_available(x.device.type):
        return torch.autocast(x.device.type, enabled=False)
    return nullcontext()


def at_least_float32(x: Tensor) -> Tensor:
    """Return ``x`` itself if it is float32 or float64, otherwise a float32 copy."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
