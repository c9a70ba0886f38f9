"""lambda(t): how much the margin listens to the model itself at fraction t of training."""

from __future__ import annotations

from dataclasses import dataclass


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
        if not 0 <= self.start <= self.end <= 1:
            raise ValueError(f"start, end: expected 0 <= start <= end <= 1, got {self.start}, {self.end}")

    def __call__(self, progress: float) -> float:
        """Return lambda in [0, 1] at ``progress``, the fraction of training done."""
        check_fraction("progress", progress)
        if progress < self.start:
            return 0.0
        if progress >= self.end:
            return 1.0
        # Rounded because (.4 - .2) / (.6 - .2) is not quite .5 in binary.
        return round((progress - self.start) / (self.end - self.start), 12)


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
        check_fraction("value", self.value)

    def __call__(self, progress: float) -> float:
        """Return lambda, whatever ``progress`` is (it is still checked)."""
        check_fraction("progress", progress)
        return float(self.value)


def check_fraction(name: str, value: float) -> None:
    """Raise ValueError unless ``value`` lies in [0, 1].

    Args:
        name: What to call the value in the message.
        value: A number without unit.

    Raises:
        ValueError: If ``value`` is below 0, above 1 or NaN.

    Example:
        >>> check_fraction("progress", 0.5)
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name}: expected a fraction in [0, 1], got {value}")
