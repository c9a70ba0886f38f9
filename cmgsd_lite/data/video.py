"""Films as frames: evenly spaced in time, upright and square, whatever a container says, by PyAV."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cmgsd_lite.data.formats.files import VIDEO_SUFFIXES, check_downloaded, reason_of, video_id_of
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import require

if TYPE_CHECKING:
    from PIL import Image

Frames = NDArray[np.uint8]
_AGAIN = "download or export it again, or leave it out"
_LEAST = 0.5  # of the stated seconds: what has less left is no longer what its captions tell of


class Film(NamedTuple):
    """Frames of one film: by side, uint8 [F, side, side, 3], in the order of time, no moment twice.

    For each count asked for, ``picks`` are rows of them; a film with fewer frames has some several times.
    ``note`` says what of the film could not be read.
    """

    frames: dict[int, Frames]
    picks: list[NDArray[np.int64]]
    note: str = ""


def find_films(folder: Path) -> tuple[dict[str, Path], dict[Path, str]]:
    """Films under a folder by id, and those left out with the reason; hidden ones are passed by.

    An id is the file's name without its end, as captions say it. Films of one name in several folders get the
    folders in front: "kitchen_1" for kitchen/1.mp4.

    Raises:
        DataError: no folder, or no film in it.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing there"
        raise DataError(f"{folder}: expected a folder of films, found {found}")
    paths = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file()]
    paths = [p for p in paths if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    if not paths:
        raise DataError(f"{folder}: expected films ({', '.join(VIDEO_SUFFIXES)}), found none")
    ids = [video_id_of(path.name) for path in paths]
    common = {name for name, times in Counter(ids).items() if times > 1}
    films: dict[str, Path] = {}
    left: dict[Path, str] = {}
    for path, short in zip(paths, ids, strict=True):
        inside = path.relative_to(folder)
        name = "_".join((*inside.parts[:-1], path.stem)) if short in common else short
        name = video_id_of(name)
        if films.setdefault(name, path) != path:
            left[path] = f"another film, {films[name].relative_to(folder)}, is called {name} too; rename one"
    return films, left


def read_film(path: Path, counts: Sequence[int], sides: Sequence[int]) -> Film:
    """Read frames in the middle of equal stretches of time: of 4 seconds, 2 frames are those at 1 and at 3.

    Args:
        path: The film.
        counts: Numbers of frames, each spread over the whole film; they share what is decoded.
        sides: Pixels; the shorter side is brought to each, and of the longer one the middle is kept.

    Returns:
        The frames, turned as the film is meant to be shown.

    Raises:
        DataError: no film, no picture in it, or less than half of it left; says what to do.

    Example:
        >>> read_film(Path("holiday.mp4"), [8], [224]).frames[224].shape  # doctest: +SKIP
        (8, 224, 224, 3)
    """
    if min(counts, default=0) < 1:
        raise ValueError(f"counts: expected whole numbers >= 1, got {list(counts)}")
    av = require("av", "video")
    check_downloaded(path)
    try:
        times, keys, end, stated = _timeline(av, path)
        chosen = [_spread(times, end, count) for count in counts]
        rows = np.unique(np.concatenate(chosen))
        wanted = [times[row] for row in rows]
        try:
            found = _decoded(av, path, wanted, keys, sides)
        except _Unseekable:
            found = _decoded(av, path, wanted, [], sides)
    except DataError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise DataError(
            f"{path}: expected a film, found one that can not be opened ({reason}); {_AGAIN}"
        ) from error
    read = stated[0] if len(found) == len(rows) else min(stated[0], wanted[len(found)] - times[0])
    amount = f"{read:.3g} of {stated[1]:.3g} s"
    if not found or read < _LEAST * stated[1]:
        raise DataError(f"{path}: expected a whole film, found {amount} that can be read; {_AGAIN}")
    # Frames that could not be decoded are the last ones; who asked for them gets the one before.
    picks = [np.minimum(np.searchsorted(rows, mine), len(found) - 1) for mine in chosen]
    frames = {side: np.stack([shown[side] for shown in found]) for side in sides}
    return Film(frames, picks, "" if read > 0.95 * stated[1] else f"cut off: {amount} can be read")


class _Unseekable(Exception):
    """After a jump the first frame lies behind the one that was looked for."""


def _timeline(av: Any, path: Path) -> tuple[list[float], list[float], float, tuple[float, float]]:
    """Seconds at which frames and key frames are shown, their end, and (seconds there are, seconds stated).

    Only packets are read, nothing is decoded: that is fast, and tells what a header can not know.
    """
    times, keys, end, bounds = list[float](), list[float](), 0.0, list[float]()
    with av.open(str(path)) as container:
        stream = _pictures(container, path)
        # Cut off, a file raises here; what came before counts, and is compared with what its header says.
        with suppress(av.error.FFmpegError):
            for packet in container.demux():
                stamp = packet.dts if packet.pts is None else packet.pts
                if stamp is None or packet.is_discard:
                    continue
                start, length = (n * float(packet.time_base) for n in (stamp, packet.duration or 0))
                bounds += [start, start + length]  # of the sound too, which may be longer than the pictures
                if packet.stream == stream:
                    times.append(start)
                    end = max(end, start + length)
                    keys += [start] if packet.is_keyframe else []
        stated = (container.duration or 0) / 1e6
    if not times:
        raise DataError(f"{path}: expected a film, found no frame in it; {_AGAIN}")
    there = max(bounds) - min(bounds)
    return sorted(times), sorted(keys), end, (there, stated or there)


def _pictures(container: Any, path: Path) -> Any:
    """The film's stream of pictures; the cover of a song is none."""
    cover = require("av.stream", "video").Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover]
    if not streams:
        kinds = ", ".join(sorted({s.type for s in container.streams}))
        raise DataError(
            f"{path}: expected a film, found no pictures in it{kinds and f', only {kinds}'}; {_AGAIN}"
        )
    streams[0].thread_type = "AUTO"
    return streams[0]


def _spread(times: Sequence[float], end: float, count: int) -> NDArray[np.int64]:
    """Rows of the frames that are shown in the middle of equal stretches of time."""
    start = times[0]
    middles = start + (np.arange(count) + 0.5) / count * (end - start)
    # A hair later, so that rounding does not take the frame before.
    return np.searchsorted(times, middles + 1e-6, side="right").clip(1) - 1


def _decoded(
    av: Any, path: Path, wanted: Iterable[float], keys: Sequence[float], sides: Sequence[int]
) -> list[dict[int, Frames]]:
    """The frames shown at some moments, as many as can be decoded; jumps where that saves decoding."""
    found: list[dict[int, Frames]] = []
    with av.open(str(path)) as container:
        stream = _pictures(container, path)
        unit, frames, frame = float(stream.time_base), container.decode(stream), None
        try:
            for moment in wanted:
                at = -np.inf if frame is None else frame.pts * unit
                key = keys[bisect_right(keys, moment + 1e-6) - 1] if keys else -np.inf
                jumped = bool(len(found)) and key > at
                if jumped:
                    container.seek(round(key / unit), stream=stream)
                    frames = container.decode(stream)
                while frame is None or jumped or frame.pts * unit < moment - 1e-6:
                    frame = next(frames)
                    if jumped and frame.pts * unit > moment + 1e-6:
                        raise _Unseekable
                    jumped = False
                found.append({side: _square(frame, side) for side in sides})
        except (StopIteration, av.error.FFmpegError):
            pass
    return found


def _square(frame: Any, side: int) -> Frames:
    """RGB [side, side, 3]: the middle of the picture, upright."""
    scale = side / min(frame.width, frame.height)
    width, height = (max(side, round(length * scale)) for length in (frame.width, frame.height))
    array: Frames = frame.to_ndarray(format="rgb24", width=width, height=height)
    left, top = (width - side) // 2, (height - side) // 2
    return np.rot90(array[top : top + side, left : left + side], round(frame.rotation / 90) % 4).copy()


def moving_picture(frames: Frames, side: int = 112) -> bytes:
    """Frames as a small animated WebP without an end, four frames a second; one frame stands still."""
    image, written = require("PIL.Image", "data"), io.BytesIO()
    first, *others = [image.fromarray(frame).resize((side, side)) for frame in frames]
    first.save(written, "WEBP", save_all=True, append_images=others, duration=250, loop=0, quality=60)
    return written.getvalue()


def frames_of(picture: Path) -> Frames:
    """The frames that `moving_picture` wrote, uint8 [F, side, side, 3]."""
    sequence = require("PIL.ImageSequence", "data")
    with require("PIL.Image", "data").open(picture) as opened:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in sequence.Iterator(opened)])


def sheet_of(films: Sequence[Frames], lines: Sequence[str], frames: int = 4, side: int = 128) -> Image.Image:
    """Lay films, uint8 [F, H, W, 3] each, under each other: a line of text, and some frames side by side.

    They are evenly spread; a film with fewer shows some several times.
    """
    image, row = require("PIL.Image", "data"), side + 18
    sheet: Image.Image = image.new("RGB", (side * frames, row * len(films)), "white")
    draw = require("PIL.ImageDraw", "data").Draw(sheet)
    for number, (film, line) in enumerate(zip(films, lines, strict=True)):
        draw.text((3, number * row + 3), line, fill="black")
        for place, at in enumerate(np.linspace(0, len(film) - 1, frames).round().astype(int)):
            shown = image.fromarray(film[at])
            shown = shown if shown.size == (side, side) else shown.resize((side, side))
            sheet.paste(shown, (place * side, number * row + 18))
    return sheet
