"""Videos as they come from disk: tokens of several experts, padded, some missing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cmgsd_lite.validation import checks_values


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean [N, D] over the tokens [N, T, D] that exist, by a mask [N, T]; zero where a video has none.

    What stands in masked places is never read, NaN included.
    """
    kept = values.masked_fill(~mask[:, :, None], 0)
    return kept.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp_min(1)


def check_features(features: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    """Raise ValueError unless the experts' features [N, T, D] and masks [N, T] belong together.

    T and D may differ between experts. NaN or infinite entries count only where the mask says that a token
    exists.
    """
    if not features:
        raise ValueError("features: expected at least one expert, got none")
    if any(name not in masks for name in features):
        raise ValueError(f"masks: expected one for each expert {list(features)}, got {list(masks)}")
    counts = {name: len(values) for name, values in features.items() if values.ndim > 0}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise ValueError(f"features: expected one number of videos >= 1 for every expert, got {counts}")
    for name, values in features.items():
        _check_expert(name, values, masks[name])


def _check_expert(name: str, values: Tensor, mask: Tensor) -> None:
    if values.ndim != 3 or not values.is_floating_point():
        raise ValueError(
            f"features[{name!r}]: expected floating point [N, T, D], got {values.dtype} {list(values.shape)}"
        )
    if mask.dtype != torch.bool or mask.shape != values.shape[:2]:
        raise ValueError(
            f"masks[{name!r}]: expected bool {list(values.shape[:2])}, got {mask.dtype} {list(mask.shape)}"
        )
    # NaN and inf of any token survive its sum, which is cheaper to look at than the tokens.
    if checks_values(values) and not bool(torch.isfinite(values.detach().sum(dim=2)[mask]).all()):
        raise ValueError(f"features[{name!r}]: expected finite values where the mask is True, got NaN or inf")
