"""Files and modules of the pip packages that carry the encoders' weights."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cmgsd_lite.errors import DataError


def package_file(package: str, path: str, install: str) -> Path:
    """Path of a file in an installed package, which is not imported; DataError says how to install it."""
    # find_spec does not import the package: one is slow to import, another needs what we do not install.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(f"{package}: package not found; {install}")
    file = Path(spec.origin).parent / path
    if not file.is_file():
        raise DataError(f"{package}: expected the file {path}, which this version does not have; {install}")
    return file
