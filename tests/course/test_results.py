"""The result files that chapters read come with the package and are found from any folder."""

import json
from importlib import resources

import pytest

from cmgsd_lite.course import results
from cmgsd_lite.course.results import load_result
from cmgsd_lite.errors import DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"schema": 1}))
    return tmp_path


def test_every_result_file_is_read_from_any_folder(tmp_path, monkeypatch):
    names = [path.name for path in resources.files(results).iterdir() if path.name.endswith(".json")]
    monkeypatch.chdir(tmp_path)
    assert len(names) >= 4
    for name in names:
        assert load_result(name)


@pytest.mark.parametrize("name", ["b.json", "../results/a.json", "__init__.py", ""])
def test_a_missing_result_names_those_that_exist(folder, name):
    with pytest.raises(DataError, match=r"expected one of the result files a\.json"):
        load_result(name)


def test_damaged_results_are_refused(folder):
    (folder / "b.json").write_text("{")
    with pytest.raises(DataError, match=r"b.json: expected JSON"):
        load_result("b.json")
    (folder / "b.json").write_text("[1]")
    with pytest.raises(DataError, match="expected an object, found a list"):
        load_result("b.json")
