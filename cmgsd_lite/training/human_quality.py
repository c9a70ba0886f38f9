"""How good are frozen text distances as teachers, measured against people who judged captions."""

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
    CaptionsOfOtherImages,
    LabelledImages,
    read_captions_of_other_images,
    read_crisscrossed,
    read_eccv,
    read_msrvid,
)
from cmgsd_lite.encoders import MiniLMEncoder, WordLlamaEncoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.evaluation.agreement import rank_correlation
from cmgsd_lite.evaluation.nearest import area_under_curve, hinge_agreement
from cmgsd_lite.evaluation.relevance import caption_words
from cmgsd_lite.similarity import normalise
from cmgsd_lite.teachers import Containment, Directed, DirectedEmbedding, Teacher, VideoToVideo, text_teacher
from cmgsd_lite.training.teacher_table import Row, table_row

Encode = Callable[[list[str]], Tensor]

PEOPLE = (
    "spearman: nearness with the score from 0 to 5; auc: pairs of score >= 4 against the others. ECCV "
    "Caption: images that people call right for a caption, the own one left out, against all others; "
    "distance between the mean caption vectors of the two images"
)
"""What the measures of ``human_quality`` are."""

REAL = {
    "ECCV Caption": "batches of 128 labelled captions of different COCO images, with these images; a false "
    "negative is an image that people call right for a caption which was not written for it. An image says "
    "what all its captions say: a caption's own image is no negative, so that no caption meets itself",
    "CxC, caption and image": "a caption beside an image that it was not written for, scored from 0 to 5; "
    "auc_batch: pairs of score >= 4 against the others. Single pairs have no negatives of one caption or "
    "image and no batch, so the other measures are null",
    "MSRvid; CxC, one image; CxC, two images": "two captions, scored from 0 to 5; measured as above, from "
    "the first to the second. Each stands for a video of one caption, so that text is the same as "
    "directed-embedding; the weights of words are counted over all of them",
    "video": "there are no features of these images and videos: no row",
}
"""What the rows of ``human_rows`` are, by data set."""


def human_rows(folder: Path, batches: int = 20, size: int = 128, seed: int = 0) -> list[Row]:
    """Measure the text distances against people, as ``minivtt_rows`` does against the truth.

    Returns a row for each data set and distance (see ``REAL``), ``rate`` None, of so many batches of ECCV
    Caption and of all pairs of the others. Raises DataError if a file is missing, ValueError if fewer images
    are labelled than a batch needs.
    """
    images, others = read_eccv(folder), read_captions_of_other_images(folder)
    teachers = _text_teachers(images.captions)
    drawn = _draw(images, batches, size, seed)
    rows = [
        table_row(f"{name} (ECCV Caption)", None, [_of_batch(one, images, labelled) for labelled in drawn])
        for name, one in teachers.items()
    ]
    for name, one in teachers.items():
        distances = _one_by_one(one, others.images, others.texts)
        rows.append(_pair_row(f"{name} (CxC, caption and image)", distances, others))
    for data, pairs in _caption_pairs(folder).items():
        count = len(pairs.scores)
        found = _text_teachers([[text] for text in (*pairs.first, *pairs.second)])
        del found["text"]
        for name, one in found.items():
            distances = _one_by_one(one, range(count, 2 * count), range(count))
            rows.append(_pair_row(f"{name} ({data})", distances, pairs))
    return rows


def human_quality(folder: Path) -> list[dict[str, Any]]:
    """Measure frozen text encoders, and the share of words that two captions have in common, against people.

    Returns a row for each data set and encoder: how many pairs, ``spearman`` and ``auc`` (see ``PEOPLE``).
    Raises DataError if a file is missing.
    """
    parts, images, rows = _caption_pairs(folder), read_eccv(folder), []
    for teacher, encode in _encoders().items():
        rows += [{"data": name, "teacher": teacher, **_pairs(pairs, encode)} for name, pairs in parts.items()]
        rows.append({"data": "ECCV Caption", "teacher": teacher, **_images(images, encode)})
    # What one gets for counting the words that two captions share.
    rows += [{"data": n, "teacher": "shared words", **_shared_words(pairs)} for n, pairs in parts.items()]
    order = [*parts, "ECCV Caption"]
    return sorted(rows, key=lambda row: order.index(row["data"]))


def _caption_pairs(folder: Path) -> dict[str, CaptionPairs]:
    names = {"c2c_cocaption": "CxC, one image", "c2c_isim": "CxC, two images"}
    crisscrossed = read_crisscrossed(folder)
    parts = {names.get(key, f"CxC, {key}"): crisscrossed[key] for key in sorted(crisscrossed)}
    return {"MSRvid": read_msrvid(folder), **parts}


def _text_teachers(captions: list[list[str]]) -> dict[str, Teacher]:
    embedding = DirectedEmbedding.of(captions, WordLlamaEncoder().encode)
    containment = Containment.of(captions)
    counts = torch.tensor([len(texts) for texts in captions])
    owner = torch.repeat_interleave(torch.arange(len(captions)), counts)
    return {
        "text": VideoToVideo(embedding.videos, owner),
        "directed-embedding": embedding,
        "containment": containment,
        "directed": Directed(embedding, containment),
    }


def _draw(images: LabelledImages, batches: int, size: int, seed: int) -> list[list[int]]:
    """Labelled captions for each batch, of different images."""
    of_image: dict[int, list[int]] = {}
    for labelled, own in enumerate(images.anchors):
        of_image.setdefault(own, []).append(labelled)
    if len(of_image) < size:
        raise ValueError(f"size: expected at most {len(of_image)}, the labelled images, got {size}")
    generator, groups = np.random.default_rng(seed), list(of_image.values())
    return [
        [int(generator.choice(groups[i])) for i in generator.permutation(len(groups))[:size]]
        for _ in range(batches)
    ]


def _of_batch(teacher: Teacher, images: LabelledImages, labelled: list[int]) -> dict[str, Any]:
    rows = [images.anchors[i] for i in labelled]
    distances = teacher.distances(torch.tensor(rows), torch.tensor([images.texts[i] for i in labelled]))
    return hinge_agreement(distances, np.array([np.isin(rows, images.positives[i]) for i in labelled]))


def _one_by_one(teacher: Teacher, videos: Any, captions: Any, chunk: int = 256) -> Any:
    """Distance of each caption to the video at its place."""
    parts = zip(*(torch.split(torch.tensor(x), chunk) for x in (videos, captions)), strict=True)
    return torch.cat([teacher.distances(*part).diagonal() for part in parts]).numpy()


def _pair_row(name: str, distances: Any, judged: CaptionPairs | CaptionsOfOtherImages) -> Row:
    scores, shares = np.array(judged.scores), dict.fromkeys(("0.25", "0.5", "1", "2", "4"))
    area = round(100 * area_under_curve(distances[scores >= 4], distances[scores < 4]), 2)
    measures = {"auc_text": None, "auc_video": None, "auc_batch": area}
    return {"name": name, "rate": None, **measures, "precision": shares, "recall": shares}


def _encoders() -> dict[str, Encode]:
    encoders: dict[str, Encode] = {"WordLlama": WordLlamaEncoder().encode}
    try:
        encoders["MiniLM"] = MiniLMEncoder().encode
    except DataError:
        print("MiniLM is not installed: left out", file=sys.stderr)
    return encoders


def _pairs(pairs: CaptionPairs, encode: Encode) -> dict[str, Any]:
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


def _images(images: LabelledImages, encode: Encode) -> dict[str, Any]:
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
