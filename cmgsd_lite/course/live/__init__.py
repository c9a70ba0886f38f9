"""Moving pictures: HTML with a little JavaScript of our own, and a still picture where no script runs.

A picture is a file ``NAME.js`` beside this one, with a function ``picture(root, data, alt)`` and a first line
that says what it shows:

- ``clips`` (00): a sentence and moving clips, judged by the reader;
- ``metric`` (01): a matrix to break, and four ways of writing R@1;
- ``circle``, ``matrix`` (02): pairs trained while one looks; the pushes of a 4 x 4 matrix;
- ``distributions`` (03): similarities move apart over a training;
- ``triangle`` (04): caption, own video, other video, and the margin of their distance;
- ``anchor`` (05): the margins of one caption's negatives, by each teacher;
- ``noise`` (06), ``mixture`` (07): noise on margins; two teachers mixed over a training;
- ``curves`` (08), ``decision`` (09): training logs; a row and its control over the knob;
- ``answers`` (10), ``log`` (11), ``batch`` (13): two losses' pushes; one training's log; who holds what.

``page.js`` (elements, controls) and ``losses.js`` stand above each in the same page.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from cmgsd_lite.course.plots.base import figure_bundle
from cmgsd_lite.course.plots.slides import SLIDES_FOLDER, export_slide

FOLDER = Path(__file__).parent
SHARED = ("page", "losses")
"""Files that every moving picture has above it."""
_shown: Counter[str] = Counter()

PAGE = """<div class="cmgsd-live" data-name="{name}">{still}</div>
<script>(() => {{
{code}
const here = document.currentScript?.previousElementSibling;
const root = here?.matches(".cmgsd-live") ? here
  : document.querySelector('.cmgsd-live[data-name="{name}"]:not([role])'); // the first that is not yet alive
if (root) picture(root, {data}, {alt});
}})();</script>"""


def show_live(name: str, still: Figure | Image.Image, alt: str, data: dict[str, Any] | None = None) -> None:
    """Show a moving picture; where scripts do not run (GitHub, a file not yet trusted) its still twin.

    It asks no network and no kernel, works several times in a page and in an exported one. The script is left
    out when notebooks are compared (``tests/notebooks/nbval_sanitize.cfg``).

    Args:
        name: ``live_names()`` has those that there are.
        still: What is seen where no script runs; of matplotlib it is closed.
        alt: What the picture shows, at least 20 characters; read out in both.
        data: Settings to begin with, such as ``{"loss": "hardest"}``, or what the picture draws. The address
            of a page may set them too: ``page.html#circle?loss=hardest&margin=.4``.

    Raises:
        ValueError: On an unknown name, or as ``show_figure``.

    Source:
        ours.

    Example:
        >>> show_live("circle", figure, "Fifteen pairs on a circle: ...")  # doctest: +SKIP
    """
    if name not in live_names():
        raise ValueError(f"name: expected one of {', '.join(live_names())}, got {name!r}")
    bundle = figure_bundle(still, alt)
    code = "\n".join(_script(part) for part in (*SHARED, name))
    bundle["text/html"] = PAGE.format(
        name=name, still=bundle["text/html"], code=code, data=_literal(data or {}), alt=_literal(alt)
    )
    display(bundle, raw=True)  # type: ignore[no-untyped-call]
    _shown[name] += 1
    if folder := os.environ.get(SLIDES_FOLDER):
        export_slide(still, Path(folder), f"live-{name}-{_shown[name]}", alt)
    if isinstance(still, Figure):
        plt.close(still)


def live_names() -> list[str]:
    """Return the names of the moving pictures.

    Source:
        ours.

    Example:
        >>> "circle" in live_names()
        True
    """
    return sorted(path.stem for path in FOLDER.glob("*.js") if path.stem not in SHARED)


def _script(name: str) -> str:
    return (FOLDER / f"{name}.js").read_text(encoding="utf-8")


def _literal(value: Any) -> str:
    """As JavaScript; no text of ours may end the script it stands in."""
    return json.dumps(value).replace("<", "\\u003c")
