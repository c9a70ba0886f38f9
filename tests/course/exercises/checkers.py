"""What every checker that takes a function has to do, whatever the exercise."""

from collections.abc import Callable
from typing import Any

from cmgsd_lite.course.exercises.verdict import Verdict


def assert_answers_back(check: Callable[[Callable[..., Any]], Verdict], right: Callable[..., Any]) -> None:
    """Unfilled is open, right is accepted; an exception is named, words are no number."""
    assert check(lambda *_: None).state == "open"
    assert check(lambda *_: ...).state == "open"
    assert check(right).ok
    stopped = check(lambda *_: 1 / 0)
    assert stopped.state == "off"
    assert "ZeroDivisionError" in stopped.message
    assert check(lambda *_: "three").state == "off"
