"""What the site is made of: links mended, solutions folded, scripts as they are now, terms found once."""

import nbformat
import pytest

from tests.site.built import CHAPTERS, ROOT, stored_pages, tool

stage, terms = tool("stage"), tool("terms")
DOCUMENT = ROOT / "docs" / "METHOD.md"


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"docs/METHOD.md: absent.md is not in the repository"):
        stage.relink("[x](absent.md)", DOCUMENT, tmp_path)


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("[x](../README.md#install)", "[x](../index.md#install)"),
        ("[x](GLOSSARY.md)", "[x](GLOSSARY.md)"),
        ("[x](https://a.org) ![alt](https://a.org/b.svg)", "[x](https://a.org) alt"),
        ("[![Open](https://a.org/b.svg)](https://a.org/c)", "[Open](https://a.org/c)"),
        ("see [the tests](../tests)", "see the tests"),
        ("```\n[x](absent.md)\n```\n[x](../README.md)", "```\n[x](absent.md)\n```\n[x](../index.md)"),
    ],
)
def test_links_are_mended_outside_of_code(text, mended, tmp_path):
    assert stage.relink(text, DOCUMENT, tmp_path) == mended


def test_a_file_that_is_no_page_comes_along(tmp_path):
    stage.relink("[x](../CITATION.cff)", DOCUMENT, tmp_path)
    assert (tmp_path / "CITATION.cff").read_bytes() == (ROOT / "CITATION.cff").read_bytes()


def test_every_exercise_has_a_solution_to_unfold_and_no_verdict_of_its_own(tmp_path):
    exercises = 0
    for name in CHAPTERS:
        cells = stage.chapter(ROOT / "notebooks" / f"{name}.ipynb", tmp_path).cells
        for cell, following in zip(cells, [*cells[1:], None], strict=True):
            if cell.cell_type == "code" and stage.PLACEHOLDER in cell.source:
                exercises += 1
                assert cell.outputs == []
                assert following.source.startswith("<details><summary>One solution</summary>")
                assert stage.PLACEHOLDER not in following.source
    assert exercises >= 2 * len(CHAPTERS)


def test_a_moving_picture_gets_the_script_of_today_and_keeps_what_it_draws():
    head = '<div class="cmgsd-live" data-name="matrix"><img alt="a" src="data:,"></div>\n<script>(() => {\n'
    foot = '\nconst here = document.currentScript;\nif (root) picture(root, {"a": 1}, "b");\n})();</script>'
    done = stage.MOVING.sub(stage.present_script, f"{head}an old script{foot}")
    assert done == head + stage.live_script("matrix") + foot
    assert "function squareOf" in done


def test_every_stored_moving_picture_is_recognised():
    for name in CHAPTERS:
        notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
        live = [page for page in stored_pages(notebook) if 'class="cmgsd-live"' in page]
        assert all(stage.MOVING.search(page) for page in live), name


def test_every_module_that_is_left_out_exists():
    modules = stage.api_tool().read_modules(ROOT / "cmgsd_lite")
    assert set(modules) >= stage.MACHINERY, "a module was renamed: mend MACHINERY"


GLOSSARY = """(term-bar)=
**bar**: How high. ([02](../notebooks/02_ranking_loss.ipynb))

(term-false-negative)=
**false negative**: A right answer. ([00](../notebooks/00_start_here.ipynb))

(term-negative)=
**negative**: Pushed. ([00](../notebooks/00_start_here.ipynb))
"""


def test_words_of_every_day_are_terms_only_in_their_own_chapters():
    assert set(terms.read_terms(GLOSSARY, "02")) == {"bar", "false negative"}
    assert set(terms.read_terms(GLOSSARY, "00")) == {"false negative", "negative"}


def test_the_first_use_of_a_term_is_linked_and_the_longest_term_wins():
    found = terms.read_terms(GLOSSARY, "00")
    text = "False negatives, non-negative, a negative and a false negative."
    made = terms.linked(text, terms.find_terms(found), found, "notebooks/00_start_here")
    links = [(node.astext(), node["reftarget"]) for node in made if hasattr(node, "attributes")]
    assert links == [("False negatives", "term-false-negative"), ("negative", "term-negative")]
    assert "".join(node.astext() for node in made) == text
    assert found == {}


def test_every_word_of_every_day_is_a_term():
    glossary = (ROOT / "docs" / "GLOSSARY.md").read_text("utf-8")
    assert {entry.lower() for entry in stage.TERM.findall(glossary)} >= terms.EVERYDAY
