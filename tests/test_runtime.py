"""A missing package is named in one line, with the command that installs it."""

import sys

import pytest

from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require


def test_a_package_that_is_there_is_imported():
    assert require("json.decoder", "data") is sys.modules["json.decoder"]


@pytest.mark.parametrize("extra", ["data", "course", "frames"])
def test_a_missing_package_is_named_with_the_command(extra):
    with pytest.raises(DataError) as caught:
        require("no_such_package.part", extra)
    assert str(caught.value) == f'no_such_package: package not found; pip install "cmgsd-lite[{extra}]"'


def test_a_package_that_misses_one_of_its_own_names_that_one(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError, match="no_such_package: package not found"):
        require("halfway", "data")
