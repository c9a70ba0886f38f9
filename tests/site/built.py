"""The site as its tests see it: where it lies, and its scripts, which lie in no package."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "build" / "site" / "html"
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def tool(name: str) -> ModuleType:
    """Load a script of site/; in the project's own environment the tests are skipped aloud."""
    pytest.importorskip("myst_nb", reason="the site has an environment of its own: make check-front-door")
    spec = importlib.util.spec_from_file_location(f"site_{name}", ROOT / "site" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored_pages(notebook: Any) -> list[str]:
    """What a notebook's outputs hold as HTML."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"].get("text/html", "") for output in outputs if "data" in output]


def page(name: str) -> Path:
    """A page of the built site."""
    path = HTML / f"{name}.html"
    assert path.is_file(), f"{path.relative_to(ROOT)} is not there: make site"
    return path
