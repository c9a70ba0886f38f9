"""Readers of captions that people have judged: STS-B's MSRvid, Crisscrossed Captions, ECCV Caption.

They come with neither the package nor its results: only counts and agreement leave this module's callers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cmgsd_lite.data.formats.files import any_layout, json_of, once, read_text, user_path
from cmgsd_lite.errors import DataError

LABELS = "captions with human labels"


@dataclass(frozen=True)
class CaptionPairs:
    """Pairs of captions and how similar people call them, from 0 (unrelated) to 5 (the same)."""

    first: list[str]
    second: list[str]
    scores: list[float]


@dataclass(frozen=True)
class LabelledImages:
    """Images with their captions, and which other images people found a caption to be right for.

    Of each of A captions: ``anchors``, the row of its own image, ``positives``, rows of the other images that
    it fits, and ``texts``, its number in the flat order of all.
    """

    captions: list[list[str]]
    anchors: list[int]
    positives: list[list[int]]
    texts: list[int]


@dataclass(frozen=True)
class CaptionsOfOtherImages:
    """Captions beside images that they were not written for, and how well people find that they fit.

    Of each pair: the caption's number in the flat order of all, the image's row, and a score from 0
    (unrelated) to 5 (the caption says what is there).
    """

    captions: list[list[str]]
    texts: list[int]
    images: list[int]
    scores: list[float]


def read_msrvid(folder: Path) -> CaptionPairs:
    """Read the 1,500 MSRvid pairs (captions of videos) of STS-B: ``stsb_main_captions.tsv``, all three parts.

    Raises DataError if the file is missing or laid out differently.

    Source:
        Agirre et al., SemEval 2012; Cer et al., SemEval 2017.
    """
    file = _existing(folder / "stsb_main_captions.tsv")
    with any_layout(file, LABELS):
        rows = [line.split("\t") for line in read_text(file).splitlines()]
        rows = [row for row in rows if row[2:3] == ["MSRvid"]]
        if not rows or not all(len(row) > 7 and all(row[5:8]) for row in rows):
            raise DataError(
                f"{file}: expected rows of MSRvid with eight columns, found none, or one with fewer"
            )
        scores = [float(row[5]) for row in rows]
    return CaptionPairs([row[6] for row in rows], [row[7] for row in rows], scores)


def read_crisscrossed(folder: Path) -> dict[str, CaptionPairs]:
    """Read the caption pairs of Crisscrossed Captions, by how they were sampled: ``cxc_sts_test.csv.gz``.

    ``c2c_cocaption`` (two captions of one image) and ``c2c_isim`` (captions of two images that look alike).
    The file lies beside ``testall_caps.txt`` and ``coco_test_ids.npy``; DataError if one is missing, or an id
    has no text.

    Source:
        Parekh et al., "Crisscrossed Captions" (EACL 2021).
    """
    texts = _texts(folder)
    parts: dict[str, CaptionPairs] = {}
    with any_layout(folder / "cxc_sts_test.csv.gz", LABELS):
        for row in _csv(folder / "cxc_sts_test.csv.gz"):
            pairs = parts.setdefault(row["sampling_method"], CaptionPairs([], [], []))
            for list_, column in ((pairs.first, "caption1"), (pairs.second, "caption2")):
                name = int(row[column].rsplit(":", 1)[-1])
                if name not in texts:
                    raise DataError(f"{folder}/testall_caps.txt: expected the text of {name}, found none")
                list_.append(texts[name])
            pairs.scores.append(float(row["agg_score"]))
    return parts


def read_eccv(folder: Path) -> LabelledImages:
    """Read ECCV Caption: captions with all images that people call right, among 5,000 of COCO.

    ``eccv_caption_to_image.json`` and ``original_caption_to_image.json`` lie beside the texts as in
    ``read_crisscrossed``.

    Source:
        Chun et al., "ECCV Caption" (ECCV 2022): machines proposed images, people judged them. What no
        machine proposed counts as wrong.
    """
    captions, row, number, original = _captions_of_images(folder)
    anchors, positives, texts = [], [], []
    with any_layout(folder / "eccv_caption_to_image.json", LABELS):
        for caption, images in _json(folder / "eccv_caption_to_image.json"):
            own = original[int(caption)]
            anchors.append(row[own])
            positives.append([row[int(i)] for i in images if int(i) != own and int(i) in row])
            texts.append(number[int(caption)])
    return LabelledImages(captions, anchors, positives, texts)


def read_captions_of_other_images(folder: Path) -> CaptionsOfOtherImages:
    """Read the pairs of a caption and another image of Crisscrossed Captions: ``cxc_sits_test.csv.gz``.

    19,833 pairs, the file beside those of ``read_eccv``; the caption's own images, which are in it too, are
    left out.
    """
    captions, row, number, _ = _captions_of_images(folder)
    found = CaptionsOfOtherImages(captions, [], [], [])
    with any_layout(folder / "cxc_sits_test.csv.gz", LABELS):
        for pair in _csv(folder / "cxc_sits_test.csv.gz"):
            if pair["sampling_method"] != "c2i_intrasim":
                continue
            caption, image = (int(re.findall(r"\d+", pair[key])[-1]) for key in ("caption", "image"))
            if caption not in number or image not in row:
                raise DataError(
                    f"{folder}: expected caption {caption} and image {image} in its lists, found none"
                )
            found.texts.append(number[caption])
            found.images.append(row[image])
            found.scores.append(float(pair["agg_score"]))
    return found


def _captions_of_images(
    folder: Path,
) -> tuple[list[list[str]], dict[int, int], dict[int, int], dict[int, int]]:
    """Captions by image; by name: rows of images, flat numbers of captions, images of captions."""
    texts = _texts(folder)
    with any_layout(folder / "original_caption_to_image.json", LABELS):
        original = {int(k): int(v[0]) for k, v in _json(folder / "original_caption_to_image.json")}
    row = {image: i for i, image in enumerate(dict.fromkeys(original.values()))}
    # Flat order: those of one image next to each other.
    in_order = sorted(original, key=lambda name: row[original[name]])
    captions: list[list[str]] = [[] for _ in row]
    for name in in_order:
        captions[row[original[name]]].append(texts[name])
    return captions, row, {name: i for i, name in enumerate(in_order)}, original


def _texts(folder: Path) -> dict[int, str]:
    lines = read_text(_existing(folder / "testall_caps.txt")).splitlines()
    with any_layout(folder / "coco_test_ids.npy", "ids of captions"):
        ids = np.load(_existing(folder / "coco_test_ids.npy"), mmap_mode="r", allow_pickle=False)
        if ids.shape != (len(lines),):
            raise DataError(
                f"{folder}/testall_caps.txt: expected {ids.shape} lines like ids, found {len(lines)}"
            )
        return once(
            ((int(name), text) for name, text in zip(ids, lines, strict=True)), folder / "testall_caps.txt"
        )


def _csv(path: Path) -> Iterator[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(read_text(_existing(path)), newline="")))
    if not rows:
        raise DataError(f"{path}: expected rows of captions with human labels, found none")
    yield from rows


def _json(path: Path) -> Iterator[tuple[str, list[int]]]:
    yield from json_of(read_text(_existing(path)), path).items()


def _existing(path: Path) -> Path:
    path = user_path(path)
    if not path.is_file():
        raise DataError(f"{path}: expected a file of captions with human labels, found none")
    return path
