"""Result files that chapters show, as the commands wrote them; each names its own command."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from cmgsd_lite.errors import DataError


def load_result(name: str) -> dict[str, Any]:
    """Read a result file that came with the package.

    Args:
        name: File name, such as ``"teacher-quality.json"``.

    Returns:
        The file's content.

    Raises:
        DataError: If there is no such file, or no JSON object in it; says which there are.

    Source:
        ours.

    Example:
        >>> load_result("teacher-quality.json")["schema"]
        2
    """
    folder = resources.files(__name__)
    file = folder / name
    if not name.endswith(".json") or not file.is_file():
        known = ", ".join(sorted(path.name for path in folder.iterdir() if path.name.endswith(".json")))
        raise DataError(f"{name}: expected one of the result files {known}; reinstall the package")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{name}: expected JSON, found something else: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{name}: expected an object, found a {type(content).__name__}")
    return content
