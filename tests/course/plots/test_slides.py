"""Pictures for slides: 16:9, large letters that stay letters, the text as title."""

import re

import pytest
from matplotlib import pyplot as plt
from PIL import Image

from cmgsd_lite.course import live
from cmgsd_lite.course.plots import base
from cmgsd_lite.course.plots.base import show_figure
from cmgsd_lite.course.plots.slides import SLIDES_FOLDER, SMALLEST, export_slide

ALT = "four narrow panels with a long text below each"
WORDS = "a blue airplane, back and forth over a city"


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    for module in (base, live):
        monkeypatch.setattr(module, "display", lambda bundle, raw: None)
    yield
    plt.close("all")


def panels():
    figure, axes = plt.subplots(1, 4, figsize=(3, 3), layout="constrained")
    for ax in axes:
        ax.plot([0, 1])
        ax.set_xlabel(WORDS, fontsize=5)
    return figure


def test_letters_are_large_and_stay_letters(tmp_path):
    svg = export_slide(panels(), tmp_path, "00-panels", ALT).read_text()
    width, height = (float(x) for x in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    assert width / height == pytest.approx(16 / 9)
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", svg)]
    assert min(sizes) >= SMALLEST
    assert SMALLEST * 1920 / width * 72 / 96 >= 24, "points on a slide of 1920 pixels"
    assert f"<title>{ALT}</title>" in svg
    assert "airplane" in svg


def test_words_below_narrow_panels_do_not_meet(tmp_path):
    figure = panels()
    export_slide(figure, tmp_path, "00-panels", ALT)
    figure.canvas.draw()
    boxes = [ax.xaxis.label.get_window_extent() for ax in figure.axes]
    assert not any(one.overlaps(other) for one, other in zip(boxes, boxes[1:], strict=False))
    assert figure.axes[0].get_xlabel().split() == WORDS.split()


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    files = [export_slide(panels(), tmp_path / name, "00-panels", ALT) for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_whatever_a_chapter_shows_is_written(tmp_path, monkeypatch):
    show_figure(panels(), "00-not-asked", ALT)
    monkeypatch.setenv(SLIDES_FOLDER, str(tmp_path))
    show_figure(panels(), "00-panels", ALT)
    show_figure(Image.new("RGB", (4, 4)), "00-square", ALT)
    monkeypatch.setattr(live, "_shown", live.Counter())
    for _ in range(2):
        live.show_live("circle", panels(), ALT)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["00-panels.svg", "00-square.png", "live-circle-1.svg", "live-circle-2.svg"]
