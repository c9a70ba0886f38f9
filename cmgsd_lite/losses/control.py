"""The control of CMGSD: the same margins, shuffled. What it gains as well is no adaptivity."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.cmgsd import CMGSDLoss
from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import checked_whole

SEEDS = range(-(2**63), 2**63)


class PermutedCMGSDLoss(CMGSDLoss):
    """The control of ``CMGSDLoss``: its own margin matrices with the batch shuffled at every step.

    The histogram of margins is the same, the meaning is gone. What it gains over the fixed margin is
    *softening*; only what ``CMGSDLoss`` gains over it is *adaptivity*.

    The shuffle is a function of the seed and of ``progress`` where it is given, otherwise of the seed and of
    the inputs: a ``progress`` that changes with every step gives every step its own shuffle, one that changes
    with the epoch alone gives an epoch one. A call changes no state: the same call gives the same value and
    gradient, also where activation checkpointing makes it a second time, and a resumed training goes on as it
    would have.

    Args:
        seed: Of the shuffling.
        settings: As for ``CMGSDLoss``.

    Source:
        ours (docs/METHOD.md, "Controls").

    Example:
        >>> loss = PermutedCMGSDLoss(beta=0.05, schedule="dynamic", seed=1)
    """

    def __init__(self, *args: Any, seed: int = 0, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.seed = checked_whole("seed", seed, SEEDS)

    def _order(self, n: int, sim: Tensor, given: Inputs) -> Tensor | None:
        # One shuffle for all matrices of a step: their mean must keep its histogram too.
        return shuffled(n, step_key(self.seed, sim, given))


def step_key(seed: int, sim: Tensor, given: Inputs) -> Tensor:
    """A number for this step alone, made on the device and without looking at it.

    Args:
        seed: Of the training.
        sim: Similarities [N, N], as ``checked_sim`` returns them; empty if they do not stand whole.
        given: The inputs of the loss. With ``progress`` that alone counts, otherwise the embeddings (if one
            is missing, ``sim``), the teachers and the distances, bit by bit.

    Returns:
        A scalar of 64 bits (int64), the same on every device and in every process.

    Source:
        ours; the mixing is that of SplitMix64 (Steele et al., OOPSLA 2014).

    Example:
        >>> sim, other = torch.eye(2), torch.eye(3)
        >>> bool(step_key(0, sim, Inputs(progress=0.5)) == step_key(0, other, Inputs(progress=0.5)))
        True
        >>> bool(step_key(0, sim, Inputs()) == step_key(0, other, Inputs()))
        False
    """
    key = mixed(torch.full((), seed, dtype=torch.int64, device=sim.device))
    if given.progress is not None:
        return mixed(key ^ _bits(_as_float64(given.progress, sim)))
    embedded = given.text is not None and given.video is not None
    tensors = [None if embedded else sim, given.text, given.video, given.text_teacher, given.video_teacher]
    for tensor in [*tensors, *(given.distances or {}).values()]:
        if isinstance(tensor, Tensor):
            key = mixed(key ^ _digest(tensor))
    return key


def shuffled(n: int, key: Tensor) -> Tensor:
    """A random order of n items.

    Args:
        n: How many.
        key: A scalar int64, from ``step_key``.

    Returns:
        [n] whole numbers, each of 0 to n - 1 once, a function of ``n`` and ``key`` alone.

    Source:
        ours.

    Example:
        >>> sorted(shuffled(4, torch.tensor(7)).tolist())
        [0, 1, 2, 3]
    """
    return torch.argsort(mixed(key + torch.arange(n, device=key.device) * _GOLDEN))


_GOLDEN = -7046029254386353131  # SplitMix64's constants, as signed numbers of 64 bits
_MULTIPLIERS = (-4658895280553007687, -7723592293110705685)


def mixed(x: Tensor) -> Tensor:
    """Scatter the bits of whole numbers: neighbours come out far apart.

    Args:
        x: int64, any shape.

    Returns:
        int64, one to one.

    Source:
        SplitMix64 (Steele et al., OOPSLA 2014).

    Example:
        >>> mixed(torch.tensor([0, 1])).tolist()
        [-2152535657050944081, -7995527694508729151]
    """
    x = x + _GOLDEN
    x = (x ^ _shifted(x, 30)) * _MULTIPLIERS[0]
    x = (x ^ _shifted(x, 27)) * _MULTIPLIERS[1]
    return x ^ _shifted(x, 31)


def _shifted(x: Tensor, bits: int) -> Tensor:
    """Shift to the right, zeros coming in: torch's own shift copies the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _as_float64(progress: float | Tensor, sim: Tensor) -> Tensor:
    if isinstance(progress, Tensor):
        return progress.to(torch.float64)
    return torch.full((), progress, dtype=torch.float64, device=sim.device)


def _bits(x: Tensor) -> Tensor:
    return x.view(torch.int32).long() if x.dtype == torch.float32 else x.view(torch.int64)


def _digest(x: Tensor) -> Tensor:
    """All entries and their places in one number; sums modulo 2 ** 64, in which no order of adding shows."""
    bits = _bits(at_least_float32(x.detach()).contiguous()).flatten()
    return mixed(bits ^ mixed(torch.arange(bits.numel(), device=x.device))).sum()
