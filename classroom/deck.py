"""``python -m classroom.deck``: slides.md becomes a page that runs offline, and a PDF.

A slide is a title, text or one picture, and below a line ``???`` what the teacher says. Pictures are
the chapters' own, drawn for slides by notebooks/build.py. Numbers are not written but looked up:
{00 predict: beginning of the question} in a chapter's stored outputs, with beside for predict the number
beside the result (a floor, a control); {11 prints: beginning of the line} in what a cell printed;
{msrvtt difference: row, row, metric} in the study.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import mistune
import nbformat

from classroom.chapters import ROOT
from cmgsd_lite.course.study import Study, interval

HERE = Path(__file__).resolve().parent
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf", "LICENSE_DEJAVU")
CHAPTERS = ("00", "02", "03", "04", "06")
"""Those whose pictures are shown."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
NUMBER = re.compile(r"\{(\w+) (predict|beside|prints|difference): ([^}]+)\}")
PICTURE = re.compile(r"^!\[\]\(([\w-]+)\)$", re.MULTILINE)
FOLDED = re.compile(r"<p><b>(.*?)</b>.*?The result</summary>(.*?)</details>", re.DOTALL)
LARGE = re.compile(r"^= (.+)$", re.MULTILINE)


def build_page(source: str, pictures: Path) -> str:
    """Make the page of all slides.

    Args:
        source: Text as in slides.md.
        pictures: Folder with the SVG of each picture.

    Raises:
        ValueError: If a number or a picture is not found.
    """
    slides = [one.strip() for one in re.split(r"^---$", source, flags=re.MULTILINE)]
    sections = [_section(slide, number, pictures) for number, slide in enumerate(slides, 1)]
    title = html.escape(slides[0].splitlines()[0].removeprefix("# "))
    page = (HERE / "deck.html").read_text(encoding="utf-8")
    return page.replace("TITLE", title).replace("SLIDES", "\n".join(sections))


def picture_names(source: str) -> list[str]:
    """The pictures that a text shows."""
    return PICTURE.findall(source)


def look_up(where: str, what: str, key: str) -> str:
    """Find a number in a chapter's stored outputs or in the study.

    Args:
        where: A chapter such as ``"06"``, or a data set of the study.
        what: ``"predict"`` or ``"beside"`` of a prediction, ``"prints"``, or ``"difference"``.
        key: How the question or the line begins; two rows and a metric.

    Raises:
        ValueError: If there is none, or more than one.
    """
    if what == "difference":
        first, second, metric = key.split(", ")
        return interval(Study.load().difference(where, first, second, metric))
    found = set(_printed(where, key) if what == "prints" else _predicted(where, what, key))
    if len(found) != 1:
        raise ValueError(
            f"slides.md: expected one {what} of chapter {where} at {key!r}, found {sorted(found)}"
        )
    return found.pop()


def write_pdf(page: Path, target: Path) -> bool:
    """Print the page with a Chromium of the system; False where there is none."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return False
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = running.new_page(viewport={"width": 1920, "height": 1080})
        tab.goto(page.resolve().as_uri())
        tab.evaluate("document.fonts.ready")
        tab.pdf(path=target, width="1920px", height="1080px", print_background=True, tagged=True)
        running.close()
    return True


def _section(slide: str, number: int, pictures: Path) -> str:
    shown, _, notes = slide.partition("\n???\n")
    shown, notes = (NUMBER.sub(lambda found: look_up(*found.groups()), text) for text in (shown, notes))
    shown = LARGE.sub(r'<p class="large">\1</p>', shown)
    inside = _html(PICTURE.sub("PICTURE", shown))
    for name in picture_names(slide):
        inside = inside.replace("<p>PICTURE</p>", _drawing(pictures / f"{name}.svg", number))
    kind = "cover" if number == 1 else "picture" if picture_names(slide) else "words"
    aside = f'<aside aria-label="Speaker\'s notes">{_html(notes)}</aside>'
    return f'<section class="{kind}" id="{number}"><div class="slide">{inside}</div>{aside}</section>'


def _html(text: str) -> str:
    made = mistune.create_markdown(escape=False, plugins=["table"])(text)
    return str(made)


def _drawing(path: Path, number: int) -> str:
    """A figure as part of the page: its letters stay letters, its names are made its own."""
    if not path.is_file():
        raise ValueError(f"slides.md: expected the picture {path.name} in {path.parent}, found none")
    svg = path.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    title = re.search(r"<title>(.*?)</title>", svg, re.DOTALL)
    said = html.escape(html.unescape(title[1]), quote=True) if title else ""
    svg = re.sub(r'\bid="', f'id="slide{number}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1slide{number}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace("<svg", f'<svg role="img" aria-label="{said}"', 1)


def _outputs(chapter: str) -> Iterator[tuple[str, str]]:
    """The kind and text of each stored output of a chapter's students' version."""
    (path,) = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":
                yield "prints", output.text
            else:
                yield "page", output.get("data", {}).get("text/html", "")


def _printed(chapter: str, key: str) -> Iterator[str]:
    for kind, text in _outputs(chapter):
        if kind == "prints":
            for line in text.splitlines():
                if line.startswith(key):
                    yield line.removeprefix(key).strip()


def _predicted(chapter: str, what: str, key: str) -> Iterator[str]:
    for kind, text in _outputs(chapter):
        for question, result in FOLDED.findall(text) if kind == "page" else ():
            if html.unescape(question).startswith(key):
                value, _, beside = html.unescape(result).partition("   (")
                if what == "predict":
                    yield value
                else:  # names and numbers: floor 25 %, mean 57 %)
                    yield from re.findall(r"([-+]?[\d.]+[^,)]*)[,)]", beside)


def _draw(names: list[str], pictures: Path) -> None:
    """Run the chapters whose pictures are missing."""
    missing = [name for name in names if not (pictures / f"{name}.svg").is_file()]
    if missing:
        print(f"drawing {', '.join(missing)}: chapters {', '.join(CHAPTERS)} are run", flush=True)
        command = [sys.executable, "notebooks/build.py", *CHAPTERS, "--slides", str(pictures.resolve())]
        subprocess.run([*command, "--jobs", "2", "--out", str(pictures / "nothing")], cwd=ROOT, check=True)


def main() -> None:
    """Build the deck."""
    parser = argparse.ArgumentParser(prog="python -m classroom.deck", description="Build the slides.")
    parser.add_argument("--out", type=Path, default=Path("build/slides"), help="folder of the deck")
    parser.add_argument("--pictures", type=Path, default=Path("build/pictures"), help="drawn where missing")
    options = parser.parse_args()
    source = (HERE / "slides.md").read_text(encoding="utf-8")
    _draw(picture_names(source), options.pictures)
    fonts = options.out / "fonts"
    fonts.mkdir(parents=True, exist_ok=True)
    for name in FONTS:
        shutil.copy(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, fonts)
    page = options.out / "index.html"
    page.write_text(build_page(source, options.pictures), encoding="utf-8")
    print(f"{page}: {source.count(chr(10) + '---' + chr(10)) + 1} slides")
    printed = write_pdf(page, options.out / "slides.pdf")
    print(options.out / "slides.pdf" if printed else "no PDF: expected a Chromium or Chrome, found none")


if __name__ == "__main__":
    main()
