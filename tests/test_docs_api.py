"""docs/API.md: what the docstrings say, of every public name and no other."""

import subprocess
import sys

from cmgsd_lite import losses
from tests.notebooks.chapters import ROOT

SCRIPT = ROOT / "docs" / "build_api.py"
PAGE = ROOT / "docs" / "API.md"


def test_the_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_page_names_what_people_import_and_nothing_private() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = {line.lstrip("# ") for line in text.splitlines() if line.startswith("### ")}
    assert set(losses.__all__) <= headings
    assert {"retrieval_metrics", "load_dataset", "fit", "show_figure", "zscore_margin"} <= headings
    assert [heading for heading in headings if heading.startswith("_")] == []


def test_arguments_keep_their_default_values_and_shapes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "    reduction: Reduction = 'hardest',\n" in text
    assert "- `sim`: Similarities [N, N]." in text


def test_every_entry_of_the_contents_leads_to_its_heading() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    entries = [line.split("`")[1] for line in lines if line.startswith("- [`")]
    assert entries == [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert len(entries) > 20
