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
from cmgsd_lite.validation import as_float, checks_values

ROUNDING = 1e-6
"""How far apart two equal cosines may come out."""

EPS = 1e-4
"""Added to a standard deviation, as in ``zscore_margin``."""


def unimodal_similarity(name: str, x: Tensor, sim: Tensor) -> Tensor:
    """Cosine similarity of all pairs of one modality's embeddings [N, D]: [N, N] in [-1, 1] up to rounding.

    Float32 or wider. Raises ValueError, calling ``x`` by its name, if it is not [N, D] on the device of
    ``sim`` or has NaN or infinite entries.
    """
    check_features(name, x, sim)
    try:
        return 1 - cosine_distances(x)
    except ValueError as error:
        raise ValueError(f"{name}: expected finite features, got NaN or infinite entries") from error


def static_sources(sim: Tensor, given: Inputs) -> list[Source]:
    """The frozen sources of a batch, teachers' features and ready matrices, each checked against ``sim``."""
    return list(sources_of(sim, replace(given, text=None, video=None)).values())


def similarity_of(source: Source, bounded: bool = False) -> Tensor:
    """1 - distance of a source [N, N], without gradient, float32 or wider.

    Features have 1 on the diagonal, also those that are all zero. Raises ValueError naming the source, if
    features are not finite or a ready matrix that is ``bounded`` is not in [0, 2], as 1 - a similarity is.
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

    [N, N] in standard deviations, without gradient; also on the diagonal, which a directed distance from
    caption i to its own video leaves above 0.
    """
    scores = []
    for source in sources:
        d = at_least_float32(source.distances(detach=True))
        mean = torch.where(negatives, d, 0).sum() / negatives.sum().clamp_min(1)
        scores.append((d - mean) / (centred(d, negatives)[1] + EPS))
    return torch.stack(scores).mean(dim=0)


def nearest_limit(scores: Tensor, share: float, negatives: Tensor) -> Tensor:
    """The lowest score [1] among the nearest share, in (0, 1], of the negative pairs; one at least.

    Of n negatives the floor(share * n)-th highest score of ``scores`` [N, N], where higher is nearer.
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

    The cosine of two equal rows, and a share of facets such as 3/3, may miss 1 by it.
    """
    return scores >= threshold - ROUNDING


def checked_relevance(relevance: Tensor, sim: Tensor) -> Tensor:
    """The graded truth [N, N] of a batch, without gradient, float32 or wider.

    Raises ValueError on another shape or device than those of ``sim``, or entries outside [0, 1].
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
    """Which pairs are negatives: all off the diagonal but known positives (equal ids); some in every row."""
    negatives = negative_pairs(sim, ids=ids)
    return ~torch.eye(len(sim), dtype=torch.bool, device=sim.device) if negatives is None else negatives


def check_between(name: str, value: float, low: float, high: float) -> float:
    """Return ``value`` as a float if it lies in [low, high]; ValueError, naming it, otherwise."""
    number = as_float(value)
    if not low <= number <= high:
        raise ValueError(f"{name}: expected a number in [{low}, {high}], got {value!r:.60}")
    return number
