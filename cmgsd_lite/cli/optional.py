"""Parts of a job that may fail without taking the rest along: figures and pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cmgsd_lite.cli.options import say

Made = TypeVar("Made")


def attempt(what: str, make: Callable[[], Made], disk: list[OSError] | None = None) -> Made | None:
    """Make something that is good to have, after what must not be lost; where that fails, return None.

    One line on stderr says what failed and why. ``disk`` gets an error of the system instead, to be raised
    when all the rest is done.
    """
    try:
        return make()
    except Exception as error:  # whatever it is: hours of training lie before it
        if isinstance(error, OSError) and disk is not None:
            disk.append(error)
            return None
        reason = " ".join(str(error).split()) or "no reason given"
        say(f"{what}: left out after an error ({type(error).__name__}: {reason})")
        return None
