"""What the notebooks need to find: the result files that named commands have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cmgsd_lite.errors import DataError


def docs_result(name: str, start: Path | None = None) -> dict[str, Any]:
    """Read a committed result file, ``docs/results/NAME``, from wherever a notebook runs.

    Args:
        name: File name, such as ``"teacher-quality.json"``.
        start: Folder to look from; the working folder by default. The project is the first folder from there
            upwards that has a ``pyproject.toml``.

    Returns:
        The file's content.

    Raises:
        DataError: If there is no project around, no such file in it, or no JSON object in the file; says what
            to do.

    Source:
        ours.

    Example:
        >>> docs_result("teacher-quality.json")["schema"]  # doctest: +SKIP
        1
    """
    here = (Path.cwd() if start is None else start).resolve()
    root = next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file()), None)
    if root is None:
        raise DataError(
            f"{name}: expected a folder with pyproject.toml above the working folder, found none; "
            "the result files come with the repository: clone it and start JupyterLab inside it"
        )
    folder = root / "docs" / "results"
    file = folder / name
    if not file.is_file():
        known = ", ".join(sorted(path.name for path in folder.glob("*.json"))) or "none"
        raise DataError(
            f"docs/results/{name}: expected a committed result file, found {known}; "
            "update the repository, or run the command that the chapter names"
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"docs/results/{name}: expected JSON, found something else: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"docs/results/{name}: expected an object, found a {type(content).__name__}")
    return content
