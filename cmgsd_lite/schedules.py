"""lambda(t): how much the margin listens to the model itself at fraction t of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cmgsd_lite.validation import as_float, checks_values, store_plain

ROUNDING = 1e-6
"""How far outside [0, 1] a fraction still counts as inside: a counter of steps misses 1 by its rounding."""


@dataclass(frozen=True)
class LinearRamp:
    """Static first, dynamic later: lambda rises linearly from 0 to 1 between two fractions of training.

    Args:
        start: Fraction of training at which lambda leaves 0, in [0, 1].
        end: Fraction of training at which lambda reaches 1, in [start, 1]. Equal to ``start`` it is a step.

    Raises:
        ValueError: If not 0 <= start <= end <= 1, or the schedule is called outside [0, 1].

    Source:
        ours (the paper's abstract speaks of both distances, not of their schedule).

    Example:
        >>> LinearRamp(0.2, 0.6)(0.4)
        0.5
    """

    start: float = 0.2
    end: float = 0.6

    def __post_init__(self) -> None:
        store_plain(self)
        if not 0 <= as_float(self.start) <= as_float(self.end) <= 1:
            raise ValueError(f"start, end: expected 0 <= start <= end <= 1, got {self.start}, {self.end}")

    def __call__(self, progress: float | Tensor) -> float | Tensor:
        """Return lambda in [0, 1] at ``progress``, the fraction of training done.

        A tensor whose value is not to be looked at (``checks_values``) gives a tensor.
        """
        if isinstance(progress, Tensor) and not checks_values(progress):
            return self._of_tensor(progress)
        progress = checked_fraction("progress", progress)
        if progress < self.start:
            return 0.0
        if progress >= self.end:
            return 1.0
        # Rounded because (.4 - .2) / (.6 - .2) is not quite .5 in binary.
        return round((progress - self.start) / (self.end - self.start), 12)

    def _of_tensor(self, progress: Tensor) -> Tensor:
        if self.start == self.end:
            return (progress >= self.end).to(progress.dtype)
        return ((progress - self.start) / (self.end - self.start)).clamp(0, 1)


@dataclass(frozen=True)
class Constant:
    """The same lambda all through training: 0 is purely static, 1 purely dynamic.

    Args:
        value: lambda, in [0, 1].

    Raises:
        ValueError: If ``value`` is outside [0, 1].

    Source:
        ours.

    Example:
        >>> Constant(0.3)(0.9)
        0.3
    """

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", checked_fraction("value", self.value))

    def __call__(self, progress: float | Tensor) -> float:
        """Return lambda, whatever ``progress`` is (it is still checked where its value may be looked at)."""
        if not isinstance(progress, Tensor) or checks_values(progress):
            checked_fraction("progress", progress)
        return self.value


def checked_fraction(name: str, value: Any) -> float:
    """Return a number, or a tensor or array of one, as a float in [0, 1]; ValueError, naming it, otherwise.

    Up to 1e-6 outside it is the rounding of a counter, and taken as the bound.
    """
    try:
        number = float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        number = math.nan
    if isinstance(value, str) or not -ROUNDING <= number <= 1 + ROUNDING:
        raise ValueError(f"{name}: expected a fraction in [0, 1], got {value}")
    return min(max(0.0, number), 1.0)
