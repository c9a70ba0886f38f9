"""What is handed out: students get no answer, teachers everything, and no link leads nowhere."""

import re
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: make check-classroom brings it")

from classroom.chapters import TOOL, graded_notebook, points
from classroom.kit import (
    Files,
    quiz,
    students_files,
    teachers_files,
    without_dead_links,
    write_nbgrader,
    write_zip,
)

TAKEN_ALONG = (".ipynb", ".md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / "cmgsd_lite-0-py3-none-any.whl"
    path.write_bytes(b"a wheel")
    return path


@pytest.fixture(scope="module")
def students(wheel: Path) -> Files:
    return students_files(wheel)


@pytest.fixture(scope="module")
def teachers(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    tree, slides = (tmp_path_factory.mktemp(name) for name in ("nbgrader", "slides"))
    write_nbgrader(tree, seed=7)
    (slides / "index.html").write_text("slides")
    return teachers_files(wheel, tree, slides)


def notebooks(files: Files) -> dict[str, Any]:
    chapters = [name for name in files if re.fullmatch(r"notebooks/[^/]+\.ipynb", name)]
    return {name: nbformat.reads(files[name].decode(), as_version=4) for name in chapters}


def text(files: Files, ending: str) -> str:
    return "\n".join(content.decode() for name, content in files.items() if name.endswith(ending))


def test_students_get_every_chapter_without_outputs_and_answers(students: Files) -> None:
    found = notebooks(students)
    assert len(found) == len(TOOL.sources())
    cells = [cell for notebook in found.values() for cell in notebook.cells]
    assert all(
        not cell.outputs and cell.execution_count is None for cell in cells if cell.cell_type == "code"
    )
    held = text(students, ".ipynb")
    assert held.count(TOOL.PLACEHOLDER) >= len(re.findall(r"\n# ?Exercise|Exercise \d", held)) > 40
    assert "Stop here" in held
    for answer in ("BEGIN SOLUTION", "One answer", "solutions`", "Give up?"):
        assert answer not in held
    assert "The rubric" in held, "an exercise is marked by it"


def test_students_get_no_key(students: Files) -> None:
    assert "docs/TEACHING.md" not in students
    assert "Key to the quiz" not in text(students, ".md")
    assert "cmgsd_lite-0-py3-none-any.whl" in students["README.md"].decode()
    assert len(students["README.md"].split()) < 450, "a page"


def test_teachers_get_the_solved_chapters_with_outputs_the_quiz_and_the_rest(teachers: Files) -> None:
    for notebook in notebooks(teachers).values():
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert sum(bool(cell.outputs) for cell in code) > len(code) / 2
        assert not any(TOOL.PLACEHOLDER in cell.source for cell in code)
    assert "One answer" in text(teachers, ".ipynb")
    for name in (
        "quiz.md",
        "quiz-key.md",
        "slides/index.html",
        "nbgrader/nbgrader_config.py",
        "docs/TEACHING.md",
    ):
        assert name in teachers


def test_no_link_leads_out_of_a_zip(students: Files, teachers: Files) -> None:
    for files in (students, teachers):
        for name, content in files.items():
            if name.endswith(TAKEN_ALONG) and not name.startswith("nbgrader/"):
                for target in re.findall(r"\]\(([^):#\s]+\.\w+)", content.decode()):
                    place = (Path("/") / name).parent / target
                    assert place.resolve().relative_to("/").as_posix() in files, f"{name}: {target}"


def test_a_dead_link_becomes_its_words() -> None:
    files = {
        "a/x.md": b"[one](y.md), [two](../z.md#t), [far](https://x.org/z.md), f[i](x), ![seen](no.png)",
        "z.md": b"",
    }
    assert without_dead_links(files)["a/x.md"] == (
        b"one, [two](../z.md#t), [far](https://x.org/z.md), f[i](x), seen"
    )


def test_quiz_and_key_are_two_pages() -> None:
    questions, key = quiz("# T\n\n## Quiz\n\n1. What? (1)\n\n## Key to the quiz\n\n1. **a** (1). So.\n")
    assert (b"What?" in questions, b"**a**" in questions, b"**a**" in key) == (True, False, True)
    with pytest.raises(ValueError, match="'Quiz'"):
        quiz("# T\n")


def test_the_same_files_give_the_same_zip(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_zip(tmp_path / folder / "kit.zip", {"b.md": b"b", "a.md": b"a"})
    one, two = ((tmp_path / folder / "kit.zip").read_bytes() for folder in ("one", "two"))
    assert one == two
    with zipfile.ZipFile(tmp_path / "one" / "kit.zip") as archive:
        assert archive.namelist() == ["kit/a.md", "kit/b.md"]


def test_each_exercise_has_points_and_a_hidden_test_of_the_seed() -> None:
    for script in TOOL.sources():
        notebook = graded_notebook(script, seed=4711)
        exercises = [cell for cell in notebook.cells if TOOL.BEGIN in cell.source]
        assert len(points(notebook)) == len(exercises) >= 3
        hidden = [cell.source for cell in notebook.cells if "BEGIN HIDDEN TESTS" in cell.source]
        assert all("seed=4711" in source and "strict=True" in source for source in hidden)
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
        run = [
            c
            for c in notebook.cells
            if c.cell_type == "code" and "skip-execution" not in c.metadata.get("tags", ())
        ]
        assert len(run) == 1 + 2 * len(exercises), "one cell of imports, and each exercise with its test"


def test_a_cell_without_checker_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "03_small.py"
    script.write_text("# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\nprint(x)\n")
    with pytest.raises(ValueError, match="check_name"):
        graded_notebook(script, seed=1)


def test_a_tree_that_was_graded_in_is_not_overwritten(tmp_path: Path) -> None:
    write_nbgrader(tmp_path / "tree", seed=7)
    write_nbgrader(tmp_path / "tree", seed=8)
    kept = tmp_path / "tree" / "submitted" / "anna.ipynb"
    kept.parent.mkdir()
    kept.write_text("{}")
    with pytest.raises(FileExistsError, match=r"found submitted.*--out"):
        write_nbgrader(tmp_path / "tree", seed=9)
    assert kept.is_file()


def test_slides_that_are_not_built_are_not_listed(wheel: Path, tmp_path: Path) -> None:
    write_nbgrader(tmp_path / "tree", seed=7)
    page = teachers_files(wheel, tmp_path / "tree")["README.md"].decode()
    assert "slides/" not in page
    assert "| `nbgrader/` |" in page
