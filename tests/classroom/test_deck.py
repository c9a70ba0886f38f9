"""The slides: numbers are looked up, letters large enough, no network is asked, the PDF has all pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: make check-classroom brings it")
pytest.importorskip("playwright", reason="playwright is not installed: make check-classroom brings it")

from classroom import deck
from classroom.chapters import ROOT

SLIDES = ROOT / "build" / "slides"
SOURCE = (deck.HERE / "slides.md").read_text(encoding="utf-8")
SMALLEST = 24
"""Pixels at 1920 x 1080, which are 18 points."""
SIZES = """() => slides[shown].firstChild && [...slides[shown].firstChild.querySelectorAll("*")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .filter(e => !["title", "style"].includes(e.tagName))
  .map(e => [e.textContent.trim(), parseFloat(getComputedStyle(e).fontSize)
    * (e.ownerSVGElement ? Math.hypot(e.getScreenCTM().a, e.getScreenCTM().b) : 1)])"""
FITS = "() => { const s = slides[shown].firstChild; return s.scrollHeight <= 1080 && s.scrollWidth <= 1920; }"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(deck.shutil.which, deck.BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium or Chrome found: the slides were not looked at (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """The first slide, and in ``asked`` every address that the page has wanted."""
    if not (SLIDES / "index.html").is_file():
        pytest.skip("the slides are not built: make slides")
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, offline=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto((SLIDES / "index.html").as_uri())
    yield page
    context.close()


def test_every_slide_is_read_from_the_last_row_and_fits(page: Any) -> None:
    count = page.evaluate("slides.length")
    assert count == len(re.split(r"^---$", SOURCE, flags=re.MULTILINE))
    for number in range(1, count + 1):
        small = [(text, size) for text, size in page.evaluate(SIZES) if size < SMALLEST - 0.01]
        assert small == [], f"slide {number}"
        assert page.evaluate(FITS), f"slide {number} is too full"
        page.keyboard.press("ArrowRight")
    assert all(url.startswith(("file:", "data:")) for url in page.asked)


def test_pictures_have_live_letters_and_say_what_they_show(page: Any) -> None:
    pictures = page.locator("svg[role=img]")
    assert pictures.count() == len(deck.picture_names(SOURCE))
    for picture in pictures.all():
        assert len(picture.get_attribute("aria-label") or "") >= 20
        assert picture.locator("text").count() > 0
    names = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(set(names)) == len(names)


def test_keys_turn_pages_and_show_the_notes(page: Any) -> None:
    page.keyboard.press("End")
    assert "Your sentence" in page.locator("section.shown h1").inner_text()
    assert not page.locator("section.shown aside").is_visible()
    page.keyboard.press("n")
    assert "88-90 min" in page.locator("section.shown aside").inner_text()
    page.keyboard.press("Home")
    assert page.url.endswith("#1")


def test_printed_with_the_notes_each_slide_is_followed_by_its_own(page: Any) -> None:
    page.emulate_media(media="print")
    asides = page.locator("aside")
    assert not any(one.is_visible() for one in asides.all())
    page.keyboard.press("n")
    assert asides.count() == page.evaluate("slides.length")
    assert all(one.is_visible() for one in asides.all())
    boxes = page.evaluate("slides.map(s => s.firstChild.getBoundingClientRect()).map(b => [b.x, b.width])")
    assert boxes == [[0, 1920]] * len(boxes), "a slide is its own page, however large the window was"


def test_the_notes_in_a_window_of_their_own_go_along(page: Any) -> None:
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    notes = opened.value
    notes.wait_for_selector("section.shown aside", state="visible")
    notes.keyboard.press("ArrowRight")
    page.wait_for_function("shown === 1")
    page.keyboard.press("ArrowRight")
    notes.wait_for_function("shown === 2")


def test_the_pdf_has_a_page_for_each_slide(browser: Any, page: Any) -> None:
    pages = (SLIDES / "slides.pdf").read_bytes().count(b"/Type /Page\n")
    assert pages == page.evaluate("slides.length")


def test_each_plan_row_of_the_guide_has_its_notes() -> None:
    teaching = (ROOT / "docs" / "TEACHING.md").read_text(encoding="utf-8")
    plan = teaching.partition("## Plan for 90 minutes")[2].partition("## Plan for half a day")[0]
    minutes = re.findall(r"^\| (\d+-\d+) \|", plan, re.MULTILINE)
    assert minutes == re.findall(r"^\*\*(\d+-\d+) min", SOURCE, re.MULTILINE)


def test_numbers_come_from_the_chapters_and_the_study() -> None:
    assert deck.look_up("02", "beside", "Which probability") == "25 %"
    assert re.fullmatch(
        r"\S+ \[\S+, \S+\]", deck.look_up("msrvtt", "difference", "directed+video, best plain, nDCG")
    )
    for where, what, key in (("02", "predict", "No such question"), ("00", "prints", "no such line")):
        with pytest.raises(ValueError, match="found"):
            deck.look_up(where, what, key)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no-such\.svg"):
        deck.build_page("# One\n\n![](no-such)", tmp_path)
