"""The environment check says OK for what will do and FAIL, with a reason, for what will not."""

import os
import sys

import torch

from cmgsd_lite.course.environment import check_environment, print_environment


def failed():
    return {check.name: check.note for check in check_environment() if not check.ok}


def test_this_machine_is_ready(capsys):
    assert failed() == {}
    print_environment()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "ready"
    assert all(line.startswith("OK    ") for line in lines[:-1])
    assert "OK    torch" in lines


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "3.10" in failed()["Python"]


def test_a_missing_package_fails_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert 'pip install "cmgsd-lite[course]"' in failed()["ipywidgets"]


def test_missing_data_fails(monkeypatch, tmp_path):
    monkeypatch.setattr("cmgsd_lite.data.minivtt.data_folder", lambda: tmp_path)
    assert "motion.npz" in failed()["embedded data"]


def test_little_memory_fails_and_unknown_memory_does_not(monkeypatch):
    pages = {"SC_PHYS_PAGES": 10**6, "SC_PAGE_SIZE": 1000}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    assert "found 1.0" in failed()["memory"]
    monkeypatch.delattr(os, "sysconf")  # as on Windows
    assert failed() == {}


def test_more_threads_than_one_fail(monkeypatch, capsys):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    print_environment()
    out = capsys.readouterr().out
    assert "FAIL  threads: torch uses 4" in out
    assert out.endswith("not ready: 1 of 10 items need your attention\n")
