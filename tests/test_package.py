"""``import cmgsd_lite`` loads nothing and hands on names for one's own training code; pins match ranges."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cmgsd_lite

ROOT = Path(__file__).resolve().parent.parent

NAMES = [name for name in cmgsd_lite.__all__ if name != "__version__"]


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_package_loads_the_standard_library_alone():
    new = run("import sys; before = set(sys.modules); import cmgsd_lite; print(*set(sys.modules) - before)")
    assert "cmgsd_lite" in new
    assert {name.partition(".")[0] for name in new} - set(sys.stdlib_module_names) == {"cmgsd_lite"}


def test_looking_at_the_names_loads_nothing_either():
    assert run("import cmgsd_lite, sys; dir(cmgsd_lite); print('torch' in sys.modules)") == ["False"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_the_one_of_its_module(name):
    value = getattr(cmgsd_lite, name)
    assert value.__name__ == name
    assert getattr(sys.modules[value.__module__], name) is value
    assert name in dir(cmgsd_lite)


def test_the_names_that_were_promised():
    assert {
        "CMGSDLoss", "PermutedCMGSDLoss", "MaxMarginRankingLoss", "InfoNCELoss", "retrieval_metrics", "ranks",
        "load_dataset", "load_folder", "fit", "TrainingConfig", "DataError",
    } <= set(NAMES)  # fmt: skip


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'NoSuchLoss'"):
        _ = cmgsd_lite.NoSuchLoss


def test_type_checkers_are_told_the_same_names():
    tree = ast.parse(Path(cmgsd_lite.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    told = {
        alias.asname: f"cmgsd_lite.{cmgsd_lite._MODULES[alias.name]}" == node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == dict.fromkeys(NAMES, True)


def test_pins_and_ranges_name_the_same_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    course = {*extras["data"], *extras["video"], *extras["course"]}
    learner = {*project["project"]["dependencies"], *course, "jupyterlab", "nbval"}
    assert pinned("requirements.txt") == names(learner)
    assert pinned("requirements-dev.txt") == names(project["dependency-groups"]["dev"]) - names(learner)


def names(requirements):
    return {canonicalize_name(Requirement(line).name) for line in requirements} - {"cmgsd-lite"}


def pinned(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    assert all(str(pin.specifier).startswith("==") for pin in found)
    return names(map(str, found))
