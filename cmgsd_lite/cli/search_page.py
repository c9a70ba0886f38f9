"""What `search` found as pictures: a contact sheet, and a page that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cmgsd_lite.cli.extract import thumbnail
from cmgsd_lite.data import minivtt
from cmgsd_lite.data.video import Frames, find_films, frames_of, moving_picture, read_film
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime.html import page
from cmgsd_lite.teachers import Directed

SAMPLE, _SEED, _SIDE = 500, 2021, 112
PRECISION = (
    "How far to believe it: of the 20 nearest, 18 to 20 are right on MiniVTT, whose truth is known, and 14 "
    "to 16 on photographs with five captions each, by the judgement of people (ECCV Caption); of the 100 "
    "nearest, 87 to 97 and 57 to 65. Captions that say little come first: they are true of many clips. Look "
    "before you believe."
)
"""What the report says of itself: five draws of 500 captions, of MiniVTT's test clips and of ECCV Caption."""


def pictures_of(data: str, videos: str | None) -> Callable[[str], Frames | None]:
    """Choose where the pictures of a video come from: frames [F, side, side, 3] by its id, or None.

    ``data`` is ``"minivtt"``, whose clips are drawn, or a folder, with thumbnails if ``extract`` wrote it;
    ``videos`` a folder of films, for features of other origin. Raises DataError if there is no film in it.
    """
    films = find_films(Path(videos))[0] if videos else {}

    def frames(name: str) -> Frames | None:
        if name in films:
            try:
                film = read_film(films[name], [8], [_SIDE])
            except DataError:  # a film that is broken has no picture, and hides no other
                return None
            return film.frames[_SIDE]
        if data == "minivtt":
            return minivtt.clip(name).frames()
        small = thumbnail(Path(data), name)
        return frames_of(small) if small.is_file() else None

    return frames


def likely_false_negatives(captions: Mapping[str, Sequence[str]], most: int = 20) -> list[dict[str, Any]]:
    """Find captions that are likely true of another video too, by the directed distance.

    Of the captions 500, drawn by a fixed seed, are looked at. Returns the ``most`` nearest, the same words
    once: ``caption``, ``video_id``, ``also_true_of``, ``there`` (the caption of that video that shares most
    words with it) and ``distance`` in [0, 3].
    """
    told = {name: list(mine) for name, mine in captions.items() if mine}
    if len(told) < 2:
        return []
    ids, teacher = list(told), Directed.of(list(told.values()), WordLlamaEncoder().encode)
    flat = [(row, text) for row, name in enumerate(ids) for text in told[name]]
    count = min(SAMPLE, len(flat))
    drawn = np.sort(np.random.default_rng(_SEED).choice(len(flat), count, replace=False))
    found = []
    for some in torch.split(torch.from_numpy(drawn), 64):
        distances = teacher.distances(torch.arange(len(ids)), some)
        own = torch.tensor([flat[text][0] for text in some.tolist()])
        distances[torch.arange(len(some)), own] = torch.inf
        nearest = distances.min(dim=1)
        found += list(zip(some.tolist(), nearest.indices.tolist(), nearest.values.tolist(), strict=True))
    found.sort(key=lambda pair: pair[2])
    first: dict[str, tuple[int, int, float]] = {}
    for pair in found:
        first.setdefault(flat[pair[0]][1].casefold(), pair)
    return [
        {
            "caption": flat[text][1],
            "video_id": ids[flat[text][0]],
            "also_true_of": ids[other],
            "there": _most_alike(flat[text][1], told[ids[other]]),
            "distance": round(distance, 4),
        }
        for text, other, distance in list(first.values())[:most]
    ]


def _most_alike(caption: str, others: Sequence[str]) -> str:
    words = set(caption.lower().split())
    return max(others, key=lambda other: len(words & set(other.lower().split())))


def search_page(
    query: str,
    found: Sequence[Mapping[str, Any]],
    report: Sequence[Mapping[str, Any]] | None,
    pictures: Callable[[str], Frames | None],
) -> str:
    """Show ranked videos with moving thumbnails, and captions that are true of others; all texts are escaped.

    ``found`` is from ``search_videos``, ``report`` from ``likely_false_negatives`` or None for no report, and
    ``pictures`` from ``pictures_of``.
    """
    title = f"Videos for “{query}”"
    parts = [f"<h1>{escape(title)}</h1>", *(_hit(hit, pictures) for hit in found)]
    if report is not None:
        parts += [
            "<h2>Captions that are likely true of other clips</h2>",
            f"<p>{escape(PRECISION)}</p>",
            *(_pair(pair, pictures) for pair in report),
        ]
    return page(title, parts)


def _hit(hit: Mapping[str, Any], pictures: Callable[[str], Frames | None]) -> str:
    name, text = hit["video_id"], hit.get("facets") or hit["caption"]
    line = f"{hit['rank']}. <b>{escape(name)}</b> {hit['score']:.3f}"
    return f"<p>{_moving(name, pictures)}<br>{line}<br>{escape(text)}</p>"


def _pair(pair: Mapping[str, Any], pictures: Callable[[str], Frames | None]) -> str:
    own, other = pair["video_id"], pair["also_true_of"]
    return (
        f"<p>“{escape(pair['caption'])}” of <b>{escape(own)}</b> is likely true of <b>{escape(other)}</b>, "
        f"of which is said: “{escape(pair['there'])}” (distance {pair['distance']:.2f})<br>"
        f"{_moving(own, pictures)} {_moving(other, pictures)}</p>"
    )


def _moving(name: str, pictures: Callable[[str], Frames | None]) -> str:
    """A moving thumbnail; it rests for who asked the browser for less motion."""
    frames = pictures(name)
    if frames is None:
        return ""
    still, moving = (base64.b64encode(moving_picture(x, _SIDE)).decode() for x in (frames[:1], frames))
    data, size = "data:image/webp;base64,", f'width="{_SIDE}" height="{_SIDE}"'
    rest = f'<source media="(prefers-reduced-motion: reduce)" srcset="{data}{still}">'
    return f'<picture>{rest}<img src="{data}{moving}" alt="{escape(name)}, some frames" {size}></picture>'
