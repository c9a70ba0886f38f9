"""Where a training computes and in which precision; draws come from seeds, on every device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from typing import Literal, get_args

import torch
from torch import nn

Precision = Literal["float32", "bfloat16"]
"""``"bfloat16"``: the encoders' products run in half precision (autocast); parameters, similarities, losses
and everything in a checkpoint stay float32."""


def chosen_device(device: str | torch.device = "auto") -> torch.device:
    """Return a device by its full name; ``"auto"``: a CUDA GPU if there is one, else the CPU.

    Any other, such as ``"mps"`` or ``"cuda:1"``, is taken by its name alone. Raises ValueError if it is not
    there.
    """
    if device == "auto" and not torch.cuda.is_available():
        return torch.device("cpu")
    try:
        there = torch.zeros(1, device="cuda" if device == "auto" else device)
        there.item()  # "meta" knows shapes alone
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        names = ["auto", "cpu"] + [f"cuda:{number}" for number in range(torch.cuda.device_count())]
        names += ["mps"] if torch.backends.mps.is_available() else []
        raise ValueError(
            f"device: expected one that is there ({', '.join(names)}), got {str(device)!r}"
        ) from error
    return there.device


def checked_precision(precision: Precision) -> Precision:
    """Return a precision; ValueError if there is no such one."""
    if precision not in get_args(Precision):
        raise ValueError(f"precision: expected one of {', '.join(get_args(Precision))}; got {precision!r}")
    return precision


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Run the products inside in a precision, by ``torch.autocast``; ``"float32"`` changes nothing."""
    return nullcontext() if precision == "float32" else torch.autocast(device.type, torch.bfloat16)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators that dropout on a device draws from, and give them back as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # torch.manual_seed would reseed GPUs that are not restored here.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)  # there is one such generator, and it stays as it is left
        yield


@contextmanager
def placed(device: torch.device, *modules: nn.Module) -> Iterator[None]:
    """Put modules on a device, and back to where they came from at the end."""
    homes = [next((x.device for x in chain(m.parameters(), m.buffers())), device) for m in modules]
    try:
        for module in modules:
            module.to(device)
        yield
    finally:
        for module, home in zip(modules, homes, strict=True):
            module.to(home)
