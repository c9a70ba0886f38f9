"""Parts of a job that may fail without taking the rest along: figures and pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cmgsd_lite.cli.options import say

Made = TypeVar("Made")


def attempt(what: str, make: Callable[[], Made], disk: list[OSError] | None = None) -> Made | None:
    """Make something that is good to have, after what must not be lost.

    Args:
        what: Its name, for the line that says that it failed.
        make: Makes it.
        disk: Gets an error of the system, to be raised when all the rest is done, and nothing is said here.

    Returns:
        What was made; None, after one line on stderr, if that failed.

    Source:
        ours.

    Example:
        >>> attempt("a sum", lambda: 1 + 1)
        2
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
