"""The hardest negative under noise: a random margin is a temperature.

The hardest-negative hinge of an anchor is the largest of its negatives' violations and zero. Let noise move
what is compared: with Gumbel noise the expectation has a closed form, and with noise on the zero too it *is*
the ``smooth`` reduction. ``twin_temperature`` measures which temperature random margins amount to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.losses.checks import checked_finite, checked_margin, checked_positive, checked_sim
from cmgsd_lite.similarity import at_least_float32

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_LARGEST = math.log(40)  # beyond it Ein(x) is log x + gamma to the last digit of float64


def ein(log_x: Tensor) -> Tensor:
    """The entire exponential integral of x = exp(log_x): the integral of (1 - exp(-s)) / s from 0 to x.

    Args:
        log_x: Any shape, float32 or float64, any size: x itself may overflow.

    Returns:
        The same shape, to a few units of the last digit; differentiable, d/dlog_x = 1 - exp(-x).

    Source:
        NIST Digital Library of Mathematical Functions, 6.2.3; Gauss's quadrature is ours: the integrand is so
        smooth that 32 points are exact up to x = 40.

    Example:
        >>> ein(torch.tensor([-20.0, 0.0, 100.0]))
        tensor([2.0612e-09, 7.9660e-01, 1.0058e+02])
    """
    t = torch.as_tensor((_NODES + 1) / 2, dtype=log_x.dtype, device=log_x.device)
    weights = torch.as_tensor(_WEIGHTS / 2, dtype=log_x.dtype, device=log_x.device)
    x = log_x.clamp_max(_LARGEST).exp()
    integral = (-torch.expm1(-x[..., None] * t) / t * weights).sum(dim=-1)
    return torch.where(log_x > _LARGEST, log_x + np.euler_gamma, integral)


def expected_hardest(violations: Tensor, temperature: float, *, noise_on_zero: bool = True) -> Tensor:
    """The expected hardest violation under independent, centred Gumbel noise, in closed form.

    With noise on the negatives *and* on the zero of the hinge it is the ``smooth`` reduction of
    ``MaxMarginRankingLoss``, tau * softplus(logsumexp(v / tau)); its gradient, the probability that a
    negative is picked, is a softmax over the negatives and zero. With noise on the negatives alone, as a
    random margin has it, it is tau * Ein(exp(mu / tau)) with mu = tau * logsumexp(v / tau) - gamma * tau, and
    its gradient softmax(v / tau) * (1 - exp(-exp(mu / tau))). Near zero the two part.

    Args:
        violations: margin + sim - positive of every negative of an anchor [..., negatives], before the hinge.
        temperature: tau, the scale of the noise, in units of the similarity.
        noise_on_zero: Whether the zero of the hinge has noise of its own.

    Returns:
        One value an anchor [...], > 0.

    Raises:
        ValueError: If the temperature is not positive, or there is no negative.

    Source:
        Gumbel-max: Gumbel 1954, as in Maddison et al., "A* Sampling" (NeurIPS 2014); for the hinge ours.

    Example:
        >>> violations = torch.tensor([0.1, -0.2])
        >>> expected_hardest(violations, 0.03), expected_hardest(violations, 0.03, noise_on_zero=False)
        (tensor(0.1011), tensor(0.1000))
    """
    temperature = checked_positive("temperature", temperature)
    pooled = torch.logsumexp(_checked(violations) / temperature, dim=-1)
    if noise_on_zero:
        return temperature * torch.logaddexp(pooled, torch.zeros_like(pooled))
    return temperature * ein(pooled - np.euler_gamma)


class Sample(NamedTuple):
    """Hardest violations that were drawn, one for each draw and anchor."""

    values: Tensor
    """[draws, ...]: noisy, and never below the noisy zero."""
    picks: Tensor
    """[draws, ...]: which negative was the hardest, -1 where zero was; the gradient of a draw is 1 there."""


def sampled_hardest(
    violations: Tensor,
    temperature: float,
    draws: int,
    *,
    noise_on_zero: bool = True,
    generator: torch.Generator | None = None,
) -> Sample:
    """Draw what ``expected_hardest`` is the expectation of.

    Args:
        violations: As there, [..., negatives].
        temperature: As there.
        draws: How many; all stand in memory at once.
        noise_on_zero: As there.
        generator: Where the noise is drawn from; None takes torch's own.

    Returns:
        Values, whose mean is ``expected_hardest``, and picks, whose frequencies are its gradient.

    Raises:
        ValueError: As there, or if ``draws`` is not positive.

    Source:
        ours.

    Example:
        >>> sample = sampled_hardest(torch.tensor([0.1, -0.2]), 0.03, 1000)
        >>> sample.values.shape, sample.picks.unique().tolist()
        (torch.Size([1000]), [-1, 0])
    """
    wide, tau = _checked(violations), checked_positive("temperature", temperature)
    contenders = torch.cat([wide, wide.new_zeros(*wide.shape[:-1], 1)], dim=-1)
    shape = (int(checked_positive("draws", draws)), *contenders.shape)
    # -log of an exponential is Gumbel, with mean gamma.
    noise = -wide.new_empty(shape).exponential_(generator=generator).log_() - np.euler_gamma
    if not noise_on_zero:
        noise[..., -1] = 0
    values, picks = (contenders + tau * noise).max(dim=-1)
    return Sample(values, torch.where(picks == wide.shape[-1], -1, picks))


class Twin(NamedTuple):
    """The temperature that a random margin amounts to, by two measures."""

    gradient: float
    """Of the ``smooth`` loss that picks negatives most nearly as often, in units of the similarity."""
    value: float
    """Of the ``smooth`` loss with the same value."""
    apart: float
    """Share of an anchor's picks, in [0, 1], that the first twin gives to another negative, or to zero."""
    apart_from_hardest: float
    """The same for the hardest negative under the plain margin, which has no temperature."""


def twin_temperature(sim: Tensor, margins: Iterable[Tensor], alpha: float = 0.2) -> Twin:
    """Which temperature the hardest negative with random margins of mean ``alpha`` amounts to.

    What trains a model is the gradient: which negative is picked, and how often. Under ``smooth`` the picks
    of an anchor are a softmax over its violations and zero, an exponential family in 1 / temperature. So the
    most likely temperature, given the picks that the margins led to (the least Kullback-Leibler divergence),
    is the one at which the mean violation of the picked is the same: there is exactly one. The temperature at
    which the losses have one value is told beside it.

    Args:
        sim: Similarities [N, N] of one batch.
        margins: Draws of the margin matrix, [N, N] each: random, or permuted. A few hundred at least.
        alpha: Their mean.

    Returns:
        The temperatures, next to 0 where no draw makes a difference, and how well the first one fits: a share
        that is too large where draws are few.

    Raises:
        ValueError: If ``sim`` or a margin is not [N, N], or there is no draw.

    Source:
        ours.

    Example:
        >>> sim = torch.randn(32, 32, generator=torch.Generator().manual_seed(0)) / 10
        >>> noise = torch.Generator().manual_seed(1)
        >>> draws = [0.2 + 0.1 * torch.randn(32, 32, generator=noise) for _ in range(300)]
        >>> round(twin_temperature(sim, draws).gradient / 0.1, 1)
        0.5
    """
    sim, _ = checked_sim(sim.detach())
    violations = _both_directions(sim) - sim.diagonal().repeat(2)[:, None] + checked_finite("alpha", alpha)
    contenders = torch.cat([violations, violations.new_zeros(len(violations), 1)], dim=1)
    picks, value, number = torch.zeros_like(contenders), 0.0, 0
    for margin in margins:
        noise = torch.as_tensor(checked_margin(margin.detach(), sim)) - alpha
        noisy = contenders.clone()
        noisy[:, :-1] += _both_directions(noise, 0.0)
        largest, winners = noisy.max(dim=1)
        picks.scatter_add_(1, winners[:, None], torch.ones_like(picks[:, :1]))
        value, number = value + float(largest.mean()), number + 1
    if not number:
        raise ValueError("margins: expected at least one draw, got none")
    picks /= number
    hardest = torch.nn.functional.one_hot(contenders.argmax(dim=1), contenders.shape[1]).to(picks)
    finite = contenders.nan_to_num(neginf=0.0)

    def picked_at(temperature: float) -> float:
        return _mean_pick(torch.softmax(contenders / temperature, dim=1), finite)

    def value_at(temperature: float) -> float:
        return float((temperature * torch.logsumexp(contenders / temperature, dim=1)).mean())

    gradient = _temperature_at(picked_at, _mean_pick(picks, finite))
    fitted = torch.softmax(contenders / gradient, dim=1)
    return Twin(
        gradient,
        _temperature_at(value_at, value / number),
        _apart(picks, fitted),
        _apart(picks, hardest),
    )


def _checked(violations: Tensor) -> Tensor:
    if violations.ndim == 0 or violations.shape[-1] == 0:
        raise ValueError(
            f"violations: expected [..., negatives] with a negative, got shape {list(violations.shape)}"
        )
    return at_least_float32(violations)


def _both_directions(matrix: Tensor, diagonal: float = float("-inf")) -> Tensor:
    """[2N, N]: text anchors, then video anchors."""
    alone = matrix.clone().fill_diagonal_(diagonal)
    return torch.cat([alone, alone.T])


def _mean_pick(shares: Tensor, violations: Tensor) -> float:
    return float((shares * violations).sum(dim=1).mean())


def _apart(shares: Tensor, others: Tensor) -> float:
    return float((shares - others).abs().sum(dim=1).mean() / 2)


def _temperature_at(value_at: Callable[[float], float], wanted: float) -> float:
    """Where a monotone function of the temperature has a value, by bisection of the logarithm."""
    low, high = math.log(1e-6), math.log(1e3)
    rises = value_at(math.exp(high)) > value_at(math.exp(low))
    for _ in range(50):
        middle = (low + high) / 2
        if (value_at(math.exp(middle)) < wanted) == rises:
            low = middle
        else:
            high = middle
    return math.exp(middle)
