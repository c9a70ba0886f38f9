"""Checks that the baselines share: embeddings, relevance, fractions, and which pairs are negatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from cmgsd_lite.distances import cosine_distances
from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.checks import check_features
from cmgsd_lite.losses.hinge import Ids, negative_pairs
from cmgsd_lite.losses.sources import Source, sources_of
from cmgsd_lite.margins.matrices import centred
from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import checks_values

ROUNDING = 1e-6
"""How far apart two equal cosines may come out."""

EPS = 1e-4
"""Added to a standard deviation, as in ``zscore_margin``."""


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


def static_sources(sim: Tensor, given: Inputs) -> list[Source]:
    """The frozen sources of a batch, teachers' features and ready matrices, each checked against ``sim``.

    Args:
        sim: Similarities [N, N].
        given: The inputs of a loss.

    Returns:
        Those that were given.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> given = Inputs(text=torch.eye(2), text_teacher=torch.eye(2))
        >>> [source.argument for source in static_sources(torch.eye(2), given)]
        ['text_teacher']
    """
    return list(sources_of(sim, replace(given, text=None, video=None)).values())


def similarity_of(source: Source, bounded: bool = False) -> Tensor:
    """1 - distance of a source, without gradient.

    Args:
        source: Features or a ready matrix.
        bounded: Whether a ready matrix has to be in [0, 2], as 1 - a similarity is.

    Returns:
        [N, N], float32 or wider. Features have 1 on the diagonal, also those that are all zero.

    Raises:
        ValueError: Naming the source, if its features are not finite or its distances not in bounds.

    Source:
        ours.

    Example:
        >>> similarity_of(Source("text_teacher", torch.eye(2)))[0]
        tensor([1., 0.])
    """
    similarity = 1 - at_least_float32(source.distances(detach=True))
    if not source.ready:
        return similarity.fill_diagonal_(1.0)
    if bounded and checks_values(similarity) and not bool((similarity.abs() <= 1 + ROUNDING).all()):
        raise ValueError(
            f"{source.argument}: expected 1 - similarity, in [0, 2], for this rule; got other distances. "
            "GuidedMaskLoss(share=...) takes them in any unit"
        )
    return similarity


def standardised_mean(sources: Sequence[Source], negatives: Tensor) -> Tensor:
    """Mean of the sources' distances, each standardised over the negatives: no unit outweighs another.

    Args:
        sources: At least one.
        negatives: Boolean [N, N] with a True.

    Returns:
        [N, N] in standard deviations, without gradient; also on the diagonal, which a directed distance from
        caption i to its own video leaves above 0.

    Source:
        ours.

    Example:
        >>> negatives = ~torch.eye(2, dtype=torch.bool)
        >>> standardised_mean([Source("d", torch.tensor([[0.0, 1.0], [3.0, 0.0]]), ready=True)], negatives)
        tensor([[-1.9998, -0.9999],
                [ 0.9999, -1.9998]])
    """
    scores = []
    for source in sources:
        d = at_least_float32(source.distances(detach=True))
        mean = torch.where(negatives, d, 0).sum() / negatives.sum().clamp_min(1)
        scores.append((d - mean) / (centred(d, negatives)[1] + EPS))
    return torch.stack(scores).mean(dim=0)


def nearest_limit(scores: Tensor, share: float, negatives: Tensor) -> Tensor:
    """The lowest score among the nearest share of the negative pairs, the nearest one at least.

    Args:
        scores: [N, N], higher is nearer.
        share: In (0, 1].
        negatives: Boolean [N, N] with a True.

    Returns:
        [1]: of n negatives the floor(share * n)-th highest score.

    Source:
        ours.

    Example:
        >>> nearest_limit(torch.tensor([[9.0, 1.0], [3.0, 9.0]]), 0.5, ~torch.eye(2, dtype=torch.bool))
        tensor([3.])
    """
    # As a fraction, because .29 * 100 is less than 29. Known positives may leave fewer negatives than pairs
    # off the diagonal, never more: the limit is one of so many highest scores.
    n, part = len(scores), Fraction(share).limit_denominator(10**6)
    most = max(1, n * (n - 1) * part.numerator // part.denominator)
    highest = torch.where(negatives, scores, -torch.inf).flatten().topk(most).values
    count = (negatives.sum() * part.numerator // part.denominator).clamp_min(1)
    return highest.gather(0, count[None] - 1)


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
    if checks_values(wide) and not bool(((wide >= 0) & (wide <= 1)).all()):
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
