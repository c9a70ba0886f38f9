"""What all figures share: colours and dashes, the file writer, and showing a figure with its alt text."""

from __future__ import annotations

import base64
import html
import io
import os
from pathlib import Path
from typing import Any

import seaborn
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from cmgsd_lite.course.plots.slides import SLIDES_FOLDER, export_slide
from cmgsd_lite.runtime import write_atomically

PALETTE = seaborn.color_palette("colorblind")
"""Ten colours that colour-blind readers tell apart."""
STYLES = ("-", "--", ":", "-.")
LOSS_LOOKS = {
    "mean": (0, "-"),
    "hardest": (3, "--"),
    "4 hardest": (1, "-."),
    "smooth": (2, "-"),
    "InfoNCE": (4, "--"),
    "hardest, masked": (7, ":"),
}
"""Colour of the palette and dash of each plain loss, the same through the whole course."""
FIGURES_FOLDER = "CMGSD_FIGURES"
"""Environment variable: where ``show_figure`` writes PNG and SVG copies, if set."""
LARGEST = 60_000
"""Bytes that a picture in a page may have; what is larger as a palette PNG is shown as WebP."""


def show_figure(figure: Figure | Image.Image, name: str, alt: str) -> None:
    """Show a figure in a notebook together with a text that says what it shows, and close it.

    What a page shows is an HTML ``<img>`` with the text as its ``alt``, which screen readers read out. A PNG
    stands beside it for readers that take no HTML, such as an export to PDF; the text alone is for terminals.
    The text should say what a reader is to see, without numbers that differ from machine to machine.

    Args:
        figure: Of matplotlib, or a picture.
        name: Short file name for slides, such as ``"03-similarities"``.
        alt: What the picture shows, at least 20 characters.

    Raises:
        ValueError: If the text is shorter, or the name is no plain file name.
        OSError: If the folder for slides can not be written to.

    Source:
        ours.

    Example:
        >>> show_figure(figure, "03-similarities", "Three histograms: ...")  # doctest: +SKIP
    """
    if not name or Path(name).name != name or "." in name:
        raise ValueError(f"name: expected a file name without folder and ending, got {name!r}")
    display(figure_bundle(figure, alt), raw=True)  # type: ignore[no-untyped-call]
    folder = os.environ.get(FIGURES_FOLDER)
    if folder:
        export_figure(figure, Path(folder), name)
    if folder := os.environ.get(SLIDES_FOLDER):
        export_slide(figure, Path(folder), name, alt)
    if isinstance(figure, Figure):
        plt.close(figure)


def figure_bundle(figure: Figure | Image.Image, alt: str) -> dict[str, Any]:
    """What a page, a reader without HTML and a terminal get of a figure.

    Args:
        figure: Of matplotlib, or a picture.
        alt: What the picture shows, at least 20 characters.

    Returns:
        By MIME type: an ``<img>`` with its ``alt``, a PNG, and the text.

    Raises:
        ValueError: If the text is shorter.

    Source:
        ours.

    Example:
        >>> sorted(figure_bundle(Image.new("RGB", (4, 4)), "a small black square"))
        ['image/png', 'text/html', 'text/plain']
    """
    if len(alt.strip()) < 20:
        raise ValueError(f"alt: expected at least 20 characters saying what the picture shows, got {alt!r}")
    image = _drawn(figure)
    return {"text/html": _image_tag(image, alt), "image/png": _palette_png(image), "text/plain": alt}


def _image_tag(image: Image.Image, alt: str) -> str:
    """A picture and its text as one element: a PNG of 256 colours, or a WebP where that is too large."""
    kind, content = "png", _palette_png(image)
    if len(content) > LARGEST:
        kind, content = "webp", _webp(image)
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return f'<img alt="{html.escape(alt)}" src="{source}" style="max-width:100%">'


def _drawn(figure: Figure | Image.Image) -> Image.Image:
    if isinstance(figure, Image.Image):
        return _opaque(figure)
    drawing = io.BytesIO()
    figure.savefig(drawing, format="png", dpi=100)
    return _opaque(Image.open(drawing))


def _opaque(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer).convert("RGB")


def _palette_png(image: Image.Image) -> bytes:
    # Without dithering: it would put dots into plain areas and letters, and make the file larger.
    few = image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    content = io.BytesIO()
    few.save(content, "PNG", optimize=True)
    return content.getvalue()


def _webp(image: Image.Image) -> bytes:
    for quality in (80, 70, 60):  # below 60 small letters begin to smear: then rather a larger picture
        content = io.BytesIO()
        image.save(content, "WEBP", quality=quality, method=6)
        if content.tell() <= LARGEST:
            break
    return content.getvalue()


def export_figure(figure: Figure | Image.Image, folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and, where it is drawn from lines and text, as SVG.

    Args:
        figure: Of matplotlib, or a picture.
        folder: Made if missing.
        name: File name without ending.

    Raises:
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> export_figure(figure, Path("figures"), "03-similarities")  # doctest: +SKIP
    """
    folder.mkdir(parents=True, exist_ok=True)
    png = folder / f"{name}.png"
    if isinstance(figure, Image.Image):
        image = figure
        write_atomically(png, lambda temporary: image.save(temporary, "PNG"))
        return [png]
    svg = folder / f"{name}.svg"
    save_figure(figure, png, close=False)
    save_figure(figure, svg, close=False)
    return [png, svg]


def save_figure(figure: Figure, path: Path, close: bool = True) -> None:
    """Write a figure atomically, the same bytes whichever matplotlib draws it on whatever day.

    Args:
        figure: What to write.
        path: File name ending in .png or .svg.
        close: Whether to close the figure afterwards.

    Raises:
        ValueError: On another ending.
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> save_figure(plot_margins({}, [0, 1]).figure, Path("margins.png"))  # doctest: +SKIP
    """
    ending = path.suffix.lower().lstrip(".")
    if ending not in ("png", "svg"):
        raise ValueError(f"path: expected a name ending in .png or .svg, got {path.name}")
    metadata = {"Software": None} if ending == "png" else {"Date": None}
    with plt.rc_context({"svg.hashsalt": "cmgsd-lite"}):
        write_atomically(
            path, lambda temporary: figure.savefig(temporary, format=ending, dpi=150, metadata=metadata)
        )
    if close:
        plt.close(figure)


def facet_lines(facets: str) -> str:
    """Break a clip's facets into short lines, so that they fit below a narrow picture.

    Whoever does not see the colours of a clip reads them here.

    Args:
        facets: As ``Clip.facets`` says them: ``"red dog, right; blue cat, up | beach"``.

    Returns:
        One line a subject, and one for the place.

    Source:
        ours.

    Example:
        >>> facet_lines("red dog, right | beach").splitlines()
        ['red dog, right', 'beach']
    """
    return facets.replace("; ", ";\n").replace(" | ", "\n")


def line_style(i: int) -> dict[str, Any]:
    """Colour and dash of the i-th line; both change, so that lines can be told apart in grey too.

    Args:
        i: Number of the line, from 0.

    Returns:
        Keyword arguments of ``Axes.plot``.

    Source:
        ours.

    Example:
        >>> line_style(1)["linestyle"]
        '--'
    """
    return {"color": PALETTE[i % len(PALETTE)], "linestyle": STYLES[i % len(STYLES)]}


def loss_style(name: str) -> dict[str, Any]:
    """Colour and dash of a plain loss.

    Args:
        name: One of ``LOSS_LOOKS``; any other is black.

    Returns:
        Keyword arguments of ``Axes.plot``.

    Source:
        ours.

    Example:
        >>> loss_style("hardest")["linestyle"]
        '--'
    """
    if name not in LOSS_LOOKS:
        return {"color": "black", "linestyle": "-"}
    colour, dash = LOSS_LOOKS[name]
    return {"color": PALETTE[colour], "linestyle": dash}


def new_axes(ax: Axes | None) -> Axes:
    """Return the Axes to draw on: the given one, or those of a new figure.

    Args:
        ax: Given by the caller, or None.

    Source:
        ours.

    Example:
        >>> ax = new_axes(None)
    """
    return plt.subplots(figsize=(6, 4), layout="constrained")[1] if ax is None else ax
