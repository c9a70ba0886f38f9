"""Notebooks find the committed result files, and say what to do where there are none."""

import json

import pytest

from cmgsd_lite.course import docs_result
from cmgsd_lite.errors import DataError


@pytest.fixture
def project(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "docs" / "results").mkdir(parents=True)
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    (tmp_path / "docs" / "results" / "a.json").write_text(json.dumps({"schema": 1}))
    return tmp_path


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/solutions"])
def test_a_result_is_found_from_every_folder_of_the_project(project, monkeypatch, folder):
    monkeypatch.chdir(project / folder)
    assert docs_result("a.json") == {"schema": 1}


def test_a_missing_result_names_those_that_exist(project):
    with pytest.raises(DataError, match=r"docs/results/b.json: expected .* found a.json; update"):
        docs_result("b.json", project / "notebooks")


def test_damaged_results_are_refused(project):
    (project / "docs" / "results" / "b.json").write_text("{")
    with pytest.raises(DataError, match=r"b.json: expected JSON"):
        docs_result("b.json", project)
    (project / "docs" / "results" / "b.json").write_text("[1]")
    with pytest.raises(DataError, match="expected an object, found a list"):
        docs_result("b.json", project)


def test_outside_a_project_one_is_told_to_clone(tmp_path):
    with pytest.raises(DataError, match="clone it"):
        docs_result("a.json", tmp_path)
