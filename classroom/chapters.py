"""A chapter for the class room: without outputs and answers for students, with points for nbgrader."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parent.parent
ANSWER = re.compile(r"<details><summary>(?!The rubric).*?</details>\n*", re.DOTALL)
SOLUTIONS = re.compile(r"\s*Solved chapters lie in the folder `solutions`\.")
HIDDEN = re.compile(r"\n### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.DOTALL)
CHECK = re.compile(r"^(?:\w+ = )?(check_\w+)\((.*)\)$", re.MULTILINE)
POINTS_FUNCTION, POINTS_VALUE = 2, 1
"""A function is tried with inputs that nobody has seen; a word or a matrix can be looked up there."""
SKIP = "skip-execution"
"""Cells with this tag are left out when nbgrader runs a notebook; JupyterLab runs them."""


def build_tool() -> ModuleType:
    """Load notebooks/build.py, which is a script and lies in no package."""
    spec = importlib.util.spec_from_file_location("notebooks_build", ROOT / "notebooks" / "build.py")
    if spec is None or spec.loader is None:
        raise ImportError("notebooks/build.py: expected a script that can be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL: Any = build_tool()


def student_notebook(script: Path) -> Any:
    """A chapter as students get it: exercises open, no outputs, the answers to the stops left out.

    Its cells carry nbgrader's marks: what a student hands in is what ``nbgrader autograde`` expects.
    """
    notebook = graded_notebook(script, seed=0)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = HIDDEN.sub("", TOOL.student_source(cell.source))
    TOOL.open_anywhere(notebook, script, "student")
    notebook.cells[1].metadata.tags.append(SKIP)
    return notebook


def graded_notebook(script: Path, seed: int) -> Any:
    """A chapter as nbgrader's source: solutions between markers, after each exercise a cell with points.

    Of the chapter nbgrader runs the exercises alone, and before them one cell with what they may use: no
    training of a chapter has to be waited for when thirty copies of it are graded.

    Args:
        script: The chapter's percent script.
        seed: Of the inputs that the hidden tests draw.

    Raises:
        ValueError: If an exercise does not end with a call of its checker.
    """
    # With markers: nbgrader itself takes the solutions out.
    notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(TOOL.METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _leave_out_answers(notebook)
    imports = "\n".join(dict.fromkeys(_imports(notebook)))
    cells = []
    for position, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"{script.stem[:2]}-{position:03d}", nbformat.from_dict({})
        if cell.cell_type == "markdown" and "## Exercises" in cell.source:
            cells.append(_setup_cell(imports))
        cells.append(cell)
        if cell.cell_type == "code" and TOOL.BEGIN in cell.source:
            cells.append(_test_cell(cell, seed))
        elif cell.cell_type == "code":
            cell.metadata = nbformat.from_dict({"tags": [SKIP]})
    notebook.cells = cells
    nbformat.validate(notebook)
    return notebook


def points(notebook: Any) -> dict[str, int]:
    """The points of a graded notebook, by exercise."""
    marks = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return {mark["grade_id"]: mark["points"] for mark in marks if mark.get("grade")}


def _leave_out_answers(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = SOLUTIONS.sub("", ANSWER.sub("", cell.source)).rstrip()


def _imports(notebook: Any) -> Iterator[str]:
    """The chapter's imports, but for the tools that show things."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    line = ast.unparse(node)
                    if "cmgsd_lite.course" not in line:
                        yield line


def _setup_cell(imports: str) -> Any:
    said = (
        "# For grading, this cell and the exercises below are run, and no other cell of the chapter:\n"
        "# use in your answers what is imported here or in their own cells."
    )
    return _cell(f"{said}\n{imports}", "setup", locked=True)


def _test_cell(exercise: Any, seed: int) -> Any:
    """What is graded; of the source nbgrader hides what stands between its markers."""
    calls = CHECK.findall(exercise.source)
    if not calls:
        raise ValueError(f"exercise: expected a call such as check_name(answer), got\n{exercise.source}")
    checker, arguments = calls[-1]
    worth = POINTS_FUNCTION if re.search(r"^def ", exercise.source, re.MULTILINE) else POINTS_VALUE
    exercise.metadata = _cell("", checker.replace("check_", "answer_"), solution=True).metadata
    home = re.findall(rf"^from (\S+) import .*\b{checker}\b", exercise.source, re.MULTILINE)[0]
    source = f"""# {worth} point{"s" * (worth > 1)}. Functions are tried with other inputs than above.
### BEGIN HIDDEN TESTS
from cmgsd_lite.course.exercises.checking import other_inputs
from {home} import {checker}

with other_inputs(seed={seed}):
    {checker}({arguments}, strict=True)
### END HIDDEN TESTS"""
    return _cell(source, checker, points=worth, grade=True, locked=True)


def _cell(source: str, name: str, **marks: Any) -> Any:
    """A code cell with nbgrader's metadata, version 3."""
    plain = {"grade": False, "solution": False, "locked": False, "task": False, "cell_type": "code"}
    mark = {**plain, "schema_version": 3, "grade_id": name, **marks}
    return nbformat.v4.new_code_cell(source, id=name.replace("_", "-"), metadata={"nbgrader": mark})
