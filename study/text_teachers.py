"""Better text teachers than the model's own text vectors: encoded once, kept in a small file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.data import Split
from cmgsd_lite.encoders import MiniLMEncoder
from cmgsd_lite.runtime import write_atomically
from cmgsd_lite.teachers import text_teacher
from cmgsd_lite.training.prepare import PreparedSplit

TextTeacher = Literal["wordllama", "minilm"]
Encoder = Callable[[list[str]], Tensor]


def with_text_teacher(
    prepared: PreparedSplit,
    split: Split,
    name: TextTeacher,
    folder: Path,
    encoder: Callable[[], Encoder] = lambda: MiniLMEncoder().encode,
) -> PreparedSplit:
    """Exchange the static text teacher of a split; what the model reads stays as it is.

    Args:
        prepared: The split, made ready.
        split: The same split with its captions.
        name: ``"wordllama"``, which it has already, or ``"minilm"``.
        folder: Where teachers are kept: MiniLM needs minutes for 80,000 captions.
        encoder: Builds the encoder, if it is needed.

    Returns:
        The split with the mean of all captions of each video by the other encoder; itself for
        ``"wordllama"``.

    Raises:
        DataError: If the optional packages of MiniLM are missing.

    Source:
        ours.

    Example:
        >>> with_text_teacher(prepared, split, "minilm", Path("runs/study"))  # doctest: +SKIP
    """
    if name == "wordllama":
        return prepared
    captions = [split.captions[video] for video in split.video_ids]
    path = folder / "teachers" / f"{name}-{_fingerprint(split.video_ids, captions)}.npy"
    if not path.is_file():
        _save(path, _by_video(captions, encoder()))
    return replace(prepared, text_teacher=torch.from_numpy(np.load(path, allow_pickle=False)))


def _by_video(captions: Sequence[Sequence[str]], encode: Encoder) -> Tensor:
    """The mean over captions, each distinct caption encoded once."""
    distinct = sorted({text for texts in captions for text in texts})
    vectors, row = encode(distinct), {text: i for i, text in enumerate(distinct)}
    return text_teacher(captions, lambda texts: vectors[[row[text] for text in texts]])


def _save(path: Path, teacher: Tensor) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.save(file, teacher.numpy())

    write_atomically(path, write)


def _fingerprint(video_ids: Sequence[str], captions: Sequence[Sequence[str]]) -> str:
    lines = ("\t".join([video, *texts]) for video, texts in zip(video_ids, captions, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
