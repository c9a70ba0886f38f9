"""``--queries paragraph``, and what ``evaluate`` says about published numbers."""

import json

import numpy as np
import pytest

from cmgsd_lite.cli.main import main
from tests.cli.folders import QUICK
from tests.data.layouts import CAPTIONS, World, plain_features

TRAIN = ("train", "--data", "data", "--out", "mine", "--condition", "infonce", *QUICK[:2], "--batch-size", 4)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main([str(word) for word in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_paragraphs_are_trained_on_and_asked(run, tmp_path):
    world = World("activitynet", each=3)
    CAPTIONS["activitynet"].build(tmp_path / "data", world)
    plain_features(tmp_path / "data", world)
    code, _, err = run(*TRAIN, "--queries", "paragraph")
    assert code == 0, err
    assert "joined to one paragraph each" in err
    told = json.loads((tmp_path / "mine" / "metrics.json").read_text())["dataset"]
    assert (told["queries"], told["n_queries"], told["n_test"]) == ("paragraph", 7, 7)

    checkpoint = ("evaluate", "--checkpoint", "mine/infonce-seed0.pt")
    code, out, _ = run(*checkpoint)
    assert code == 0
    assert "not comparable with ActivityNet paragraphs: 7 test videos, its list has 4,917\n" in out
    code, out, _ = run(*checkpoint, "--queries", "all", "--json")
    found = json.loads(out)
    assert (found["dataset"]["queries"], found["dataset"]["n_queries"]) == ("all", 21)
    (one,) = found["published"]
    assert not one["comparable"]
    assert one["why"].endswith("there one paragraph a video (--queries paragraph)")


def test_paragraphs_of_whole_clips_are_refused(run):
    code, out, err = run("train", "--queries", "paragraph")
    assert (code, out) == (2, "")
    assert "expected sentences on moments of videos, found minivtt" in err


def test_a_matrix_says_its_size_alone(run, tmp_path):
    np.save("mine.npy", np.random.default_rng(0).normal(size=(6, 6)))
    code, out, _ = run("evaluate", "--sim", "mine.npy")
    assert code == 0
    assert "no published protocol has this size; which videos and texts these are" in out
    code, _, err = run("evaluate", "--sim", "mine.npy", "--queries", "all")
    assert code == 2
    assert "--queries: expected with --checkpoint, got --sim" in err


def test_own_ids_have_no_published_list(run, tmp_path):
    world = World("uuid", each=2)
    CAPTIONS["alpro"].build(tmp_path / "data", world)
    plain_features(tmp_path / "data", world)
    assert run(*TRAIN)[0] == 0
    code, out, _ = run("evaluate", "--checkpoint", "mine/infonce-seed0.pt")
    assert code == 0
    assert "not comparable with published numbers: no published list has such ids" in out
