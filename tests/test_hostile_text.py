"""Captions, ids and file names that are code: every maker of HTML shows them as the text that they are."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cmgsd_lite
from cmgsd_lite.cli.search_page import search_page
from cmgsd_lite.course import live, predict
from cmgsd_lite.course.live import show_live
from cmgsd_lite.course.plots import base, films
from cmgsd_lite.data import write_info_page
from cmgsd_lite.data.minivtt import clip
from cmgsd_lite.runtime.html import page, table
from tests.cli.folders import write_folder

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)' x='",
    '" autofocus onfocus="alert(1)',
    "</title></style><svg onload=alert(1)>",
    "<!-- ]]> --> <![CDATA[",
    "</summary></details><iframe src=javascript:alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt; {still} %s ${x}",
    "\u2028</SCRIPT\n><b>",
]
FRAMES = np.zeros((8, 16, 16, 3), np.uint8)
STILL = Image.new("RGB", (4, 4))


class Read(HTMLParser):
    """What a browser would make of a page: elements with the names of their attributes, and all texts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.scripts, self.inside = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, sorted(name for name, _ in attributes)))
        self.texts += [value or "" for _, value in attributes]
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        (self.scripts if self.inside == "script" else self.texts).append(data)

    def handle_comment(self, data):
        self.elements.append(("a comment", []))


def _displayed(monkeypatch, module, show):
    shown = []
    monkeypatch.setattr(module, "display", lambda bundle, raw: shown.append(bundle))
    show()
    return shown[0]["text/html"]


def _search(text, **_):
    hit = {"rank": 1, "video_id": text, "score": 0.5, "caption": text}
    pair = {"caption": text, "video_id": text, "also_true_of": text, "there": text, "distance": 0.1}
    return search_page(text, [hit], [pair], lambda name: FRAMES)


def _info(text, tmp_path, **_):
    data = write_folder(tmp_path / "data", caption=lambda i, n, words: text if i < 4 else " ".join(words))
    name = text.replace("/", "").replace("\0", "")
    (data / f"{name}.txt").write_text("x")
    write_info_page(data, tmp_path / "page.html")
    return (tmp_path / "page.html").read_text(encoding="utf-8")


def _live(text, monkeypatch, **_):
    alt = f"a picture that is long enough {text}"
    return _displayed(monkeypatch, live, lambda: show_live("circle", STILL, alt, {text: [text]}))


def _predict(text, monkeypatch, **_):
    return _displayed(
        monkeypatch, predict, lambda: predict.predict(text, result=text, choices=[text, "other"], unit=text)
    )


def _films(text, monkeypatch, **_):
    alt = f"a picture that is long enough {text}"
    show = lambda: films.show_films([clip("video0")], ["a note"], "00-x", alt)  # noqa: E731
    return _displayed(monkeypatch, films, show)


def _figure(text, **_):
    return base.figure_bundle(STILL, f"a picture that is long enough {text}")["text/html"]


def _page(text, **_):
    return page(text, [table([text], [[text]])])


MAKERS = {
    "cli/search_page.py": _search,
    "data/info_page.py": _info,
    "course/live/__init__.py": _live,
    "course/predict.py": _predict,
    "course/plots/films.py": _films,
    "course/plots/base.py": _figure,
    "runtime/html.py": _page,
}


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("maker", MAKERS)
def test_code_stays_text(maker, text, tmp_path, monkeypatch):
    made = [
        Read(MAKERS[maker](one, tmp_path=tmp_path / str(n), monkeypatch=monkeypatch))
        for n, one in enumerate(("harmless", text))
    ]
    kinds = [
        {(tag, *names) for tag, names in one.elements} for one in made
    ]  # of a table's rows there may be more
    assert kinds[1] == kinds[0]
    shown = " ".join(" ".join(made[1].texts).split())
    assert " ".join(text.split()) in shown, "it is shown as it was written"


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_ends_no_script_and_comes_back_as_it_was(text, monkeypatch):
    (script,) = Read(_live(text, monkeypatch)).scripts
    data, alt = re.search(r"if \(root\) picture\(root, (.*), (\".*\")\);", script).groups()
    assert json.loads(data) == {text: [text]}
    assert json.loads(alt).endswith(text)
    assert "<" not in data + alt


def test_a_file_name_that_is_no_text_can_be_written():
    page("a\udcff", ["b\udcff"]).encode("utf-8")


def test_no_maker_is_forgotten():
    package = Path(cmgsd_lite.__file__).parent
    makes = re.compile(r"text/html|<(p|img|table|div|picture|html)\b[^`]*>")
    reads = {"cli/search.py", "cli/extract_captions.py", "data/formats/files.py"}
    found = {
        str(file.relative_to(package)) for file in package.rglob("*.py") if makes.search(file.read_text())
    }
    assert found - reads <= set(MAKERS)
