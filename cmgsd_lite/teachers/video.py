"""Static video teacher: frozen features, standardised on the training videos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from cmgsd_lite.models.pooling import check_features, masked_mean
from cmgsd_lite.similarity import at_least_float32


class Statistics(NamedTuple):
    """Mean and standard deviation of one expert's token-means over training videos, [D] each."""

    mean: Tensor
    std: Tensor


def feature_statistics(features: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Statistics]:
    """Mean and standard deviation of every expert over the videos that have it.

    Take them on training videos only, and apply them to every split.

    Args:
        features: Tokens of each expert [V, T, D].
        masks: Boolean [V, T] of each expert, True where the token exists.

    Returns:
        For each expert the mean and the population standard deviation [D] of the videos' token-means;
        0 and 0 for an expert that no video has.

    Raises:
        ValueError: If features and masks do not belong together.

    Source:
        ours.

    Example:
        >>> features = {"rgb": torch.tensor([[[1.0]], [[3.0]]])}
        >>> feature_statistics(features, {"rgb": torch.ones(2, 1, dtype=torch.bool)})["rgb"].std
        tensor([1.])
    """
    check_features(features, masks)
    statistics = {}
    for name, values in features.items():
        present = masks[name].any(dim=1)
        count = present.sum().clamp_min(1)
        pooled = masked_mean(at_least_float32(values), masks[name])
        mean = pooled.sum(dim=0) / count  # a missing expert is a row of zeros
        deviation = (pooled - mean) * present[:, None]
        statistics[name] = Statistics(mean, (deviation.square().sum(dim=0) / count).sqrt())
    return statistics


def video_teacher(
    features: Mapping[str, Tensor],
    masks: Mapping[str, Tensor],
    statistics: Mapping[str, Statistics],
) -> Tensor:
    """Static video teacher: the frozen features, averaged over tokens, standardised and concatenated.

    Args:
        features: Tokens of each expert [V, T, D].
        masks: Boolean [V, T] of each expert, True where the token exists.
        statistics: Of the training videos, from ``feature_statistics``; its order is that of the columns.

    Returns:
        Teacher [V, sum of D], float32 or wider. A missing expert contributes zeros (the average video),
        and so does a dimension that is constant over the training videos.

    Raises:
        ValueError: If features and masks do not belong together, or do not fit the statistics.

    Source:
        ours. Without standardisation the dimensions of large scale decide every cosine distance.

    Example:
        >>> features = {"rgb": torch.tensor([[[1.0]], [[3.0]]])}
        >>> masks = {"rgb": torch.ones(2, 1, dtype=torch.bool)}
        >>> video_teacher(features, masks, feature_statistics(features, masks))
        tensor([[-1.],
                [ 1.]])
    """
    check_features(features, masks)
    expected = {name: len(of_expert.mean) for name, of_expert in statistics.items()}
    found = {name: values.shape[2] for name, values in features.items()}
    if found != expected:
        raise ValueError(f"features: expected the experts (with dimensions) {expected}, got {found}")
    return torch.cat([_standardised(features[n], masks[n], s) for n, s in statistics.items()], dim=1)


def _standardised(values: Tensor, mask: Tensor, statistics: Statistics) -> Tensor:
    centred = masked_mean(at_least_float32(values), mask) - statistics.mean
    varying = statistics.std > 1e-6  # below that only float32 noise would be blown up
    scaled = torch.where(varying, centred / statistics.std, 0)
    return scaled * mask.any(dim=1)[:, None]
