"""``convert`` and ``info --check`` as a user types them."""

import json

import pytest

from cmgsd_lite.cli.main import main
from tests.cli.folders import write_folder


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "data")

    def call(*arguments):
        code = main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_convert_info_and_its_check(run, tmp_path):
    code, out, err = run("convert", "data", "fast")
    assert (code, err) == (0, "")
    assert out.startswith("fast: 42 videos, 1 experts, ")
    code, out, err = run("info", "fast", "--check")
    assert (code, err) == (0, "3 files are as convert wrote them\n")
    assert "fast layout of data; expert rgb" in out
    (array,) = (tmp_path / "fast").glob("*.npy")
    array.write_bytes(array.read_bytes()[:-1] + b"?")
    code, out, err = run("info", "fast", "--check")
    assert (code, out) == (2, "")
    assert "rgb.npy: expected the bytes that convert wrote, found others; convert again" in err
    code, _, err = run("info", "data", "--check")
    assert code == 2
    assert "expected what convert wrote" in err


def test_convert_as_json_and_refusals(run, tmp_path):
    code, out, _ = run("convert", "data", "fast", "--json")
    found = json.loads(out)
    assert (code, found["videos"], found["experts"]) == (0, 42, ["rgb"])
    assert found["bytes"] > 42 * 12 * 4
    for words, said in (
        (("data", "fast"), "fast: expected a new or empty folder to write to, found something in it"),
        (("nothing", "new"), "nothing: expected a folder or file, found nothing there"),
        (("data/MSRVTT_train.9k.csv", "new"), "MSRVTT_train.9k.csv: expected rows of an id and numbers"),
    ):
        code, out, err = run("convert", *words)
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.strip().splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"data", "fast"}
