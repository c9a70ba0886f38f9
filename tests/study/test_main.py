"""The command ``python -m study``, as one types it in a clone."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from study.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_table_from_a_clone(tmp_path):
    words = ["--conditions", "cmgsd-4,infonce", "--seeds", "1", "--epochs", "1", "--jobs", "1"]
    command = [sys.executable, "-m", "study", *words, "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[2:5]] == ["cmgsd-4", "cmgsd-4-permuted", "infonce"]
    assert "cmgsd-4 − cmgsd-4-permuted" in done.stdout
    assert "3 of 3 runs" in done.stderr


def test_the_help_names_every_option():
    command = [sys.executable, "-m", "study", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for option in ("conditions", "data", "seeds", "jobs", "minutes", "epochs", "out", "json"):
        assert f"--{option}" in done.stdout


def test_json_is_all_there_is_on_stdout(folder, tmp_path, capsys):
    words = ["--data", str(folder), "--conditions", "infonce", "--epochs", "1", "--seeds", "2", "--jobs", "1"]
    assert main([*words, "--out", str(tmp_path), "--json", "--minutes", "0"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["runs_missing"] == 2
    assert summary["seeds"] == [0, 1]
    assert summary["training"]["epochs"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--conditions", "cmgsd-5"], "cmgsd-5"),
        (["--conditions", "infonce,"], "condition: expected one of"),
        (["--seeds", "0"], "--seeds: .*got 0"),
        (["--held-out", "-1"], "--held-out: .*got -1"),
        (["--epochs", "0"], "epochs: .*got 0"),
        (["--jobs", "0"], "jobs: .*got 0"),
        (["--minutes", "-1"], "minutes: .*got -1"),
        (["--data", "no/such/folder"], "no/such/folder"),
    ],
)
def test_bad_input_is_one_line(words, message, folder, tmp_path, capsys):
    assert main(["--data", str(folder), "--out", str(tmp_path), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(message, err.splitlines()[-1])
    assert err.splitlines()[-1].startswith("study: error:")
