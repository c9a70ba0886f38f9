"""The checker of functions: many random inputs, the smallest counter-example, typical mistakes by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dis import get_instructions
from functools import wraps
from inspect import Parameter, cleandoc, signature
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor

from cmgsd_lite.course.exercises.verdict import (
    Verdict,
    as_numbers,
    not_attempted,
    same,
    wrong_kind,
)

SIZES = (2, 3, 4, 6)
"""Of the inputs, the small ones first: what fails at a small one is shown."""
TRIES = 6
"""Inputs of each size."""

Inputs = Callable[[torch.Generator, int], tuple[Any, ...]]
"""Random arguments of the learner's function for a size N."""
Mistakes = Sequence[tuple[Callable[..., Any], str]]
"""Typical wrong functions, each with what to say to a learner whose function does the same on every input."""


STUB = ("RESUME", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "NOP")
"""All that a function does whose body is ``...`` or ``pass``."""
STRICT = Parameter("strict", Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation="bool")
SECTIONS = {
    "Returns": "The verdict.",
    "Raises": "AssertionError: If ``strict`` and the answer is not right.",
    "Source": "ours.",
}
"""What the help of every checker says, unless its docstring says more."""


def checker(check: Callable[..., Verdict]) -> Callable[..., Verdict]:
    """Give a checker what all of them have: ``strict`` for grading, and the help that goes with it.

    Args:
        check: The checker of one exercise. Its docstring has a summary, ``Args:`` and an example.

    Returns:
        The checker, which takes ``strict=True``: raise unless the answer is right.

    Example:
        >>> @checker
        ... def check_half(answer):
        ...     return Verdict("correct" if answer == 0.5 else "off")
        >>> str(signature(check_half))
        "(answer, strict: 'bool' = False)"
    """

    asked = signature(check)
    shown = asked.replace(parameters=[*asked.parameters.values(), STRICT])

    @wraps(check)
    def graded(*given: Any, **named: Any) -> Verdict:
        bound = shown.bind(*given, **named)
        strict = bound.arguments.pop("strict", False)
        return check(*bound.args, **bound.kwargs).or_raise(strict)

    graded.__signature__ = shown  # type: ignore[attr-defined]
    graded.__doc__ = check.__doc__ and _help(check.__doc__)
    return graded


def _help(text: str) -> str:
    """Complete a checker's docstring by ``strict`` and the sections that it leaves out."""
    told, _, example = cleandoc(text).partition("\n\nExample:\n")
    summary, _, rest = told.partition("\n\nArgs:\n")
    arguments, *more = rest.split("\n\n")
    said = {section.partition(":")[0]: section for section in more}
    arguments += "\n    strict: Raise unless the answer is right, for grading."
    sections = [said.get(title, f"{title}:\n    {line}") for title, line in SECTIONS.items()]
    return "\n\n".join([summary, f"Args:\n{arguments}", *sections, f"Example:\n{example}"])


def check_function(
    function: Callable[..., Any],
    reference: Callable[..., Any],
    inputs: Inputs,
    message: str,
    mistakes: Mistakes = (),
    *,
    gradient: bool = False,
    prepare: Callable[[Tensor], Tensor] | None = None,
    tolerance: float = 1e-4,
) -> Verdict:
    """Compare a learner's function with the reference on 24 random inputs, from small to large.

    Args:
        function: Of the learner. Where it stops with tensors it is tried with numpy arrays.
        reference: The right one.
        inputs: Draws the arguments for a size N: asymmetric, negative numbers, ties, whatever the question
            allows. Round numbers (``hundredths``) make a readable counter-example.
        message: What the right answer teaches.
        mistakes: Typical wrong functions, each with what to say of it.
        gradient: Whether the derivative by the first argument is asked for too. Draw inputs without ties then
            (a margin of .205 among hundredths): where a hinge is exactly 0, right functions differ.
        prepare: What is done to both answers before they are compared, where the question leaves something
            open, such as the scale.
        tolerance: Largest difference of an entry.

    Returns:
        The verdict. It never holds the reference, only its value at one small input.

    Source:
        ours.

    Example:
        >>> check_function(
        ...     lambda sim: sim.sum(), lambda sim: sim.diagonal().sum(),
        ...     lambda generator, n: (hundredths(generator, n, n),), "the diagonal alone",
        ... )  # doctest: +ELLIPSIS
        ✗ not yet: for sim = [[...]] yours gives ..., expected ...
    """
    generator = inputs_generator()
    cases = [inputs(generator, n) for n in SIZES for _ in range(TRIES)]
    answers = [_try(function, case) for case in cases]
    if not_attempted(answers[0]):
        return _nothing_returned(function)

    def agree(one: Any, other: Any) -> bool:
        if isinstance(one, _Stopped) and isinstance(other, _Stopped):
            return type(one.error) is type(other.error)
        values = [as_numbers(one), as_numbers(other)]
        if prepare is not None and all(value is not None and value.numel() for value in values):
            one, other = (prepare(value) for value in values if value is not None)
        return same(one, other, tolerance)

    for case, answer in zip(cases, answers, strict=True):
        right = reference(*_copies(case))
        if not agree(answer, right):
            hint = _hint(answers, cases, mistakes, agree)
            return Verdict("off", hint or _example(reference, case, answer, right))
    for case in cases if gradient else ():
        found, wanted = _slope(function, case), _slope(reference, case)
        if not agree(found, wanted):
            what = f"no gradient ({found.error})" if isinstance(found, _Stopped) else "another gradient"
            return Verdict("off", f"the values are right, but for {_said(reference, case)} yours has {what}")
    return Verdict("correct", message)


_seed = 0


@contextmanager
def other_inputs(seed: int) -> Iterator[None]:
    """Let the checkers draw other inputs than a learner has seen, for grading.

    Args:
        seed: Of the generator that the inputs are drawn from; learners work with 0.

    Source:
        ours.

    Example:
        >>> with other_inputs(seed=7):
        ...     inputs_generator().initial_seed()
        7
    """
    global _seed
    before, _seed = _seed, seed
    try:
        yield
    finally:
        _seed = before


def inputs_generator() -> torch.Generator:
    """Return a new generator for a checker's inputs: of seed 0, or of the seed given to ``other_inputs``.

    Returns:
        The same numbers each time.

    Source:
        ours.

    Example:
        >>> inputs_generator().initial_seed()
        0
    """
    return torch.Generator().manual_seed(_seed)


def hundredths(generator: torch.Generator, *shape: int, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Draw random numbers that read well: multiples of .01.

    Args:
        generator: Where they are drawn from.
        shape: Of the tensor; nothing for one number.
        low: The smallest.
        high: The largest.

    Returns:
        float32.

    Source:
        ours.

    Example:
        >>> bool((hundredths(torch.Generator(), 3, 3).abs() <= 1).all())
        True
    """
    whole = torch.randint(round(100 * low), round(100 * high) + 1, shape, generator=generator)
    return whole / 100


def _nothing_returned(function: Callable[..., Any]) -> Verdict:
    """Of a function that gave nothing: is it still the stub, or does it forget its ``return``?"""
    body = get_instructions(function) if hasattr(function, "__code__") else ()
    if all(step.opname in STUB for step in body):
        return Verdict("open")
    return Verdict("off", "your function computes something and gives nothing back: is `return` missing?")


class _Stopped(NamedTuple):
    """The exception of a learner's function."""

    error: Exception


def _hint(
    answers: Sequence[Any],
    cases: Sequence[tuple[Any, ...]],
    mistakes: Mistakes,
    agree: Callable[[Any, Any], bool],
) -> str | None:
    for wrong, hint in mistakes:
        theirs = (_try(wrong, case) for case in cases)
        if all(agree(a, b) for a, b in zip(answers, theirs, strict=True)):
            return hint
    return None


def _try(function: Callable[..., Any], case: tuple[Any, ...]) -> Any:
    """The answer; with numpy arrays if tensors are not what the function takes."""
    try:
        with catch_warnings():
            simplefilter("ignore")  # of numpy functions on tensors; the learner asked for none of it
            return function(*_copies(case))
    except Exception as error:
        try:
            return function(*(a.numpy() if isinstance(a, Tensor) else a for a in _copies(case)))
        except Exception:
            return _Stopped(error)


def _copies(case: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies: a function that changes its arguments must not change those of the next one."""
    return tuple(a.clone() if isinstance(a, Tensor) else deepcopy(a) for a in case)


def _slope(function: Callable[..., Any], case: tuple[Any, ...]) -> Tensor | _Stopped:
    """Derivative of a weighted sum of the answer by the first argument."""
    leaf = case[0].clone().requires_grad_()
    try:
        answer = function(leaf, *_copies(case[1:]))
        if not isinstance(answer, Tensor):
            return _Stopped(TypeError("it is no tensor"))
        # Unequal weights: among equal ones the pushes of a row could cancel.
        weights = torch.linspace(1, 2, answer.numel()).reshape(answer.shape)
        (weights * answer).sum().backward()  # type: ignore[no-untyped-call]
    except (AttributeError, RuntimeError, TypeError) as error:
        return _Stopped(error)
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _example(reference: Callable[..., Any], case: tuple[Any, ...], answer: Any, expected: Any) -> str:
    given = _said(reference, case)
    if isinstance(answer, _Stopped):
        return f"your function stops with {type(answer.error).__name__}: {answer.error} (for {given})"
    kind = wrong_kind(answer, expected)
    if kind is not None:
        return f"{kind} (for {given})"
    for digits in (3, 6, 12):
        yours, right = _written(answer, digits), _written(expected, digits)
        if yours != right:
            break
    return f"for {given} yours gives {yours}, expected {right}"


def _said(reference: Callable[..., Any], case: tuple[Any, ...]) -> str:
    """The arguments by the names that the reference gives them."""
    names = [
        name for name, p in signature(reference).parameters.items() if p.kind is not Parameter.VAR_POSITIONAL
    ]
    return ", ".join(f"{name} = {_written(value)}" for name, value in zip(names, case, strict=False))


def _written(value: Any, digits: int = 3) -> str:
    if isinstance(value, str):
        return repr(value)
    numbers = as_numbers(value)
    return repr(value) if numbers is None else _short(numbers.tolist(), digits)


def _short(value: Any, digits: int) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_short(part, digits) for part in value)}]"
    return f"{value:.{digits}g}"
