"""How far apart two items of ONE modality are.

Unimodal on purpose: ``sim[i, j]`` is what the hinge is training, so a margin made from it would refer
to itself. *Static* distances come from frozen features, *dynamic* ones from the model's own embeddings;
the formula is the same, the difference is what one puts in.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cmgsd_lite.similarity import at_least_float32, full_precision, normalise
from cmgsd_lite.validation import checks_values


def cosine_distances(x: Tensor) -> Tensor:
    """Cosine distance between all pairs of rows: 1 - cos(x_i, x_j).

    Args:
        x: Embeddings of one modality [N, D], texts or videos; normalised inside.

    Returns:
        Distances [N, N] in [0, 2]; float32 or wider, also under autocast.

    Raises:
        ValueError: If ``x`` is not a matrix, or has NaN or infinite entries (looked for as ``checks_values``
            says).

    Source:
        The unimodal distances of the reconstruction (docs/METHOD.md, "The reconstruction").

    Example:
        >>> cosine_distances(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        tensor([[0., 1.],
                [1., 0.]])
    """
    _check_matrix(x)
    # Under autocast the product would run in half precision, whose steps are as wide as the
    # differences between near duplicates that the margin is made of.
    with full_precision(x):
        unit = normalise(x)
        # 1 - unit @ unit.T without a second matrix.
        return _finite(torch.addmm(unit.new_ones(1), unit, unit.T, alpha=-1))


def euclidean_distances(x: Tensor) -> Tensor:
    """Euclidean distance between all pairs of rows, without normalisation.

    Args:
        x: Embeddings of one modality [N, D].

    Returns:
        Distances [N, N] >= 0 in the units of ``x``; float32 or wider.

    Raises:
        ValueError: If ``x`` is not a matrix, or has NaN or infinite entries (looked for as ``checks_values``
            says).

    Source:
        ours (the alternative to the cosine).

    Example:
        >>> euclidean_distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))[0, 1]
        tensor(5.)
    """
    _check_matrix(x)
    # The exact formula: the faster matrix product leaves .03 between equal float32 rows.
    with full_precision(x):
        wide = at_least_float32(x)
        return _finite(torch.cdist(wide, wide, compute_mode="donot_use_mm_for_euclid_dist"))


def _check_matrix(x: Tensor) -> None:
    if x.ndim != 2:
        raise ValueError(f"x: expected embeddings [N, D], got shape {list(x.shape)}")


def _finite(distances: Tensor) -> Tensor:
    # NaN or inf in any row reaches its distances, so one look at the result is enough.
    if checks_values(distances) and not bool(torch.isfinite(distances.detach().sum())):
        raise ValueError("x: expected finite embeddings, got NaN or infinite entries")
    return distances
