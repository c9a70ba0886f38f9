"""Settings of a training, and of an experiment of many; plain values, so that they go through JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cmgsd_lite.losses.checks import checked_finite
from cmgsd_lite.models import Kind
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.data_choice import DataConfig
from cmgsd_lite.training.devices import Precision
from cmgsd_lite.validation import checked_whole, store_plain

SEEDS = range(2**32)
"""Seeds that give streams of their own: what is drawn is seeded with multiples of them, in 64 bits."""
MOST = 1_000_000
RANGES = {
    "epochs": range(1, MOST + 1),
    "batch_size": range(2, MOST + 1),
    "captions_per_video": range(1, MOST + 1),
    "patience": range(1, MOST + 1),
    "seed": SEEDS,
}
"""Of whole numbers; a batch has at most as many pairs as there are training videos."""


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training; plain values only.

    Args:
        epochs: Planned passes over the training videos; schedules run over this length.
        batch_size: Pairs in a batch; the last partial batch of an epoch is dropped.
        learning_rate: Of AdamW at the start; a cosine takes it to 0 at the planned end.
        weight_decay: Of AdamW.
        captions_per_video: Captions of one video in a batch; more than 1 makes them known positives.
        patience: Stop after this many epochs without a better validation score; None never stops early.
        seed: Of batches, captions and dropout (the model's initialisation is its builder's), in ``SEEDS``.

    Raises:
        ValueError: On a setting out of range.

    Source:
        The values are those of the prototypes (docs/METHOD.md), not the paper's.

    Example:
        >>> TrainingConfig(epochs=5).batch_size
        128
    """

    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    captions_per_video: int = 1
    patience: int | None = 10
    seed: int = 0

    def __post_init__(self) -> None:
        store_plain(self)
        for name, allowed in RANGES.items():
            if name != "patience" or self.patience is not None:
                checked_whole(name, getattr(self, name), allowed)
        if self.batch_size % self.captions_per_video:
            raise ValueError(
                f"batch_size: expected a multiple of captions_per_video = "
                f"{self.captions_per_video}, got {self.batch_size}"
            )
        if self.batch_size == self.captions_per_video:
            raise ValueError("batch_size: expected captions of at least two videos in a batch")
        for name in ("learning_rate", "weight_decay"):
            if checked_finite(name, getattr(self, name)) < 0:
                raise ValueError(f"{name}: expected a number >= 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class Experiment:
    """Everything that defines a table of results; plain values only.

    Args:
        data: Which data.
        conditions: Settings of the loss of every row, by name.
        seeds: Of the paired runs.
        model: Kind of model.
        training: Settings of every training; its seed is replaced by the run's.
        device, precision: As for ``fit``.

    Example:
        >>> Experiment(DataConfig(), {"infonce": LossConfig("infonce")}).seeds
        (0, 1, 2)
    """

    data: DataConfig
    conditions: dict[str, LossConfig]
    seeds: tuple[int, ...] = (0, 1, 2)
    model: Kind = "mean-pool"
    training: TrainingConfig = field(default_factory=TrainingConfig)
    device: str = "auto"
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        store_plain(self)


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Turn tuples among plain values into lists, as JSON would have them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
