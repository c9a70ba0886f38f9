"""Build the course: percent scripts in notebooks/source/ become executed notebooks, for students and solved.

    python notebooks/build.py              # every chapter, both versions
    python notebooks/build.py 03 06        # chapters 03 and 06
    python notebooks/build.py --check      # do the committed notebooks agree with their scripts? runs nothing
    python notebooks/build.py --figures build/figures   # only the figures, as PNG and SVG
    python notebooks/build.py --slides build/slides/pictures   # the same for slides: 16:9, large letters

Rebuilt on the same machine, a notebook has the same bytes: no times, no random ids, no widget state. Cells
run without CMGSD_DATA, so that the committed outputs are the same whether one has the real data or not.

Each chapter gets a cell that installs the package where it is missing, and badges that open it elsewhere,
from the address in course.toml; they are written here and not in the scripts.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.output_widget import OutputWidget
from nbconvert.preprocessors import CoalesceStreamsPreprocessor

from cmgsd_lite.runtime import write_atomically

NOTEBOOKS = Path(__file__).resolve().parent
SOURCE = NOTEBOOKS / "source"
COURSE = NOTEBOOKS.parent / "course.toml"
VERSIONS = ("student", "solved")
BEGIN, END, PLACEHOLDER = "### BEGIN SOLUTION", "### END SOLUTION", "...  # your code"
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_TEXT = "Interactive: run this cell in JupyterLab to use the controls."
IGNORE = "nbval-ignore-output"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_TIMEOUT = 300
ANSI = re.compile(r"\x1b\[[0-9;]*m")
Task = tuple[Path, str, Path, dict[str, str]]
"""A script, the version, where its notebook goes, and the variables that name folders for figures."""
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
INSTALL = """# Installs the course where it is missing, as on a hosted notebook; elsewhere this does nothing.
import glob
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("cmgsd_lite") is None:
    # One that lies beside this notebook, or a folder up as in the zip of a class, comes first.
    wheels = sorted(glob.glob("../cmgsd_lite-*.whl")) + sorted(glob.glob("cmgsd_lite-*.whl"))
    package = f"{wheels[-1]}[course]" if wheels else ADDRESS
    if not package:
        raise ModuleNotFoundError("cmgsd_lite: lay its wheel beside this notebook and run this cell again")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package], check=True)
    importlib.invalidate_caches()"""


class BuildError(Exception):
    """A notebook could not be built; the message says where and why."""


class SilentOutput(OutputWidget):
    """An Output widget that does not report back to the kernel.

    A message sent while nbclient waits for a cell's reply can swallow the wake-up of that reply; the cell
    then seems to run until its timeout. Nothing here needs what it would report.
    """

    def sync_state(self) -> None:
        """Send nothing."""


def sources(source: Path = SOURCE, prefixes: Sequence[str] = ()) -> list[Path]:
    """Return the percent scripts of a folder, in order, those whose name begins with one of the prefixes."""
    found = sorted(source.glob("[0-9][0-9]_*.py"))
    for prefix in prefixes:
        if not any(script.name.startswith(prefix) for script in found):
            raise BuildError(f"no script in {source} begins with {prefix!r}")
    return [script for script in found if not prefixes or script.name.startswith(tuple(prefixes))]


def target(script: Path, version: str, out: Path = NOTEBOOKS) -> Path:
    """Return where a version of a script's notebook lies."""
    return (out if version == "student" else out / "solutions") / f"{script.stem}.ipynb"


def student_source(code: str) -> str:
    """Replace each block between the solution markers by one line, indented like its first marker."""
    lines, inside = [], False
    for line in code.splitlines():
        marker = line.strip()
        if marker == (END if inside else BEGIN):
            if not inside:
                lines.append(line[: len(line) - len(line.lstrip())] + PLACEHOLDER)
            inside = not inside
        elif marker in (BEGIN, END):
            raise BuildError(f"{marker!r} without its partner in:\n{code}")
        elif not inside:
            lines.append(line)
    if inside:
        raise BuildError(f"{BEGIN!r} without its partner in:\n{code}")
    return "\n".join(lines)


def solved_source(code: str) -> str:
    """Remove the solution markers and keep what is between them."""
    return "\n".join(line for line in code.splitlines() if line.strip() not in (BEGIN, END))


def solved_links(text: str) -> str:
    """Mend relative links of a markdown cell for the folder of the solved notebooks, one level deeper."""
    return text.replace("](../", "](../../").replace("](solutions/", "](")


def course() -> dict[str, str]:
    """Return where the course can be had, as course.toml says."""
    return tomllib.loads(COURSE.read_text(encoding="utf-8"))


def install_cell(number: str) -> Any:
    """Return a chapter's cell that installs the package where it is missing; folded in JupyterLab."""
    where = course()
    address = where["wheel"] or (where["repository"] and f"git+{where['repository']}@{where['branch']}")
    package = address and f"cmgsd-lite[course] @ {address}"
    cell = nbformat.v4.new_code_cell(INSTALL.replace("ADDRESS", f'"{package}"'), id=f"{number}-install")
    # A page of the course that is only read leaves the cell out: myst-nb knows this tag.
    cell.metadata = nbformat.from_dict({"tags": ["remove-cell"], "jupyter": {"source_hidden": True}})
    return cell


def badges(notebook: str) -> str:
    """Return the links that open a notebook (its path in the repository) elsewhere; none without an address.

    They are words and not pictures, which every reader of a chapter would fetch from three hosts.
    """
    where = course()
    found = GITHUB.fullmatch(where["repository"])
    if found is None:
        return ""
    repository, branch = found[1], where["branch"]
    page = f"{repository}/blob/{branch}/{notebook}"
    colab = f"https://colab.research.google.com/github/{page}"
    kaggle = f"https://kaggle.com/kernels/welcome?src=https://github.com/{page}"
    binder = f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{notebook}"
    return f"Open in [Colab]({colab}) · [Kaggle]({kaggle}) · [Binder]({binder})"


def open_anywhere(notebook: Any, script: Path, version: str) -> None:
    """Put badges under a chapter's title and the installing cell behind the title's cell."""
    path = target(script, version, Path("notebooks")).as_posix()
    title, _, rest = notebook.cells[0].source.partition("\n")
    if line := badges(path):
        notebook.cells[0].source = f"{title}\n\n{line}\n{rest}"
    notebook.cells.insert(1, install_cell(script.stem[:2]))


def read(script: Path, version: str) -> Any:
    """Read a percent script as the notebook that is built: without outputs, to be opened anywhere."""
    notebook = read_script(script, version)
    open_anywhere(notebook, script, version)
    return notebook


def read_script(script: Path, version: str) -> Any:
    """Read a percent script as a notebook of its own cells, in one of the two versions."""
    if version not in VERSIONS:
        raise ValueError(f"version: expected one of {VERSIONS}, got {version!r}")
    notebook = jupytext.reads(script.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells):
        cell.id = f"{script.stem[:2]}-{position:03d}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            student_source(cell.source)  # markers are checked for both versions
            cell.source = (student_source if version == "student" else solved_source)(cell.source)
        elif version == "solved":
            cell.source = solved_links(cell.source)
    return notebook


def execute(notebook: Any, folder: Path, name: str, figures: dict[str, str] | None = None) -> None:
    """Run a notebook's cells in its folder and keep what they print; outputs are made reproducible.

    ``figures`` are environment variables that name where figures are written to.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CMGSD_")}
    environment["OMP_NUM_THREADS"] = "1"
    environment.update(figures or {})
    folder.mkdir(parents=True, exist_ok=True)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=40"],  # no note on local TCP in the builder's output
        record_timing=False,
        store_widget_state=True,  # nbclient stumbles over Output widgets otherwise; tidy drops the state
        resources={"metadata": {"path": str(folder)}},
    )
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": SilentOutput}}
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise BuildError(f"{name}: {_failed_cell(notebook)}\n{ANSI.sub('', error.traceback)}") from None
    except (CellTimeoutError, DeadKernelError) as error:
        raise BuildError(f"{name}: {type(error).__name__}: {ANSI.sub('', str(error))}") from None
    tidy(notebook, name)


def _failed_cell(notebook: Any) -> str:
    for position, cell in enumerate(notebook.cells):
        if any(output.output_type == "error" for output in cell.get("outputs", ())):
            numbered = [f"{i:4d}  {line}" for i, line in enumerate(cell.source.splitlines(), 1)]
            return f"cell {position} failed:\n" + "\n".join(numbered)
    return "a cell failed:"


def tidy(notebook: Any, name: str) -> None:
    """Merge streams, drop what differs from run to run, and replace views of widgets by a line of text."""
    CoalesceStreamsPreprocessor().preprocess(notebook, {})
    notebook.metadata = nbformat.from_dict(METADATA)
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                # The stored view of a widget has a random id and shows an error without its model.
                if IGNORE not in cell.metadata.get("tags", ()):
                    raise BuildError(f'{name}: cell {position} shows a widget: tag it "{IGNORE}"')
                output.data = nbformat.from_dict({"text/plain": WIDGET_TEXT})


def build(script: Path, version: str, out: Path = NOTEBOOKS) -> Path:
    """Build one version of one chapter and return its file."""
    path = target(script, version, out)
    notebook = read(script, version)
    execute(notebook, path.parent, f"{script.name} ({version})")
    write(notebook, path)
    return path


def write(notebook: Any, path: Path) -> None:
    """Write a notebook, the same bytes for the same cells and outputs."""
    nbformat.validate(notebook)
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8", newline="\n"))


def export_figures(script: Path, figures: dict[str, str], out: Path = NOTEBOOKS) -> None:
    """Run the solved version of one chapter for its figures only; no notebook is written."""
    execute(read(script, "solved"), target(script, "solved", out).parent, script.name, figures)


def differences(script: Path, version: str, out: Path = NOTEBOOKS) -> Iterator[str]:
    """Say in which cells a built notebook differs from its script; nothing is run."""
    path = target(script, version, out)
    if not path.is_file():
        yield f"{path.name} ({version}) is not built"
        return
    wanted = read(script, version).cells
    found = nbformat.read(path, as_version=4).cells
    if len(wanted) != len(found):
        yield f"{path.name} ({version}): {len(found)} cells, the script has {len(wanted)}"
    for position, (ours, theirs) in enumerate(zip(wanted, found, strict=False)):
        if (ours.cell_type, ours.source, ours.metadata) != (theirs.cell_type, theirs.source, theirs.metadata):
            yield f"{path.name} ({version}): cell {position} is not that of the script"


def _job(task: Task) -> tuple[str, str | None]:
    script, version, out, figures = task
    start = time.perf_counter()
    size = ""
    try:
        if figures:
            export_figures(script, figures, out)
        else:
            size = f", {build(script, version, out).stat().st_size / 1e6:.2f} MB"
    except BuildError as error:
        return f"FAILED {script.stem} ({version})", str(error)
    return f"built {script.stem} ({version}): {time.perf_counter() - start:.0f} s{size}", None


def _run(tasks: Sequence[Task], jobs: int) -> bool:
    good = True
    with ProcessPoolExecutor(max_workers=jobs) if jobs > 1 else nullcontext() as pool:
        for line, problem in pool.map(_job, tasks) if pool else map(_job, tasks):
            print(line, flush=True)
            if problem is not None:
                good = False
                print(problem, file=sys.stderr, flush=True)
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, check or export; returns the exit code."""
    parser = argparse.ArgumentParser(description="Build the course's notebooks from their percent scripts.")
    parser.add_argument("prefix", nargs="*", help="chapters, such as 03 (default: all)")
    parser.add_argument("--check", action="store_true", help="compare with the scripts, run nothing")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write the figures only, as PNG and SVG")
    parser.add_argument("--slides", type=Path, metavar="DIR", help="write the figures only, for slides")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at the same time (default: 1)")
    parser.add_argument("--version", choices=VERSIONS, help="only this version (default: both)")
    parser.add_argument("--source", type=Path, default=SOURCE, help="folder of the scripts")
    parser.add_argument("--out", type=Path, default=NOTEBOOKS, help="folder of the notebooks")
    options = parser.parse_args(arguments)
    versions = (options.version,) if options.version else VERSIONS
    try:
        scripts = sources(options.source, options.prefix)
        if options.check:
            found = [line for s in scripts for v in versions for line in differences(s, v, options.out)]
            print("\n".join(found) if found else f"{len(scripts)} scripts agree with their notebooks")
            return 1 if found else 0
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    folders = {"CMGSD_FIGURES": options.figures, "CMGSD_SLIDES": options.slides}
    figures = {name: str(folder.resolve()) for name, folder in folders.items() if folder is not None}
    if figures:
        versions = ("solved",)
    tasks = [(s, v, options.out.resolve(), figures) for s in scripts for v in versions]
    return 0 if _run(tasks, options.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
