"""The course as the guard tests see it: its chapters, its build tool, and what a notebook's cells hold."""

import ast
import importlib.util
import re
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
CHAPTERS = (
    "00_start_here",
    "01_retrieval",
    "02_ranking_loss",
    "03_false_negatives",
    "04_deriving_the_margin",
    "05_measuring_distance",
    "06_distance_to_margin",
    "07_cmgsd",
    "08_training_on_msrvtt",
    "09_when_does_it_help",
    "10_other_answers",
    "11_your_own_model",
    "12_your_own_videos",
    "13_scaling_out",
)
STATED_TIME = re.compile(r"Time: about (\d+) s\b")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)[^)]*\)")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)[^)]*\)")
MACHINE_PATH = re.compile(
    r"(?<![\w.:/-])/(?:home|work|tmp|root|Users|opt|usr|var|mnt|private)/|\b[A-Za-z]:\\(?:Users|Windows|Program|Temp)",
    re.IGNORECASE,
)
PICTURE_BYTES = re.compile(r"data:image/(?:png|webp|gif);base64,[A-Za-z0-9+/=]+")
SHOWS_SOMETHING = ("print", "display", "show", "predict")


def build_tool() -> ModuleType:
    """Load notebooks/build.py, which is a script and lies in no package."""
    spec = importlib.util.spec_from_file_location("notebooks_build", NOTEBOOKS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stated_seconds(notebook: Any) -> int | None:
    """Return the time that a notebook's first cell states, if it does."""
    found = STATED_TIME.search(notebook.cells[0].source)
    return int(found.group(1)) if found else None


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(notebook: Any) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in code_cells(notebook) for output in cell.outputs]


def output_texts(output: Any) -> list[str]:
    """Return what of an output can be read: streams, tracebacks and every MIME type but pictures."""
    if output.output_type == "stream":
        return [output.text]
    if output.output_type == "error":
        return [*output.traceback, output.evalue]
    texts = [str(value) for kind, value in output.data.items() if not kind.startswith("image/")]
    return [PICTURE_BYTES.sub("PICTURE", text) for text in texts]


class _Pictures(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append({name: value or "" for name, value in attrs})


def pictures(html: str) -> list[dict[str, str]]:
    """Return the attributes of every picture of a page, as a browser reads them."""
    parser = _Pictures()
    parser.feed(html)
    return parser.found


def has_to_show(code: str) -> bool:
    """Say whether a cell prints or shows something at its top level, or ends with a value that is no call."""
    statements = ast.parse(code).body
    values = [statement.value for statement in statements if isinstance(statement, ast.Expr)]
    ends_with_value = bool(statements) and isinstance(statements[-1], ast.Expr) and not called(values[-1])
    plain_value = ends_with_value and not isinstance(values[-1], ast.Call | ast.Constant)
    return plain_value or any((called(value) or "").startswith(SHOWS_SOMETHING) for value in values)


def called(node: ast.AST) -> str | None:
    """Return the plain name of the function that a node calls."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def figure_names(code: str) -> list[str]:
    """Return the names under which a cell shows its figures, those that are written out."""
    calls = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) and called(n) == "show_figure"]
    given = [call.args[1:2] + [k.value for k in call.keywords if k.arg == "name"] for call in calls]
    return [name.value for names in given for name in names if isinstance(name, ast.Constant)]


def result_text(cell: Any) -> str | None:
    """Return the text of a cell's last value."""
    texts = [o.data.get("text/plain", "") for o in cell.outputs if o.output_type == "execute_result"]
    return texts[-1] if texts else None


def anchors(text: str) -> set[str]:
    """Return the anchors that JupyterLab gives to the headings of a markdown text."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {heading.replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """Return where the links and pictures of a markdown text lead, whichever way they are written."""
    found = LINK.findall(text) + [target for _, target in IMAGE.findall(text)]
    found += re.findall(r"^\[[^\]]+\]: *(\S+)", text, re.MULTILINE)
    return found + re.findall(r"""<(?:a|img)\b[^>]*?\b(?:href|src)=["']([^"']+)""", text)


def relative_links(text: str, path: Path) -> list[tuple[str, Path, str]]:
    """Return the links of a notebook without an address: the link, the file it means, the anchor in it."""
    found = []
    for link in links(text):
        if not re.match(r"[a-z]+:", link):
            name, _, anchor = unquote(link).partition("#")
            found.append((link, (path.parent / name).resolve() if name else path, anchor))
    return found


def broken_links(text: str, path: Path) -> list[str]:
    """Return the links of a notebook's text that JupyterLab, rooted at the repository, cannot follow."""
    found = relative_links(text, path)
    nowhere = [link for link, file, _ in found if not _is_served(file)]
    known = {
        file: anchors(text if file == path else _text(file)) for _, file, a in found if a and file.is_file()
    }
    return nowhere + [link for link, file, a in found if a and a not in known.get(file, ())]


def _is_served(file: Path) -> bool:
    if not file.is_relative_to(ROOT) or not file.exists():
        return False
    return not any(part.startswith(".") for part in file.relative_to(ROOT).parts)  # Jupyter hides those


def _text(file: Path) -> str:
    is_notebook = file.suffix == ".ipynb"
    return markdown(nbformat.read(file, as_version=4)) if is_notebook else file.read_text(encoding="utf-8")
