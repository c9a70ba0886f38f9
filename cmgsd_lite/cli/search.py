"""The job ``search``: find the videos that fit a sentence that a person typed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from cmgsd_lite.cli.evaluate import data_for
from cmgsd_lite.cli.optional import attempt
from cmgsd_lite.cli.options import RUNS, say
from cmgsd_lite.cli.search_gallery import FaissIndex, Gallery, best_videos, recall_of
from cmgsd_lite.cli.search_page import PRECISION, likely_false_negatives, pictures_of, search_page
from cmgsd_lite.data import Split, minivtt
from cmgsd_lite.data.formats.files import whole_signs
from cmgsd_lite.data.video import Frames, sheet_of
from cmgsd_lite.encoders import WordLlamaEncoder
from cmgsd_lite.errors import DataError
from cmgsd_lite.models import RetrievalModel
from cmgsd_lite.runtime import check_output, require, write_atomically
from cmgsd_lite.training.checkpoints import load_model
from cmgsd_lite.validation import checked_whole

PAGE, SHEET = "search.html", "contact-sheet.png"
_LINE = 200  # letters of a caption that are printed; the page has all
_QUERIES = 100  # of the videos' captions, to measure an approximate search by


def search(options: argparse.Namespace) -> None:
    """Find the videos that fit a sentence; features and a model suffice."""
    options.query = whole_signs(options.query)  # a terminal may send bytes that are no text
    path = Path(options.checkpoint) if options.checkpoint else newest_checkpoint(RUNS)
    say(f"searching with {path}")
    model, about = load_model(path)
    config = data_for(about, path, options.data)
    gallery = Gallery.open(config, options.all)
    say(*[gallery.note] * bool(gallery.note))
    out = Path(options.out) if options.out else RUNS / "search"
    if options.out:  # what was not asked for may fail
        check_output(out / PAGE, out / SHEET)
    found = search_videos(model, gallery, options.query, options.top, options.faiss)
    report = likely_false_negatives(gallery.captions) if options.report else None
    if config.data == "minivtt":
        for hit in found:
            hit["facets"] = minivtt.clip(hit["video_id"]).facets()
    if options.json:
        more = {} if report is None else {"false_negatives": report, "precision": PRECISION}
        print(
            json.dumps(
                {"schema": 1, "query": options.query, "checkpoint": path.name, "results": found, **more}
            )
        )
    else:
        for hit in found:
            line = _one_line(hit.get("facets") or hit["caption"])
            print(f"{hit['rank']:3d}. {_one_line(hit['video_id']):12s} {hit['score']:6.3f}  {line}")
        print("".join(f"{line}\n" for line in _report_lines(report or [])), end="")
    disk = list[OSError]()
    attempt(
        "pictures",
        lambda: _draw(options.query, found, report, pictures_of(config.data, options.videos), out),
        disk if options.out else None,
    )
    if disk:
        raise disk[0]


def search_videos(
    model: RetrievalModel, gallery: Gallery | Split, query: str, top: int = 5, faiss: bool = False
) -> list[dict[str, Any]]:
    """Rank videos by how well they fit a sentence, the ``top`` best of a gallery or a split.

    With ``faiss`` it is said on stderr how much of brute force it finds. Returns, best first, ``rank``,
    ``video_id``, ``score`` (cosine), and ``caption``, the first or "". Raises DataError if faiss is wanted
    and not installed, ValueError if the sentence is empty, ``top`` not from 1 to 1,000,000, or a score no
    finite number.
    """
    if not query.strip():
        raise ValueError("query: expected a sentence, got an empty one")
    checked_whole("top", top, range(1, 1_000_001))
    gallery = Gallery.of_split(gallery) if isinstance(gallery, Split) else gallery
    encode = WordLlamaEncoder().encode
    if faiss:
        require("faiss", "search")  # before minutes of encoding
    videos = gallery.encoded(model)
    with torch.inference_mode():
        text = model.encode_text(encode([query]))
        others = [mine[0] for mine in gallery.captions.values()][:_QUERIES] or [query]
        texts = model.encode_text(encode(others)) if faiss else text
    if faiss:
        index = FaissIndex(videos)
        share = recall_of(index, model, texts, videos, top)
        say(f"faiss: {share:.1%} of the {top} best of brute force, over {len(others)} queries")
    hits = index.best(text, top) if faiss else best_videos(model, text, videos, top)
    found = []
    for rank, (score, row) in enumerate(hits, start=1):
        name = gallery.ids[row]
        caption = next(iter(gallery.captions.get(name, [])), "")
        found.append({"rank": rank, "video_id": name, "score": score, "caption": caption})
    return found


def newest_checkpoint(folder: Path) -> Path:
    """Find the ``.pt`` file written last at any depth; DataError says how to make one where there is none."""
    files = sorted(folder.rglob("*.pt"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise DataError(
            f"{folder}: expected a checkpoint, found none; make one with: python -m cmgsd_lite run, "
            "or name one with --checkpoint"
        )
    return files[-1]


def _report_lines(report: list[dict[str, Any]]) -> list[str]:
    lines = ["captions that are likely true of other clips, nearest first:"] if report else []
    for pair in report:
        other, caption, own = (_one_line(pair[key]) for key in ("also_true_of", "caption", "video_id"))
        lines.append(f"  {pair['distance']:5.2f}  {other}: “{caption}” (of {own})")
    return [*lines, PRECISION] if report else []


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LINE else f"{line[:_LINE]} ..."


def _draw(
    query: str,
    found: list[dict[str, Any]],
    report: list[dict[str, Any]] | None,
    pictures: Callable[[str], Frames | None],
    out: Path,
) -> None:
    html = search_page(query, found, report, pictures)
    check_output(out / PAGE, out / SHEET)
    write_atomically(out / PAGE, lambda file: file.write_text(html, encoding="utf-8"))
    films = [(hit, frames) for hit in found if (frames := pictures(hit["video_id"])) is not None]
    if films:
        lines = [
            _one_line(f"{hit['rank']}. {hit['video_id']}  {hit.get('facets') or hit['caption']}")
            for hit, _ in films
        ]
        sheet = sheet_of([frames for _, frames in films], lines)
        write_atomically(out / SHEET, lambda file: sheet.save(file, "PNG"))
    else:
        say("no thumbnails: the features are not of `extract`; --videos names the folder of the films")
    say(f"written: {PAGE}{f', {SHEET}' if films else ''} under {out}")
