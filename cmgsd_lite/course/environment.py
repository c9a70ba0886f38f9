"""Is this machine ready for the course? One line an item, OK or FAIL, and what to do about a FAIL."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

LEAST_PYTHON = (3, 11)
LEAST_MEMORY = 2.0
"""In gigabytes: the largest chapter needs 1.1 (docs/HUBS.md), the browser and Jupyter the rest."""
PACKAGES = ("torch", "numpy", "pandas", "matplotlib", "ipywidgets")


class Check(NamedTuple):
    """One item of the environment check.

    Args:
        name: What was looked at.
        ok: Whether it will do.
        note: What is wrong and what to do about it; shown on FAIL only.

    Example:
        >>> str(Check("torch", False, "install it"))
        'FAIL  torch: install it'
    """

    name: str
    ok: bool
    note: str = ""

    def __str__(self) -> str:
        """Show the line that is printed."""
        return f"OK    {self.name}" if self.ok else f"FAIL  {self.name}: {self.note}"


def check_environment() -> list[Check]:
    """Look at everything that the course needs; nothing is changed and nothing is loaded from a network.

    Returns:
        One check for the Python version, each package, the embedded data, the text encoder's table, the
        memory and the number of threads.

    Source:
        ours.

    Example:
        >>> all(check.ok for check in check_environment())
        True
    """
    return [
        _check("Python", _python),
        *(_check(name, partial(_package, name)) for name in PACKAGES),
        _check("embedded data", _embedded_data),
        _check("text encoder", _text_encoder),
        _check("memory", _memory),
        _check("threads", _threads),
    ]


def print_environment() -> None:
    """Print ``check_environment``, and at the end whether all is well.

    Source:
        ours.

    Example:
        >>> print_environment()
        OK    Python
        ...
    """
    checks = check_environment()
    for check in checks:
        print(check)
    failed = sum(not check.ok for check in checks)
    print("ready" if not failed else f"not ready: {failed} of {len(checks)} items need your attention")


def _physical_memory() -> float | None:
    """In gigabytes of 10^9 bytes; None where it cannot be told (Windows)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):
        return None


def _check(name: str, problem: Callable[[], str | None]) -> Check:
    try:
        note = problem()
    except Exception as error:  # whatever a broken installation raises belongs in the list
        note = f"{type(error).__name__}: {error}"
    return Check(name, note is None, note or "")


def _python() -> str | None:
    if sys.version_info[:2] >= LEAST_PYTHON:
        return None
    found = ".".join(str(part) for part in sys.version_info[:2])
    return f"expected {'.'.join(map(str, LEAST_PYTHON))} or later, found {found}"


def _package(name: str) -> str | None:
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        return f'cannot be imported ({error}); run: pip install "cmgsd-lite[course]"'
    if name == "torch" and module.ones(2, 2).matmul(module.ones(2, 2)).sum().item() != 8:
        return "a product of two small matrices is wrong; install it again"
    return None


def _embedded_data() -> str | None:
    from cmgsd_lite.data.minivtt import EXPERTS, data_folder

    folder = data_folder()
    names = [*(f"{expert}.npz" for expert in EXPERTS), "minivtt_default.json.zip"]
    missing = [name for name in names if not (folder / name).is_file()]
    return f"{', '.join(missing)} missing; install the package again" if missing else None


def _text_encoder() -> str | None:
    from cmgsd_lite.encoders import WordLlamaEncoder

    width = WordLlamaEncoder().encode(["a red car"]).shape[1]
    return None if width == 256 else f"expected vectors of 256 numbers, got {width}"


def _memory() -> str | None:
    memory = _physical_memory()
    if memory is None or memory >= LEAST_MEMORY:
        return None
    return f"expected {LEAST_MEMORY:.0f} GB, found {memory:.1f}; close other programs"


def _threads() -> str | None:
    import torch

    threads = torch.get_num_threads()
    if threads == 1:
        return None
    return (
        f"torch uses {threads}; call cmgsd_lite.runtime.set_threads(1), or trainings may be slow and differ"
    )
