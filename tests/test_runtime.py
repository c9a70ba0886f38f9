"""A missing package is named in one line; what a worker can not begin with is said by its caller."""

import sys

import pytest

from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require
from cmgsd_lite.runtime.workers import Workers


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


def refuse(reason):
    raise DataError(reason)


def test_what_a_worker_can_not_begin_with_is_its_callers_error(capfd):
    with (
        pytest.raises(DataError, match=r"data.json: expected a folder"),
        Workers(2, refuse, "data.json: expected a folder") as pool,
    ):
        pool.submit(len, "").result()
    assert not capfd.readouterr().err, "no traceback"
