"""Pages with numbers of the study: a template holds places, which are filled from the summary.

    {diff SET | FIRST | SECOND | METRIC}     a paired difference with its interval, on the confirming videos
    {seen SET | FIRST | SECOND | METRIC}     the same on the official test videos; named comparisons alone
    {mean SET | ROW | METRIC}                mean over the seeds, on the confirming videos
    {knob SET | ROW}                         the value that was chosen
    {at KEY | KEY | ...}                     any number of the summary
    {span KEY | KEY | ...}                   any difference of the summary, with its interval
    {holds DIFF > 0}                         nothing: but the page is not written unless it is so

In ``holds`` a difference is written as above; ``> 0`` and ``< 0`` mean that its interval lies there, ``~ 0``
that it does not leave zero out. What a sentence claims is held by such a place before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cmgsd_lite.course.study import Difference, Study, interval

Summary = Mapping[str, Any]


def fill(template: str, summary: Summary) -> str:
    """Fill the places of a template.

    Args:
        template: Text with places.
        summary: From ``summarise``.

    Returns:
        The text.

    Raises:
        ValueError: If a place names what the summary does not have, or what a sentence claims does not hold.

    Example:
        >>> fill("{at a | b} seeds", {"a": {"b": 8}})
        '8 seeds'
    """
    without = re.sub(r"\{holds ([^{}]+)\}\n?", lambda found: _held(found[1], summary), template)
    return re.sub(
        r"\{(diff|seen|span|mean|knob|at) ([^{}]+)\}",
        lambda found: _value(found[1], found[2], summary),
        without,
    )


def _value(kind: str, words: str, summary: Summary) -> str:
    parts = [word.strip() for word in words.split("|")]
    try:
        if kind in ("diff", "seen", "span"):
            return interval(_difference(summary, kind, parts))
        if kind == "mean":
            return f"{Study(summary).mean(*parts):.1f}"
        if kind == "knob":
            return f"{Study(summary).knob(*parts):g}"
        found = _walk(summary, parts)
        return f"{found:.3g}" if isinstance(found, float) else str(found)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ValueError(f"{{{kind} {words}}}: the summary has no such number: {error}") from error


def _walk(summary: Summary, parts: Sequence[str]) -> Any:
    found: Any = summary
    for part in parts:
        found = found[int(part) if isinstance(found, Sequence) else part]
    return found


def _difference(summary: Summary, kind: str, parts: Sequence[str]) -> Difference:
    if kind == "span":
        found: Difference = _walk(summary, parts)
        return found
    name, first, second, metric = parts
    study = Study(summary)
    return (study.difference if kind == "diff" else study.seen)(name, first, second, metric)


def _held(claim: str, summary: Summary) -> str:
    """Nothing, if what is claimed holds."""
    words, sign = claim.strip()[:-4], claim.strip()[-3:]
    kind, _, rest = words.strip().partition(" ")
    try:
        found = _difference(summary, kind, [word.strip() for word in rest.split("|")])
        holds = {"> 0": found["low"] > 0, "< 0": found["high"] < 0, "~ 0": found["low"] <= 0 <= found["high"]}
        if not holds[sign]:
            raise ValueError(
                f"a sentence claims {claim}, measured was {interval(found)}: write the sentence anew"
            )
    except KeyError as error:
        raise ValueError(f"{{holds {claim}}}: the summary has no such difference: {error}") from error
    return ""
