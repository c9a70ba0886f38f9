"""Shared fixtures: real data is found through the environment variable CMGSD_DATA only."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch

with suppress(ImportError):  # the class room's tests have an environment without it
    from hypothesis import settings

    settings.register_profile("without a clock", deadline=None)
    settings.load_profile("without a clock")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two threads on busy cores can be far slower than one."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cmgsd_data() -> Path:
    """Folder of the real MSR-VTT data; the test is skipped aloud without it."""
    value = os.environ.get("CMGSD_DATA")
    if not value:
        pytest.skip("CMGSD_DATA is not set: real MSR-VTT data not available")
    path = Path(value)
    if not path.is_dir():
        pytest.fail(f"CMGSD_DATA is set to {value}, which is not a folder")
    return path
