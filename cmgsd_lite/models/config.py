"""Settings of the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from cmgsd_lite.validation import as_float, checked_whole, store_plain

MOST = 65_536
"""Of a width; of features too: wider ones are counts of words, which none of these models are for."""
Kind = Literal["mean-pool", "gated-experts", "transformer"]


@dataclass(frozen=True)
class ModelConfig:
    """Settings of a model; ``dataclasses.asdict`` and ``ModelConfig(**...)`` carry it through JSON.

    Args:
        kind: ``"mean-pool"`` dual encoder, ``"gated-experts"`` or ``"transformer"``.
        text_dim: Width of the text vectors that go in.
        expert_dims: Name and feature width of every video expert; their order is the models' order.
        embed_dim: Width of the common space.
        hidden_dim: Hidden width of the two-layer perceptrons, or of the transformer's.
        text_dropout: Probability, on the text side.
        video_dropout: Probability, on the video side.
        layers: Of the transformer.
        heads: Of the transformer.
        max_tokens: Tokens of one expert that the transformer looks at; later ones are cut.

    Raises:
        ValueError: On a setting out of range, naming it.

    Example:
        >>> ModelConfig("mean-pool", text_dim=256, expert_dims={"rgb": 2048}).embed_dim
        256
    """

    kind: Kind
    text_dim: int
    expert_dims: Mapping[str, int]
    embed_dim: int = 256
    hidden_dim: int = 512
    text_dropout: float = 0.2
    video_dropout: float = 0.3
    layers: int = 2
    heads: int = 4
    max_tokens: int = 30

    def __post_init__(self) -> None:
        store_plain(self)
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind: expected one of {list(get_args(Kind))}, got {self.kind!r}")
        if not self.expert_dims:
            raise ValueError("expert_dims: expected at least one expert, got none")
        whole = ("text_dim", "embed_dim", "hidden_dim", "layers", "heads", "max_tokens")
        sizes = {name: getattr(self, name) for name in whole}
        sizes |= {f"expert_dims[{name!r}]": dim for name, dim in self.expert_dims.items()}
        for name, value in sizes.items():
            checked_whole(name, value, range(1, (256 if name == "layers" else MOST) + 1))
        for name in ("text_dropout", "video_dropout"):
            if not 0 <= as_float(getattr(self, name)) < 1:
                raise ValueError(f"{name}: expected a probability in [0, 1), got {getattr(self, name)}")
        if self.kind == "transformer" and self.embed_dim % self.heads:
            raise ValueError(f"heads: expected a divisor of embed_dim = {self.embed_dim}, got {self.heads}")
