"""What a command writes: a place that takes nothing is said first, and no file of the user's is replaced."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cmgsd_lite.cli.main import PATHS, build_parser, main
from cmgsd_lite.errors import DataError
from cmgsd_lite.models import ModelConfig, build_model
from cmgsd_lite.runtime import check_output, write_json
from cmgsd_lite.runtime.html import page
from cmgsd_lite.training.checkpoints import save_checkpoint
from tests.cli.folders import QUICK, write_folder
from tests.data.films import write_film

JOBS = ("info", "search", "evaluate", "run", "train", "teacher-quality", "build-minivtt", "extract")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Videos, a model of them, scores, and films with captions."""
    root = tmp_path_factory.mktemp("data")
    write_folder(root / "videos")
    np.save(root / "sim.npy", np.eye(4))
    network = build_model(ModelConfig("mean-pool", 256, {"rgb": 12}, embed_dim=16, hidden_dim=32))
    about = {"data": str(root / "videos"), "experts": ["rgb"], "protocol": None, "queries": None}
    save_checkpoint(root / "model.pt", network, about)
    (root / "films").mkdir()
    write_film(root / "films" / "video0.mp4", 4)
    (root / "films" / "captions.csv").write_text("video_id,caption\nvideo0,a cat sings\n")
    return root


@pytest.fixture
def call(data, capsys, monkeypatch, tmp_path):
    """Calls a command with an output; returns its code and the lines of stderr."""
    monkeypatch.chdir(tmp_path)
    videos, training = ("--data", data / "videos"), ("--conditions", "infonce", "--seeds", 1, "--jobs", 1)
    words = {
        "info": ("info", data / "videos", "--html"),
        "search": ("search", "a cat", "--checkpoint", data / "model.pt", "--out"),
        "evaluate": ("evaluate", "--sim", data / "sim.npy", "--out"),
        "run": ("run", *videos, *training, *QUICK, "--out"),
        "train": ("train", *videos, "--condition", "infonce", *QUICK, "--out"),
        "teacher-quality": ("teacher-quality", "--out"),
        "build-minivtt": ("build-minivtt", "--out"),
        "extract": ("extract", data / "films", "--encoders", "motion", "--out"),
    }
    monkeypatch.setattr("cmgsd_lite.cli.train.can_draw", lambda: False)

    def call(job, out):
        code = main([str(word) for word in (*words[job], out)])
        return code, capsys.readouterr().err.splitlines()

    return call


def test_every_path_of_the_parser_is_known_as_one():
    """What a path must be is asked of ``PATHS``: an option with a file or folder belongs there."""
    jobs = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction)).choices
    names = {a.dest for job in jobs.values() for a in job._actions if a.type is None and a.nargs != 0}
    texts = {"parts", "mirror", "name", "query", "more", "part", "protocol", "experts", "queries", "model"}
    texts |= {"teacher", "device", "precision", "conditions", "condition", "schedule", "form", "encoders"}
    assert names - texts == set(PATHS)


@pytest.mark.parametrize("job", [*JOBS, "convert", "download"])
@pytest.mark.parametrize("out", ["", "a\0b"])
def test_a_name_that_is_none_is_one_line(job, out, capsys):
    words = {"info": ["--html"], "convert": ["minivtt"], "search": ["x", "--out"], "extract": ["x", "--out"]}
    words |= {"evaluate": ["--sim", "x", "--out"], "download": ["lsmdc", "--out"]}
    with pytest.raises(SystemExit) as stopped:
        main([job, *words.get(job, ["--out"]), out])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search("argument (html|out|folder): expected a path, got ", line)


@pytest.mark.parametrize("job", JOBS)
def test_a_name_that_is_too_long_is_one_line(job, call, tmp_path):
    code, lines = call(job, tmp_path / ("x" * 300))
    assert code == 2
    assert "File name too long" in lines[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("job", ["info", "teacher-quality"])
def test_a_folder_is_no_file_to_write(job, call, tmp_path):
    code, lines = call(job, tmp_path)
    assert code == 2
    assert lines[-1].endswith(f"{tmp_path}: expected to write a file of this name, found a folder")


@pytest.mark.parametrize("kind", ["pipe", "loop"])
@pytest.mark.parametrize(
    ("job", "name"),
    [
        ("info", "page.html"),
        ("teacher-quality", "q.json"),
        ("search", "search.html"),
        ("run", "metrics.json"),
    ],
)
def test_what_is_no_file_is_refused_before_the_work(job, name, kind, call, tmp_path, monkeypatch):
    if kind == "pipe":
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to(name)
    for work in ("data.info_page.describe_source", "cli.search.search_videos", "cli.train.run_all"):
        monkeypatch.setattr(f"cmgsd_lite.{work}", None)
    code, lines = call(job, tmp_path / name if job in ("info", "teacher-quality") else tmp_path)
    assert code == 2
    assert re.search("found a device or pipe|Too many levels of symbolic links", lines[-1])
    assert name in lines[-1]


def test_a_device_is_no_file_to_write():
    with pytest.raises(DataError, match="null: expected to write a file of this name, found a device"):
        check_output(Path("/dev/null"), kind=".json")


USERS = [
    *(("info", name) for name in ("page.html", "captions.json", "rgb.npz", "model.pt")),
    *(("search", name) for name in ("search.html", "contact-sheet.png")),
    *((job, "metrics.json") for job in ("evaluate", "run", "train")),
    *((job, name) for job in ("run", "train") for name in ("history.json", "results.png")),
    *(("run", "models/infonce-seed0.pt"), ("train", "infonce-seed0.pt"), ("run", "false-negatives.png")),
    *(("run", "finished/infonce-seed0.json"), ("train", "false-negatives.png")),
    *(("train", f"checkpoint-seed0.{name}") for name in ("pt.previous", "seconds.json")),
    *((job, ".lock") for job in ("evaluate", "run", "train", "extract")),
    *(("teacher-quality", name) for name in ("captions.json", "rgb.npz")),
    *(("build-minivtt", name) for name in ("motion.npz", "notes.txt")),
    *(("extract", name) for name in ("motion.npz", "captions.csv", "extract.log")),
]


@pytest.mark.parametrize(("job", "name"), USERS)
def test_a_file_of_the_user_s_is_not_replaced(job, name, call, tmp_path):
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    content = {
        "json": b'{"video0": ["a cat"]}',
        "html": b"<!doctype html>\n<html lang='en'>mine",
        "npz": b"PK",
    }
    (out / name).write_bytes(before := content.get(name.rpartition(".")[2], b"mine"))
    code, lines = call(job, out / name if job in ("info", "teacher-quality") else out)
    assert code == 2
    assert lines[-1].startswith(f"cmgsd_lite {job}: error: {out}")
    assert "; choose another" in lines[-1] or "expected a new folder" in lines[-1]
    assert (out / name).read_bytes() == before
    assert {path.name for path in out.rglob("*") if path.is_file()} <= {(out / name).name, ".lock"}


@pytest.mark.parametrize("job", ["info", "search", "evaluate", "run", "extract"])
def test_what_a_command_wrote_it_writes_anew(job, call, tmp_path):
    out = tmp_path / ("page.html" if job == "info" else "out")
    assert call(job, out)[0] == 0
    assert call(job, out)[0] == 0


def test_what_a_run_has_measured_is_no_evaluation_to_write_anew(call, tmp_path):
    table = tmp_path / "out" / "metrics.json"
    write_json(table, {"schema": 1, "dataset": {}, "rows": []})
    before = table.read_bytes()
    assert call("evaluate", tmp_path / "out")[0] == 2
    assert table.read_bytes() == before


def test_what_the_package_writes_is_known_as_its_own(tmp_path):
    write_json(tmp_path / "metrics.json", {"schema": 1})
    write_json(tmp_path / "history.json", {"fixed-mean seed 0": []})
    (tmp_path / "page.html").write_text(page("title", []))
    (tmp_path / "empty.json").touch()
    new = '<meta name="generator" content="cmgsd-lite">'
    assert new in (text := page("videos" * 100, []))
    (tmp_path / "older.html").write_text(text.replace(new, ""))  # as older versions wrote it
    check_output(*tmp_path.iterdir())


def test_films_that_are_extracted_beside_themselves_keep_their_captions(data, call):
    captions = data / "films" / "captions.csv"
    before = captions.read_bytes(), captions.stat().st_mtime_ns
    assert call("extract", data / "films")[0] == 0
    assert (captions.read_bytes(), captions.stat().st_mtime_ns) == before


def test_captions_that_changed_are_replaced_with_a_word(data, call, tmp_path):
    assert call("extract", tmp_path / "out")[0] == 0
    captions = data / "films" / "captions.csv"
    captions.write_text(captions.read_text() + "video0,a dog sings\n")
    code, lines = call("extract", tmp_path / "out")
    assert code == 0
    assert any(f"captions.csv: replaced by {captions}" in line for line in lines)
    assert (tmp_path / "out" / "captions.csv").read_bytes() == captions.read_bytes()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "RANK", "LOCAL_RANK"])
@pytest.mark.parametrize("job", ["info", "train"])
def test_a_number_of_the_launcher_that_is_none_is_one_line(name, job):
    words = [sys.executable, "-m", "cmgsd_lite", job, "--data", "minivtt"]
    done = subprocess.run(words, env=os.environ | {name: "abc"}, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.search(f"{job}: error: {name}: expected a whole number from . on, .* got 'abc'", line)


@pytest.mark.parametrize("job", ["info", "search"])
def test_a_factor_of_limits_that_is_none_is_one_line(job, call, tmp_path, monkeypatch):
    monkeypatch.setenv("CMGSD_LIMITS", "nonsense")
    code, (line,) = call(job, tmp_path / "out.html")
    assert code == 2
    assert f"{job}: error: CMGSD_LIMITS: expected a number above 0 and up to 1e6, found 'nonsense'" in line
