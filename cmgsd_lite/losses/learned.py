"""Numbers that a loss learns; those that have to be positive are kept as their logarithm."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from cmgsd_lite.similarity import at_least_float32


def bounded_exp(log_value: Tensor, low: float = 0.0, high: float = math.inf) -> Tensor:
    """The number whose logarithm is learned, held within bounds.

    At a bound a gradient whose step would lead further out is zero, one whose step leads back is kept. (CLIP
    clamps its parameter after every step of the optimizer, of which a loop of one's own would have to know.)

    Args:
        log_value: The parameter, a scalar.
        low: Smallest value, >= 0.
        high: Largest value.

    Returns:
        A scalar in float32 or wider, with gradient.

    Source:
        ours; the upper bound is CLIP's (Radford et al. 2021).

    Example:
        >>> bounded_exp(torch.tensor(9.0), 1.0, 100.0).round()
        tensor(100.)
    """
    bounds = (math.log(low) if low > 0 else -math.inf, math.log(high))
    bounded: Tensor = _Bounded.apply(at_least_float32(log_value), *bounds)  # type: ignore[no-untyped-call]
    return bounded.exp()


def check_parameters(loss: nn.Module, sim: Tensor) -> None:
    """Check that a loss's parameters lie where the scores do: torch would move a scalar without a word.

    Args:
        loss: Any.
        sim: Similarities [N, N].

    Raises:
        ValueError: Naming the parameter and both devices.

    Source:
        ours.

    Example:
        >>> check_parameters(InfoNCELoss(learnable=True), torch.eye(2))
    """
    for name, parameter in loss.named_parameters():
        if parameter.device != sim.device:
            raise ValueError(
                f"{name}: expected on {sim.device} like sim, got {parameter.device}: "
                f"move the loss as well, loss.to({str(sim.device)!r})"
            )


def learned_numbers(loss: nn.Module) -> dict[str, float]:
    """What a loss has learned so far, for a history: of itself, and of losses inside it.

    Args:
        loss: Any; every part with a method ``learned() -> dict[str, float]`` is asked.

    Returns:
        Numbers by name; empty where nothing is learned.

    Source:
        ours.

    Example:
        >>> learned_numbers(SigmoidLoss())
        {'scale': 10.0, 'bias': -10.0}
    """
    asked = [getattr(module, "learned", None) for module in loss.modules()]
    return {name: value for ask in asked if callable(ask) for name, value in ask().items()}


class _Bounded(torch.autograd.Function):
    """Clamp, whose gradient is zero only where a step along it would lead further out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.low, ctx.high = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (x,), (gradient,) = ctx.saved_tensors, gradients
        outwards = ((x >= ctx.high) & (gradient < 0)) | ((x <= ctx.low) & (gradient > 0))
        return torch.where(outwards, 0, gradient), None, None
