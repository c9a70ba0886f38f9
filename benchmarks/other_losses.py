"""The same job done by other packages, where they are installed: from embeddings to a loss with gradients."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]
MISSING = "not installed"
EXPENSIVE = (
    "sentence-transformers GIST",
    "pytorch-metric-learning NTXentLoss",
    "pytorch-metric-learning TripletMarginLoss",
)
"""Hundreds of times their products: timed apart, or hardly a round of all the others would be."""
MEMORY = 6e9
"""Bytes that a loss may ask for by what its definition holds at once; above, it is left out and said so."""


def other_losses(n: int, dim: int) -> dict[str, Loss | str]:
    """Losses of texts and videos [N, D] by package and name, or why one is left out.

    Args:
        n: Pairs in the batch.
        dim: Width of the embeddings.

    Returns:
        Functions of unit embeddings to a scalar, or a reason in words.
    """
    return {**open_clip(), **sentence_transformers(n, dim), **metric_learning(n)}


def open_clip() -> dict[str, Loss | str]:
    """open_clip's InfoNCE and sigmoid loss, both with fixed scales."""
    names = ("open_clip ClipLoss", "open_clip SigLipLoss")
    package = importlib.util.find_spec("open_clip")
    if package is None or not package.submodule_search_locations:
        return dict.fromkeys(names, MISSING)
    # The file of losses alone: the package also wants torchvision, of which its losses use nothing.
    file = Path(next(iter(package.submodule_search_locations))) / "loss.py"
    spec = importlib.util.spec_from_file_location("open_clip_loss", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clip, siglip, bias = module.ClipLoss(), module.SigLipLoss(), torch.tensor(-10.0)
    return {
        names[0]: lambda text, video: clip(video, text, 20.0),
        names[1]: lambda text, video: siglip(video, text, 10.0, bias),
    }


def sentence_transformers(n: int, dim: int) -> dict[str, Loss | str]:
    """Multiple negatives (both directions) and GIST, with embeddings in place of a model."""
    ranking, gist = "sentence-transformers multiple negatives", EXPENSIVE[0]
    if importlib.util.find_spec("sentence_transformers") is None:
        return {ranking: MISSING, gist: MISSING}
    losses: Any = import_module("sentence_transformers.sentence_transformer.losses")
    model = ReadyEmbeddings()
    multiple = losses.MultipleNegativesRankingLoss(
        model, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    found: dict[str, Loss | str] = {
        ranking: lambda text, video: multiple.compute_loss_from_embeddings([text, video], torch.empty(0))
    }
    needed = 4.0 * n * n * dim  # nn.CosineSimilarity of all pairs, spread out
    if needed > MEMORY / 4:
        found[gist] = f"its cosines stand as [N, N, D]: {needed / 1e9:.0f} GB for one matrix of several"
        return found
    guided = losses.GISTEmbedLoss(model, model, contrast_anchors=False, contrast_positives=False)

    def guided_loss(text: Tensor, video: Tensor) -> Tensor:
        features = [{"sentence_embedding": x, "guide": x.detach()} for x in (text, video)]
        loss: Tensor = guided(features, torch.empty(0))
        return loss

    found[gist] = guided_loss
    return found


class ReadyEmbeddings(nn.Module):
    """What sentence-transformers takes for a model: hands on embeddings that are ready."""

    max_seq_length = 1

    def __init__(self) -> None:
        super().__init__()
        tokenizers: Any = import_module("tokenizers")
        words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}))
        self.tokenizer = import_module("transformers").PreTrainedTokenizerFast(tokenizer_object=words)

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the features as they are."""
        return features


def metric_learning(n: int) -> dict[str, Loss | str]:
    """pytorch-metric-learning's InfoNCE (NT-Xent) and triplets, texts against videos, both directions."""
    _, pair, triplet = EXPENSIVE
    if importlib.util.find_spec("pytorch_metric_learning") is None:
        return {pair: MISSING, triplet: MISSING}
    losses: Any = import_module("pytorch_metric_learning.losses")
    # Two tensors: given one, the package takes a pair's partner for the item itself and leaves it out.
    labels, partners = torch.arange(n), torch.arange(n)

    def both(loss: Any) -> Loss:
        def of(text: Tensor, video: Tensor) -> Tensor:
            total: Tensor = loss(text, labels, ref_emb=video, ref_labels=partners)
            total += loss(video, labels, ref_emb=text, ref_labels=partners)
            return total

        return of

    found: dict[str, Loss | str] = {
        pair: both(losses.NTXentLoss(temperature=0.05)),
        triplet: both(losses.TripletMarginLoss(margin=0.2, triplets_per_anchor="all")),
    }
    # NT-Xent holds every positive against every negative pair: N times N * (N - 1) numbers.
    for name, needed in ((pair, 28.0 * n**3), (triplet, 150.0 * n**2)):
        if needed > MEMORY:
            found[name] = f"it would hold about {needed / 1e9:.0f} GB"
    return found
