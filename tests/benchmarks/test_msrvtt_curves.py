"""The committed curves of MSR-VTT trainings: complete, and without a word of any caption."""

import json
from pathlib import Path

import pytest

from cmgsd_lite.training.conditions import CONDITIONS

FILE = Path(__file__).parents[2] / "cmgsd_lite" / "course" / "results" / "msrvtt-curves.json"


@pytest.fixture(scope="module")
def curves():
    return json.loads(FILE.read_text(encoding="utf-8"))


def strings(content):
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from strings(value)


def test_file_says_how_it_was_made(curves):
    assert curves["command"].startswith("python benchmarks/msrvtt_curves.py --data $CMGSD_DATA")
    assert f"--seed {curves['seed']} --epochs {curves['epochs']}" in curves["command"]
    assert {"torch", "numpy", "wordllama", "python"} <= set(curves["versions"])


def test_every_curve_is_whole(curves):
    assert set(curves["curves"]) <= set(CONDITIONS)
    for curve in curves["curves"].values():
        assert [record["epoch"] for record in curve["history"]] == list(range(1, curves["epochs"] + 1))
        recalls = [record["validation"]["t2v"] for record in curve["history"]]
        assert all(0 <= r["R@1"] <= r["R@5"] <= r["R@10"] <= 100 for r in recalls)
        means = [sum(r.values()) for r in recalls]
        assert means[curve["best_epoch"] - 1] == pytest.approx(max(means), abs=0.05)


def test_margins_count_every_pair_of_a_batch(curves):
    bins = len(curves["margin_bins"]) - 1
    adaptive = {name: c["margins"] for name, c in curves["curves"].items() if c["margins"]}
    assert set(adaptive) == {name for name in curves["curves"] if name.startswith("cmgsd")}
    for margins in adaptive.values():
        for counts in (margins["before"], margins["after"]):
            assert len(counts) == bins
            assert sum(counts) == 512 * 511


def test_no_sentence_is_in_the_file(curves):
    allowed = {curves["command"], "caption overlap"}
    assert [text for text in strings(curves) if " " in text and text not in allowed] == []
