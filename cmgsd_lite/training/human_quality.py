"""How good are frozen text encoders as teachers, measured against people who compared captions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cmgsd_lite.data.human_labels import (
    CaptionPairs,
    LabelledImages,
    read_crisscrossed,
    read_eccv,
    read_msrvid,
)
from cmgsd_lite.encoders import MiniLMEncoder, WordLlamaEncoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.agreement import area_under_curve, rank_correlation
from cmgsd_lite.evaluation.relevance import caption_words
from cmgsd_lite.similarity import normalise
from cmgsd_lite.teachers import text_teacher

PEOPLE = (
    "spearman: nearness with the score from 0 to 5; auc: pairs of score >= 4 against the others. ECCV "
    "Caption: images that people call right for a caption, the own one left out, against all others; "
    "distance between the mean caption vectors of the two images"
)
"""What the measures of ``human_quality`` are."""


def human_quality(folder: Path) -> list[dict[str, Any]]:
    """Measure the static text teachers against people.

    Args:
        folder: Captions with human labels, as ``cmgsd_lite.data.human_labels`` reads them.

    Returns:
        A row for each data set and teacher: how many pairs, ``spearman`` and ``auc`` (see ``PEOPLE``).

    Raises:
        DataError: If a file is missing.

    Source:
        ours.

    Example:
        >>> human_quality(folder)[0]["data"]  # doctest: +SKIP
        'MSRvid'
    """
    parts = {"MSRvid": read_msrvid(folder)}
    names = {"c2c_cocaption": "CxC, one image", "c2c_isim": "CxC, two images"}
    crisscrossed = read_crisscrossed(folder)
    parts |= {names.get(key, f"CxC, {key}"): crisscrossed[key] for key in sorted(crisscrossed)}
    images, rows = read_eccv(folder), []
    for teacher, encode in _teachers().items():
        rows += [{"data": name, "teacher": teacher, **_pairs(pairs, encode)} for name, pairs in parts.items()]
        rows.append({"data": "ECCV Caption", "teacher": teacher, **_images(images, encode)})
    # What one gets for counting the words that two captions share.
    rows += [{"data": n, "teacher": "shared words", **_shared_words(pairs)} for n, pairs in parts.items()]
    order = [*parts, "ECCV Caption"]
    return sorted(rows, key=lambda row: order.index(row["data"]))


def _teachers() -> dict[str, Callable[[list[str]], Tensor]]:
    teachers: dict[str, Callable[[list[str]], Tensor]] = {"WordLlama": WordLlamaEncoder().encode}
    try:
        teachers["MiniLM"] = MiniLMEncoder().encode
    except DataError:
        print("MiniLM is not installed: left out", file=sys.stderr)
    return teachers


def _pairs(pairs: CaptionPairs, encode: Callable[[list[str]], Tensor]) -> dict[str, Any]:
    first, second = (normalise(encode(texts)) for texts in (pairs.first, pairs.second))
    return _against_scores(1 - (first * second).sum(1).numpy(), pairs)


def _shared_words(pairs: CaptionPairs) -> dict[str, Any]:
    words = [(caption_words(a), caption_words(b)) for a, b in zip(pairs.first, pairs.second, strict=True)]
    return _against_scores(np.array([1 - len(a & b) / max(len(a | b), 1) for a, b in words]), pairs)


def _against_scores(distances: Any, pairs: CaptionPairs) -> dict[str, Any]:
    scores = np.array(pairs.scores)
    return {
        "pairs": len(scores),
        "spearman": round(rank_correlation(-distances, scores), 4),
        "auc": round(area_under_curve(distances[scores >= 4], distances[scores < 4]), 4),
    }


def _images(images: LabelledImages, encode: Callable[[list[str]], Tensor]) -> dict[str, Any]:
    unit = normalise(text_teacher(images.captions, encode))
    areas, judged = [], 0
    for own, others in zip(images.anchors, images.positives, strict=True):
        distances = 1 - unit @ unit[own]
        right = torch.zeros(len(unit), dtype=torch.bool)
        right[others] = True
        wrong = ~right
        wrong[own] = False
        areas.append(area_under_curve(distances[right], distances[wrong]))
        judged += len(others)
    return {"pairs": judged, "spearman": None, "auc": round(float(np.nanmean(areas)), 4)}
