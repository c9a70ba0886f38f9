"""What is committed is what the report makes of the committed runs: summary, pages, README's table."""

import json

import pytest

from study.__main__ import RESULTS
from study.report import SUMMARY, pages
from study.run import read_lines
from study.store import Store
from study.summary import summarise


@pytest.fixture(scope="module")
def committed():
    return json.loads(SUMMARY.read_text(encoding="utf-8"))


def alike(found, known, place="summary"):
    """Equal, numbers to their last written digits: another processor sums in another order."""
    if isinstance(known, dict):
        assert found.keys() == known.keys(), place
        for key in known:
            alike(found[key], known[key], f"{place} | {key}")
    elif isinstance(known, list):
        assert len(found) == len(known), place
        for i, (one, other) in enumerate(zip(found, known, strict=True)):
            alike(one, other, f"{place} | {i}")
    elif isinstance(known, float):
        assert found == pytest.approx(known, rel=0.02, abs=0.002), place
    else:
        assert found == known, place


@pytest.mark.slow
def test_the_summary_is_that_of_the_committed_runs(committed):
    summary = summarise(read_lines(RESULTS / "runs.jsonl"), Store(RESULTS))
    quality = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))
    alike(json.loads(json.dumps({**summary, "quality": quality})), committed)  # through text: keys are words


def test_every_page_is_the_one_that_is_written(committed):
    for path, text in pages(committed).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m study report"


def test_the_files_are_few_and_small(committed):
    files = [path for path in RESULTS.iterdir() if path.name != ".lock"]
    assert len(files) <= 12
    assert sum(path.stat().st_size for path in files) <= 10e6
    assert SUMMARY.stat().st_size <= 1.5e6
