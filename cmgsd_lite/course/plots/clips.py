"""MiniVTT's clips as moving pictures: what was found for a sentence, and is the sentence true of it?"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from cmgsd_lite.course.first_model import Search
from cmgsd_lite.course.live import show_live
from cmgsd_lite.course.plots.base import PALETTE, facet_lines
from cmgsd_lite.data import minivtt

Kind = Literal["own", "true", "not true"]
COLOURS = {"own": 2, "true": 1, "not true": 7}
SIDE = 96
"""Pixels of a moving clip; eight frames of it have about 14 kB."""


class Found(NamedTuple):
    """One clip under a sentence.

    Args:
        clip: Its name, such as ``"video17"``.
        title: Words to stand above it.
        kind: The sentence's ``"own"`` clip, another that it is ``"true"`` of, or one it is ``"not true"`` of.

    Example:
        >>> Found("video17", "its own clip", "own").clip
        'video17'
    """

    clip: str
    title: str
    kind: Kind


def show_clips(sentences: Mapping[str, Sequence[Found]], alt: str, ask: bool = False) -> None:
    """Show clips in motion under each sentence; where no script runs, two frames of those of the first.

    Args:
        sentences: The clips of each sentence; with several a reader chooses.
        alt: What the picture shows, at least 20 characters.
        ask: Hide titles and words until the reader has ticked the clips that the sentence is true of.

    Raises:
        ValueError: If there is no sentence, or one without clips.

    Source:
        ours.

    Example:
        >>> show_clips({"a dog": [Found("video17", "its own clip", "own")]}, "A dog, ...")  # doctest: +SKIP
    """
    if not sentences or not all(sentences.values()):
        raise ValueError("sentences: expected at least one with clips")
    first, found = next(iter(sentences.items()))
    show_live("clips", plot_clips(first, found), alt, clip_data(sentences, ask))


def best_clips(search: Search, sentence: str, count: int = 5) -> list[Found]:
    """Find the clips that fit a test sentence best, and say what the truth is.

    Args:
        search: Of a trained model.
        sentence: One of its queries.
        count: How many.

    Returns:
        From the best on, with place and truth as title.

    Raises:
        ValueError: If the sentence is no query.

    Source:
        ours.

    Example:
        >>> best_clips(search, "we are looking at a dog")  # doctest: +SKIP
    """
    if sentence not in search.queries:
        raise ValueError(f"sentence: expected one of the {len(search.queries):,} queries, got {sentence!r}")
    query = search.queries.index(sentence)
    found = []
    for place, clip in enumerate(search.sim[query].topk(count).indices.tolist(), 1):
        is_own, is_true = clip == search.own[query], bool(search.true[query, clip])
        kind: Kind = "own" if is_own else "true" if is_true else "not true"
        title = {"own": "own clip", "true": "also true"}.get(kind, kind)
        found.append(Found(search.clips[clip], f"{place}. {title}", kind))
    return found


def plot_clips(sentence: str, found: Sequence[Found], frames: int = 2) -> Figure:
    """Draw clips side by side under a sentence; in each, time runs downwards.

    Args:
        sentence: Written above.
        found: The clips from left to right.
        frames: How many frames of each, evenly spread, at least 1.

    Returns:
        The figure; what is in a clip stands in words below it.

    Source:
        ours.

    Example:
        >>> figure = plot_clips("a dog", [Found("video17", "its own clip", "own")])
    """
    lines = max(len(_facets(item.clip)) for item in found)
    size = max(4.0, 2.1 * len(found)), 0.4 + 2.1 * frames + 0.25 * lines
    figure, axes = plt.subplots(1, len(found), figsize=size, layout="constrained", squeeze=False)
    for ax, item in zip(axes[0], found, strict=True):
        film = minivtt.clip(item.clip).frames()
        chosen = film[np.linspace(0, len(film) - 1, frames).round().astype(int)]
        ax.imshow(np.concatenate(list(chosen), axis=0))
        ax.set(xticks=[], yticks=[], anchor="N")  # the sentence close above
        ax.set_title(item.title, fontsize="medium")
        ax.set_xlabel("\n".join(_facets(item.clip)), fontsize="medium")
        for spine in ax.spines.values():
            spine.set(edgecolor=PALETTE[COLOURS[item.kind]], linewidth=5)
    figure.suptitle("\n".join(textwrap.wrap(f"“{sentence}”", 12 * len(found) + 20)), fontsize="large")
    return figure


def clip_data(sentences: Mapping[str, Sequence[Found]], ask: bool = False) -> dict[str, Any]:
    """What the moving picture needs: each clip once, as a strip of its frames.

    Args:
        sentences: The clips of each sentence.
        ask: Whether the reader is asked first.

    Returns:
        For ``show_live("clips", ...)``.

    Source:
        ours.

    Example:
        >>> data = clip_data({"a dog": [Found("video17", "its own clip", "own")]})
        >>> data["films"]["video17"]["facets"]
        ['purple dog, left', 'snow']
    """
    names = sorted({item.clip for found in sentences.values() for item in found})
    films = {name: {"strip": _strip(name), "facets": _facets(name)} for name in names}
    asked = [{"text": text, "found": [item._asdict() for item in found]} for text, found in sentences.items()]
    return {"films": films, "sentences": asked, "ask": ask}


def _facets(name: str) -> list[str]:
    return facet_lines(minivtt.clip(name).facets()).splitlines()


def _strip(name: str) -> str:
    """The frames beside each other, as an address that holds the picture itself."""
    frames = minivtt.clip(name).frames()
    picture = Image.fromarray(np.concatenate(list(frames), axis=1))
    content = io.BytesIO()
    small = picture.resize((SIDE * len(frames), SIDE), Image.Resampling.LANCZOS)
    small.save(content, "WEBP", quality=75, method=6)
    return f"data:image/webp;base64,{base64.b64encode(content.getvalue()).decode()}"
