"""What all models share: the forms of an encoded text and video, and how they are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from cmgsd_lite.models.config import ModelConfig
from cmgsd_lite.models.pooling import check_features
from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import checks_values


class TextExperts(NamedTuple):
    """Encoded texts: one unit vector for every expert, and how much each expert counts.

    Example:
        >>> texts = TextExperts(torch.ones(3, 2, 1), torch.full((3, 2), 0.5))
        >>> texts.rows(slice(0, 2)).embedding.shape
        torch.Size([2, 1])
    """

    vectors: Tensor
    """[N, E, D], length one each."""
    weights: Tensor
    """[N, E], each row sums to one."""

    @property
    def embedding(self) -> Tensor:
        """[N, D]: the mean over experts, for distances between texts."""
        return self.vectors.mean(dim=1)

    def rows(self, index: slice | Tensor) -> Self:
        """Return some of the texts."""
        return type(self)(self.vectors[index], self.weights[index])

    @classmethod
    def join(cls, parts: Sequence[TextExperts]) -> Self:
        """Put texts that were encoded in chunks together again."""
        return cls(torch.cat([part.vectors for part in parts]), torch.cat([part.weights for part in parts]))


class VideoExperts(NamedTuple):
    """Encoded videos: one unit vector for every expert, zeros where the expert is missing.

    Example:
        >>> videos = VideoExperts(torch.tensor([[[1.0], [0.0]]]), torch.tensor([[True, False]]))
        >>> videos.embedding
        tensor([[1.]])
    """

    vectors: Tensor
    """[N, E, D], length one or zero."""
    present: Tensor
    """Boolean [N, E], at least one True a row."""

    @property
    def embedding(self) -> Tensor:
        """[N, D]: the mean over present experts, for distances between videos."""
        return self.vectors.sum(dim=1) / self.present.sum(dim=1, keepdim=True)

    def rows(self, index: slice | Tensor) -> Self:
        """Return some of the videos."""
        return type(self)(self.vectors[index], self.present[index])

    @classmethod
    def join(cls, parts: Sequence[VideoExperts]) -> Self:
        """Put videos that were encoded in chunks together again."""
        return cls(torch.cat([part.vectors for part in parts]), torch.cat([part.present for part in parts]))


class Output(NamedTuple):
    """What a model's call returns."""

    text: Tensor
    """[N_texts, D]: the model's own text embeddings, for distances."""
    video: Tensor
    """[N_videos, D]: the model's own video embeddings, for distances."""
    sim: Tensor
    """[N_texts, N_videos] in [-1, 1]: rows are texts, columns are videos."""


def expert_similarity(text: TextExperts, video: VideoExperts) -> Tensor:
    """Text-weighted mean of the experts' cosine similarities, over each video's present experts.

    ``sim[i, j] = sum_e w_ie p_je <t_ie, v_je> / sum_e w_ie p_je``: the weights are renormalised for every
    pair, so a video is not punished for an expert that it lacks. With one expert it is the cosine.

    Args:
        text: Encoded texts.
        video: Encoded videos.

    Returns:
        ``sim`` [N_texts, N_videos] in [-1, 1]: rows are texts, columns are videos. Under autocast in
        float32 all the same.

    Source:
        Miech et al. 2018 (MoEE, arXiv 1804.02516), section 3.2; also CE and MMT.

    Example:
        >>> text = TextExperts(torch.eye(2)[:, None], torch.ones(2, 1))
        >>> video = VideoExperts(torch.eye(2)[:, None], torch.ones(2, 1, dtype=torch.bool))
        >>> expert_similarity(text, video)
        tensor([[1., 0.],
                [0., 1.]])
    """
    # Missing experts are zero vectors, so one matrix product over the joined experts is the numerator.
    weighted = (text.vectors * text.weights[:, :, None]).flatten(1)
    # Under autocast the scores would come in steps of .004, which is much among margins of .2.
    with torch.autocast(weighted.device.type, enabled=False):
        total = text.weights @ video.present.to(text.weights.dtype).T
        # A text may give next to no weight to all that a video has: the score then fades to 0, while
        # dividing by less would make the gradient explode.
        return weighted @ video.vectors.flatten(1).T / at_least_float32(total).clamp_min(1e-12)


class RetrievalModel(nn.Module):
    """A text and a video encoder that meet in ``expert_similarity``; it knows nothing of losses.

    Texts and videos are encoded apart, so that a gallery is encoded once and searched often. Shapes are
    always checked; values on the CPU, on an accelerator only within ``cmgsd_lite.validation.validating``.

    Args:
        config: The settings.

    Example:
        >>> from cmgsd_lite.models import build_model
        >>> model = build_model(ModelConfig("mean-pool", text_dim=4, expert_dims={"rgb": 8}))
        >>> features, masks = {"rgb": torch.randn(5, 3, 8)}, {"rgb": torch.ones(5, 3, dtype=torch.bool)}
        >>> model(torch.randn(2, 4), features, masks).sim.shape
        torch.Size([2, 5])
    """

    text: nn.Module

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    def encode_text(self, text: Tensor) -> TextExperts:
        """Encode texts.

        Args:
            text: Text vectors [N, text_dim] of a frozen encoder.

        Returns:
            The encoded texts.

        Raises:
            ValueError: If ``text`` has another shape, or NaN or infinite entries.
        """
        if text.ndim != 2 or text.shape[0] == 0 or text.shape[1] != self.config.text_dim:
            raise ValueError(f"text: expected [N >= 1, {self.config.text_dim}], got {list(text.shape)}")
        if checks_values(text) and not bool(torch.isfinite(text.detach().sum())):
            raise ValueError("text: expected finite vectors, got NaN or infinite entries")
        return self._encode_text(text.to(self._dtype))

    def encode_video(self, features: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> VideoExperts:
        """Encode videos.

        Args:
            features: Tokens of each expert [N, T, D]. Masked tokens are never read, NaN included.
            masks: Boolean [N, T] of each expert, True where the token exists.

        Returns:
            The encoded videos.

        Raises:
            ValueError: If the experts are not the configured ones, features and masks do not belong
                together, or a video has no expert at all: it has nothing to be compared by.
        """
        check_features(features, masks)
        names, expected = list(self.config.expert_dims), dict(self.config.expert_dims)
        found = {name: values.shape[2] for name, values in features.items()}
        if found != expected:
            raise ValueError(f"features: expected the experts (with dimensions) {expected}, got {found}")
        values = [features[name].masked_fill(~masks[name][:, :, None], 0).to(self._dtype) for name in names]
        return self._encode_video(values, [masks[name] for name in names])

    def similarity(self, text: TextExperts, video: VideoExperts) -> Tensor:
        """Return ``sim`` [N_texts, N_videos] of encoded texts and videos."""
        return expert_similarity(text, video)

    def forward(self, text: Tensor, features: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Output:
        """Encode both sides and score every text with every video; arguments as of the two encoders."""
        texts, videos = self.encode_text(text), self.encode_video(features, masks)
        return Output(texts.embedding, videos.embedding, self.similarity(texts, videos))

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def _encode_text(self, text: Tensor) -> TextExperts:
        """What the model's own ``text`` part makes of them."""
        encoded: TextExperts = self.text(text)
        return encoded

    def _encode_video(self, values: list[Tensor], masks: list[Tensor]) -> VideoExperts:
        """Experts in the configured order, zeros where masked."""
        raise NotImplementedError


def present_experts(masks: list[Tensor]) -> Tensor:
    """Which expert of which video has any token [N, E]; ValueError if a video has none."""
    present = torch.stack([mask.any(dim=1) for mask in masks], dim=1)
    if checks_values(present) and len(without := (~present.any(dim=1)).nonzero()):
        raise ValueError(
            f"masks: expected at least one token in every video, got none in {len(without)}, "
            f"the first in row {int(without[0])}"
        )
    return present
