"""A Sphinx extension: in every chapter the first use of a glossary's term becomes a link to its entry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ENTRY = re.compile(
    r"^\((?P<label>term-[a-z0-9-]+)\)=\n\*\*(?P<term>[^*\n]+)\*\*: (?P<text>.+?)(?=\n\n|\Z)", re.M | re.S
)
CHAPTER = re.compile(r"notebooks/(\d\d)_")
EVERYDAY = {
    "anchor", "bar", "batch", "centre", "collapse", "duplicate", "expert", "floor", "gap", "guide",
    "in blocks", "lead", "leak", "mask", "mutual", "negative", "pooled", "positive", "protocol", "query",
    "report", "schedule", "slot", "spread", "standing", "twin", "violation",
}  # fmt: skip
"""Terms that are words of every day too: linked only in the chapters that their entry names."""

QUIET = (
    nodes.reference,
    addnodes.pending_xref,
    addnodes.download_reference,
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.raw,
)
"""Where a link would stand in a link, in a heading, or in something that is no prose."""


def read_terms(glossary: str, chapter: str) -> dict[str, str]:
    """Return the labels of the terms to link in a chapter, by the term in lower case.

    Args:
        glossary: The page as `site/stage.py` wrote it, with a label above each entry.
        chapter: The chapter's two digits.
    """
    found = {}
    for entry in ENTRY.finditer(glossary):
        term = entry["term"].lower()
        if term not in EVERYDAY or chapter in CHAPTER.findall(entry["text"]):
            found[term] = entry["label"]
    return found


def find_terms(terms: dict[str, str]) -> re.Pattern[str]:
    """Return what finds a term, the longest first, alone or with an s."""
    names = "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?P<term>{names})(?:s|es)?(?![\w-])", re.IGNORECASE)


class LinkTerms(SphinxTransform):
    """Link the first use of each term of a chapter."""

    default_priority = 500

    def apply(self, **_: Any) -> None:
        """Go through the chapter's prose from the top."""
        found = CHAPTER.match(self.env.docname)
        if not found:
            return
        glossary = Path(self.env.doc2path("docs/GLOSSARY")).read_text("utf-8")
        terms = read_terms(glossary, found[1])
        pattern = find_terms(terms)
        for text in list(self.document.findall(nodes.Text)):
            if not any(isinstance(parent, QUIET) for parent in ancestors(text)):
                text.parent.replace(text, list(linked(str(text), pattern, terms, self.env.docname)))


def ancestors(node: nodes.Node) -> list[nodes.Node]:
    """Return what a node stands in, from the inside."""
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def linked(text: str, pattern: re.Pattern[str], terms: dict[str, str], page: str) -> list[nodes.Node]:
    """Return a text with links; a term that was linked is taken out of ``terms``."""
    made: list[nodes.Node] = []
    at = 0
    for match in pattern.finditer(text):
        label = terms.pop(match["term"].lower(), None)
        if label is None:
            continue
        link = addnodes.pending_xref(
            "", refdomain="std", reftype="ref", reftarget=label, refexplicit=True, refdoc=page, refwarn=True
        )
        link += nodes.inline("", match[0], classes=["term"])
        made += [nodes.Text(text[at : match.start()]), link]
        at = match.end()
    return [*made, nodes.Text(text[at:])]


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx asks for this."""
    app.add_transform(LinkTerms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
