"""The build tool: solution blocks, reproducible files, failures one can read."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from tests.notebooks.chapters import build_tool
from tests.notebooks.nbval_times import FACTOR, START, NotebookTimes, limit

build = build_tool()

EXERCISE = """def double(x):
    ### BEGIN SOLUTION
    y = x * 2
    return y
    ### END SOLUTION
print(double(2))"""

CHAPTER = f"""# %% [markdown]
# # 03 Small
# Time: about 2 s. [method](../docs/METHOD.md), [solved](solutions/03_small.ipynb)

# %%
import os, sys
print("data" if "CMGSD_DATA" in os.environ else "no data", flush=True)
print("one stream")

# %% tags=["nbval-ignore-output"]
import ipywidgets
ipywidgets.interactive(lambda x: print(x), x=(0, 3))

# %%
{EXERCISE}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "03_small.py").write_text(CHAPTER)
    return tmp_path / "source"


def test_students_get_a_placeholder_at_the_blocks_indentation() -> None:
    assert build.student_source(EXERCISE) == "def double(x):\n    ...  # your code\nprint(double(2))"


def test_the_solved_version_keeps_the_code_without_markers() -> None:
    assert build.solved_source(EXERCISE) == ("def double(x):\n    y = x * 2\n    return y\nprint(double(2))")


@pytest.mark.parametrize(
    "code",
    [
        "### BEGIN SOLUTION\nx",
        "x\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION",
    ],
)
def test_a_marker_without_its_partner_is_refused(code: str) -> None:
    with pytest.raises(build.BuildError, match="partner"):
        build.student_source(code)


def test_an_unknown_chapter_is_refused(source: Path) -> None:
    with pytest.raises(build.BuildError, match="'07'"):
        build.sources(source, ["07"])


@pytest.mark.slow
def test_both_versions_are_built_and_rebuilt_to_the_same_bytes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMGSD_DATA", str(tmp_path))
    script = source / "03_small.py"
    student, again = (build.build(script, "student", tmp_path / name) for name in ("one", "two"))
    assert student.read_bytes() == again.read_bytes()
    assert student.read_bytes().endswith(b"}\n")
    solved = build.build(script, "solved", tmp_path / "one")
    student_cells = nbformat.read(student, as_version=4).cells
    solved_cells = nbformat.read(solved, as_version=4).cells
    assert student_cells[1].id == "03-install"
    assert student_cells[1].outputs == [], "the package is there"
    assert [output.text for output in student_cells[2].outputs] == ["no data\none stream\n"]
    assert student_cells[3].outputs[0].data == {"text/plain": build.WIDGET_TEXT}
    assert student_cells[4].outputs[0].text == "None\n"
    assert solved_cells[4].outputs[0].text == "4\n"
    assert "(../../docs/METHOD.md)" in solved_cells[0].source
    assert "(03_small.ipynb)" in solved_cells[0].source
    assert nbformat.read(student, as_version=4).metadata == build.METADATA

    assert [list(build.differences(script, version, tmp_path / "one")) for version in build.VERSIONS] == [
        [],
        [],
    ]
    script.write_text(CHAPTER.replace("one stream", "another text"))
    assert len(list(build.differences(script, "student", tmp_path / "one"))) == 1
    script.write_text(CHAPTER + "\n# %%\nprint(1)\n")
    assert len(list(build.differences(script, "solved", tmp_path / "one"))) == 1


@pytest.mark.slow
def test_a_failing_cell_is_shown_with_its_traceback(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (source / "03_small.py").write_text("# %% [markdown]\n# # 03\n\n# %%\ny = 1\ny / 0\n")
    assert build.main(["--source", str(source), "--out", str(tmp_path / "out"), "--version", "student"]) == 1
    shown = capfd.readouterr().err
    assert "cell 2 failed" in shown
    assert "   2  y / 0" in shown
    assert "ZeroDivisionError" in shown
    assert not (tmp_path / "out" / "03_small.ipynb").exists()


ADDRESS = """
repository = "https://github.com/someone/course"
branch = "main"
wheel = ""
"""


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of course.toml with an address."""
    path = tmp_path / "course.toml"
    path.write_text(ADDRESS)
    monkeypatch.setattr(build, "COURSE", path)
    return path


def test_without_an_address_a_chapter_has_no_badges_and_asks_for_the_wheel(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    title, install = build.read(source / "03_small.py", "student").cells[:2]
    assert "Open in" not in title.source
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="lay its wheel"):
        exec(install.source)


@pytest.mark.parametrize(("version", "folder"), [("student", ""), ("solved", "solutions/")])
def test_with_an_address_badges_lead_to_the_notebook_itself(
    source: Path, published: Path, version: str, folder: str
) -> None:
    title, install = build.read(source / "03_small.py", version).cells[:2]
    assert title.source.startswith("# 03 Small\n\nOpen in [Colab](https://colab.research.google.com/github/")
    notebook = f"someone/course/blob/main/notebooks/{folder}03_small.ipynb)"
    assert title.source.count(notebook) == 2, "Colab and Kaggle"
    assert f"/gh/someone/course/main?urlpath=lab/tree/notebooks/{folder}03_small.ipynb)" in title.source
    assert '"cmgsd-lite[course] @ git+https://github.com/someone/course@main"' in install.source


def test_a_wheels_address_is_installed_and_another_host_has_no_badges(source: Path, published: Path) -> None:
    text = ADDRESS.replace("github.com", "example.org").replace(
        'wheel = ""', 'wheel = "https://example.org/c.whl"'
    )
    published.write_text(text)
    title, install = build.read(source / "03_small.py", "student").cells[:2]
    assert "Open in" not in title.source
    assert '"cmgsd-lite[course] @ https://example.org/c.whl"' in install.source


def test_the_installing_cell_asks_pip_for_the_wheel_beside_it_or_a_folder_up(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "notebooks"
    place.mkdir()
    (tmp_path / "cmgsd_lite-8-py3-none-any.whl").touch()  # as in the zip of a class
    asked: list[list[str]] = []
    monkeypatch.chdir(place)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("subprocess.run", lambda command, check: asked.append(command))
    cell = build.read(source / "03_small.py", "student").cells[1].source
    exec(cell)
    (place / "cmgsd_lite-7-py3-none-any.whl").touch()
    exec(cell)
    assert [command[-1] for command in asked] == [
        "../cmgsd_lite-8-py3-none-any.whl[course]",
        "cmgsd_lite-7-py3-none-any.whl[course]",
    ]


@pytest.mark.slow
def test_figures_are_exported_without_writing_notebooks(source: Path, tmp_path: Path) -> None:
    (source / "03_small.py").write_text(
        "# %%\nfrom matplotlib import pyplot as plt\nfrom cmgsd_lite.course.plots.base import show_figure\n"
        'fig, ax = plt.subplots()\nshow_figure(fig, "03-empty", "two empty axes, left and below")\n'
    )
    words = ["--figures", str(tmp_path / "figures"), "--slides", str(tmp_path / "slides")]
    assert build.main(["--source", str(source), "--out", str(tmp_path / "out"), *words]) == 0
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["03-empty.png", "03-empty.svg"]
    assert [path.name for path in (tmp_path / "slides").iterdir()] == ["03-empty.svg"]
    assert list((tmp_path / "out").rglob("*.ipynb")) == []


def test_a_widget_in_a_compared_cell_is_refused() -> None:
    view = {
        "output_type": "display_data",
        "metadata": {},
        "data": {build.WIDGET: {}, "text/plain": "IntSlider()"},
    }
    cell = {"cell_type": "code", "metadata": {}, "source": "slider", "outputs": [view], "execution_count": 1}
    notebook = nbformat.from_dict({"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [cell]})
    with pytest.raises(build.BuildError, match="nbval-ignore-output"):
        build.tidy(notebook, "03_small.py")


def test_the_time_limit_of_a_notebook_has_slack() -> None:
    assert limit(20) == FACTOR * 20 + START
    assert limit(None) == float("inf")


def test_a_notebook_far_beyond_its_stated_time_fails_the_run(tmp_path: Path) -> None:
    path = tmp_path / "03_small.ipynb"
    cell = {"cell_type": "markdown", "metadata": {}, "source": "Time: about 2 s", "id": "03-000"}
    nbformat.write(
        nbformat.from_dict({"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": [cell]}), path
    )
    times = NotebookTimes()
    report = SimpleNamespace(nodeid=f"{path}::Cell 0", duration=limit(2) - 1)
    session = SimpleNamespace(config=SimpleNamespace(), exitstatus=0)
    times.pytest_runtest_logreport(report)
    times.pytest_sessionfinish(session)
    assert session.exitstatus == 0
    times.pytest_runtest_logreport(report)
    times.pytest_sessionfinish(session)
    assert session.exitstatus == 1
    assert "TOO SLOW" in next(times.lines())
