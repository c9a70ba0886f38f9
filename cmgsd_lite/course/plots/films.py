"""Clips that move: a small animated picture for pages, its first frame where nothing moves."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Sequence
from pathlib import Path

from IPython.display import display
from matplotlib import pyplot as plt
from PIL import Image

from cmgsd_lite.course.plots.base import FIGURES_FOLDER, LARGEST, export_figure, figure_bundle
from cmgsd_lite.course.plots.slides import SLIDES_FOLDER, export_slide
from cmgsd_lite.data.clips import Clip

PAUSE = 250
"""Milliseconds a frame is seen."""


def show_films(clips: Sequence[Clip], notes: Sequence[str], name: str, alt: str, title: str = "") -> None:
    """Show clips side by side, moving; whoever asked for less motion sees the first frame.

    Args:
        clips: One panel each.
        notes: A text of one or more lines below each.
        name: Short file name for slides, as for ``show_figure``.
        alt: What the picture shows, at least 20 characters.
        title: Above all of them.

    Raises:
        ValueError: If the numbers of clips and notes differ, there is none, or the text is too short.

    Source:
        ours.

    Example:
        >>> show_films([clip("video7")], ["a red dog"], "04-clip", "One clip: ...")  # doctest: +SKIP
    """
    if not clips or len(clips) != len(notes):
        raise ValueError(f"notes: expected one for each of {len(clips)} >= 1 clips, got {len(notes)}")
    frames = _frames(clips, notes, title)
    bundle = figure_bundle(frames[0], alt)
    source = '<source media="(prefers-reduced-motion: reduce)" srcset="{}">'.format(
        f"data:image/webp;base64,{base64.b64encode(_webp(frames[:1])).decode()}"
    )
    moving = base64.b64encode(_webp(frames)).decode()
    tag = f'<img alt="{html.escape(alt)}" src="data:image/webp;base64,{moving}" style="max-width:100%">'
    bundle["text/html"] = f"<picture>{source}{tag}</picture>"
    display(bundle, raw=True)  # type: ignore[no-untyped-call]
    if folder := os.environ.get(FIGURES_FOLDER):
        export_figure(frames[0], Path(folder), name)
    if folder := os.environ.get(SLIDES_FOLDER):
        export_slide(frames[0], Path(folder), name, alt)


def _frames(clips: Sequence[Clip], notes: Sequence[str], title: str) -> list[Image.Image]:
    lines = max(note.count("\n") + 1 for note in notes)
    size = (1.9 * len(clips), 2.0 + 0.2 * lines + (0.3 if title else 0))
    figure, axes = plt.subplots(1, len(clips), figsize=size, layout="constrained", squeeze=False)
    drawn = [clip.frames() for clip in clips]
    pictures = [ax.imshow(frames[0]) for ax, frames in zip(axes[0], drawn, strict=True)]
    for ax, note in zip(axes[0], notes, strict=True):
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(note, fontsize="small")
    figure.suptitle(title)
    shown = []
    for moment in range(len(drawn[0])):
        for picture, frames in zip(pictures, drawn, strict=True):
            picture.set_data(frames[moment])
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=80)
        shown.append(Image.open(content).convert("RGB"))
    plt.close(figure)
    return shown


def _webp(frames: Sequence[Image.Image]) -> bytes:
    for quality in (80, 60, 40, 30, 20, 10):  # the first that is small enough for a page
        content = io.BytesIO()
        frames[0].save(
            content, "WEBP", save_all=True, append_images=frames[1:], duration=PAUSE, loop=0,
            quality=quality, method=4,  # 6 takes ten times as long for a tenth of the size
        )  # fmt: skip
        if content.tell() <= LARGEST:
            break
    return content.getvalue()
