"""The control of CMGSD: the same margins, shuffled. What it gains as well is no adaptivity."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import torch
from torch import Tensor

from cmgsd_lite.losses.base import Inputs
from cmgsd_lite.losses.cmgsd import CMGSDLoss
from cmgsd_lite.margins import permute_margin
from cmgsd_lite.similarity import at_least_float32


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
        self.seed = seed

    def _arranged(self, margins: dict[str, Tensor], sim: Tensor, given: Inputs) -> dict[str, Tensor]:
        # One permutation for all matrices of a step: their mean must keep its histogram too.
        seed = step_seed(self.seed, sim, given)
        return {name: permute_margin(m, torch.Generator().manual_seed(seed)) for name, m in margins.items()}


def step_seed(seed: int, sim: Tensor, given: Inputs) -> int:
    """A seed for this step alone.

    Args:
        seed: Of the training.
        sim: Similarities [N, N], as ``checked_sim`` returns them.
        given: The inputs of the loss. With ``progress`` that alone counts, otherwise ``sim``, the embeddings,
            the teachers and the distances, bit by bit.

    Returns:
        An int of 63 bits, the same on every device and in every process.

    Source:
        ours.

    Example:
        >>> sim, other = torch.eye(2), torch.eye(3)
        >>> step_seed(0, sim, Inputs(progress=0.5)) == step_seed(0, other, Inputs(progress=0.5))
        True
        >>> step_seed(0, sim, Inputs()) == step_seed(0, other, Inputs())
        False
    """
    digest = hashlib.blake2b(str(seed).encode(), digest_size=8)
    if given.progress is not None:
        digest.update(struct.pack("<d", given.progress))
    else:
        tensors = [sim, given.text, given.video, given.text_teacher, given.video_teacher]
        for tensor in [*tensors, *(given.distances or {}).values()]:
            if tensor is not None:
                digest.update(_sums_of_bits(tensor))
    return int.from_bytes(digest.digest(), "little") >> 1


def _sums_of_bits(x: Tensor) -> bytes:
    """The bit patterns of each column and row summed up, modulo their width: no order of summation shows."""
    wide = at_least_float32(x.detach())
    integer = torch.int32 if wide.dtype == torch.float32 else torch.int64
    sums = [wide.view(integer).sum(dim=dim, dtype=integer) for dim in (0, 1)]
    bits: bytes = torch.cat(sums).cpu().numpy().tobytes()
    return bits
