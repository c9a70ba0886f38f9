"""Build chapters in another language, from notebooks/locale/LANGUAGE/CHAPTER.po; no code is touched.

    python notebooks/translate.py 00 --language de            # into build/de, with outputs
    python notebooks/translate.py 00 --language fr --update   # write or mend the list of messages

A message is a paragraph, heading, list item or row of a table of the chapter's markdown. One without a
translation, or whose English has changed since (``fuzzy``), stays English and is told on stderr. What cells
print and draw comes from the package and is English too.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import build
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LOCALE = build.NOTEBOOKS / "locale"
BETWEEN = re.compile(r"(\n\s*\n|\n(?=\||- ))")
"""What lies between two messages: an empty line, or the end of a row or of an item."""
TAG = re.compile(r"<[^>]+>")
RELATIVE_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#]+)")


def po_file(script: Path, language: str) -> Path:
    """Return where a chapter's translation lies."""
    return LOCALE / language / f"{script.stem}.po"


def one_line(text: str) -> str:
    """Return a message as the .po file has it, however the script wraps its lines."""
    return " ".join(text.split())


def is_message(text: str) -> bool:
    """Say whether there is a word to translate."""
    return any(letter.isalpha() for letter in TAG.sub("", text))


def messages(notebook: Any) -> Iterator[str]:
    """Yield what of a notebook can be translated, in order."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield from (one_line(text) for text in BETWEEN.split(cell.source)[::2] if is_message(text))


def translate(notebook: Any, catalog: Catalog) -> list[str]:
    """Put the translations into a notebook's markdown cells; return the messages that stayed English."""
    missing = []
    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        parts = BETWEEN.split(cell.source)
        for position in range(0, len(parts), 2):
            message = catalog.get(one_line(parts[position]))
            if message is not None and message.string and not message.fuzzy:
                parts[position] = str(message.string)
            elif is_message(parts[position]):
                missing.append(one_line(parts[position]))
        cell.source = "".join(parts)
    return missing


def move_links(notebook: Any, out: Path, language: str) -> None:
    """Mend relative links for a notebook in another folder; chapters of the same language lie beside it."""

    def moved(link: re.Match[str]) -> str:
        if po_file(Path(link[1]), language).is_file():
            return link[0]
        return "](" + Path(os.path.relpath(build.NOTEBOOKS / link[1], out)).as_posix()

    for cell in (cell for cell in notebook.cells if cell.cell_type == "markdown"):
        cell.source = RELATIVE_LINK.sub(moved, cell.source)


def load(path: Path) -> Catalog:
    """Read a .po file."""
    if not path.is_file():
        raise build.BuildError(f"{path} is missing: --update writes it, to be filled in")
    with path.open("rb") as file:
        return read_po(file)


def update(script: Path, language: str) -> Path:
    """Write a chapter's messages to its .po file and keep the translations that are there."""
    about = f"# The markdown of {script.name} in another language: notebooks/translate.py"
    wanted = Catalog(language, project="cmgsd-lite", version="1", header_comment=about, fuzzy=False)
    wanted.last_translator = wanted.language_team = wanted.msgid_bugs_address = ""
    for message in messages(build.read_script(script, "student")):
        wanted.add(message)
    path = po_file(script, language)
    catalog = wanted
    if path.is_file():
        catalog = load(path)
        catalog.update(wanted)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, ignore_obsolete=True)
    return path


def translated(script: Path, language: str, out: Path) -> Any:
    """Read a chapter in another language, not yet run; what stayed English is told on stderr."""
    notebook = build.read_script(script, "student")
    path = po_file(script, language)
    for text in translate(notebook, load(path)):
        print(f"{path.name} ({language}) does not have: {text}", file=sys.stderr)
    move_links(notebook, out, language)
    notebook.cells.insert(1, build.install_cell(script.stem[:2]))
    return notebook


def main(arguments: Sequence[str] | None = None) -> int:
    """Build chapters in a language, or update their messages; returns the exit code."""
    parser = argparse.ArgumentParser(description="Build chapters in another language from their .po files.")
    parser.add_argument("prefix", nargs="+", help="chapters, such as 00")
    parser.add_argument("--language", required=True, help="code of the language, such as de or zh")
    parser.add_argument("--update", action="store_true", help="only bring the .po file up to date")
    parser.add_argument("--out", type=Path, help="folder of the notebooks (default: build/LANGUAGE)")
    parser.add_argument("--source", type=Path, default=build.SOURCE, help="folder of the scripts")
    options = parser.parse_args(arguments)
    out = (options.out or build.NOTEBOOKS.parent / "build" / options.language).resolve()
    try:
        for script in build.sources(options.source, options.prefix):
            if options.update:
                print("wrote", update(script, options.language))
                continue
            notebook = translated(script, options.language, out)
            build.execute(notebook, out, f"{script.name} ({options.language})")
            build.write(notebook, out / f"{script.stem}.ipynb")
            print("built", out / f"{script.stem}.ipynb")
    except build.BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
