"""A thousand files changed by chance, and the page of what is promised."""

import json
from pathlib import Path

import pytest

from tests.faults import mutation, trust


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is looked at in /proc")
def test_a_file_changed_by_chance_is_read_or_refused_by_name():
    counts, bad = mutation.run(1_000)
    assert bad == []
    assert counts.total() == 1_000
    assert counts["named"] > 100, "else the changes are none"


def test_the_page_shows_the_figures_that_were_measured():
    figures = json.loads(trust.FIGURES.read_text(encoding="utf-8"))
    text = trust.PAGE.read_text(encoding="utf-8")
    assert trust.table(figures) in text
    assert {*figures} <= {*trust.PARTS, trust.MUTATIONS}
    assert all(one["held"] == one["tried"] for one in figures.values())
    assert len(text.replace("|", " ").split()) < 1_000, "two pages"


def test_every_part_has_its_tests():
    for file, chosen, _ in trust.PARTS.values():
        path = Path(__file__).parent / f"{file}.py"
        text = path.read_text(encoding="utf-8") if chosen else ""
        assert all(word in text for word in chosen.split(" or ")), chosen
