"""The zips for students and teachers, and the tree for nbgrader."""

from __future__ import annotations

import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat

from classroom.chapters import ROOT, TOOL, graded_notebook, student_notebook

HERE = Path(__file__).resolve().parent
DOCUMENTS = ("docs/GLOSSARY.md", "docs/METHOD.md", "data/README.md", "LICENSE", "requirements.txt")
"""For students. STUDY.md has the results that chapter 09 asks for, TEACHING.md the key of the quiz."""
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")

Files = dict[str, bytes]
"""What a zip holds, by its path in there."""


GRADED = ("submitted", "autograded", "feedback", "gradebook.db")
"""What a teacher's work leaves in nbgrader's folder."""
TEACHERS = ("docs/TEACHING.md", "docs/STUDY.md", "requirements-classroom.txt")


def students_files(wheel: Path) -> Files:
    """Everything that a student needs, and no answer: chapters without outputs, the package, a page to begin.

    Args:
        wheel: Of the package; the data set lies in it.
    """
    files = _shared_files(wheel)
    files["README.md"] = _page("students.md", wheel)
    for script in TOOL.sources():
        files[f"notebooks/{script.stem}.ipynb"] = _written(student_notebook(script))
    return without_dead_links(files)


def teachers_files(wheel: Path, nbgrader: Path, slides: Path | None = None) -> Files:
    """The solved chapters with their outputs, teaching guide, quiz and key, nbgrader's tree, the slides.

    Args:
        wheel: Of the package.
        nbgrader: Folder of nbgrader's source tree.
        slides: Folder of the built slides; None where they are not built.
    """
    files = _shared_files(wheel)
    page = _page("teachers.md", wheel)
    lines = page.decode().splitlines(keepends=True)
    files["README.md"] = page if slides else "".join(one for one in lines if "`slides/" not in one).encode()
    files.update(_copies(TEACHERS))
    files["quiz.md"], files["quiz-key.md"] = quiz((ROOT / "docs" / "TEACHING.md").read_text(encoding="utf-8"))
    for path in sorted((TOOL.NOTEBOOKS / "solutions").glob("[0-9][0-9]_*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = cell.source.replace("](../../", "](../")
        files[f"notebooks/{path.name}"] = _written(notebook)
    files = without_dead_links(files)
    folders = {"nbgrader": nbgrader, **({"slides": slides} if slides else {})}
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                files[f"{name}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return files


def quiz(teaching: str) -> tuple[bytes, bytes]:
    """Cut the quiz and its key out of the teaching guide, a page each.

    Raises:
        ValueError: If the guide has no such sections.
    """
    pages = []
    for title in ("Quiz", "Key to the quiz"):
        found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", teaching, re.DOTALL | re.MULTILINE)
        if found is None:
            raise ValueError(f"docs/TEACHING.md: expected a section {title!r}, found none")
        pages.append(f"# {title}\n{found[1].rstrip()}\n".encode())
    return pages[0], pages[1]


def without_dead_links(files: Files) -> Files:
    """Make plain text of each link, in markdown and notebooks, to a file that the zip does not hold."""

    def mended(text: str, name: str) -> str:
        def link(found: re.Match[str]) -> str:
            target = found[3]
            if ":" in target or "." not in target:  # an address; no file, such as f[i](x)
                return found[0]
            return (
                found[0]
                if posixpath.normpath(posixpath.join(posixpath.dirname(name), target)) in files
                else found[2]
            )

        return LINK.sub(link, text)

    changed = dict(files)
    for name, content in files.items():
        if name.endswith(".md"):
            changed[name] = mended(content.decode(), name).encode()
        elif name.endswith(".ipynb"):
            notebook = nbformat.reads(content.decode(), as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "markdown":
                    cell.source = mended(cell.source, name)
            changed[name] = _written(notebook)
    return changed


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip with one folder of the zip's name; the same files give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{path.stem}/{name}", date_time=(2000, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)


def write_nbgrader(folder: Path, seed: int) -> None:
    """Write nbgrader's source tree: its settings, and an assignment for each chapter.

    Args:
        folder: Where; an older tree of the same name is replaced, and so are releases made of it.
        seed: Of the inputs that the hidden tests draw.

    Raises:
        FileExistsError: If somebody has graded in that folder: nothing of it is touched.
    """
    work = [name for name in GRADED if (folder / name).exists()]
    if work:
        raise FileExistsError(
            f"{folder}: expected a tree that nobody has graded in, found {', '.join(work)}; "
            "move the folder away, or name another one with --out"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(HERE / "nbgrader_config.py", folder)
    for script in TOOL.sources():
        place = folder / "source" / script.stem
        place.mkdir(parents=True)
        (place / f"{script.stem}.ipynb").write_bytes(_written(graded_notebook(script, seed)))


def build_wheel(folder: Path) -> Path:
    """Build the package's wheel with the tools of this environment; nothing is fetched.

    Raises:
        OSError: If it can not be built.
    """
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"the wheel could not be built:\n{done.stderr}")
        (wheel,) = Path(place).glob("*.whl")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, folder))


def _page(name: str, wheel: Path) -> bytes:
    return (HERE / name).read_text(encoding="utf-8").replace("WHEEL", wheel.name).encode()


def _shared_files(wheel: Path) -> Files:
    return {wheel.name: wheel.read_bytes(), **_copies(DOCUMENTS)}


def _copies(names: Sequence[str]) -> Files:
    """Files of the repository, with the pictures of those that are markdown."""
    pictures = [picture for name in names if name.endswith(".md") for picture in _pictures(name)]
    return {name: (ROOT / name).read_bytes() for name in (*names, *pictures)}


def _pictures(document: str) -> list[str]:
    links = LINK.findall((ROOT / document).read_text(encoding="utf-8"))
    folder = (ROOT / document).parent
    found = [(folder / target).resolve() for mark, _, target, _ in links if mark and ":" not in target]
    return [path.relative_to(ROOT).as_posix() for path in found]


def _written(notebook: Any) -> bytes:
    text: str = nbformat.writes(notebook)
    return (text.rstrip("\n") + "\n").encode()
