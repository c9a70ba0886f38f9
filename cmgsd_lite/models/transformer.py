"""A small multi-modal transformer over the tokens of all experts, in the manner of MMT."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cmgsd_lite.models.base import RetrievalModel, VideoExperts, present_experts
from cmgsd_lite.models.config import ModelConfig
from cmgsd_lite.models.gated_experts import GatedText
from cmgsd_lite.models.pooling import masked_mean
from cmgsd_lite.similarity import normalise


class TransformerModel(RetrievalModel):
    """Small multi-modal transformer: experts look at one another's tokens before they are compared.

    The sequence is one aggregated token for every expert (the mean of its projected tokens, as a start),
    then the tokens themselves, each with the embedding of its expert and of its place in time. What the
    aggregated tokens have become is the video's expert vectors; the text side is that of gated experts.
    Missing experts and padding take no part in the attention.

    Args:
        config: The settings; MMT has 4 layers and 4 heads at width 512. Only the first ``max_tokens``
            tokens of an expert are used; an expert whose tokens all come later counts as missing.

    Source:
        Gabeur et al., "Multi-modal Transformer for Video Retrieval" (MMT, ECCV 2020), section 3.1, with
        places instead of seconds, mean instead of maximum, and normalisation before the layers.

    Example:
        >>> config = ModelConfig("transformer", text_dim=4, expert_dims={"rgb": 8, "audio": 2})
        >>> TransformerModel(config).encode_text(torch.randn(3, 4)).vectors.shape
        torch.Size([3, 2, 256])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        dim = config.embed_dim
        self.text = GatedText(config)
        self.projections = nn.ModuleList(nn.Linear(width, dim) for width in config.expert_dims.values())
        self.expert_embedding = nn.Parameter(0.02 * torch.randn(len(config.expert_dims), dim))
        self.time_embedding = nn.Parameter(0.02 * torch.randn(config.max_tokens, dim))
        self.aggregated_embedding = nn.Parameter(0.02 * torch.randn(dim))
        layer = nn.TransformerEncoderLayer(
            dim,
            config.heads,
            dim_feedforward=config.hidden_dim,
            dropout=config.video_dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, config.layers, norm=nn.LayerNorm(dim), enable_nested_tensor=False
        )

    def _encode_video(self, values: list[Tensor], masks: list[Tensor]) -> VideoExperts:
        limit = self.config.max_tokens
        values, masks = [v[:, :limit] for v in values], [m[:, :limit] for m in masks]
        present = present_experts(masks)
        sequence = self._sequence(values, masks)
        padding = ~torch.cat([present, *masks], dim=1)
        hidden = self.encoder(sequence, src_key_padding_mask=padding)
        vectors = normalise(hidden[:, : len(values)])
        return VideoExperts(vectors * present[:, :, None], present)

    def _sequence(self, values: list[Tensor], masks: list[Tensor]) -> Tensor:
        """[N, experts + all tokens, embed_dim]: the aggregated tokens first."""
        aggregated, tokens = [], []
        for project, of_expert, mask, expert in zip(
            self.projections, values, masks, self.expert_embedding, strict=True
        ):
            projected = project(functional.layer_norm(of_expert, of_expert.shape[2:]))
            aggregated.append(masked_mean(projected, mask) + self.aggregated_embedding + expert)
            tokens.append(projected + self.time_embedding[: projected.shape[1]] + expert)
        return torch.cat([torch.stack(aggregated, dim=1), *tokens], dim=1)
