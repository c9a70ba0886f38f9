"""Checks that the baselines share: embeddings, relevance, fractions, and which pairs are negatives."""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses.checks import check_features
from cmgsd_lite.losses.hinge import Ids, negative_pairs
from cmgsd_lite.similarity import at_least_float32

ROUNDING = 1e-6
"""How far apart two equal cosines may come out."""


def unimodal_similarity(name: str, x: Tensor, sim: Tensor) -> Tensor:
    """Cosine similarity of all pairs of one modality, without gradient.

    Args:
        name: What to call ``x`` in a message.
        x: Embeddings [N, D]; normalised inside.
        sim: Similarities [N, N] that ``x`` has to fit.

    Returns:
        [N, N] in [-1, 1] up to rounding, float32 or wider.

    Raises:
        ValueError: If ``x`` is not [N, D] on the device of ``sim``, or has NaN or infinite entries.

    Source:
        ours.

    Example:
        >>> unimodal_similarity("text", torch.eye(2), torch.eye(2))[0, 1]
        tensor(0.)
    """
    check_features(name, x, sim)
    return 1 - _distances(name, x.detach())


def similarity_with_gradient(name: str, x: Tensor, sim: Tensor) -> Tensor:
    """As ``unimodal_similarity``, with gradient.

    Args:
        name: What to call ``x`` in a message.
        x: Embeddings [N, D].
        sim: Similarities [N, N] that ``x`` has to fit.

    Returns:
        [N, N] in [-1, 1] up to rounding.

    Raises:
        ValueError: As ``unimodal_similarity``.

    Source:
        ours.

    Example:
        >>> similarity_with_gradient("text", torch.eye(2).requires_grad_(), torch.eye(2)).requires_grad
        True
    """
    check_features(name, x, sim)
    return 1 - _distances(name, x)


def at_least(scores: Tensor, threshold: float | Tensor) -> Tensor:
    """Where a score reaches a threshold; equal ones do, whatever their rounding.

    Args:
        scores: Cosines or relevances, any shape.
        threshold: In their unit.

    Returns:
        Boolean, in the shape of ``scores``.

    Source:
        ours. The cosine of two equal rows, and a share of facets such as 3/3, may miss 1 by rounding.

    Example:
        >>> at_least(torch.tensor([0.9999999, 0.99]), 1.0)
        tensor([ True, False])
    """
    return scores >= threshold - ROUNDING


def checked_relevance(relevance: Tensor, sim: Tensor) -> Tensor:
    """Check the graded truth of a batch.

    Args:
        relevance: [N, N] in [0, 1]: how much text i is true of video j.
        sim: Similarities [N, N].

    Returns:
        ``relevance`` without gradient, float32 or wider.

    Raises:
        ValueError: On another shape or device, or entries outside [0, 1].

    Source:
        ours.

    Example:
        >>> checked_relevance(torch.eye(2), torch.eye(2)).dtype
        torch.float32
    """
    if relevance.shape != sim.shape or relevance.device != sim.device:
        raise ValueError(
            f"relevance: expected {list(sim.shape)} on {sim.device} like sim, "
            f"got {list(relevance.shape)} on {relevance.device}"
        )
    wide = at_least_float32(relevance.detach())
    # Written so that NaN fails as well.
    if not bool(((wide >= 0) & (wide <= 1)).all()):
        raise ValueError("relevance: expected entries in [0, 1], got others")
    return wide


def every_negative(sim: Tensor, ids: Ids | None) -> Tensor:
    """Which pairs are negatives: all off the diagonal but known positives.

    Args:
        sim: Similarities [N, N].
        ids: One name an item [N]; pairs with equal ids are known positives.

    Returns:
        Boolean [N, N] with at least one True in every row and column.

    Raises:
        ValueError: As ``negative_pairs``.

    Source:
        ours.

    Example:
        >>> every_negative(torch.zeros(2, 2), None)
        tensor([[False,  True],
                [ True, False]])
    """
    negatives = negative_pairs(sim, ids=ids)
    return ~torch.eye(len(sim), dtype=torch.bool, device=sim.device) if negatives is None else negatives


def check_between(name: str, value: float, low: float, high: float) -> float:
    """Return ``value`` if it lies in [low, high].

    Args:
        name: What to call the value in the message.
        value: A number.
        low: Smallest allowed value.
        high: Largest allowed value.

    Returns:
        ``value``.

    Raises:
        ValueError: Otherwise, also for NaN.

    Source:
        ours.

    Example:
        >>> check_between("prior", 0.1, 0.0, 0.5)
        0.1
    """
    if not low <= value <= high:
        raise ValueError(f"{name}: expected a number in [{low}, {high}], got {value}")
    return value


def _distances(name: str, x: Tensor) -> Tensor:
    try:
        return cosine_distances(x)
    except ValueError as error:
        raise ValueError(f"{name}: expected finite features, got NaN or infinite entries") from error
