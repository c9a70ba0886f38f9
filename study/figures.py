"""The pictures of the report as files: chapter 09 draws the same."""

from __future__ import annotations

from pathlib import Path

from matplotlib import pyplot as plt

from cmgsd_lite.course.plots.study import PICTURES
from cmgsd_lite.course.study import Study


def write_figures(study: Study, folder: Path) -> None:
    """Write ``study-QUESTION.png`` for every question."""
    for question, draw in PICTURES.items():
        figure = draw(study)
        figure.savefig(folder / f"study-{question}.png", dpi=100, metadata={"Software": None})
        plt.close(figure)
