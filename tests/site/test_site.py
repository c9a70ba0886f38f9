"""The built site, read as files: every page is there, every link leads somewhere, nothing is fetched."""

import re

import pytest

from tests.site.built import CHAPTERS, HTML, ROOT, page, stored_pages, tool

links, stage = tool("links"), tool("stage")


@pytest.fixture(scope="module")
def pages():
    page("index")
    return links.read_pages(HTML)


def test_no_link_is_broken_and_nothing_is_fetched_from_outside(pages):
    assert links.broken_links(pages) == []


def test_the_check_of_links_sees_faults(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"><a href="#gone"><a href="b.html#there"><a href="b.html#no">'
        '<a href="c.html"><a href="https://a.org/x"><img src="https://a.org/y.png">'
        '<link rel="stylesheet" href="//a.org/z.css">'
    )
    (tmp_path / "b.html").write_text('<a name="there">')
    found = links.read_pages(tmp_path)
    broken = [line.removeprefix("a.html: ") for line in links.broken_links(found)]
    assert broken == ["https://a.org/y.png", "//a.org/z.css", "#gone", "b.html#no", "c.html"]
    assert links.outside_links(found) == ["https://a.org/x"]


def test_the_site_is_small():
    assert sum(path.stat().st_size for path in HTML.rglob("*") if path.is_file()) <= 60_000_000


def test_every_module_has_a_page_and_the_machinery_has_none():
    api = stage.api_tool()
    shown = {name for name, _ in api.sections(api.read_modules(ROOT / api.PACKAGE))}
    assert {path.stem for path in (HTML / "docs" / "api").glob("*.html")} == shown - stage.MACHINERY
    assert "CMGSDLoss" in page("docs/api/losses").read_text("utf-8")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_whole(name):
    text = page(f"notebooks/{name}").read_text("utf-8")
    notebook = stage.chapter(ROOT / "notebooks" / f"{name}.ipynb", HTML)
    assert text.count("<summary>One solution</summary>") == sum(
        "<summary>One solution</summary>" in cell.source for cell in notebook.cells
    )
    moving = ['class="cmgsd-live"' in output for output in stored_pages(notebook)]
    assert text.count('class="cmgsd-live"') == sum(moving) >= 1
    terms = re.findall(r'GLOSSARY\.html#(term-[a-z0-9-]+)"', text)
    assert len(terms) == len(set(terms)) >= 5, "terms are linked at their first use"


def test_every_picture_says_what_it_shows(pages):
    for path in pages:
        for image in re.findall(r"<img\b[^>]*>", path.read_text("utf-8")):
            alt = re.search(r'alt="([^"]*)"', image)
            assert alt is not None, f"{path.name}: {image[:80]}"
            assert len(alt[1].split()) >= 5, f"{path.name}: {image[:80]}"


def test_mathjax_lies_in_the_site_with_its_licence():
    assert (HTML / "_static" / "mathjax" / "tex-svg.js").stat().st_size > 1_000_000
    assert "Apache License" in (HTML / "_static" / "mathjax" / "LICENSE").read_text("utf-8")
