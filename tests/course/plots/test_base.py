"""Showing a figure: the text arrives as the picture's alt, the picture stays small, the bytes repeat."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from cmgsd_lite.course.plots import base
from cmgsd_lite.course.plots.base import LARGEST, facet_lines, figure_bundle, show_figure
from cmgsd_lite.data.minivtt import clip, contact_sheet

ALT = 'one line that rises, "steeply" & <b>fast</b>'


class Images(HTMLParser):
    """The attributes of every image of a page, as a browser reads them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        assert tag == "img", "nothing but pictures: the text must not become markup"
        self.found.append(dict(attributes))


def decoded(tag):
    (attributes,) = Images(tag).found
    kind, content = attributes["src"].split(";base64,")
    raw = base64.b64decode(content)
    return kind, len(raw), Image.open(io.BytesIO(raw)).convert("RGB")


def page(picture):
    return figure_bundle(picture, ALT)["text/html"]


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(base, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.fixture
def figure():
    figure, ax = plt.subplots(figsize=(4, 3))
    ax.plot([0, 1])
    yield figure
    plt.close("all")


def test_the_text_is_the_alt_that_a_browser_reads(shown, figure):
    show_figure(figure, "00-line", ALT)
    (bundle,) = shown
    (attributes,) = Images(bundle["text/html"]).found
    assert attributes["alt"] == ALT
    assert "max-width:100%" in attributes["style"]
    assert bundle["text/plain"] == ALT
    kind, _, image = decoded(bundle["text/html"])
    assert (kind, image.size) == ("data:image/png", (400, 300))
    assert Image.open(io.BytesIO(bundle["image/png"])).size == (400, 300)
    assert not plt.fignum_exists(figure.number), "closed, so that no second picture appears"


def test_a_drawn_picture_is_shown_like_a_figure(shown):
    show_figure(clip("video7").show(4), "00-clip", ALT)
    assert decoded(shown[0]["text/html"])[2].size == (512, 128)


@pytest.mark.parametrize("rows", [1, 4, 8])
def test_pictures_with_many_colours_stay_small_and_near_the_original(rows):
    sheet = contact_sheet([f"video{i}" for i in range(rows)], frames=5)
    kind, size, image = decoded(page(sheet))
    assert size <= LARGEST or rows == 8, "eight rows of photographs are too much for readable letters"
    assert kind == ("data:image/png" if rows == 1 else "data:image/webp")
    assert image.size == sheet.size
    error = np.abs(np.asarray(image, float) - np.asarray(sheet, float)).mean()
    assert error < 6, "of 255 levels"


def test_what_is_transparent_becomes_white_and_few_colours_stay_exact():
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.putpixel((2, 3), (255, 0, 0, 255))
    _, _, image = decoded(page(picture))
    assert image.getpixel((0, 0)) == (255, 255, 255)
    assert image.getpixel((2, 3)) == (255, 0, 0)


def test_the_same_picture_has_the_same_bytes():
    sheet = contact_sheet(["video7", "video8"])
    assert figure_bundle(sheet, ALT) == figure_bundle(sheet.copy(), ALT)


@pytest.mark.parametrize(("name", "alt"), [("00-line", "too short"), ("a/b", ALT), ("a.png", ALT), ("", ALT)])
def test_a_short_text_or_a_path_is_refused(shown, figure, name, alt):
    with pytest.raises(ValueError, match="expected"):
        show_figure(figure, name, alt)
    assert shown == []


def test_figures_are_written_for_slides_where_a_folder_is_named(shown, figure, tmp_path, monkeypatch):
    monkeypatch.setenv(base.FIGURES_FOLDER, str(tmp_path / "figures"))
    show_figure(figure, "00-line", ALT)
    show_figure(clip("video7").show(2), "00-clip", ALT)
    written = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert written == ["00-clip.png", "00-line.png", "00-line.svg"]


def test_facets_get_a_line_for_each_subject_and_the_place():
    assert facet_lines("red dog, right; blue cat, up | beach").splitlines() == [
        "red dog, right;",
        "blue cat, up",
        "beach",
    ]
