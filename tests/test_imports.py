"""The house: imports go down the floors, in no circle, and the package knows nothing of what stands on it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = (
    ("begin", "errors", "validation"),
    ("runtime", "similarity", "schedules"),
    ("distances", "margins"),
    ("losses",),
    ("evaluation",),
    ("metrics", "baselines", "distributed"),
    ("encoders",),
    ("data",),
    ("models",),
    ("teachers",),
    ("training",),
    ("course",),
    ("cli",),
    ("__main__",),
)
"""From the ground up, as CONTRIBUTING.md has it: a room may import those below it and itself."""


ABOVE = ("study", "notebooks", "tests", "benchmarks", "docs")


def modules(package: Path = ROOT / "cmgsd_lite") -> dict[str, ast.Module]:
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def wanted_by(tree: ast.Module, known: dict[str, ast.Module]) -> set[str]:
    """All modules that a module imports, those of its functions included, and the text of lazy ones."""
    wanted = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            wanted |= {name if name in known else node.module for name in within}
        elif isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
    return wanted


def imports() -> dict[str, set[str]]:
    known = modules()
    del known["cmgsd_lite"]  # it hands names on when they are asked for, and imports nothing itself
    return {name: {w for w in wanted_by(tree, known) if w in known} for name, tree in known.items()}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def floor(module: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room(module) in rooms)


def test_every_room_has_a_floor():
    rooms = {room(module) for module in modules()} - {""}
    assert rooms == {name for rooms in FLOORS for name in rooms}


def test_imports_go_down():
    upwards = [
        f"{module} -> {name}"
        for module, wanted in imports().items()
        for name in wanted
        if room(module) and room(name) and room(module) != room(name) and floor(name) >= floor(module)
    ]
    assert not upwards


@pytest.mark.parametrize(("outer", "inner"), [("data", "formats"), ("data", "world")])
def test_inner_rooms_do_not_look_out(outer, inner):
    inside = f"cmgsd_lite.{outer}.{inner}"
    outwards = [
        f"{module} -> {name}"
        for module, wanted in imports().items()
        for name in wanted
        if module.startswith(inside)
        and name.startswith(f"cmgsd_lite.{outer}")
        and not name.startswith(inside)
    ]
    assert not outwards


def test_no_circles():
    order = list(TopologicalSorter(imports()).static_order())  # raises CycleError, which names the circle
    assert len(order) > 50


def test_the_package_knows_nothing_of_what_stands_on_it():
    known = modules()
    upwards = [
        f"{module} -> {name}"
        for module, tree in known.items()
        for name in wanted_by(tree, known)
        if name.split(".")[0] in ABOVE
    ]
    assert not upwards


def test_only_few_files_lie_loose():
    loose = {path.stem for path in (ROOT / "cmgsd_lite").glob("*.py")}
    assert loose <= {"__init__", *(name for rooms in FLOORS for name in rooms)}
    assert len(loose) <= 10
