"""Figures for slides: 16:9, letters that are read from the last row, SVG whose text stays text."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from cmgsd_lite.runtime import write_atomically

SLIDES_FOLDER = "CMGSD_SLIDES"
"""Environment variable: where ``show_figure`` and ``show_live`` write pictures for slides, if set."""
SIZE = (10.0, 5.625)
"""Inches of a figure. Across a slide of 1920 x 1080 a point of it is 2.67 pixels."""
SMALLEST = 12.0
"""Points of a letter: 24 points on the slide, and still 18 if the picture takes three quarters of it."""
GROWN = 1.15
LETTERS = 100
"""Of the smallest kind, side by side across a figure."""


def export_slide(figure: Figure | Image.Image, folder: Path, name: str, alt: str) -> Path:
    """Write a picture for slides; a figure of matplotlib is changed by it.

    Args:
        figure: Of matplotlib, or a picture.
        folder: Made if missing.
        name: File name without ending.
        alt: What it shows; the title of the SVG.

    Returns:
        The SVG, or the PNG of a picture.

    Raises:
        OSError: If the folder can not be written to.

    Source:
        ours.

    Example:
        >>> export_slide(figure, Path("slides"), "03-counts", "A falling line ...")  # doctest: +SKIP
    """
    if isinstance(figure, Image.Image):
        image, path = figure, folder / f"{name}.png"
        write_atomically(path, lambda temporary: image.save(temporary, "PNG"))
        return path
    path = folder / f"{name}.svg"
    _enlarge(figure)
    metadata = {"Date": None, "Title": alt}
    with plt.rc_context({"svg.hashsalt": "cmgsd-lite", "svg.fonttype": "none"}):
        write_atomically(
            path, lambda temporary: figure.savefig(temporary, format="svg", dpi=150, metadata=metadata)
        )
    return path


def _enlarge(figure: Figure) -> None:
    figure.set_size_inches(*SIZE)
    for text in figure.findobj(Text):
        text.set_fontsize(max(SMALLEST, GROWN * float(text.get_fontsize())))
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):  # ticks that come with the new size
            sizes = [float(label.get_fontsize()) for label in axis.get_ticklabels()]
            axis.set_tick_params(labelsize=max([SMALLEST, *sizes]))
        if (
            place := ax.get_subplotspec()
        ) is not None:  # words below a narrow panel must not meet its neighbour's
            width = LETTERS // place.get_gridspec().ncols
            ax.set_xlabel("\n".join(fill(line, width) for line in ax.get_xlabel().splitlines()))
