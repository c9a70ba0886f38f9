"""Lay out what the site is made of: chapters as they are stored, documents, a page for each module.

    python site/stage.py build/site/source

Nothing is executed, and of the package no line is run: docstrings are read from the code. Pages lie as
they do in the repository, so that their links hold.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "site"
LIVE = ROOT / "cmgsd_lite" / "course" / "live"
PLACEHOLDER = "...  # your code"
"""What a student's cell has in place of a solution (notebooks/build.py)."""

PAGES = (
    ("Words and formulas", ("docs/GLOSSARY.md", "docs/METHOD.md")),
    ("Results", ("docs/RESULTS.md", "docs/STUDY.md", "docs/STUDY_TABLES.md", "docs/BENCHMARKS.md")),
    ("In your own work", ("docs/ADAPTERS.md", "docs/DATA.md", "docs/COMMANDS.md", "docs/API.md")),
    ("Teaching", ("docs/TEACHING.md",)),
    ("The project", ("data/README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
)
"""The documents in the order of the site's contents; any other page of docs/ joins the last group."""

MACHINERY = {
    "course.study",
    "course.plots.study",
    "course.plots.verdict",
    "training.bench",
    "training.conditions",
    "training.data_choice",
    "training.digests",
    "training.finished",
    "training.human_quality",
    "training.margin_histogram",
    "training.running",
    "training.tabulate",
    "training.teacher_quality",
    "training.teacher_table",
    "training.two_processes",
}
"""Modules that only the study and the main job need; docs/API.md in the repository has them too."""

TARGET = r"\((?P<target>[^()\s]+)\)"
IMAGE = re.compile(r"!\[(?P<text>[^\]]*)\]" + TARGET)
LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|!?\[[^\]]*\](?:\([^()]*\))?)*)\]" + TARGET)
FENCE = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
MOVING = re.compile(
    r'(?P<head><div class="cmgsd-live" data-name="(?P<name>\w+)">.*?<script>\(\(\) => \{\n).*?'
    r"(?P<foot>\nconst here = document)",
    re.DOTALL,
)
"""A moving picture in a stored page (cmgsd_lite/course/live): its script stands between head and foot."""

TERM = re.compile(r"^\*\*(?P<term>[^*\n]+)\*\*: ", re.MULTILINE)


def stage(target: Path) -> None:
    """Write the sources of the site into a folder, which is made anew.

    Args:
        target: The folder; whatever it holds is removed.

    Raises:
        ValueError: When a page links to something that is not there.
    """
    shutil.rmtree(target, ignore_errors=True)
    documents = list_documents()
    for name in ("README.md", *documents):
        if name != "docs/API.md":
            _write(target / page_name(name), relink((ROOT / name).read_text("utf-8"), ROOT / name, target))
    chapters = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    for path in chapters:
        _write(target / "notebooks" / path.name, nbformat.writes(chapter(path, target)))
    write_api(target)
    mark_terms(target / "docs" / "GLOSSARY.md")
    write_home(target / "index.md", [path.stem for path in chapters], documents)
    copy_machinery(target)
    write_playground(target)
    for path in moving_files(target):
        last_frame(path).save(target / "_static" / "stills" / f"{path.stem}.png", optimize=True)


def list_documents() -> list[str]:
    """Return the documents that become pages, by their names in the repository."""
    known = [name for _, names in PAGES for name in names]
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}
    return [*known, *sorted(found - set(known))]


def page_name(name: str) -> str:
    """Return what a document is called on the site: README is its first page."""
    return "index.md" if name == "README.md" else name


def relink(text: str, page: Path, target: Path) -> str:
    """Mend the links of a page for the site, and bring along the files that they lead to.

    Args:
        text: Markdown; blocks of code are left alone.
        page: The file it comes from.
        target: Folder of the site's sources.

    Returns:
        The same text; pictures that a page would have to fetch gave way to their alt text, folders (a site
        has none) to their names, and README to the site's first page.
    """

    def image(match: re.Match[str]) -> str:
        if is_external(match["target"]):
            return match["text"]
        return _link_of(match, page, target)

    def link(match: re.Match[str]) -> str:
        return match[0] if is_external(match["target"]) else _link_of(match, page, target)

    return _outside_code(text, lambda part: LINK.sub(link, IMAGE.sub(image, part)))


def is_external(link: str) -> bool:
    """Say whether a link has an address, or stays on its own page."""
    return bool(re.match(r"[a-z]+:|#", link))


def _outside_code(text: str, change: Any) -> str:
    parts, at = [], 0
    for fence in FENCE.finditer(text):
        parts += [change(text[at : fence.start()]), fence[0]]
        at = fence.end()
    return "".join([*parts, change(text[at:])])


def _link_of(match: re.Match[str], page: Path, target: Path) -> str:
    name, _, anchor = match["target"].partition("#")
    file = (page.parent / name).resolve()
    if not file.is_relative_to(ROOT) or not file.exists():
        where = page.relative_to(ROOT)
        raise ValueError(f"{where}: {match['target']} is not in the repository; mend the link")
    path = file.relative_to(ROOT).as_posix()
    if file.is_dir():
        return match["text"]
    if path == "README.md":
        up = "../" * (len(page.relative_to(ROOT).parts) - 1)
        return match[0].replace(f"({match['target']})", f"({up}index.md{anchor and '#'}{anchor})")
    if path.startswith("notebooks/solutions/"):  # here a solution stands below its exercise
        return match[0].replace("solutions/", "")
    if file.suffix not in (".md", ".ipynb") and not (target / path).exists():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / path)
    return match[0]


def chapter(path: Path, target: Path) -> Any:
    """Return a chapter as students have it, with a solution to unfold below each exercise."""
    student = nbformat.read(path, as_version=4)
    solved = nbformat.read(path.parent / "solutions" / path.name, as_version=4)
    solutions = {cell.id: cell for cell in solved.cells}
    cells = []
    for cell in student.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = relink(cell.source, path, target)
        elif PLACEHOLDER in cell.source:
            cell.outputs = []  # "not attempted yet" says nothing where nobody can attempt it
            cells.append(solution(solutions[cell.id]))
        for output in cell.get("outputs", ()):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = MOVING.sub(present_script, output.data["text/html"])
    student.cells = cells
    return student


def present_script(match: re.Match[str]) -> str:
    """Return a moving picture with its script as it is now; what it draws stays as stored."""
    return match["head"] + live_script(match["name"]) + match["foot"]


def live_script(name: str) -> str:
    """Return the script of a moving picture with what all have above them."""
    return "\n".join((LIVE / f"{part}.js").read_text("utf-8") for part in ("page", "losses", name))


def solution(cell: Any) -> Any:
    """Return a folded cell with the code of a solution and what its checker says."""
    said = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
    verdict = f"```text\n{said[-1]}\n```\n\n" if said and said[-1] else ""
    fold = f"<details><summary>One solution</summary>\n\n```python\n{cell.source}\n```\n\n{verdict}</details>"
    return nbformat.v4.new_markdown_cell(fold, id=f"{cell.id}-solution")


def mark_terms(page: Path) -> None:
    """Give every entry of the glossary a name to link to."""
    text = page.read_text("utf-8")
    page.write_text(TERM.sub(lambda match: f"({term_label(match['term'])})=\n{match[0]}", text), "utf-8")


def term_label(term: str) -> str:
    """Return the label of a term: ``term-false-negative``."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-")


def write_api(target: Path) -> None:
    """Write a page for each module and the list of them."""
    api = api_tool()
    modules = api.read_modules(ROOT / api.PACKAGE)
    shown = {name: parts for name, parts in api.sections(modules) if name not in MACHINERY}
    for name, definitions in shown.items():
        module = modules[name]
        blocks = [f"# {api.PACKAGE}.{name}", *api.render_docstring(module.text)]
        blocks += [f"- `{constant}`: {text}" for constant, text in module.constants.items()]
        for definition in definitions:  # a heading less deep than on the repository's one page
            blocks += [block.removeprefix("#") for block in api.render_definition(definition)]
        _write(target / "docs" / "api" / f"{name}.md", "\n\n".join(blocks) + "\n")
    lines = [
        f"- [`{api.PACKAGE}.{name}`](api/{name}.md): {modules[name].text.splitlines()[0]}" for name in shown
    ]
    head = api.HEAD.replace("Written by `make api` from", "From").replace("; do not edit", "")
    contents = toctree("", [f"api/{name}" for name in shown])
    _write(target / "docs" / "API.md", "\n\n".join([head.strip(), "\n".join(lines), contents]) + "\n")


def api_tool() -> ModuleType:
    """Load docs/build_api.py, which is a script and lies in no package."""
    spec = importlib.util.spec_from_file_location("build_api", ROOT / "docs" / "build_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    return module


def toctree(caption: str, names: list[str]) -> str:
    """Return a part of the site's contents, which stands at the side."""
    head = f":caption: {caption}\n" if caption else ""
    return "```{toctree}\n:hidden:\n" + head + "\n" + "\n".join(names) + "\n```"


def write_home(page: Path, chapters: list[str], documents: list[str]) -> None:
    """Add the contents to the first page, and a way to the playground before its first section."""
    text = page.read_text("utf-8")
    way = "**Move it yourself** in [the playground](playground.md): nothing to install.\n\n"
    text = re.sub(r"^## ", way + "## ", text, count=1, flags=re.MULTILINE)
    groups = [("Chapters", [f"notebooks/{name}" for name in chapters]), ("Play", ["playground"])]
    groups += [(caption, list(names)) for caption, names in PAGES]
    placed = {name for _, names in PAGES for name in names}
    groups[-1][1].extend(name for name in documents if name not in placed)
    trees = [toctree(caption, [name.removesuffix(".md") for name in names]) for caption, names in groups]
    _write(page, "\n\n".join([text.rstrip(), *trees]) + "\n")


def copy_machinery(target: Path) -> None:
    """Copy what Sphinx reads, styles and scripts, and MathJax, so that a page asks nobody for it."""
    for name in ("conf.py", "terms.py", "playground.md"):
        shutil.copyfile(SITE / name, target / name)
    shutil.copytree(SITE / "static", target / "_static")
    shutil.copytree(SITE / "templates", target / "_templates")
    found = importlib.util.find_spec("mathjax")
    if found is None or not found.submodule_search_locations:
        raise ValueError("mathjax: django-static-mathjax is not installed; install requirements-site.txt")
    mathjax = Path(next(iter(found.submodule_search_locations))) / "static" / "mathjax"
    for name in ("mathjax", "stills"):
        (target / "_static" / name).mkdir()
    for name in ("LICENSE", "es5/tex-svg.js"):
        shutil.copy(mathjax / name, target / "_static" / "mathjax")


def write_playground(target: Path) -> None:
    """Put the scripts of the playground's two pictures into one file."""
    pictures = "\n".join(
        f'(() => {{\n{live_script(name)}\nplay("{name}", picture);\n}})();' for name in ("circle", "matrix")
    )
    code = (SITE / "static" / "playground.js").read_text("utf-8")
    _write(target / "_static" / "playground.js", f"{code}\n{pictures}\n")


def moving_files(target: Path) -> Iterator[Path]:
    """Yield the pictures that move by themselves."""
    for path in sorted([*target.rglob("*.gif"), *target.rglob("*.webp")]):
        with Image.open(path) as image:
            if getattr(image, "is_animated", False):
                yield path


def last_frame(path: Path) -> Image.Image:
    """Return where a moving picture ends, which is what it shows at rest."""
    with Image.open(path) as image:
        image.seek(getattr(image, "n_frames", 1) - 1)
        return image.convert("RGB")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    stage(Path(sys.argv[1]).resolve())
