"""Predict, then run: a guess is set beside the result, and the result is folded away until there is one."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.display import display

Result = float | str | Sequence[str]


def predict(
    question: str,
    guess: Any = None,
    *,
    result: Any,
    unit: str = "",
    floor: float | None = None,
    beside: Mapping[str, float] | None = None,
    choices: Sequence[str] = (),
) -> None:
    """Set a reader's guess beside the result. Without a guess the result is folded away.

    Args:
        question: What is asked, in one sentence.
        guess: A number, the names of a ranking from the first to the last, or a choice; None: not yet.
        result: A number (rounded as it is to be read), a list of names, or one of the choices.
        unit: Of the number, such as ``"%"``.
        floor: What chance would give, shown beside the number.
        beside: Other numbers to compare with, by name, such as that of a control.
        choices: What may be chosen, where the result is a text.

    Raises:
        ValueError: If the result is a text and stands not among the choices. A guess never raises.

    Source:
        ours.

    Example:
        >>> predict("What share of the hardest negatives is false?", 10, result=16, unit="%", floor=2)
        What share of the hardest negatives is false?
        your guess  10 %
        result      16 %   (floor 2 %)
        The result lies 6 points above your guess, 1.6 times as high.
    """
    right = _plain(result)
    if isinstance(right, str) and right not in choices:
        raise ValueError(f"choices: expected a list with the result {right!r} in it, got {list(choices)}")
    others = ({} if floor is None else {"floor": floor}) | dict(beside or {})
    named = ", ".join(f"{name} {_text(number, unit)}" for name, number in others.items())
    shown = _text(right, unit) + (f"   ({named})" if named else "")
    question = " ".join([question, *_hint(right, choices)])
    if guess is None:
        _fold(question, shown)
        return
    print(question)
    given = _understood(guess, right, unit, choices)
    if given is None:
        print(f"guess: expected {_expected(right, choices)}, got {guess!r}; try again")
        return
    print(f"your guess  {_text(given, unit)}\nresult      {shown}\n{_remark(given, right, unit)}")


def _plain(result: Any) -> Result:
    if isinstance(result, str):
        return result
    if hasattr(result, "__len__") and getattr(result, "ndim", 1) != 0:
        return [str(name) for name in result]
    return float(result)


def _text(value: Result, unit: str) -> str:
    if isinstance(value, float | int):
        number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        return f"{number} {unit}".strip()
    return value if isinstance(value, str) else ", ".join(value)


def _hint(right: Result, choices: Sequence[str]) -> list[str]:
    """What a guess looks like, as far as the question has to say it."""
    if isinstance(right, float):
        return []
    names = list(choices) if isinstance(right, str) else sorted(right)  # sorted: the order is the answer
    return [f"({'one of' if isinstance(right, str) else 'put in order'}: {', '.join(names)})"]


def _expected(right: Result, choices: Sequence[str]) -> str:
    if isinstance(right, float):
        return "a number such as .5"
    if isinstance(right, str):
        return f"one of {', '.join(choices)}"
    return f"these names in your order: {', '.join(sorted(right))}"


def _fold(question: str, shown: str) -> None:
    """The page folds the result; a terminal can not, so there it is written backwards."""
    ask = "Write your guess as guess=... and run the cell again."
    page = (
        f"<p><b>{html.escape(question)}</b><br>{ask}</p>"
        f"<details><summary>Give up? The result</summary>{html.escape(shown)}</details>"
    )
    text = f"{question}\n{ask}\nThe result, backwards: {shown[::-1]}"
    display({"text/html": page, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]


def _understood(guess: Any, right: Result, unit: str, choices: Sequence[str]) -> Result | None:
    """The guess in the form of the result, or None if it can not be read."""
    try:
        if isinstance(right, float):
            written = guess.strip().removesuffix(unit).replace(",", ".") if isinstance(guess, str) else guess
            number = float(written)
            return number if abs(number) < float("inf") else None
        if isinstance(right, str):
            return {name.casefold(): name for name in choices}.get(str(guess).strip().casefold())
        names = guess.split(",") if isinstance(guess, str) else guess
        known = {name.casefold(): name for name in right}
        order = [known[str(name).strip().casefold()] for name in names]
        return order if sorted(order) == sorted(right) else None
    except (TypeError, ValueError, KeyError, RuntimeError, OverflowError):
        return None


def _remark(given: Result, right: Result, unit: str) -> str:
    if isinstance(given, float) and isinstance(right, float):
        return _distance(given, right, unit)
    if given == right:
        return "Right."
    if (
        isinstance(given, str)
        or isinstance(right, str)
        or isinstance(given, float)
        or isinstance(right, float)
    ):
        return "Not what came out: what did you expect to happen that did not?"
    places = [
        f"place {i}: {b}, not {a}" for i, (a, b) in enumerate(zip(given, right, strict=True), 1) if a != b
    ]
    return f"{len(right) - len(places)} of {len(right)} places are right. " + "; ".join(places) + "."


def _distance(given: float, right: float, unit: str) -> str:
    if _text(given, "") == _text(right, ""):
        return "Right, to the digits shown."
    side = "above" if right > given else "below"
    apart = _text(abs(right - given), "points" if unit == "%" else unit)  # percent of what, one would ask
    remark = f"The result lies {apart} {side} your guess"
    if given > 0 and right > 0 and max(given / right, right / given) >= 1.2:
        remark += f", {right / given:.2g} times as high"
    return remark + "."
