"""Imports go one way: no circles between modules, and nothing below imports the face."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# load_dataset stands below the embedded data set, which it loads when it is called.
LATE = ("cmgsd_lite.data.dataset", "cmgsd_lite.data.minivtt")
# What may know the command line, figures, explorers and exercises.
FACE = re.compile(
    r"cmgsd_lite\.(__main__|cli|commands|report|truth_page|course|environment|plots|explore|exercises)\b"
)
BELOW = re.compile(
    r"cmgsd_lite\.(data|losses|models|margins|distances|schedules|similarity|metrics|training)\b"
)


def imports():
    """The modules that each module of the package imports, functions' own imports included."""
    names = {}
    for path in (ROOT / "cmgsd_lite").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    found = {}
    for module, tree in names.items():
        wanted = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                within = {f"{node.module}.{alias.name}" for alias in node.names}
                wanted |= {name if name in names else node.module for name in within}
            elif isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
        found[module] = {name for name in wanted if name in names and (module, name) != LATE}
    return found


def test_no_circles():
    order = list(TopologicalSorter(imports()).static_order())  # raises CycleError, which names the circle
    assert len(order) > 50


def test_nothing_below_imports_the_face():
    upwards = {
        (module, name)
        for module, wanted in imports().items()
        if BELOW.match(module)
        for name in wanted
        if FACE.match(name)
    }
    assert not upwards
