"""When may a check look at the values of a tensor? Where that costs nothing, and where it was asked for."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from typing import Any

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
        ``value``, as Python's own.

    Raises:
        ValueError: Otherwise.

    Source:
        ours.

    Example:
        >>> checked_whole("epochs", 30, range(1, 100))
        30
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    # What is no int is looked for in a range one by one, which takes minutes.
    if number is None or number not in allowed:
        raise ValueError(
            f"{name}: expected a whole number from {allowed[0]} to {allowed[-1]}, got {value!r:.40}"
        )
    return number


def as_float(value: Any) -> float:
    """A number of any kind (of NumPy, a fraction, a tensor of one) as Python's own; NaN for what is none.

    Example:
        >>> as_float(torch.tensor(0.5)), as_float("0.5")
        (0.5, nan)
    """
    if isinstance(value, str) or not hasattr(value, "__float__") or getattr(value, "ndim", 0) > 0:
        return math.nan
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return math.nan


def as_plain(value: Any) -> Any:
    """A number of any kind as Python's own int or float, also within tuples and dicts; others as they are.

    Example:
        >>> as_plain((torch.tensor(2), "all", None))
        (2, 'all', None)
    """
    if isinstance(value, tuple):
        return tuple(map(as_plain, value))
    if isinstance(value, Mapping):
        return {key: as_plain(one) for key, one in value.items()}
    if hasattr(value, "item") and not getattr(value, "ndim", 0):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        return operator.index(value)
    except TypeError:
        number = as_float(value)
        return value if math.isnan(number) else number


def store_plain(settings: Any) -> None:
    """Store Python's own numbers in a dataclass: others can not be read back from a checkpoint.

    Example:
        >>> from dataclasses import make_dataclass
        >>> one = make_dataclass("Settings", ["epochs"])(torch.tensor(2))
        >>> store_plain(one)
        >>> one.epochs
        2
    """
    for field in fields(settings):
        object.__setattr__(settings, field.name, as_plain(getattr(settings, field.name)))


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
