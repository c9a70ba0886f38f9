"""Every figure, in colours safe for colour-blind readers; a function returns its ``ax=`` or a new figure.

    base        colours, showing with alt text, writing files
    results     tables and curves of trainings

Further modules hold the figures of single subjects.
"""

from cmgsd_lite.course.plots.base import (
    PALETTE,
    export_figure,
    line_style,
    new_axes,
    save_figure,
    show_figure,
)
from cmgsd_lite.course.plots.results import plot_loss, plot_margins, plot_recall, plot_table

__all__ = [
    "PALETTE",
    "export_figure",
    "line_style",
    "new_axes",
    "plot_loss",
    "plot_margins",
    "plot_recall",
    "plot_table",
    "save_figure",
    "show_figure",
]
