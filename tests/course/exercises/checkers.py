"""What every checker that takes a function has to do, whatever the exercise; wrong answers made by rule."""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from cmgsd_lite.course.exercises.checking import Inputs
from cmgsd_lite.course.exercises.verdict import Verdict, same

Check = Callable[[Callable[..., Any]], Verdict]
UNPROTECTED = ("fill_diagonal_", "masked_fill", "diagonal_scatter", "eye")


def assert_answers_back(check: Check, right: Callable[..., Any]) -> None:
    """Unfilled is open, right is accepted; an exception is named, words are no number."""
    assert check(lambda *_: None).state == "open"
    assert check(lambda *_: ...).state == "open"
    forgotten = check(lambda *given: [right(*given), None][1])
    assert (forgotten.state, "return" in forgotten.message) == ("off", True)
    assert check(right).ok
    stopped = check(lambda *_: 1 / 0)
    assert stopped.state == "off"
    assert "ZeroDivisionError" in stopped.message
    assert check(lambda *_: "three").state == "off"


def assert_tells_apart(
    check: Check,
    right: Sequence[Callable[..., Any]],
    wrong: Sequence[tuple[Callable[..., Any], str]],
    inputs: Inputs,
    gradient: bool = False,
) -> None:
    """Five right answers, written differently, are accepted; eight wrong ones are caught, some made by rule.

    ``right[0]`` is a plain ``def`` whose source the rules change; ``wrong`` are functions and words of their
    hints. ``inputs`` are drawn by the test itself, so that a checker blind on its own inputs is found out.
    """
    assert len(right) >= 5, "five right answers, written differently"
    refused = [(i, check(function).message) for i, function in enumerate(right) if not check(function).ok]
    assert refused == []
    for function, words in wrong:
        verdict = check(function)
        assert verdict.state == "off", f"accepted: {words}"
        assert words in verdict.message
    made = dict(wrong_by_rule(right[0], inputs, gradient))
    assert [name for name, function in made.items() if check(function).state != "off"] == [], "accepted"
    assert len(made) >= 1, "no rule made a wrong answer"
    assert len(wrong) + len(made) >= 8, f"eight wrong answers; by rule: {sorted(made)}"


def wrong_by_rule(
    right: Callable[..., Any], inputs: Inputs, gradient: bool = False
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The mutants that do not do the same as the original; an exception is different enough."""
    generator = torch.Generator().manual_seed(99)
    cases = [inputs(generator, n) for n in (2, 3, 4, 5) for _ in range(10)]
    for name, mutant in mutants(right):
        if any(not _agree(right, mutant, case, gradient) for case in cases):
            yield name, mutant


def mutants(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Change one place of a function's source at a time, by rule."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    places = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
    for i, place in enumerate(places):
        for rule, changed in _changes(place):
            other = copy.deepcopy(tree)
            target = [node for node in ast.walk(other) if isinstance(node, ast.expr)][i]
            other = ast.fix_missing_locations(_Put(target, changed).visit(other))
            names = dict(function.__globals__)
            exec(compile(other, "<mutant>", "exec"), names)
            yield f"{rule}: {ast.unparse(place)}", names[function.__name__]
    for rule in ("{}.T", "{}.abs()", "{}.detach()", "-{}"):
        yield rule.format("answer"), _wrapped(function, rule)
    yield "transposed input", lambda first, *rest: function(first.T, *rest)


class _Put(ast.NodeTransformer):
    def __init__(self, target: ast.expr, changed: ast.expr) -> None:
        self.target, self.changed = target, changed

    def visit(self, node: ast.AST) -> Any:
        return copy.deepcopy(self.changed) if node is self.target else self.generic_visit(node)


def _wrapped(function: Callable[..., Any], rule: str) -> Callable[..., Any]:
    return lambda *given: eval(rule.format("answer"), {"answer": torch.as_tensor(function(*given))})


def _changes(place: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(place, ast.BinOp) and isinstance(place.op, ast.Add | ast.Sub):
        yield "drop the second term", place.left
        yield "drop the first term", place.right
    if isinstance(place, ast.BinOp) and isinstance(place.op, ast.Div):
        yield "do not divide", place.left
    if isinstance(place, ast.Attribute) and place.attr in ("T", "mT"):
        yield "do not transpose", place.value
    if isinstance(place, ast.Call):
        yield from _changed_calls(place)


def _changed_calls(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in UNPROTECTED and isinstance(call.func, ast.Attribute):
        if name == "eye":
            zeros = ast.Attribute(call.func.value, "zeros", ast.Load())
            yield "forget the diagonal", ast.Call(zeros, [*call.args, *call.args[:1]], call.keywords)
        else:
            yield "forget the diagonal", call.func.value
    for i, given in enumerate(call.keywords):
        if given.arg in ("dim", "axis") and isinstance(given.value, ast.Constant):
            other = ast.keyword(given.arg, ast.Constant(1 - given.value.value))
            keywords = [*call.keywords[:i], other, *call.keywords[i + 1 :]]
            yield "wrong axis", ast.Call(call.func, call.args, keywords)
    if name in ("relu", "clamp", "clamp_min", "clip"):
        value = call.func.value if isinstance(call.func, ast.Attribute) else call
        is_module = isinstance(value, ast.Name) and value.id in ("torch", "np", "functional")
        yield "do not clip", call.args[0] if is_module else value


def _agree(one: Callable[..., Any], other: Callable[..., Any], case: tuple[Any, ...], gradient: bool) -> bool:
    try:
        (ours, our_slope), (theirs, their_slope) = _value(one, case, gradient), _value(other, case, gradient)
    except Exception:
        return False
    return same(ours, theirs) and (not gradient or same(our_slope, their_slope))


def _value(function: Callable[..., Any], case: tuple[Any, ...], gradient: bool) -> tuple[Any, Any]:
    given = [a.clone() if isinstance(a, torch.Tensor) else a for a in case]
    if not gradient:
        return function(*given), None
    leaf = given[0].requires_grad_()
    answer = function(leaf, *given[1:])
    weights = torch.linspace(1, 2, answer.numel()).reshape(answer.shape)
    return answer, torch.autograd.grad((weights * answer).sum(), leaf)[0]
