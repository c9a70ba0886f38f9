"""What is told of one's films: captions from csv, jsonl or srt, and lists to train and to test on."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from cmgsd_lite.cli.options import say
from cmgsd_lite.data import read_annotations
from cmgsd_lite.data.discover import may_be_annotations
from cmgsd_lite.data.formats.files import read_text
from cmgsd_lite.data.protocols import validation_size
from cmgsd_lite.data.source import open_source
from cmgsd_lite.data.splits import may_list
from cmgsd_lite.errors import DataError
from cmgsd_lite.runtime import write_atomically

_DRAWN = "video_id,split,drawn_by"  # header of a split.csv that is ours and may be written anew
_LEAST = 6  # captioned films that a split is drawn for: two to test on, two to validate on, two to train on


@dataclass(frozen=True)
class Told:
    """Files with captions or lists, and the sentences of subtitles by film."""

    files: list[Path]
    subtitles: dict[str, list[str]]

    def names_in(self, out: Path) -> list[str]:
        """Names of what ``copy_to`` writes into a folder: a file that lies there already is left alone."""
        copied = [path.name for path in self.files if path.resolve() != (out / path.name).resolve()]
        return copied + ["subtitles.jsonl"] * bool(self.subtitles)

    def copy_to(self, out: Path) -> list[str]:
        """Copy the files as they are, so that what else they say is kept, and write subtitles as captions."""
        copied = self.names_in(out)
        for path in self.files:
            if path.name not in copied:
                continue
            if (out / path.name).is_file() and (out / path.name).read_bytes() != path.read_bytes():
                say(f"{out / path.name}: replaced by {path}, which is another one by now")
            write_atomically(out / path.name, partial(shutil.copyfile, path))
        if not self.subtitles:
            return [path.name for path in self.files]
        records = [{"video": name, "caption": text} for name, mine in self.subtitles.items() for text in mine]
        text = "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)
        _write(out / "subtitles.jsonl", text)
        return [*(path.name for path in self.files), "subtitles.jsonl"]


def captions_of(folder: Path, where: str | None, films: Mapping[str, Path]) -> Told:
    """What is told of films (by id): in the file or folder that is named, else in files beside them.

    Raises DataError if what is named can not be read, or tells of none of the films.
    """
    place = folder if where is None else Path(where)
    if not place.exists():
        raise DataError(f"{place}: expected captions, a file or a folder, found nothing there")
    beside = [] if place.is_file() else sorted(path for path in place.iterdir() if path.is_file())
    files = [path for path in beside if may_be_annotations(path) or may_list(path)]
    subtitles = {name: film.with_suffix(".srt") for name, film in films.items()} if where is None else {}
    if place.suffix.lower() == ".srt":
        beside = [place]
    elif place.is_file():
        files = [place]
    named = {path.stem: path for path in beside if path.suffix.lower() == ".srt"}
    subtitles |= {name: named[film.stem] for name, film in films.items() if film.stem in named}
    sentences: dict[str, list[str]] = {}
    for name, path in subtitles.items():
        try:
            sentences |= {name: _subtitles(path)} if path.is_file() else {}
        except DataError as error:
            if path == place:
                raise
            say(f"captions left out: {error}")
    if where is not None:
        known = set(sentences) | (set(read_annotations(place).captions) if files else set())
        if not known & set(films):
            ids, others = (", ".join(sorted(names)[:3]) or "none" for names in (films, known))
            raise DataError(
                f"{place}: expected captions of the films, found those of none "
                f"(films: {ids}; captions of: {others})"
            )
    return Told(files, sentences)


def _subtitles(path: Path) -> list[str]:
    """The texts of a .srt file, a caption each, without numbers, times and marks."""
    text = re.sub(r"\r\n?", "\n", read_text(path))
    cues = re.split(
        r"^[ \t]*(?:\d+[ \t]*\n[ \t]*)?\d+:\d\d:\d\d[,.]\d+[ \t]*-->.*$", text, flags=re.MULTILINE
    )
    if len(cues) < 2:
        raise DataError(
            f"{path}: expected subtitles (00:00:01,000 --> 00:00:04,000 above a text), found none"
        )
    bare = (html.unescape(re.sub(r"<[^>]*>|\{\\[^}]*\}", "", cue)) for cue in cues[1:])
    return [" ".join(cue.split()) for cue in bare if cue.strip()]


def write_split(out: Path, done: Sequence[str]) -> tuple[int, list[str]]:
    """Draw test films, a fifth, and validation films where there are captions and nobody says which.

    How many validate says ``validation_size``, as where ``train`` draws them itself; they are written down so
    that they stay the same. Returns how many films have captions, and what to know of it.
    """
    file, before = out / "split.csv", dict[str, str]()
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    if text.startswith(_DRAWN):
        before = {name: part for name, part, _ in list(csv.reader(io.StringIO(text)))[1:]}
        file.unlink()
    source = open_source(out)
    captioned = [name for name in done if source.annotations.captions.get(name)]
    if source.annotations.captions and not captioned:
        others = ", ".join(list(source.annotations.captions)[:3])
        return 0, [
            f"captions: those found are of none of the films (films: {', '.join(done[:3])}; there: {others})"
        ]
    if source.protocols or not captioned:
        return len(captioned), []
    if len(captioned) < _LEAST:
        return len(captioned), [f"split.csv: left out, to train takes at least {_LEAST} films with captions"]
    # Where films are added, the old ones stay where they were; the new ones come by a hash of the id.
    new = sorted(
        set(captioned) - set(before), key=lambda name: sha256(name.encode("utf-8", "replace")).digest()
    )
    test = {name for name in captioned if before.get(name) == "test"}
    held = {name for name in captioned if before.get(name) == "validation"}
    more = max(0, max(2, round(len(captioned) / 5)) - len(test))
    test |= set(new[:more])
    held |= set(new[more : more + max(0, validation_size(len(captioned) - len(test)) - len(held))])
    parts = dict.fromkeys(test, "test") | dict.fromkeys(held, "validation")
    rows = io.StringIO()
    lines = [[name, parts.get(name, "train"), "extract"] for name in captioned]
    csv.writer(rows, lineterminator="\n").writerows([_DRAWN.split(","), *lines])
    _write(file, rows.getvalue())
    return len(captioned), [
        f"split.csv: {len(test)} test and {len(held)} validation films were drawn, because no lists "
        "came with the captions"
    ]


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write_text(text, encoding="utf-8"))
