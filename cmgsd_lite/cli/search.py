"""The job ``search``: find the videos that fit a sentence that a person typed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from cmgsd_lite.cli.evaluate import data_for
from cmgsd_lite.cli.optional import attempt
from cmgsd_lite.cli.options import RUNS, say
from cmgsd_lite.data import Split, minivtt
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.training.checkpoints import load_model


def search(options: argparse.Namespace) -> None:
    """Find the test videos that fit a sentence.

    Args:
        options: Of the command line.

    Raises:
        DataError: If there is no checkpoint, or it or its data can not be read.
        ValueError: If the sentence is empty.
    """
    path = Path(options.checkpoint) if options.checkpoint else newest_checkpoint(RUNS)
    say(f"searching with {path}")
    model, about = load_model(path)
    dataset = data_for(about, path, options.data).load()
    found = search_videos(model, dataset.test, options.query, options.top)
    if dataset.name == "minivtt":
        for hit in found:
            hit["facets"] = minivtt.clip(hit["video_id"]).facets()
    if options.json:
        print(json.dumps({"schema": 1, "query": options.query, "checkpoint": path.name, "results": found}))
    else:
        for hit in found:
            line = hit.get("facets") or hit["caption"]
            print(f"{hit['rank']:3d}. {hit['video_id']:12s} {hit['score']:6.3f}  {line}")
    if dataset.name == "minivtt":
        attempt(
            "contact sheet", lambda: _draw_hits(found, Path(options.out) if options.out else RUNS / "search")
        )


def search_videos(model: RetrievalModel, split: Split, query: str, top: int = 5) -> list[dict[str, Any]]:
    """Rank the videos of a split by how well they fit a sentence.

    Args:
        model: A trained model.
        split: The gallery.
        query: A sentence.
        top: How many videos to return; fewer if the gallery is smaller.

    Returns:
        Best first: ``rank``, ``video_id``, ``score`` (cosine), and ``caption``, the video's first.

    Raises:
        ValueError: If the sentence is empty, ``top`` below 1, or a score NaN or infinite.

    Source:
        ours.

    Example:
        >>> search_videos(model, dataset.test, "a red cat jumping at night")[0]  # doctest: +SKIP
    """
    if not query.strip():
        raise ValueError("query: expected a sentence, got an empty one")
    if top < 1:
        raise ValueError(f"top: expected a whole number >= 1, got {top}")
    features = {name: torch.from_numpy(expert.values) for name, expert in split.features.items()}
    masks = {name: torch.from_numpy(expert.mask) for name, expert in split.features.items()}
    with torch.inference_mode():
        text = model.eval().encode_text(WordLlamaEncoder().encode([query]))
        scores = model.similarity(text, model.encode_video(features, masks))[0]
    broken = int((~scores.isfinite()).sum())
    if broken:
        raise ValueError(
            f"scores: expected finite numbers, got NaN or infinity for {broken} of {len(scores)} videos"
        )
    best = scores.topk(min(top, len(split)))
    found = []
    for rank, (score, row) in enumerate(
        zip(best.values.tolist(), best.indices.tolist(), strict=True), start=1
    ):
        name = split.video_ids[row]
        caption = split.captions[name][0]
        found.append({"rank": rank, "video_id": name, "score": score, "caption": caption})
    return found


def newest_checkpoint(folder: Path) -> Path:
    """Find the checkpoint written last under a folder.

    Args:
        folder: Searched at any depth.

    Returns:
        The newest ``.pt`` file.

    Raises:
        DataError: If there is none; the message says how to make one.

    Source:
        ours.

    Example:
        >>> newest_checkpoint(Path("runs"))  # doctest: +SKIP
    """
    files = sorted(folder.rglob("*.pt"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise DataError(
            f"{folder}: expected a checkpoint, found none; make one with: python -m cmgsd_lite run, "
            "or name one with --checkpoint"
        )
    return files[-1]


def _draw_hits(found: list[dict[str, Any]], out: Path) -> None:
    lines = [f"{hit['rank']}. {hit['video_id']}  {hit['facets']}" for hit in found]
    minivtt.contact_sheet([hit["video_id"] for hit in found], lines, out / "contact-sheet.png")
    say(f"written: contact-sheet.png under {out}")
