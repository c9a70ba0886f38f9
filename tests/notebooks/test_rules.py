"""Chapters that have been retold keep the rules; the rules themselves are tried on the skeleton."""

import copy
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import CHAPTERS, build_tool
from tests.notebooks.rules import STOP, count_code_lines, count_words, faults, given_away

build = build_tool()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_retold_chapter_keeps_the_rules(chapter: str) -> None:
    script = build.SOURCE / f"{chapter}.py"
    versions = [nbformat.read(build.target(script, v), as_version=4) for v in build.VERSIONS]
    assert faults(chapter[:2], *versions) == []


@pytest.fixture(scope="module")
def chapter(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("skeleton")
    script: Path = folder / "02_skeleton.py"
    script.write_text((build.SOURCE / "skeleton.py").read_text(encoding="utf-8"), encoding="utf-8")
    return [nbformat.read(build.build(script, v, folder), as_version=4) for v in build.VERSIONS]


@pytest.mark.slow
def test_the_skeleton_keeps_the_rules(chapter: Any) -> None:
    student, solved = chapter
    assert faults("02", student, solved, predictions=1) == []
    assert faults("02", student, solved) == ["1 predictions, at least 3"]
    results = [o.data["text/plain"] for cell in solved.cells for o in cell.get("outputs", ()) if "data" in o]
    assert any(text.startswith("✓ correct") for text in results)


BREAKS = {
    "Time: about": ("Time: about ", "Time: roughly ", "Time: about N s"),
    "too slow": ("about 15 s", "about 46 s", "at most 45"),
    "no student time": ("For you: about", "For you: roughly", "For you"),
    "no stop": (STOP, "Stop!", "does not end with"),
    "no folded answer": ("</details>", "", "does not end with"),
    "a guess": ("predict(", "predict('?', 3); predict(", "a guess is filled in"),
    "an import elsewhere": ("plt.subplots", "subplots", "plt is imported"),
    "a long cell": ("figure, axes", "x = 1\n" * 15 + "figure, axes", "at most 20"),
    "much code": ("figure, axes", "x = 1\n" * 220 + "figure, axes", "lines of code, at most 220"),
    "many words": ("# 02", "# 02 " + "word " * 1700, "words of markdown"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_a_rule_in_the_text_is_found(chapter: Any, name: str) -> None:
    old, new, said = BREAKS[name]
    broken = copy.deepcopy(chapter)
    for notebook in broken:
        assert any(old in cell.source for cell in notebook.cells)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
    assert any(said in fault for fault in faults("02", *broken, predictions=1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hardest is below mean: True\n", "claim: True"),
        ("equal to the package's\n" * 3, "equals the package"),
        ("under smooth 87 %, 93 %\n", "stands in the text above"),
    ],
)
def test_what_breaks_a_rule_in_the_output_is_found(chapter: Any, text: str, said: str) -> None:
    student, solved = copy.deepcopy(chapter)
    output = nbformat.v4.new_output("stream", name="stdout", text=text)
    student.cells.insert(1, nbformat.v4.new_code_cell("print()", outputs=[output]))
    assert any(said in fault for fault in faults("02", student, solved, predictions=1))


@pytest.mark.slow
@pytest.mark.parametrize("alt", ["figure", ""])
def test_a_picture_without_a_real_text_is_found(chapter: Any, alt: str) -> None:
    student, solved = copy.deepcopy(chapter)
    shown = [
        o
        for cell in student.cells
        for o in cell.get("outputs", ())
        if "<img" in o.get("data", {}).get("text/html", "")
    ]
    assert len(shown) == 2, "a figure and a moving picture"
    for output in shown:
        output.data["text/html"] = re.sub('alt="[^"]*"', f'alt="{alt}"', output.data["text/html"])
        assert any(
            "without a text of its own" in fault for fault in faults("02", student, solved, predictions=1)
        )


def cells(*sources: str) -> Any:
    made = [
        nbformat.v4.new_markdown_cell(s) if s.startswith("#") else nbformat.v4.new_code_cell(s)
        for s in sources
    ]
    return nbformat.v4.new_notebook(cells=made)


def test_what_is_counted() -> None:
    notebook = cells(
        "# One two | three\n\n<details>not\n\nthese</details>\n",
        "x = 1\n\ny = 2",
        f"def f():\n    {build.PLACEHOLDER}",
    )
    assert count_words(notebook) == 3
    assert count_code_lines(notebook) == 2


@pytest.mark.parametrize(
    ("result", "above", "given"),
    [
        ("57.1 %", "it was 57.1 %.", True),
        ("57.1 %", "it was 57.1% then", True),
        ("57.1 %", "157.1 % or 57.12 %", False),
        ("3 %", "3 clips", False),
        ("3 %", "about 3 % of", True),
        ("3", "3 clips", False),
        ("0.55", "0.55 or so.", True),
        ("0.55", "it ends at 0.55.", True),
        ("0.55", "0.551", False),
        ("16,256", "all 16,256 pairs", True),
        ("mean, hardest", "mean, hardest", False),
    ],
)
def test_a_number_that_gives_the_result_away(result: str, above: str, given: bool) -> None:
    assert given_away(result, above) == given
