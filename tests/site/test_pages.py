"""The built site in a browser without a network: alive, by keyboard, dark, on a telephone, on paper."""

import shutil
from pathlib import Path

import pytest

from tests.site.built import CHAPTERS, page, tool

tool("stage")
api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no page was opened")
axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed: no page was opened")
AXE = Path(axe.__file__).with_name("axe.min.js").read_text("utf-8")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PAGES = ("index", "playground", "docs/METHOD", "docs/GLOSSARY", "docs/api/losses", "search")
MINUTES = 5 * 60_000
TELEPHONE = {"width": 390, "height": 800}

FAULTS = """async () => {
    const found = await axe.run({ preload: false, resultTypes: ["violations"] });
    return found.violations.filter(fault => ["serious", "critical"].includes(fault.impact))
        .flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.html.slice(0, 200)}`));
}"""


@pytest.fixture(scope="module")
def browser():
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium or Chrome found: no page was opened (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


class Tab:
    """A page of the site in a browser that has no network, and what went wrong in it."""

    def __init__(self, browser, **settings):
        self.context = browser.new_context(**settings)
        self.context.set_offline(True)
        self.context.set_default_timeout(MINUTES)
        self.page = self.context.new_page()
        self.outside, self.errors = [], []
        self.page.on("request", self.note_request)
        self.page.on("requestfailed", lambda request: self.errors.append(f"not found: {request.url}"))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def note_request(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.outside.append(request.url)

    def open(self, name, more=""):
        self.page.goto(page(name).as_uri() + more)
        self.page.evaluate("window.MathJax?.startup?.promise.then(() => 0)")
        return self.page

    def faults(self, theme):
        self.page.evaluate("theme => { document.body.dataset.theme = theme; }", theme)
        return self.page.evaluate(FAULTS)


@pytest.fixture
def tab(browser):
    made = Tab(browser, reduced_motion="reduce", viewport={"width": 1400, "height": 1000})
    yield made
    made.context.close()


@pytest.mark.parametrize("name", [*PAGES, *(f"notebooks/{chapter}" for chapter in CHAPTERS)])
def test_a_page_for_everybody(tab, name):
    shown = tab.open(name)
    shown.evaluate(AXE)
    assert [tab.faults(theme) for theme in ("light", "dark")] == [[], []]
    pictures = shown.locator(".cmgsd-live")
    assert shown.locator(".cmgsd-live img:visible").count() == 0, "every still picture gave way"
    for i in range(pictures.count()):
        check_keyboard(shown, pictures.nth(i))
    assert shown.get_by_role("button", name="pause").count() == 0, "at rest until asked"
    assert shown.evaluate("document.getAnimations().length") == 0
    shown.set_viewport_size(TELEPHONE)
    assert shown.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    assert (tab.outside, tab.errors) == ([], [])


def check_keyboard(shown, picture):
    """Every control of a moving picture is reached by the tabulator; a slider moves by an arrow."""
    controls = picture.locator("button, input, select")
    assert controls.count() >= 1
    assert controls.evaluate_all("all => all.filter(one => one.tabIndex !== 0).length") == 0
    for slider in picture.get_by_role("slider").all():
        before = slider.input_value()
        at_end = before == slider.get_attribute("max")
        slider.press("ArrowLeft" if at_end else "ArrowRight")
        assert slider.input_value() != before


def test_the_first_page_moves_unless_asked_not_to(browser, tab):
    still = tab.open("index").locator('img[alt^="Fifteen pairs"]').first
    assert still.get_attribute("src").endswith("_static/stills/circle.png")
    tab.page.get_by_role("button", name="play the picture").press("Enter")
    assert still.get_attribute("src").endswith(".gif")
    other = Tab(browser)
    assert other.open("index").get_by_role("button", name="pause the picture").count() == 1
    other.context.close()


def test_a_state_of_the_playground_can_be_sent_and_gone_back_to(browser, tab):
    shown = tab.open("playground")
    circle, matrix = (shown.locator(f'[data-name="{name}"]') for name in ("circle", "matrix"))
    field = shown.get_by_label("Address of this state")
    circle.get_by_label("loss").select_option("hardest")
    shown.wait_for_url("**/playground.html#circle?loss=hardest")
    circle.get_by_role("button", name="train and see").press("Enter")
    shown.wait_for_url("**loss=hardest&step=300")
    matrix.get_by_label("similarity of text 1 and video 2").fill("0.9")
    shown.wait_for_url("**;matrix?sim=0.6%2C0.9%2C*")
    sent = field.input_value()
    recall = circle.locator("td").nth(2).inner_text()
    shown.go_back()
    shown.wait_for_url("**loss=hardest&step=300")
    assert matrix.get_by_label("similarity of text 1 and video 2").input_value() == "0.5"
    shown.go_back()
    shown.wait_for_url("**loss=hardest")
    assert circle.locator("td").first.inner_text() == "0"
    shown.go_back()
    assert circle.get_by_label("loss").input_value() == "mean"
    other = Tab(browser, reduced_motion="reduce")
    received = other.open("playground", "#" + sent.partition("#")[2])
    assert received.locator('[data-name="circle"] td').nth(2).inner_text() == recall
    assert received.get_by_label("similarity of text 1 and video 2").input_value() == "0.9"
    other.context.close()
    assert (tab.outside, tab.errors) == ([], [])


def test_an_address_may_hold_anything(tab):
    shown = tab.open("playground", "#circle?step=x&seed=-1&loss=none;matrix?sim=1,2,y;;=?")
    assert shown.locator('[data-name="circle"]').get_by_label("loss").input_value() == "mean"
    assert shown.locator('[data-name="matrix"] input[type="number"]').count() == 16
    assert tab.errors == []


def test_the_search_finds_a_chapter(tab):
    shown = tab.open("search", "?q=starves")
    shown.locator('#search-results a[href*="03_false_negatives"]').first.wait_for()
    assert tab.outside == []  # from a folder a result comes without its lines, which the page may not fetch


def test_on_paper_answers_are_unfolded_and_the_contents_stay_away(tab, tmp_path):
    shown = tab.open("notebooks/03_false_negatives")
    assert shown.locator("article details:not([open])").count() >= 3
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.locator("article details:not([open])").count() == 0
    shown.emulate_media(media="print")
    assert not shown.locator(".sidebar-drawer").is_visible()
    shown.pdf(path=tmp_path / "chapter.pdf", format="A4")
    assert (tmp_path / "chapter.pdf").read_bytes().count(b"/Type /Page\n") >= 5
    shown.evaluate("dispatchEvent(new Event('afterprint'))")
    assert shown.locator("article details:not([open])").count() >= 3
