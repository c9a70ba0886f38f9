"""When may a check look at the values of a tensor? Where that costs nothing, and where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_asked: ContextVar[bool] = ContextVar("validate", default=False)


def checks_values(x: Tensor) -> bool:
    """Whether a check may look at the values of ``x``: shapes and devices are always checked.

    On an accelerator a look makes the program wait for all that was started before, so it happens only where
    it was asked for (``validating``); inside a compiled graph it would break the graph.

    Args:
        x: Any tensor.

    Returns:
        True in eager mode on the CPU, and where it was asked for.

    Source:
        ours.

    Example:
        >>> checks_values(torch.zeros(2)), checks_values(torch.zeros(2, device="meta"))
        (True, False)
    """
    if torch.compiler.is_compiling():
        return False
    return x.device.type == "cpu" or (_asked.get() and x.device.type != "meta")


def checked_whole(name: str, value: int, allowed: range) -> int:
    """Return ``value`` if it is a whole number of a range.

    Args:
        name: What to call the value in the message.
        value: A whole number, of Python or NumPy.
        allowed: Whole numbers, each one after the other.

    Returns:
        ``value``.

    Raises:
        ValueError: Otherwise.

    Source:
        ours.

    Example:
        >>> checked_whole("epochs", 30, range(1, 100))
        30
    """
    # A float is looked for in a range one by one, which takes minutes.
    if not hasattr(value, "__index__") or int(value) not in allowed:
        raise ValueError(
            f"{name}: expected a whole number from {allowed[0]} to {allowed[-1]}, got {value!r:.40}"
        )
    return value


@contextmanager
def validating() -> Iterator[None]:
    """Within this block values are looked at on every device.

    Source:
        ours.

    Example:
        >>> with validating():
        ...     checks_values(torch.zeros(2))
        True
    """
    token = _asked.set(True)
    try:
        yield
    finally:
        _asked.reset(token)
