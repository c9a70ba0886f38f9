"""The circle as a still picture: texts, videos and scenes where a training has left them."""

from __future__ import annotations

import math

from matplotlib.axes import Axes

from cmgsd_lite.course.circle import SCENE_OF, Points
from cmgsd_lite.course.plots.base import PALETTE, new_axes

COLOURS = [PALETTE[i] for i in (0, 1, 2, 3, 4)]


def plot_circle(points: Points, ax: Axes | None = None) -> Axes:
    """Draw fifteen pairs on the circle: triangles are texts, dots videos, a colour is a scene.

    Args:
        points: As ``train_circle`` returns them.
        ax: Where to draw; a new figure if None.

    Returns:
        The Axes, with R@1 and the two mean cosines below.

    Source:
        ours.

    Example:
        >>> ax = plot_circle(train_circle("mean"))  # doctest: +SKIP
    """
    ax = new_axes(ax)
    around = [2 * math.pi * i / 120 for i in range(121)]
    ax.plot([math.cos(a) for a in around], [math.sin(a) for a in around], color="0.8", zorder=0)
    for text, video, scene in zip(
        points.texts.tolist(), points.videos.tolist(), SCENE_OF.tolist(), strict=True
    ):
        (tx, ty), (vx, vy) = (0.94 * text[0], 0.94 * text[1]), (1.06 * video[0], 1.06 * video[1])
        ax.plot([tx, vx], [ty, vy], color=COLOURS[scene], linewidth=1)
        ax.scatter([tx], [ty], marker="^", color=[COLOURS[scene]], s=60, edgecolor="white", linewidth=0.5)
        ax.scatter([vx], [vy], marker="o", color=[COLOURS[scene]], s=60, edgecolor="white", linewidth=0.5)
        ax.text(1.24 * video[0], 1.24 * video[1], "ABCDE"[scene], ha="center", va="center")
    for mark, name in (("^", "text"), ("o", "video")):
        ax.plot([], [], marker=mark, linestyle="", color="0.5", label=name)
    ax.legend(loc="center", frameon=False)
    ax.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal", xticks=[], yticks=[])
    ax.set_frame_on(False)
    cosines = f"same scene {points.same_scene:.2f}, other scenes {points.other_scenes:.2f}"
    ax.set_xlabel(f"R@1 {points.recall:.0f} %\n{cosines}")
    return ax
