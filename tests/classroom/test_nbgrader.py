"""nbgrader's tree, used as a teacher uses it: release, three students, grades."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.classroom.answers import LEFT_ALONE, MISTAKES

pytest.importorskip("nbgrader", reason="nbgrader is not installed: make check-classroom brings it")

from classroom.chapters import TOOL, points, student_notebook
from classroom.kit import write_nbgrader

SCRIPTS = {script.stem: script for script in TOOL.sources()}
CHAPTERS = list(SCRIPTS)
BLOCK = re.compile(r"### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL)
STUDENTS = ("untouched", "solved", "mistakes")


def nbgrader(course: Path, *words: str) -> None:
    """Call nbgrader in the course's folder; it has to succeed."""
    tools = Path(sys.executable).parent  # nbgrader calls alembic by its name
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=course,
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def solution_cells(notebook: Any) -> dict[str, Any]:
    """The cells that a student fills, by the name of their checker without ``check_``."""
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    return {
        name.removeprefix("answer_"): cell for name, cell in marked.items() if cell.metadata.nbgrader.solution
    }


def with_body(source: str, body: str) -> str:
    """A cell whose first solution is replaced, indented as it is, and any other taken as it is."""
    block = BLOCK.search(source)
    assert block is not None
    indent = " " * (block.start() - source.rfind("\n", 0, block.start()) - 1)
    return source[: block.start()] + body.replace("\n", f"\n{indent}") + source[block.end() :]


def hand_in(course: Path, chapter: str, student: str) -> None:
    """Write what a student submits, filled into the notebook of the students' zip."""
    notebook = student_notebook(SCRIPTS[chapter])
    solved = solution_cells(read(course / "source" / chapter / f"{chapter}.ipynb"))
    wrong = MISTAKES[chapter]
    assert set(wrong) <= set(solved), f"{chapter}: no such exercise"
    for name, cell in solution_cells(notebook).items():
        if student == "untouched" or (student == "mistakes" and name in LEFT_ALONE.get(chapter, ())):
            continue
        source = solved[name].source
        if student == "mistakes" and name in wrong:
            source = with_body(source, wrong[name])
        cell.source = TOOL.solved_source(source)
    place = course / "submitted" / student / chapter
    place.mkdir(parents=True)
    nbformat.write(notebook, place / f"{chapter}.ipynb")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class") / "nbgrader"
    write_nbgrader(folder, seed=7)
    return folder


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_three_students_get_the_points_that_they_have_earned(course: Path, chapter: str) -> None:
    nbgrader(course, "generate_assignment", chapter)
    release = read(course / "release" / chapter / f"{chapter}.ipynb")
    released = "\n".join(cell.source for cell in release.cells)
    for hidden in ("SOLUTION", "HIDDEN", "other_inputs", "<summary>One answer"):
        assert hidden not in released
    handed = student_notebook(SCRIPTS[chapter])
    marked = [[(c.id, c.source) for c in one.cells if "nbgrader" in c.metadata] for one in (handed, release)]
    assert marked[0] == marked[1], "students' zip and release differ"
    for student in STUDENTS:
        hand_in(course, chapter, student)
    nbgrader(course, "autograde", chapter)

    from nbgrader.api import Gradebook

    worth = points(read(course / "source" / chapter / f"{chapter}.ipynb"))
    missed = [f"check_{name}" for name in (*MISTAKES[chapter], *LEFT_ALONE.get(chapter, ()))]
    expected = {
        "untouched": dict.fromkeys(worth, 0),
        "solved": worth,
        "mistakes": {name: 0 if name in missed else most for name, most in worth.items()},
    }
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for student, grades in expected.items():
            found = book.find_submission_notebook(chapter, chapter, student)
            assert {grade.name: grade.score for grade in found.grades} == grades, student
            assert found.max_score == sum(worth.values())
    assert 0 < sum(expected["mistakes"].values()) < sum(worth.values())
