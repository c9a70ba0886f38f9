"""Pages with numbers of the study: a template holds places, which are filled from the summary.

    {diff SET | FIRST | SECOND | METRIC}     a paired difference with its interval, on the confirming videos
    {seen SET | FIRST | SECOND | METRIC}     the same on the official test videos; named comparisons alone
    {mean SET | ROW | METRIC}                mean over the seeds, on the confirming videos
    {knob SET | ROW}                         the value that was chosen
    {at KEY | KEY | ...}                     any number of the summary
    {holds DIFF > 0}                         nothing: but the page is not written unless it is so

In ``holds`` a difference is written as above; ``> 0`` and ``< 0`` mean that its interval lies there, ``~ 0``
that it does not leave zero out. What a sentence claims is held by such a place before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

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
        r"\{(diff|seen|mean|knob|at) ([^{}]+)\}", lambda found: _value(found[1], found[2], summary), without
    )


def _value(kind: str, words: str, summary: Summary) -> str:
    parts = [word.strip() for word in words.split("|")]
    try:
        if kind in ("diff", "seen"):
            return shown(difference(summary, kind, parts))
        if kind == "mean":
            name, row, metric = parts
            return f"{summary['sets'][name]['rows'][_row(summary, name, row)]['confirm'][metric][0]:.1f}"
        if kind == "knob":
            name, row = parts
            return f"{summary['sets'][name]['choice']['rows'][_row(summary, name, row)]['value']:g}"
        found: Any = summary
        for part in parts:
            found = found[int(part) if isinstance(found, Sequence) else part]
        return f"{found:g}" if isinstance(found, float) else str(found)
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f"{{{kind} {words}}}: the summary has no such number: {error}") from error


def difference(summary: Summary, kind: str, parts: Sequence[str]) -> Mapping[str, float]:
    """Look a difference up.

    Args:
        summary: From ``summarise``.
        kind: ``"diff"`` or ``"seen"``.
        parts: Set, first row, second row (or what stands for one), metric.

    Raises:
        KeyError: If there is none.
    """
    name, first, second, metric = parts
    first, second = _row(summary, name, first), _row(summary, name, second)
    of_set = summary["sets"][name]
    if kind == "diff":
        found: Mapping[str, float] = of_set["pairs"][second][first][metric]
        return found
    for one in of_set["comparisons"]:
        if (one["first"], one["second"]) == (first, second):
            seen: Mapping[str, float] = one["seen"][metric]
            return seen
    raise KeyError(f"{first} against {second}")


def shown(found: Mapping[str, float]) -> str:
    """Write a difference and its interval.

    Args:
        found: ``difference``, ``low`` and ``high``.

    Example:
        >>> shown({"difference": 0.5, "low": -0.1, "high": 1.1})
        '+0.50 [-0.10, +1.10]'
    """
    return f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]"


def _row(summary: Summary, name: str, row: str) -> str:
    stands: str = summary["sets"][name].get("stands for", {}).get(row, row)
    return stands


def _held(claim: str, summary: Summary) -> str:
    """Nothing, if what is claimed holds."""
    words, sign = claim.strip()[:-4], claim.strip()[-3:]
    kind, _, rest = words.strip().partition(" ")
    try:
        found = difference(summary, kind, [word.strip() for word in rest.split("|")])
        holds = {"> 0": found["low"] > 0, "< 0": found["high"] < 0, "~ 0": found["low"] <= 0 <= found["high"]}
        if not holds[sign]:
            raise ValueError(
                f"a sentence claims {claim}, measured was {shown(found)}: write the sentence anew"
            )
    except KeyError as error:
        raise ValueError(f"{{holds {claim}}}: the summary has no such difference: {error}") from error
    return ""
