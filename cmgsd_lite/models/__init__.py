"""Compact text-video models over precomputed features: mean-pool, gated experts, small transformer.

``build_model(config)(text, features, masks)`` gives embeddings of both sides and ``sim``. No model knows
which loss it is trained with: the adaptive margin adds no parameter and leaves the forward pass alone.
"""

from __future__ import annotations

import torch

from cmgsd_lite.models.base import Output, RetrievalModel, TextExperts, VideoExperts, expert_similarity
from cmgsd_lite.models.config import Kind, ModelConfig
from cmgsd_lite.models.gated_experts import GatedExpertsModel
from cmgsd_lite.models.mean_pool import MeanPoolModel
from cmgsd_lite.models.transformer import TransformerModel
from cmgsd_lite.validation import as_plain

__all__ = [
    "GatedExpertsModel",
    "Kind",
    "MeanPoolModel",
    "ModelConfig",
    "Output",
    "RetrievalModel",
    "TextExperts",
    "TransformerModel",
    "VideoExperts",
    "build_model",
    "expert_similarity",
]

_MODELS: dict[Kind, type[RetrievalModel]] = {
    "mean-pool": MeanPoolModel,
    "gated-experts": GatedExpertsModel,
    "transformer": TransformerModel,
}


def build_model(config: ModelConfig, seed: int = 0) -> RetrievalModel:
    """Build the configured model; one seed gives one initialisation.

    The global random state is left as it was. Dropout draws from it while training, so a training that is
    to repeat must also see to that state.

    Args:
        config: The settings; ``config.kind`` says which model.
        seed: Of the initialisation.

    Returns:
        The model, in training mode, on the CPU.

    Example:
        >>> config = ModelConfig("mean-pool", text_dim=4, expert_dims={"rgb": 8})
        >>> one, same = build_model(config, seed=1), build_model(config, seed=1)
        >>> torch.equal(one.text[0].weight, same.text[0].weight)
        True
    """
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would reseed the GPUs as well, which are not restored here.
        torch.default_generator.manual_seed(as_plain(seed))
        return _MODELS[config.kind](config)
