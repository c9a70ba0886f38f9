"""Checkers of chapter 11, "Put it on your own model"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import Verdict, call, judge
from cmgsd_lite.losses import ranking_hinge
from cmgsd_lite.similarity import cosine_similarity_matrix


def check_clipped_share(function: Callable[[Tensor], Any]) -> Verdict:
    """Check the share of margins clipped at 0.

    Args:
        function: Of margins [N, N] to a share in 0..1.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_clipped_share(lambda margins: (margins <= 0).float().mean())
        ✗ not yet: the diagonal is among your pairs: its margins are alpha and never clipped
    """
    margins = torch.tensor(
        [[0.2, 0.0, 0.1, 0.3], [0.0, 0.2, 0.25, 0.0], [0.1, 0.25, 0.2, 0.15], [0.3, 0.0, 0.25, 0.2]]
    )
    return judge(
        call(function, margins),
        4 / 12,
        "above a tenth or so, beta is too large for alpha",
        [
            (4 / 16, "the diagonal is among your pairs: its margins are alpha and never clipped"),
            (4.0, "that is a count; the share is of all negative pairs"),
            (400 / 12, "a share from 0 to 1, not percent"),
            (0.0, "a clipped margin is exactly 0: `< 0` finds none"),
            (8 / 12, "these are the margins that were not clipped"),
            ((4 + 3) / 12, "these are the margins below alpha"),
        ],
    )


def check_active_share(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the share of active hinges, texts as anchors.

    Args:
        function: Of ``sim`` and margins [N, N] to a share in 0..1.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_active_share(lambda sim, margins: None)
        · not attempted yet
    """
    sim = torch.tensor(
        [[0.4, 0.3, 0.35, 0.1], [0.1, 0.9, 0.1, 0.1], [0.7, 0.3, 0.6, 0.0], [0.3, 0.7, 0.2, 0.3]]
    )
    margins = torch.tensor(
        [[0.2, 0.05, 0.2, 0.3], [0.05, 0.2, 0.25, 0.1], [0.2, 0.25, 0.2, 0.2], [0.3, 0.1, 0.2, 0.2]]
    )
    negatives = ~torch.eye(4, dtype=torch.bool)
    text_to_video, video_to_text = (side > 0 for side in ranking_hinge(sim, margins))
    count = float(text_to_video.sum())
    unmargined = float(((sim - sim.diagonal()[:, None])[negatives] > 0).sum())
    return judge(
        call(function, sim, margins),
        count / 12,
        "it falls as the model learns; where it reaches 0 early, there is nothing left to learn from",
        [
            (
                (count + 4) / 16,
                "the diagonal is among your pairs: there the hinge is M[i, i] > 0, always active",
            ),
            (count / 16, "N * (N - 1) pairs are negatives: the diagonal does not count"),
            (
                float(video_to_text.sum()) / 12,
                "that is the other direction: a text's own score is sim[i, i], of its row",
            ),
            (unmargined / 12, "the margin is missing"),
            (count, "that is a count; the share is of all negative pairs"),
        ],
    )


def check_cosines(function: Callable[[Tensor, Tensor, Tensor], Any]) -> Verdict:
    """Check what is handed to the loss as ``sim`` from a CLIP-like model.

    Args:
        function: Of text embeddings [N, D], image embeddings [N, D], not normalised, and the logarithm of the
            scale, to ``sim`` [N, N].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_cosines(lambda text, image, logit_scale: text @ image.T)
        ✗ not yet: inner products of vectors of any length: normalise the rows first
    """
    generator = torch.Generator().manual_seed(0)
    text, image = torch.randn(2, 3, 4, generator=generator) * 2
    logit_scale = torch.tensor(2.6592)
    right = cosine_similarity_matrix(text, image)
    return judge(
        call(function, text, image, logit_scale),
        right,
        "cosines: the margin has their units, and the scale is left out",
        [
            (text @ image.T, "inner products of vectors of any length: normalise the rows first"),
            (
                right * logit_scale.exp(),
                "these are logits: a margin of .2 is next to nothing beside a scale of 14",
            ),
            (text @ image.T * logit_scale.exp(), "neither the lengths nor the scale belong into sim"),
            (
                right * logit_scale,
                "logit_scale is a logarithm, and the scale does not belong into sim at all",
            ),
            (right.T, "rows are texts, columns are images"),
            (
                torch.softmax(right * logit_scale.exp(), dim=1),
                "probabilities: the hinge wants scores, each pair for itself",
            ),
        ],
    )


def check_expert_embedding(function: Callable[[Tensor, Tensor], Any]) -> Verdict:
    """Check the one embedding of a video with several experts.

    Args:
        function: Of ``vectors`` [N, E, D], zeros where missing, and ``present`` [N, E], to [N, D].

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> check_expert_embedding(lambda vectors, present: vectors.mean(dim=1))
        ✗ not yet: the missing expert is in your mean as a vector of zeros: divide by those present
    """
    vectors = torch.tensor(
        [
            [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]],
            [[0.8, 0.6], [0.0, 0.0], [0.0, 1.0]],
            [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]],
        ]
    )
    present = vectors.norm(dim=2) > 0
    right = vectors.sum(dim=1) / present.sum(dim=1, keepdim=True)
    return judge(
        call(function, vectors, present),
        right,
        "a missing expert neither shortens nor turns the embedding",
        [
            (
                vectors.mean(dim=1),
                "the missing expert is in your mean as a vector of zeros: divide by those present",
            ),
            (vectors.sum(dim=1), "that is the sum; the mean is over the present experts"),
            (vectors[:, 0], "only the first expert, and it may be missing"),
            (
                vectors.flatten(1),
                "joined end to end: two videos that lack different experts would be far apart",
            ),
            (
                vectors.amax(dim=1),
                "the maximum over experts is no mean, and zeros of missing ones can win it",
            ),
        ],
    )
