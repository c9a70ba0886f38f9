"""Static teachers: frozen features whose distances make the static margins. Nothing here is trained.

A teacher may know more than the model does ("privileged knowledge"): the text teacher of a training video
is the mean over *all* its captions, while the model sees one of them at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cmgsd_lite.pooling import check_features, masked_mean
from cmgsd_lite.similarity import at_least_float32


class Statistics(NamedTuple):
    """Mean and standard deviation of one expert's token-means over training videos, [D] each."""

    mean: Tensor
    std: Tensor


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
