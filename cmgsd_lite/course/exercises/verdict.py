"""What a checker answers: right, not yet attempted, or what is off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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


def call(function: Callable[..., Any], *arguments: Any) -> Any | Verdict:
    """Call a learner's function; an exception becomes a verdict that names it.

    Args:
        function: Of the learner.
        arguments: Handed on; tensors as copies, so that the function can not change the checker's own.

    Returns:
        What the function returned, or a verdict: ``"open"`` if that was nothing, ``"off"`` if it raised.

    Source:
        ours.

    Example:
        >>> call(lambda x: x / 0, 1)
        ✗ not yet: your function stops with ZeroDivisionError: division by zero
    """
    given = [a.clone() if isinstance(a, torch.Tensor) else a for a in arguments]
    try:
        answer = function(*given)
    except Exception as error:
        return Verdict("off", f"your function stops with {type(error).__name__}: {error}")
    return Verdict("open") if not_attempted(answer) else answer


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
        answer: Number, sequence, array or tensor of the learner; a verdict is handed on.
        right: The right answer.
        message: What the right answer teaches.
        mistakes: Typical wrong answers, each with what to say of it.
        tolerance: Largest difference of an entry that counts as equal.
        otherwise: What to say of any other answer.

    Returns:
        The verdict.

    Source:
        ours.

    Example:
        >>> judge(0.18, 0.05, "flat", [(0.18, "the diagonal is in your statistics")])
        ✗ not yet: the diagonal is in your statistics
    """
    if isinstance(answer, Verdict):
        return answer
    if not_attempted(answer):
        return Verdict("open")
    try:
        value = torch.as_tensor(answer).detach().to(torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return Verdict("off", f"expected numbers, got {type(answer).__name__}")
    if _same(value, right, tolerance):
        return Verdict("correct", message)
    for wrong, hint in mistakes:
        if _same(value, wrong, tolerance):
            return Verdict("off", hint)
    expected = torch.as_tensor(right)
    if value.shape != expected.shape:
        return Verdict("off", f"expected shape {list(expected.shape)}, got {list(value.shape)}")
    return Verdict("off", otherwise)


def _same(value: torch.Tensor, other: Any, tolerance: float) -> bool:
    wanted = torch.as_tensor(other).detach().to(torch.float64)
    return value.shape == wanted.shape and bool(torch.allclose(value, wanted, rtol=0, atol=tolerance))
