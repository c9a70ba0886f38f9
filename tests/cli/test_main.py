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
    _above,
    _within,
    build_parser,
    main,
)
from cmgsd_lite.data.download import OFFERS as OFFERED
from cmgsd_lite.models import Kind
from cmgsd_lite.runtime import MOST_THREADS
from cmgsd_lite.training import conditions, config, teaching

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {"evaluate": ["--checkpoint", "x"], "search": ["x"], "build-minivtt": ["--out", "x"]}
NEEDED |= {"convert": ["x", "y"], "download": ["lsmdc"], "extract": ["x", "--out", "x"]}
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

    for name in commands():
        job = build_parser().parse_args([name, *NEEDED.get(name, [])]).job
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


NO_NUMBERS = ["", " ", "five", "nan", "inf", "-inf", "1e400", "0x10", "1,5", "1" * 5000]
NO_WHOLE_ONES = ["1.5", "1e3", str(2**63), "1" + "0" * 30]


def numbers():
    """Every option that takes a number: its command, itself and its range."""
    parser = build_parser()
    jobs = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    return [
        pytest.param(job, action, id=f"{job} {action.option_strings[-1]}")
        for job, sub in jobs.items()
        for action in sub._actions
        if action.type is not None or isinstance(action.default, int | float) and action.nargs != 0
    ]


@pytest.mark.parametrize(("job", "action"), numbers())
def test_every_number_has_a_range_that_its_error_names(capsys, job, action):
    option, kind = action.option_strings[-1], action.type
    assert getattr(kind, "func", None) in (_within, _above), "a number without a range: see cli/main.py"
    (allowed,) = kind.args
    if kind.func is _within:
        good = [allowed[0], allowed[-1]]
        bad = [*NO_NUMBERS, *NO_WHOLE_ONES, str(allowed[0] - 1), str(allowed[-1] + 1)]
        said = f"{option}: expected a whole number from {allowed[0]} to {allowed[-1]}, got"
    else:
        good, bad = [0, 1e-300, 1e6, 1e308], [*NO_NUMBERS, *["-1"] * (allowed == 0)]
        said = f"{option}: expected a finite number"
    for text in map(str, good):
        found = build_parser().parse_args([job, *NEEDED.get(job, []), f"{option}={text}"])
        assert getattr(found, action.dest) == kind(text)
    for text in bad:
        with pytest.raises(SystemExit) as stopped:
            main([job, *NEEDED.get(job, []), f"{option}={text}"])
        assert stopped.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert len(line) < 200


def test_a_training_has_the_ranges_of_the_parser():
    of_train = {
        param.values[1].dest: param.values[1].type for param in numbers() if param.values[0] == "train"
    }
    for name in ("epochs", "batch_size", "seed"):
        assert of_train[name].args[0] == config.RANGES[name]
    assert of_train["threads"].args[0][-1] == MOST_THREADS


@pytest.mark.parametrize("schedule", ["nan", "inf", "-0.1", "1.1", "five", "", "1e400"])
def test_a_schedule_out_of_range_is_one_line(capsys, tmp_path, schedule):
    assert main(["train", "--out", str(tmp_path / "out"), f"--schedule={schedule}"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "--schedule: expected ramp, static, dynamic or a number in [0, 1], got" in line
    assert not (tmp_path / "out").exists()


def test_the_largest_numbers_are_refused_or_work(capsys, tmp_path):
    out = tmp_path / "out"
    assert main(["train", "--batch-size=1000000", "--out", str(out)]) == 2
    assert "batch_size: 1000000 needs 1000000 training videos, got 2000" in capsys.readouterr().err
    for option in ("margin", "beta"):
        assert main(["train", f"--{option}=1e308", "--out", str(out)]) == 2
        assert "expected" in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.pt"))
