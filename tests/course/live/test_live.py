"""A moving picture is one piece of HTML: still where no script runs, alive where one does."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from PIL import Image

from cmgsd_lite.course import live
from cmgsd_lite.course.live import FOLDER, SHARED, live_names, show_live
from tests.course.live.scripts import needs_node, run

ALT = 'fifteen pairs on a "circle" & <b>pushes</b>'
STILL = Image.new("RGB", (4, 4))


class Page(HTMLParser):
    """Elements of a page in their order, and the text of its scripts."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.scripts, self.inside = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside = tag == "script"

    def handle_data(self, data):
        if self.inside:
            self.scripts.append(data)

    def handle_endtag(self, tag):
        self.inside = False


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(live, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.mark.parametrize("name", live_names())
def test_the_still_twin_stands_in_the_page_and_nothing_is_loaded(shown, name):
    show_live(name, STILL, ALT, {"note": "</script><img src=x>"})
    (bundle,) = shown
    assert set(bundle) == {"text/html", "text/plain", "image/png"}
    assert bundle["text/plain"] == ALT
    page = Page(bundle["text/html"])
    assert [tag for tag, _ in page.elements] == ["div", "img", "script"]
    assert page.elements[1][1]["alt"] == ALT
    assert page.elements[1][1]["src"].startswith("data:image/png;base64,")
    assert all("src" not in attributes for tag, attributes in page.elements if tag == "script")
    addresses = set(re.findall(r"https?://[^\"'`\s]+", bundle["text/html"]))
    assert addresses <= {"http://www.w3.org/2000/svg"}, "the name of a kind of element, never asked for"
    assert not re.search(r"\b(fetch|import|XMLHttpRequest|innerHTML|eval)\b", "".join(page.scripts))
    assert len(bundle["text/html"]) < 60_000


def test_several_in_a_page_have_no_ids_and_the_same_bytes(shown):
    for _ in range(2):
        show_live("circle", STILL, ALT, {"loss": "hardest"})
    first, second = (bundle["text/html"] for bundle in shown)
    assert first == second
    assert not re.search(r"\bid[=:]", first)


@needs_node
@pytest.mark.parametrize("name", live_names())
def test_the_script_can_be_read(shown, name, tmp_path):
    show_live(name, STILL, ALT)
    (tmp_path / "live.js").write_text(Page(shown[0]["text/html"]).scripts[0])
    done = subprocess.run(
        ["node", "--check", tmp_path / "live.js"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", live_names())
def test_by_keyboard_with_labels_in_the_dark_and_at_rest(name):
    code = "\n".join((FOLDER / f"{part}.js").read_text() for part in (*SHARED, name))
    for word in (
        "aria-live",
        "aria-label",
        "prefers-color-scheme: dark",
        "jp-theme-light",
        "prefers-reduced-motion",
    ):
        assert word in code
    assert max(len(line) for line in code.splitlines()) <= 130


@needs_node
def test_an_address_may_set_several_pictures_and_a_list_of_numbers():
    hash_of_address = "#circle?loss=hardest;matrix?margin=.4&sim=1,2,3,4&other=5"
    code = f'globalThis.location = {{ hash: "{hash_of_address}" }};'
    usual = run("matrix", "return USUAL")
    found = run("matrix", f'{code} return settings("matrix", USUAL, {{}})')
    assert found == usual | {"margin": 0.4, "sim": [1, 2, 3, 4]}
    assert run("circle", f'{code} return settings("circle", USUAL, {{}})')["loss"] == "hardest"


@needs_node
def test_a_picture_tells_what_differs_from_the_usual():
    code = """
        let told;
        globalThis.CustomEvent = function (name, { detail }) { Object.assign(this, { name, detail }); };
        tellChosen({ dispatchEvent: event => { told = event; } }, { ...USUAL, sim: [[1, 2], [3, 4]] }, USUAL);
        return told;"""
    assert run("matrix", code) == {"name": "chosen", "detail": {"sim": [[1, 2], [3, 4]]}}


@needs_node
def test_what_is_no_square_of_numbers_becomes_the_usual_matrix():
    usual = run("matrix", "return SIM")
    assert run("matrix", "return squareOf([1, 2, 3, 4])") == [[1, 2], [3, 4]]
    assert run("matrix", "return [[1, 2, 3], [1, NaN, 3, 4], [1], SIM].map(squareOf)") == [usual] * 4


def test_every_picture_is_named_with_its_chapter():
    assert [name for name in live_names() if f"``{name}``" not in live.__doc__] == []


def test_an_unknown_name_or_a_short_text_is_refused(shown):
    with pytest.raises(ValueError, match=r"name: expected one of .*circle, .*triangle"):
        show_live("square", STILL, ALT)
    with pytest.raises(ValueError, match="alt"):
        show_live("circle", STILL, "a circle")
    assert shown == []


def test_the_sanitiser_leaves_the_script_out_of_the_comparison(shown):
    from configparser import ConfigParser
    from pathlib import Path

    rules = ConfigParser()
    rules.read(Path(__file__).parents[2] / "notebooks" / "nbval_sanitize.cfg")
    show_live("circle", STILL, ALT, {"margins": [0.123456]})
    text = shown[0]["text/html"]
    for name in rules.sections():
        text = re.sub(rules[name]["regex"], rules[name]["replace"], text)
    assert "SCRIPT" in text
    assert "PICTURE" in text
    assert "0.123456" not in text


def _browser():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(_browser() is None, reason="no Chromium or Chrome found (apt-get install chromium)")
def test_alive_in_a_browser(shown, tmp_path):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    show_live("circle", STILL, ALT, {"loss": "smooth"})
    show_live("matrix", STILL, ALT)
    show_live("circle", STILL, ALT)
    (tmp_path / "page.html").write_text(
        "<hr>".join(bundle["text/html"] for bundle in shown), encoding="utf-8"
    )
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_browser(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(reduced_motion="reduce", viewport={"width": 380, "height": 800}).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{(tmp_path / 'page.html').as_uri()}#circle?margin=.4&loss=nonsense")
        roots = page.locator(".cmgsd-live")
        assert (roots.count(), page.locator("img:visible").count()) == (3, 0), "the still pictures gave way"
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, "as narrow as a telephone"
        circle, matrix = roots.nth(0), roots.nth(1)
        assert circle.get_by_role("slider", name="margin").input_value() == "0.4"
        circle.get_by_role("combobox", name="loss").select_option("hardest")
        circle.get_by_role("combobox", name="R@1").select_option("higher")
        circle.get_by_role("button", name="train and see").press("Enter")
        assert "300 steps of hardest" in circle.get_by_role("status").inner_text()
        circle.get_by_role("slider", name="margin").press("ArrowRight")
        assert "margin: 0.45" in circle.locator("fieldset").inner_text()
        matrix.get_by_label("similarity of text 1 and video 2").fill("0.9")
        assert "0.20 + 0.90 − 0.60 = 0.50" in matrix.get_by_role("status").inner_text()
        assert errors == []
        browser.close()
