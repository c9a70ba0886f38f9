"""The clips of MiniVTT as pictures: drawn when they are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.video import sheet_of
from cmgsd_lite.data.world.scenes import SEED, Scene, clip_scene
from cmgsd_lite.runtime import require, write_atomically

if TYPE_CHECKING:
    from PIL import Image

CLIPS = 3300


@dataclass(frozen=True)
class Clip:
    """One clip, drawn when it is looked at.

    Args:
        video_id: Its name.
        scene: What is true of it.

    Example:
        >>> clip("video7").frames().shape
        (8, 128, 128, 3)
    """

    video_id: str
    scene: Scene

    def frames(self) -> NDArray[np.uint8]:
        """Draw the clip: RGB [8, 128, 128, 3]."""
        for module in ("PIL.Image", "scipy.ndimage"):
            require(module, "data")
        from cmgsd_lite.data.world.render import render

        return render(self.scene)

    def facets(self) -> str:
        """Say what is true of the clip, in a few words."""
        subjects = (f"{s.colour} {s.entity}, {s.motion}" for s in self.scene.subjects)
        return f"{'; '.join(subjects)} | {self.scene.place}"

    def show(self, frames: int = 8, scale: int = 1) -> Image.Image:
        """Lay some frames side by side; a notebook shows the picture.

        Args:
            frames: How many, evenly spread, 1 to 8.
            scale: Enlargement.

        Returns:
            The picture.

        Raises:
            ValueError: If ``frames`` is not in 1 to 8, or ``scale`` below 1.
        """
        if not 1 <= frames <= 8:
            raise ValueError(f"frames: expected 1 to 8, got {frames}")
        if scale < 1:
            raise ValueError(f"scale: expected a whole number >= 1, got {scale}")
        image = require("PIL.Image", "data")
        chosen = self.frames()[np.linspace(0, 7, frames).round().astype(int)]
        strip: Image.Image = image.fromarray(np.concatenate(list(chosen), axis=1))
        return strip.resize((strip.width * scale, strip.height * scale), image.Resampling.LANCZOS)

    def gif(self, path: str | Path, scale: int = 2) -> None:
        """Write an animated GIF, atomically.

        Args:
            path: File name.
            scale: Enlargement.

        Raises:
            OSError: If it can not be written.
        """
        side, image = 128 * scale, require("PIL.Image", "data")
        images = [image.fromarray(frame).resize((side, side)) for frame in self.frames()]

        def write(temporary: Path) -> None:
            images[0].save(temporary, "GIF", save_all=True, append_images=images[1:], duration=250, loop=0)

        write_atomically(Path(path), write)


def clip(video_id: str) -> Clip:
    """Find a clip by its id.

    Args:
        video_id: "video0" to "video3299".

    Returns:
        The clip.

    Raises:
        ValueError: On another id.

    Source:
        ours.

    Example:
        >>> clip("video7").video_id
        'video7'
    """
    number = video_id.removeprefix("video")
    known = video_id.startswith("video") and number.isdecimal() and number.isascii()
    if not known or int(number) >= CLIPS or str(int(number)) != number:
        raise ValueError(f"video_id: expected video0 to video{CLIPS - 1}, got {video_id!r}")
    return Clip(video_id, clip_scene(SEED, int(number)))


def contact_sheet(
    video_ids: Sequence[str],
    captions: Sequence[str] | None = None,
    path: str | Path | None = None,
    frames: int = 4,
) -> Image.Image:
    """Lay clips under each other, one row a clip with a line of text above it.

    Args:
        video_ids: The clips.
        captions: A line for each; what is true of it by default.
        path: PNG file to write as well, atomically.
        frames: Frames of each clip, 1 to 8.

    Returns:
        The picture.

    Raises:
        ValueError: If there is no clip, or another number of captions.
        OSError: If the file can not be written.

    Source:
        ours.

    Example:
        >>> contact_sheet(["video7", "video8"], frames=2).size
        (256, 292)
    """
    clips = [clip(name) for name in video_ids]
    lines = [f"{c.video_id}  {c.facets()}" for c in clips] if captions is None else list(captions)
    if not clips or len(lines) != len(clips):
        raise ValueError(f"captions: expected one for each of {len(clips)} >= 1 clips, got {len(lines)}")
    sheet = sheet_of([c.frames() for c in clips], lines, frames)
    if path is not None:
        write_atomically(Path(path), lambda temporary: sheet.save(temporary, "PNG"))
    return sheet
