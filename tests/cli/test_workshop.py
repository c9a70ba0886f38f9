"""``lab`` and ``test``, the plain commands beside make: what they start and from where."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cmgsd_lite.cli import workshop
from cmgsd_lite.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def started(monkeypatch):
    """Commands that would have been started, each with its settings; pytest fails where ``fails`` says so."""
    found = SimpleNamespace(commands=[], fails=False)

    def run(command, **settings):
        found.commands.append((command, settings))
        return SimpleNamespace(returncode=5 if found.fails and "pytest" in command else 0)

    monkeypatch.setattr(subprocess, "run", run)
    return found


def test_test_runs_style_types_tests_and_both_sets_of_notebooks(started, capsys):
    assert main(["test"]) == 0
    modules = [command[2] for command, _ in started.commands]
    assert modules == ["ruff", "ruff", "mypy", "codespell_lib", "pytest", "pytest", "pytest"]
    for command, settings in started.commands:
        assert command[:2] == [sys.executable, "-m"]
        assert settings["cwd"] == ROOT
        assert settings["env"]["OMP_NUM_THREADS"] == "1"
    assert capsys.readouterr().out.splitlines()[2] == "python -m mypy"


def test_notebooks_are_named_one_by_one_for_shells_that_leave_a_star(started):
    main(["test", "notebooks"])
    (students, _), (solved, _) = started.commands
    assert [Path(word) for word in students if word.endswith(".ipynb")] == sorted(
        ROOT.glob("notebooks/*.ipynb")
    )
    assert [Path(word).parent.name for word in solved if word.endswith(".ipynb")] == ["solutions"] * 14


def test_what_fails_ends_the_rest_with_its_code(started):
    started.fails = True
    with pytest.raises(SystemExit) as stopped:
        main(["test"])
    assert stopped.value.code == 5
    assert len(started.commands) == 5, "four linters and the first run of pytest"


def test_lab_opens_the_first_chapter_from_the_courses_folder(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr("jupyterlab.labapp.main", lambda words: opened.append((words, Path.cwd())))
    monkeypatch.chdir(tmp_path)
    assert main(["lab", "--", "--no-browser"]) == 0
    ((words, folder),) = opened
    assert folder == ROOT
    assert words[0] == "--no-browser"
    assert words[-len(workshop.LAB) :] == workshop.LAB
    assert (folder / words[-1]).is_file()


def test_an_option_of_jupyterlab_that_is_given_replaces_ours(monkeypatch):
    opened = []
    monkeypatch.setattr("jupyterlab.labapp.main", opened.append)
    monkeypatch.chdir(ROOT)
    main(["lab", "--", "--ServerApp.ip=127.0.0.2"])
    assert [word for word in opened[0] if word.startswith("--ServerApp.ip")] == ["--ServerApp.ip=127.0.0.2"]
    assert set(workshop.LAB) - set(opened[0]) == {"--ServerApp.ip=127.0.0.1"}


def test_root_is_told_that_it_is_meant(monkeypatch):
    opened = []
    monkeypatch.setattr("jupyterlab.labapp.main", opened.append)
    monkeypatch.chdir(ROOT)
    for user in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user, raising=False)
        main(["lab"])
    assert ["--allow-root" in words for words in opened] == [True, False]


@pytest.mark.parametrize(("command", "folder"), [("lab", "notebooks"), ("test", "tests/notebooks")])
def test_without_a_clone_one_line_says_so(monkeypatch, capsys, tmp_path, command, folder):
    monkeypatch.setattr(workshop, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    monkeypatch.chdir(tmp_path)
    assert main([command]) == 2
    said = (
        f"cmgsd_lite {command}: error: no {folder}/ here; call this in a clone of the course's repository\n"
    )
    assert capsys.readouterr().err == said


def test_lab_without_jupyterlab_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(workshop, "find_spec", lambda name: None)
    assert main(["lab"]) == 2
    assert "pip install jupyterlab" in capsys.readouterr().err
