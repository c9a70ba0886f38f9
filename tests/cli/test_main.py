"""The door: help without heavy imports, names as the real ones, one line for a missing package."""

import argparse
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest

from cmgsd_lite.cli import workshop
from cmgsd_lite.cli.main import (
    CONDITIONS,
    DATA_PACKAGES,
    MODELS,
    MORE,
    OFFERS,
    SEEDS,
    TEACHERS,
    TEST_PARTS,
    WORKSHOP,
    build_parser,
    main,
)
from cmgsd_lite.data.download import OFFERS as OFFERED
from cmgsd_lite.models import Kind
from cmgsd_lite.training import conditions, config, teaching

ROOT = Path(__file__).resolve().parents[2]
# Calls the command line in a fresh process and prints what it has loaded from outside the standard library.
LOADED = """
import sys
from contextlib import suppress
before = set(sys.modules)
from cmgsd_lite.cli.main import main
with suppress(SystemExit):
    main(sys.argv[1:])
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
print("LOADED", *sorted(tops - set(sys.stdlib_module_names)))
"""


def commands():
    parser = build_parser()
    choices = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    return sorted(choices)


def loaded(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    *printed, last = done.stdout.splitlines()
    assert last.startswith("LOADED ")
    return "\n".join(printed), last.split()[1:]


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([name, "--help"] for name in commands()), ["run", "--epochs", "x"]],
)
def test_help_and_mistakes_load_nothing_but_the_package(arguments):
    printed, modules = loaded(*arguments)
    assert printed or "x" in arguments
    assert modules == ["cmgsd_lite"]


def test_a_command_does_load_what_it_needs():
    _, modules = loaded("info")
    assert {"torch", "numpy"} <= set(modules), "else the test above could not fail"
    assert not {"matplotlib", "seaborn", "IPython", "pandas"} & set(modules), "info draws nothing"


def test_the_names_in_the_parser_are_the_real_ones():
    assert tuple(conditions.CONDITIONS) == CONDITIONS
    assert tuple(conditions.MORE) == MORE
    assert get_args(Kind) == MODELS
    assert teaching.TEACHERS == TEACHERS
    assert tuple(OFFERED) == OFFERS
    assert config.SEEDS == SEEDS
    assert tuple(workshop.TESTS) == TEST_PARTS


@pytest.mark.parametrize("name", ["run", "train", "evaluate", "search", "info", "teacher-quality"])
@pytest.mark.parametrize(
    "words",
    [
        ("--seed=-1",),
        ("--seed=4294967296",),
        ("--seed=1" + "0" * 30,),
        ("--seed=0.5",),
        ("--seeds=0",),
        ("--seeds=1000000000",),
        ("--seed=4294967295", "--seeds=2"),
    ],
)
def test_a_seed_out_of_range_is_one_line(capsys, name, words):
    needed = {"evaluate": ["--checkpoint", "x.pt"], "search": ["a man"]}
    with pytest.raises(SystemExit) as stop:
        main([name, *needed.get(name, []), *words])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "argument --seed" in line
    assert str(SEEDS[-1]) in line or "from 1 to 1000" in line


def test_every_command_has_its_job():
    from cmgsd_lite.cli import commands as jobs

    needed = {"evaluate": ["--checkpoint", "x"], "search": ["x"], "build-minivtt": ["--out", "x"]}
    needed["extract"] = ["x", "--out", "x"]
    needed |= {"convert": ["x", "y"], "download": ["lsmdc"]}
    for name in commands():
        job = build_parser().parse_args([name, *needed.get(name, [])]).job
        assert callable(getattr(workshop if job in WORKSHOP else jobs, job)), name


def test_the_packages_that_are_asked_for_are_those_of_the_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {line.partition(">")[0].partition("=")[0] for line in extras["optional-dependencies"]["data"]}
    found = packages_distributions()
    assert {name.lower() for module in DATA_PACKAGES for name in found[module]} == {w.lower() for w in wanted}


@pytest.mark.parametrize("package", DATA_PACKAGES)
@pytest.mark.parametrize("command", ["run", "train", "info"])
def test_a_missing_package_is_one_line_with_the_command(monkeypatch, capsys, tmp_path, command, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)
    assert main([command]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f'cmgsd_lite {command}: error: needs {package}; pip install "cmgsd-lite[data]"\n'
    assert not list(tmp_path.iterdir())


def test_the_study_points_to_its_place_whatever_it_is_asked(capsys):
    assert main(["study", "--suite", "headline"]) == 0
    assert "python -m study" in capsys.readouterr().out


def test_an_unknown_option_is_one_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["info", "--no-such-option"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().splitlines() == [
        "cmgsd_lite: error: unrecognized arguments: --no-such-option"
    ]
