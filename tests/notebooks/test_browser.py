"""A learner's way through a chapter, in JupyterLab and a headless Chromium: run all, move a slider, answer.

Every picture has to be there with its alt text: in JupyterLab before and after running, in an exported page.
Needs a Chromium of the system (``apt-get install chromium``, or any Chrome); ``.ci/run`` installs it where it
can. Everything happens in a copy of the course, served as ``make lab`` serves it: from the repository down.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.notebooks.chapters import (
    CHAPTERS,
    NOTEBOOKS,
    ROOT,
    build_tool,
    markdown,
    outputs,
    pictures,
    relative_links,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

build = build_tool()
TOKEN = "course"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SETTINGS = {
    # All cells in the page at once, so that they can be counted; no questions on start.
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": '{"windowingMode": "none"}',
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": '{"fetchNews": "false"}',
    "@jupyterlab/completer-extension/manager.jupyterlab-settings": '{"autoCompletion": false}',
}
MINUTE = 60_000
SMALL = """# %% [markdown]
# # A small chapter

# %% tags=["nbval-ignore-output"]
import ipywidgets
from matplotlib import pyplot as plt
from cmgsd_lite.course.exercises.verdict import judge
from cmgsd_lite.course.plots.base import show_figure

def line(height):
    figure, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, height])
    ax.set_ylim(0, 10)
    show_figure(figure, "00-line", "a line that rises from the left to the right")

_ = ipywidgets.interact(line, height=ipywidgets.IntSlider(value=3, min=0, max=10))

# %%
from cmgsd_lite.data.minivtt import contact_sheet
sheet = contact_sheet([f"video{i}" for i in range(4)])
show_figure(sheet, "00-sheet", 'four clips, one "row" each & <b>all</b> drawn')

# %%
from cmgsd_lite.course.live import show_live
show_live("circle", sheet, "fifteen pairs on a circle, as the loss pushes them")

# %%
def double(x):
    ### BEGIN SOLUTION
    if x is not None:
        y = x * 2
    return y
    ### END SOLUTION

judge(double(2), 4, "twice", [(2, "that is x itself")])
"""


def find_browser() -> str:
    """Path of a Chromium; without one the test is skipped and says what to do."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    usual = [Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")]
    usual += [Path(os.environ.get("PROGRAMFILES", "")) / "Google/Chrome/Application/chrome.exe"]
    for path in usual:
        if path.is_file():
            return str(path)
    return pytest.skip("no Chromium or Chrome found: the browser test did not run (apt-get install chromium)")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """A page of a headless browser."""
    browser_path = find_browser()
    reason = "playwright is not installed: the browser test did not run"
    api = pytest.importorskip("playwright.sync_api", reason=reason)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(MINUTE)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def lab(page: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a JupyterLab that serves a copy of the notebooks, without the user's own settings."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "repository"
    for name in ("notebooks", "docs", "data"):
        unwanted = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    (home / "source").mkdir()
    (home / "source" / "00_small.py").write_text(SMALL)
    build.build(home / "source" / "00_small.py", "student", folder / "notebooks")
    for name, text in SETTINGS.items():
        (home / "settings" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "settings" / name).write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CMGSD_")} | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "OMP_NUM_THREADS": "1",
    }
    options = (
        f"--no-browser --allow-root --ip=127.0.0.1 --port={port} --IdentityProvider.token={TOKEN} "
        "--LabApp.news_url=None --LabApp.extension_manager=readonly"
    )
    command = [sys.executable, "-m", "jupyter", "lab", *options.split(), f"--ServerApp.root_dir={folder}"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for_server(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for_server(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, f"JupyterLab stopped:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"JupyterLab did not answer:\n{log.read_text()}")


class Notebook:
    """An open notebook, as a learner sees it."""

    def __init__(self, page: Any, lab: str, name: str) -> None:
        self.page = page
        page.goto(f"{lab}/lab/tree/notebooks/{name}.ipynb?token={TOKEN}&reset")
        self.panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        self.panel.locator(".jp-Notebook .jp-Cell").first.wait_for()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        # A click before the kernel is ready is lost.
        self.page.locator("#jp-main-statusbar", has_text="| Idle").wait_for(timeout=5 * MINUTE)

    def cell(self, position: int) -> Any:
        return self.panel.locator(".jp-Notebook > .jp-WindowedPanel-outer .jp-Cell").nth(position)

    def run_all(self) -> None:
        before = self.panel.locator(".jp-CodeCell").count()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(
            """count => {
                const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
                const cells = [...panel.querySelectorAll('.jp-CodeCell')];
                const prompts = cells.map(cell => cell.querySelector('.jp-InputArea-prompt'));
                // A folded cell, as the one that installs the course, shows no number.
                return cells.length === count && prompts.every(
                    (prompt, i) => !prompt || prompt.textContent.trim() === `[${i + 1}]:`);
            }""",
            arg=before,
            timeout=5 * MINUTE,
        )
        self.wait_until_idle()

    def errors(self) -> list[str]:
        found = self.panel.locator('[data-mime-type="application/vnd.jupyter.error"]')
        return [str(text) for text in found.all_inner_texts()]

    def check_pictures(self, least: int) -> None:
        check_pictures(self.page, ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea img", least)

    def slider_cells(self) -> Any:
        cells = self.panel.locator(".jp-CodeCell")
        return cells.filter(has=self.page.locator(".noUi-handle")).filter(has=self.page.locator("img"))

    def move_slider(self, cell: Any) -> bool:
        """Press an arrow key on the cell's first slider; say whether its figure became another."""
        handle = cell.locator(".noUi-handle").first
        picture = cell.locator(".jp-OutputArea img").last
        before = picture.get_attribute("src")
        at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        handle.focus()
        self.page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")
        for _ in range(240):
            if picture.count() and picture.get_attribute("src") != before:
                return True
            self.page.wait_for_timeout(250)
        return False

    def answer(self, position: int, code: str, verdict: str) -> None:
        """Type code into a cell, run it, and wait for the verdict that is expected."""
        cell = self.cell(position)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(code)
        typed = "\n".join(cell.locator(".cm-line").all_inner_texts())
        assert _lines(typed) == _lines(code)
        self.page.keyboard.press("Shift+Enter")
        output = cell.locator(".jp-OutputArea-executeResult").filter(has_text=verdict)
        output.wait_for(timeout=2 * MINUTE)


def check_pictures(page: Any, selector: str, least: int) -> None:
    """Every picture of a page has been loaded, and has a text that says what it shows."""
    page.wait_for_function(
        "([selector, least]) => { const found = [...document.querySelectorAll(selector)];"
        " return found.length >= least && found.every(image => image.complete); }",
        arg=[selector, least],
    )
    found = page.locator(selector).evaluate_all(
        "images => images.map(image => [image.alt, image.naturalWidth, image.naturalHeight])"
    )
    assert [alt for alt, width, height in found if len(alt.strip()) < 20 or not width or not height] == []


def stored_pictures(notebook: Any) -> int:
    return sum(len(pictures(output.get("data", {}).get("text/html", ""))) for output in outputs(notebook))


def _lines(code: str) -> list[str]:
    return [line.rstrip() for line in code.splitlines() if line.strip()]


def wrong(code: str) -> str:
    """Fill in a student's cell with an answer that no exercise asks for."""
    assert build.PLACEHOLDER in code
    before, _, after = code.partition(build.PLACEHOLDER)
    if before.endswith(" "):
        return f"{before}return 123456.5{after}"
    names = re.findall(r"^(\w+) = (?:None|\.\.\.)", before, re.MULTILINE)
    return before + "\n".join(f"{name} = 123456.5" for name in names) + after


def exercise(script: Path) -> tuple[int, str, str]:
    """Position of a chapter's first exercise, the cell as the student finds it, and solved."""
    student, solved = (build.read(script, version).cells for version in build.VERSIONS)
    position = next(i for i, cell in enumerate(student) if build.PLACEHOLDER in cell.source)
    return position, student[position].source, solved[position].source


def learn(notebook: Notebook, script: Path) -> None:
    """Run all, then answer the first exercise wrongly and rightly."""
    notebook.run_all()
    assert notebook.errors() == []
    position, student, solved = exercise(script)
    assert (
        notebook.cell(position)
        .locator(".jp-OutputArea-executeResult")
        .inner_text()
        .endswith("· not attempted yet")
    )
    notebook.answer(position, wrong(student), "✗ not yet")
    notebook.answer(position, solved, "✓ correct")


def test_a_small_chapter_with_a_slider_and_an_exercise(page: Any, lab: str, tmp_path: Path) -> None:
    """The machinery itself, whatever becomes of the chapters."""
    script = tmp_path / "00_small.py"
    script.write_text(SMALL)
    notebook = Notebook(page, lab, "00_small")
    notebook.check_pictures(least=1)  # before any cell has run JupyterLab does not trust the file
    learn(notebook, script)
    notebook.check_pictures(least=3)
    circle = notebook.panel.locator(".cmgsd-live")
    assert circle.locator("img:visible").count() == 0, "the still picture gave way"
    circle.get_by_role("slider", name="margin").press("ArrowRight")
    assert "What do you expect?" in circle.locator("fieldset").inner_text()
    assert notebook.slider_cells().count() == 1
    assert notebook.move_slider(notebook.slider_cells().first)


@pytest.mark.parametrize("chapter", ["00_start_here", "06_distance_to_margin"])
def test_a_chapter_as_a_learner_goes_through_it(page: Any, lab: str, chapter: str) -> None:
    assert (NOTEBOOKS / f"{chapter}.ipynb").is_file()
    notebook = Notebook(page, lab, chapter)
    stored = stored_pictures(nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4))
    notebook.check_pictures(least=stored)
    learn(notebook, build.SOURCE / f"{chapter}.py")
    moving = notebook.panel.locator(".cmgsd-live")
    assert moving.count() >= 1
    for i in range(moving.count()):
        moving.nth(i).scroll_into_view_if_needed()
        assert moving.nth(i).get_attribute("role") is not None, "the script ran"
        assert moving.nth(i).locator("button, input, select").count() >= 1
    notebook.check_pictures(least=stored)


@pytest.mark.parametrize("chapter", ["00_small", *CHAPTERS])
def test_pictures_of_an_exported_page_have_their_texts(
    page: Any, lab: str, chapter: str, tmp_path: Path
) -> None:
    with urllib.request.urlopen(f"{lab}/files/notebooks/{chapter}.ipynb?token={TOKEN}") as answer:
        notebook = nbformat.reads(answer.read().decode(), as_version=4)
    exported, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(exported, encoding="utf-8")
    page.route(re.compile("^https?:"), lambda route: route.abort())  # formulas come from a network
    page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    page.unroute_all()
    assert page.locator(".jp-OutputArea img").count() == stored_pictures(notebook)
    check_pictures(page, "img", stored_pictures(notebook))


def test_jupyterlab_serves_every_file_that_a_notebook_links_to(lab: str) -> None:
    for path in [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb")]:
        for _, file, _ in relative_links(markdown(nbformat.read(path, as_version=4)), path):
            name = urllib.parse.quote(file.relative_to(ROOT).as_posix())
            with urllib.request.urlopen(f"{lab}/api/contents/{name}?content=0&token={TOKEN}") as answer:
                assert answer.status == 200
