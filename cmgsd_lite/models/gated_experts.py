"""Gated experts: every expert is compared in a space of its own, the text says which ones count."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmgsd_lite.models.base import RetrievalModel, TextExperts, VideoExperts, present_experts
from cmgsd_lite.models.config import ModelConfig
from cmgsd_lite.models.pooling import masked_mean
from cmgsd_lite.similarity import normalise


class GatedEmbeddingUnit(nn.Module):
    """Linear map, context gating, unit length: ``normalise(x * sigmoid(W x + b))`` with ``x = V input + c``.

    Source:
        Miech et al. 2018 (MoEE, arXiv 1804.02516), section 3.1.
    """

    def __init__(self, input_dim: int, output_dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(input_dim, output_dim)
        self.gate = nn.Linear(output_dim, output_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, input_dim] to unit vectors [N, output_dim]."""
        x = self.project(x)
        return normalise(x * torch.sigmoid(self.gate(x)))


class GatedText(nn.Module):
    """The text side of expert models: a gated unit for every expert, and the experts' weights.

    Source:
        Miech et al. 2018 (MoEE), sections 3.1 and 3.2; used likewise by CE and MMT.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.text_dropout)
        self.units = nn.ModuleList(
            GatedEmbeddingUnit(config.text_dim, config.embed_dim) for _ in config.expert_dims
        )
        self.weights = nn.Linear(config.text_dim, len(config.expert_dims))

    def forward(self, text: Tensor) -> TextExperts:
        """Encode text vectors [N, text_dim]."""
        text = self.dropout(functional.layer_norm(text, text.shape[1:]))
        vectors = torch.stack([unit(text) for unit in self.units], dim=1)
        return TextExperts(vectors, torch.softmax(self.weights(text), dim=1))


class GatedExpertsModel(RetrievalModel):
    """Gated experts in the manner of MoEE and CE, without CE's exchange between experts.

    Every expert is averaged over its tokens, brought to one scale and mapped by a gated embedding unit.
    A missing expert is left out and the text's weights are renormalised over those present.

    Args:
        config: The settings; ``hidden_dim``, ``layers``, ``heads`` and ``max_tokens`` are not used.

    Source:
        Miech et al. 2018 (MoEE); Liu et al., "Use What You Have" (CE, BMVC 2019).

    Example:
        >>> config = ModelConfig("gated-experts", text_dim=4, expert_dims={"rgb": 8, "audio": 2})
        >>> GatedExpertsModel(config).encode_text(torch.randn(3, 4)).vectors.shape
        torch.Size([3, 2, 256])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.text = GatedText(config)
        self.dropout = nn.Dropout(config.video_dropout)
        self.units = nn.ModuleList(
            GatedEmbeddingUnit(dim, config.embed_dim) for dim in config.expert_dims.values()
        )

    def _encode_video(self, values: list[Tensor], masks: list[Tensor]) -> VideoExperts:
        present = present_experts(masks)
        pooled = [masked_mean(of_expert, mask) for of_expert, mask in zip(values, masks, strict=True)]
        scaled = [self.dropout(functional.layer_norm(x, x.shape[1:])) for x in pooled]
        vectors = torch.stack([unit(x) for unit, x in zip(self.units, scaled, strict=True)], dim=1)
        return VideoExperts(vectors * present[:, :, None], present)
