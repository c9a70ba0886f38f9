"""The compact dual encoder: mean over tokens, one two-layer perceptron a side."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmgsd_lite.models.base import RetrievalModel, TextExperts, VideoExperts, present_experts
from cmgsd_lite.models.config import ModelConfig
from cmgsd_lite.models.pooling import masked_mean
from cmgsd_lite.similarity import normalise


class MeanPoolModel(RetrievalModel):
    """Mean-pool dual encoder; its similarity is the cosine of one text and one video vector.

    Every expert is averaged over its tokens and brought to one scale, the experts are joined (zeros for
    a missing one), and a two-layer perceptron maps each side to the common space.

    Args:
        config: The settings; ``layers``, ``heads`` and ``max_tokens`` are not used.

    Source:
        ours; the usual baseline on precomputed features.

    Example:
        >>> model = MeanPoolModel(ModelConfig("mean-pool", text_dim=4, expert_dims={"rgb": 8}))
        >>> model.encode_text(torch.randn(2, 4)).embedding.shape
        torch.Size([2, 256])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.text = _perceptron(config.text_dim, config, config.text_dropout)
        self.video = _perceptron(sum(config.expert_dims.values()), config, config.video_dropout)

    def _encode_text(self, text: Tensor) -> TextExperts:
        vectors = normalise(self.text(functional.layer_norm(text, text.shape[1:])))
        return TextExperts(vectors[:, None], vectors.new_ones(len(vectors), 1))

    def _encode_video(self, values: list[Tensor], masks: list[Tensor]) -> VideoExperts:
        present = present_experts(masks).any(dim=1, keepdim=True)
        pooled = [masked_mean(of_expert, mask) for of_expert, mask in zip(values, masks, strict=True)]
        joined = torch.cat([functional.layer_norm(x, x.shape[1:]) for x in pooled], dim=1)
        return VideoExperts(normalise(self.video(joined))[:, None], present)


def _perceptron(input_dim: int, config: ModelConfig, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(input_dim, config.hidden_dim),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(config.hidden_dim, config.embed_dim),
    )
