"""What nbval does not see: that the notebooks were run, read well anywhere, and come from their scripts."""

import base64
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

from cmgsd_lite.cli import workshop
from cmgsd_lite.course.plots.base import LARGEST
from cmgsd_lite.data import load_dataset
from tests.notebooks.chapters import (
    CHAPTERS,
    IMAGE,
    LINK,
    MACHINE_PATH,
    NOTEBOOKS,
    ROOT,
    broken_links,
    build_tool,
    code_cells,
    figure_names,
    has_to_show,
    markdown,
    output_texts,
    outputs,
    pictures,
    result_text,
    stated_seconds,
)

build = build_tool()
SCRIPTS = build.sources()
SETS = [(script, version) for script in SCRIPTS for version in build.VERSIONS]
every_notebook = pytest.mark.parametrize(
    ("script", "version"), SETS, ids=[f"{script.stem}-{version}" for script, version in SETS]
)
every_chapter = pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])


def load(script: Path, version: str) -> Any:
    """Read a built notebook; that one is missing is the business of the first two tests."""
    path = build.target(script, version)
    if not path.is_file():
        pytest.skip(f"{path.name} ({version}) is missing: python notebooks/build.py {script.stem[:2]}")
    return nbformat.read(path, as_version=4)


def exercises(script: Path) -> list[int]:
    """Positions of the cells with a solution block."""
    cells = build.read(script, "student").cells
    return [
        i for i, cell in enumerate(cells) if cell.cell_type == "code" and build.PLACEHOLDER in cell.source
    ]


def test_the_course_is_complete() -> None:
    assert tuple(script.stem for script in SCRIPTS) == CHAPTERS
    for version in build.VERSIONS:
        folder = build.target(SCRIPTS[0], version).parent
        assert tuple(sorted(path.stem for path in folder.glob("*.ipynb"))) == CHAPTERS


@every_notebook
def test_script_and_notebook_agree(script: Path, version: str) -> None:
    assert list(build.differences(script, version)) == []


@every_notebook
def test_cells_ran_in_order_and_kept_their_outputs(script: Path, version: str) -> None:
    cells = code_cells(load(script, version))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    silent = [cell.source for cell in cells if has_to_show(cell.source) and not cell.outputs]
    assert silent == []


@every_notebook
def test_no_errors_and_nothing_on_stderr(script: Path, version: str) -> None:
    bad = [o for o in outputs(load(script, version)) if o.output_type == "error" or o.get("name") == "stderr"]
    assert bad == []


@every_notebook
def test_file_is_small_and_holds_no_widget_state(script: Path, version: str) -> None:
    notebook = load(script, version)
    assert "widgets" not in notebook.metadata
    assert build.target(script, version).stat().st_size < 2_000_000
    assert not any(build.WIDGET in output.get("data", {}) for output in outputs(notebook))


@every_notebook
def test_no_paths_of_a_machine(script: Path, version: str) -> None:
    notebook = load(script, version)
    texts = [cell.source for cell in notebook.cells]
    texts += [text for output in outputs(notebook) for text in output_texts(output)]
    assert [text for text in texts if MACHINE_PATH.search(text)] == []


@every_notebook
def test_every_picture_has_a_text_that_says_what_it_shows(script: Path, version: str) -> None:
    notebook = load(script, version)
    for data in (output.get("data", {}) for output in outputs(notebook)):
        found = pictures(data.get("text/html", ""))
        if found or any(kind.startswith("image/") for kind in data):
            assert set(data) == {"text/html", "text/plain", "image/png"}, "show figures with show_figure"
            assert [picture["alt"] for picture in found] == [data["text/plain"]]
            assert len(data["text/plain"].strip()) >= 20
            assert "<Figure" not in data["text/plain"]
    text = markdown(notebook)
    written = IMAGE.findall(text) + [(p.get("alt", ""), p.get("src")) for p in pictures(text)]
    assert [target for alt, target in written if len(alt) < 20] == []
    figures = [text for output in outputs(notebook) for text in output_texts(output) if "<Figure" in text]
    assert figures == []


@every_notebook
def test_every_picture_of_a_page_is_whole_and_small(script: Path, version: str) -> None:
    for data in (output.get("data", {}) for output in outputs(load(script, version))):
        for picture in pictures(data.get("text/html", "")):
            kind, _, content = picture["src"].partition(";base64,")
            raw = base64.b64decode(content, validate=True)
            assert len(raw) <= LARGEST
            with Image.open(io.BytesIO(raw)) as image:
                assert kind == f"data:image/{(image.format or '').lower()}"
                image.load()


@every_notebook
def test_relative_links_resolve_in_jupyterlab_rooted_at_the_repository(script: Path, version: str) -> None:
    path = build.target(script, version)
    assert broken_links(markdown(load(script, version)), path) == []


@pytest.mark.parametrize(
    ("link", "broken"),
    [
        ("[a](01_retrieval.ipynb)", False),
        ("[a](../data/README.md)", False),
        ("[a](../docs/)", False),
        ("[a](https://example.org/x)", False),
        ("[a](#Real-heading)", False),
        ("[a](#Other-heading)", True),
        ("[a](01_retrieval.ipynb#No-such-heading)", True),
        ("[a](../docs/NO.md)", True),
        ("[a](../../elsewhere.md)", True),
        ("[a](../.gitignore)", True),
        ("![a picture](../docs/no.png)", True),
        ('<a href="../docs/NO.md">a</a>', True),
        ('<img alt="a picture" src="no.png">', True),
        ("[a]: ../docs/NO.md", True),
    ],
)
def test_a_link_that_leads_nowhere_is_found(link: str, broken: bool) -> None:
    text = f"# Real heading\n\n{link}"
    assert bool(broken_links(text, NOTEBOOKS / "00_start_here.ipynb")) == broken


@every_chapter
def test_links_to_the_chapters_before_and_after(script: Path) -> None:
    links = LINK.findall(markdown(load(script, "student")))
    here = CHAPTERS.index(script.stem)
    neighbours = [CHAPTERS[i] for i in (here - 1, here + 1) if 0 <= i < len(CHAPTERS)]
    assert [name for name in neighbours if f"{name}.ipynb" not in links] == []


@every_chapter
def test_header_states_the_time(script: Path) -> None:
    seconds = stated_seconds(load(script, "student"))
    assert seconds is not None, "the first cell does not say 'Time: about X s'"
    assert 1 <= seconds <= 60


def test_chapters_take_35_seconds_on_average() -> None:
    built = [script for script in SCRIPTS if build.target(script, "student").is_file()]
    stated = [stated_seconds(load(script, "student")) or 60 for script in built]
    assert sum(stated) / len(stated) <= 35


@every_chapter
def test_two_to_four_exercises(script: Path) -> None:
    assert 2 <= len(exercises(script)) <= 4


@every_chapter
def test_students_version_is_open_and_without_solutions(script: Path) -> None:
    cells = load(script, "student").cells
    assert [cell.source for cell in cells if build.BEGIN in cell.source or build.END in cell.source] == []
    solved = build.read(script, "solved").cells
    for position in exercises(script):
        assert build.PLACEHOLDER in cells[position].source
        assert cells[position].source != solved[position].source
        assert result_text(cells[position]) == "· not attempted yet"


@every_chapter
def test_solved_version_is_right_and_without_markers(script: Path) -> None:
    cells = load(script, "solved").cells
    for mark in (build.BEGIN, build.END, build.PLACEHOLDER):
        assert [cell.source for cell in cells if mark in cell.source] == []
    for position in exercises(script):
        assert (result_text(cells[position]) or "").startswith("✓ correct")


@every_chapter
def test_figure_names_are_the_chapters_own(script: Path) -> None:
    """Figures of all chapters are exported into one folder: a name tells the chapter and is used once."""
    cells = code_cells(build.read(script, "solved"))
    names = [name for cell in cells for name in figure_names(cell.source)]
    assert [name for name in names if not name.startswith(f"{script.stem[:2]}-")] == []
    assert [name for name in names if names.count(name) > 1] == []


def test_make_lab_serves_the_repository_and_opens_the_first_chapter() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make on this system: the target was not read")
    done = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert any(line.endswith("python -m cmgsd_lite lab") for line in done.stdout.splitlines())
    assert "--ServerApp.root_dir=." in workshop.LAB
    assert workshop.LAB[-1] == f"notebooks/{CHAPTERS[0]}.ipynb"


def words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z0-9']+", text.lower().replace("\\n", " ")))


@pytest.mark.realdata
def test_no_caption_of_the_real_data_in_notebooks_or_pages(cmgsd_data: Path) -> None:
    """Captions of eight and more words; shorter ones are also everyday English."""
    dataset = load_dataset(cmgsd_data)
    splits = (dataset.train, dataset.validation, dataset.test)
    lists = [captions for split in splits for captions in split.captions.values()]
    captions = {words(caption) for those in lists for caption in those}
    captions = {caption for caption in captions if len(caption) >= 8}
    lengths = sorted({len(caption) for caption in captions})
    assert len(captions) > 1000
    folder = NOTEBOOKS.parent
    patterns = ("notebooks/**/*.ipynb", "notebooks/**/*.py", "docs/**/*.md", "docs/**/*.json", "*.md")
    for page in (page for pattern in patterns for page in folder.glob(pattern)):
        text = words(page.read_text(encoding="utf-8"))
        runs = (text[i : i + n] for n in lengths for i in range(len(text) - n + 1))
        assert sum(run in captions for run in runs) == 0, f"{page.name} holds captions of the real data"
