"""What a checker answers: right, not yet attempted, or what is off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch


@dataclass(frozen=True, repr=False)
class Verdict:
    """The answer of a checker; a notebook shows it when it is the last line of a cell.

    Args:
        state: ``"correct"``, ``"off"`` or ``"open"`` (not attempted yet).
        message: What is off, or what the right answer teaches.

    Example:
        >>> Verdict("off", "the diagonal is in your mean")
        ✗ not yet: the diagonal is in your mean
    """

    state: Literal["correct", "off", "open"]
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether the answer is right."""
        return self.state == "correct"

    def or_raise(self, strict: bool = True) -> Verdict:
        """Return the verdict itself; where it is not right and ``strict``, raise it for whoever grades.

        Raises:
            AssertionError: With the message.
        """
        if strict and not self.ok:
            raise AssertionError(repr(self))
        return self

    def __repr__(self) -> str:
        if self.state == "open":
            return "· not attempted yet"
        return f"✓ correct: {self.message}" if self.ok else f"✗ not yet: {self.message}"


def not_attempted(answer: object) -> bool:
    """Say whether an exercise was left as it was: None or an ellipsis.

    Args:
        answer: Of the learner; what a function returned, if it was to write one.

    Returns:
        True if there is nothing to check.

    Source:
        ours.

    Example:
        >>> not_attempted(None)
        True
    """
    return answer is None or answer is ...


def letters_of(answer: Any) -> str:
    """Read the single letters of an answer, in their order and as capitals.

    Args:
        answer: A text such as ``"bd"`` or ``"b and d"``, or a list, set or array of letters.

    Source:
        ours.

    Example:
        >>> letters_of(["b", "d"]), letters_of("(b) and (d)"), letters_of("bd")
        ('BD', 'BD', 'BD')
    """
    if not isinstance(answer, str):
        answer = answer.tolist() if hasattr(answer, "tolist") else answer
        many = isinstance(answer, Iterable) and not isinstance(answer, Mapping)
        answer = " ".join(map(str, answer)) if many else ""
    said = answer.strip().upper()
    return said if said.isalpha() else "".join(re.findall(r"\b[A-Z]\b", said))


def judge(
    answer: Any,
    right: Any,
    message: str,
    mistakes: Sequence[tuple[Any, str]] = (),
    tolerance: float = 1e-4,
    otherwise: str = "the value is off",
) -> Verdict:
    """Compare an answer with the right one and with typical wrong ones.

    Args:
        answer: Number of any kind, text, sequence, array, table or tensor of the learner.
        right: The right answer. Of a text, neither case nor blanks at the ends count.
        message: What the right answer teaches.
        mistakes: Typical wrong answers, each with what to say of it.
        tolerance: Largest difference of an entry that counts as equal.
        otherwise: What to say of any other answer.

    Source:
        ours.

    Example:
        >>> judge(0.18, 0.05, "flat", [(0.18, "the diagonal is in your statistics")])
        ✗ not yet: the diagonal is in your statistics
    """
    if not_attempted(answer):
        return Verdict("open")
    if same(answer, right, tolerance):
        return Verdict("correct", message)
    for wrong, hint in mistakes:
        if same(answer, wrong, tolerance):
            return Verdict("off", hint)
    return Verdict("off", wrong_kind(answer, right) or otherwise)


def judge_words(answer: Any, right: Mapping[str, str], why: Mapping[str, str], message: str) -> Verdict:
    """Compare one word for each letter with the right ones, and say what to look at where one is wrong.

    Args:
        answer: A dict by letter, or a list, or one text with commas, in the order of the letters.
        right: The word for each letter.
        why: What to say where it is another word; never the right one.
        message: What the right answer teaches.

    Source:
        ours.

    Example:
        >>> judge_words(["no"], {"A": "yes"}, {"A": "look again"}, "right")
        ✗ not yet: A: expected one of yes; got 'no'
    """
    if not_attempted(answer):
        return Verdict("open")
    words = answer.split(",") if isinstance(answer, str) else answer
    if isinstance(words, list | tuple) and len(words) == len(right):
        answer = dict(zip(right, words, strict=True))
    if not isinstance(answer, Mapping):
        return Verdict("off", f"expected a word for each of {', '.join(right)}, got {answer!r}")
    given = {str(key).strip().upper(): value for key, value in answer.items()}
    if all(not_attempted(given.get(letter)) for letter in right):
        return Verdict("open")
    words = sorted(set(right.values()))
    for letter, word in right.items():
        said = str(given.get(letter)).strip().casefold()
        if said not in words:
            return Verdict("off", f"{letter}: expected one of {', '.join(words)}; got {given.get(letter)!r}")
        if said != word:
            return Verdict("off", f"{letter}: {why[letter]}")
    return Verdict("correct", message)


def as_numbers(answer: Any) -> torch.Tensor | None:
    """Read what a learner may answer with as float64 numbers.

    Args:
        answer: A number of Python, numpy or sympy, a tensor, an array, a table of pandas, or lists of these.

    Returns:
        A tensor without gradient, or None if these are no numbers.

    Source:
        ours.

    Example:
        >>> as_numbers([torch.tensor(1), 2.5])
        tensor([1.0000, 2.5000], dtype=torch.float64)
    """
    try:
        if isinstance(answer, torch.Tensor):
            return answer.detach().to("cpu", torch.float64)
        if hasattr(answer, "to_numpy"):
            answer = answer.to_numpy()
        if isinstance(answer, list | tuple):
            parts = [as_numbers(part) for part in answer]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            return torch.stack(known) if known else torch.zeros(0, dtype=torch.float64)
        if isinstance(answer, str):
            return None
        return torch.from_numpy(np.asarray(answer).astype(np.float64))
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


def same(value: Any, other: Any, tolerance: float = 1e-4) -> bool:
    """Say whether two answers are equal: texts in any case, numbers of any kind to a tolerance.

    Args:
        value: Of the learner.
        other: To compare with.
        tolerance: Largest difference of an entry.

    Returns:
        False also if the shapes differ or one is neither text nor numbers. NaN equals nothing, infinities
        themselves.

    Source:
        ours.

    Example:
        >>> same("Better ", "better"), same([1, 2], torch.tensor([1.0, 2.0])), same(1, [1])
        (True, True, False)
    """
    if isinstance(value, str | bool) and isinstance(other, str | bool):
        return _plain(value) == _plain(other)
    ours, theirs = as_numbers(value), as_numbers(other)
    if ours is None or theirs is None or ours.shape != theirs.shape:
        return False
    return bool(torch.allclose(ours, theirs, rtol=0, atol=tolerance))


def _plain(text: str | bool) -> str:
    """One word without case, blanks and brackets; what is true is a yes."""
    return {True: "yes", False: "no"}[text] if isinstance(text, bool) else text.strip(" ().").casefold()


def wrong_kind(answer: Any, right: Any) -> str | None:
    """Say what of an answer is wrong before its value: no numbers where numbers are asked for, or the shape.

    Args:
        answer: Of the learner.
        right: The right answer.

    Returns:
        A sentence, or None if the kind is right.

    Source:
        ours.

    Example:
        >>> wrong_kind([1, 2], 3)
        'expected one number, got shape [2]'
    """
    if isinstance(right, str):
        return None if isinstance(answer, str | bool) else f"expected a text, got {type(answer).__name__}"
    value, expected = as_numbers(answer), as_numbers(right)
    if value is None or expected is None:
        return f"expected numbers, got {type(answer).__name__}"
    if value.shape == expected.shape:
        return None
    if expected.ndim == 0:
        return f"expected one number, got shape {list(value.shape)}"
    return f"expected shape {list(expected.shape)}, got {list(value.shape) if value.ndim else 'one number'}"
