"""Draw README's pictures: the circle while three losses train it, and one small picture a chapter.

python docs/build_pictures.py
"""

import base64
import io
from pathlib import Path

import nbformat
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from cmgsd_lite.course.circle import train_circle
from cmgsd_lite.course.plots.circle import plot_circle

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
LOSSES = {
    "mean of all violations": {"loss": "mean"},
    "smooth maximum": {"loss": "smooth"},
    "smooth maximum, adaptive margin": {"loss": "smooth", "margins": "adaptive"},
}
STEPS = [0, 2, 4, 6, 8, 10, 13, 16, 20, 25, 30, 36, 43, 51, 60, 72, 86, 103, 124, 150, 180, 215, 255, 300]
"""Many at first, when most moves; the last is shown longer."""
WIDTH = 320
"""Pixels of a chapter's picture."""


def circle() -> None:
    """Write ``circle.gif``: the same start, trained by each loss."""
    frames = []
    for steps in STEPS:
        figure, axes = plt.subplots(1, 3, figsize=(10.5, 4.3), layout="constrained")
        for ax, (name, settings) in zip(axes, LOSSES.items(), strict=True):
            plot_circle(train_circle(steps=steps, **settings), ax).set_title(name)
        figure.suptitle(f"step {steps}")
        figure.canvas.draw()
        frames.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).quantize(64))
        plt.close(figure)
    durations = [180] * (len(frames) - 1) + [3000]
    frames[0].save(
        FIGURES / "circle.gif", save_all=True, append_images=frames[1:], duration=durations, loop=0
    )


def chapters() -> None:
    """Write ``chapter-NN.png``: the still twin of each chapter's last moving picture."""
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        pictures = list(stills(nbformat.read(path, as_version=4)))
        image = Image.open(io.BytesIO(pictures[-1])).convert("RGB")
        size = (WIDTH, round(image.height * WIDTH / image.width))
        small = image.resize(size, Image.Resampling.LANCZOS).quantize(64)
        small.save(FIGURES / f"chapter-{path.stem[:2]}.png", optimize=True)


def stills(notebook):
    """The pictures inside the moving ones of a notebook, in order."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            page = output.get("data", {}).get("text/html", "")
            if "cmgsd-live" in page and "data:image/" in page:
                yield base64.b64decode(page.split("base64,", 1)[1].split('"', 1)[0])


if __name__ == "__main__":
    circle()
    chapters()
