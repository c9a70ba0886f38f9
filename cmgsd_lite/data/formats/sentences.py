"""What is a sentence: text with something to read in it, one or several in a cell."""

import ast
import re
import unicodedata
from typing import Any

import numpy as np

from cmgsd_lite.data.formats.files import whole_signs

_COMMA = re.compile(r"[\"']\s*,\s*[\"']")
_NO_COMMA = re.compile(r"(?<!\\)([\"'])\s+\1")  # numpy writes ['a dog' 'a cat']
SPLIT_UP = "lists of sentences written as text are split into their sentences"
_NO_INK = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_FILLERS = "\u2800\u3164\u115f\u1160\uffa0"
# Words that programs write where there is nothing; a caption of such a word alone is none.
_NOTHING = {"null", "nan", "none", "nil", "n/a", "<na>", "#n/a", "undefined"}


def text_of(caption: Any) -> tuple[str | None, str]:
    """A caption as text, or None; and what was wrong with it, to be counted.

    Example:
        >>> text_of(None)
        (None, 'captions that are no text (null) are left out')
    """
    if not isinstance(caption, str):
        named = {type(None): "null", bool: "a truth value", dict: "an object", list: "a list"}
        number = isinstance(caption, int | float | np.number) and not isinstance(caption, bool)
        kind = "a number" if number else named.get(type(caption), type(caption).__name__)
        return None, f"captions that are no text ({kind}) are left out"
    if _is_blank(caption):
        return None, "empty captions are left out"
    if caption.strip().lower() in _NOTHING:
        return None, f"captions that say no more than {caption.strip()!r} are left out"
    whole = whole_signs(caption)
    lone = "captions have half a sign (a lone surrogate), which is replaced"
    return whole, lone if whole != caption and "\ufffd" in whole else ""


def _is_blank(text: str) -> bool:
    """Whether there is nothing to see: blanks, and signs of no width or without ink."""
    return all(unicodedata.category(c) in _NO_INK or c in _FILLERS for c in text)


def _is_listed(text: str) -> bool:
    """Whether a text is in brackets, with a quote at both ends inside."""
    inside = text[1:-1].strip().removesuffix(",").rstrip()
    return text[:1] == "[" and text[-1:] == "]" and len(inside) > 1 and {inside[0], inside[-1]} <= {*"\"'"}


def sentences_of(caption: Any) -> list[Any]:
    """The sentences of a cell: those of a list that was written as text, "['a dog', 'a cat']", else itself.

    Raises:
        ValueError: text that begins like such a list and is none that can be read.

    Example:
        >>> sentences_of("['a dog', 'a cat']"), sentences_of("[music] plays")
        (['a dog', 'a cat'], ['[music] plays'])
    """
    if not isinstance(caption, str) or not _is_listed(caption.strip()):
        return [caption]
    if _NO_COMMA.search(caption):
        raise ValueError("no commas between its sentences")
    try:
        content = ast.literal_eval(caption.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        if not _COMMA.search(caption):
            return [caption]
        raise ValueError("quotes that do not close") from error
    return list(content)
