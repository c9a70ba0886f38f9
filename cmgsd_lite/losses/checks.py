"""What every loss checks about its inputs: in one place, with one message a kind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from cmgsd_lite.similarity import at_least_float32
from cmgsd_lite.validation import as_float, checks_values

Margin = float | Tensor | tuple[float | Tensor, float | Tensor]
"""A margin of all pairs, one a pair [N, N], or two of these: text to video, video to text."""

Rows = Callable[[slice | Tensor], Tensor]
"""Rows of a matrix [N, N]: of a slice, or of a tensor of row numbers, [len, N]."""
Distance = Tensor | Rows


def checked_sim(sim: Tensor) -> tuple[Tensor, float]:
    """Check the similarities of a batch and widen half precision; the input is never changed.

    Args:
        sim: Similarities [N, N]: rows are texts, columns are videos, positives on the diagonal.

    Returns:
        ``sim`` in float32 or wider, and its largest absolute entry, or 0 where values are not looked at
        (``checks_values``).

    Raises:
        ValueError: If ``sim`` is not square with N >= 2, or has NaN or infinite entries.

    Source:
        ours.

    Example:
        >>> checked_sim(torch.tensor([[0.5, -2.0], [0.0, 1.0]]))[1]
        2.0
    """
    if not isinstance(sim, Tensor) or not sim.is_floating_point():
        got = sim.dtype if isinstance(sim, Tensor) else type(sim).__name__
        raise ValueError(f"sim: expected a tensor of real scores [N, N], got {got}")
    if sim.ndim != 2 or sim.shape[0] != sim.shape[1] or sim.shape[0] < 2:
        one_pair = " (one pair has no negative: DataLoader(drop_last=True))" if sim.shape == (1, 1) else ""
        raise ValueError(
            "sim: expected a square matrix [N, N] with N >= 2 and the positives on the diagonal, "
            f"got shape {list(sim.shape)}{one_pair}"
        )
    sim = at_least_float32(sim)
    if not checks_values(sim):
        return sim, 0.0
    # One pass and one wait for the device tell NaN, infinity and the range; aminmax hands NaN on.
    low, high = torch.stack(torch.aminmax(sim.detach())).tolist()
    largest = max(-low, high)
    if not largest < float("inf"):
        raise ValueError("sim: expected finite similarities, got NaN or infinite entries")
    return sim, largest


def checked_margin(margin: float | Tensor, sim: Tensor) -> float | Tensor:
    """Check a margin against ``sim``; the input is never changed.

    Args:
        margin: A finite number, or [N, N] of finite numbers and ``-inf``, which leaves a pair out.
        sim: Similarities [N, N], as ``checked_sim`` returns them.

    Returns:
        A number, or [N, N] in the precision of ``sim``.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> checked_margin(0.2, torch.eye(2))
        0.2
    """
    if not isinstance(margin, Tensor):
        return checked_finite("margin", margin)
    if margin.ndim == 0:
        margin = margin.expand_as(sim)
    if margin.shape != sim.shape:
        raise ValueError(f"margin: expected shape {list(sim.shape)} like sim, got {list(margin.shape)}")
    if margin.device != sim.device:
        raise ValueError(f"margin: expected on {sim.device} like sim, got {margin.device}")
    # amax hands NaN on, so one pass finds it and +inf.
    if checks_values(margin) and not bool(margin.detach().amax() < float("inf")):
        raise ValueError("margin: expected finite numbers (or -inf to leave a pair out), got NaN or inf")
    return margin.to(sim.dtype)


def margin_pair(margin: Margin, sim: Tensor) -> tuple[float | Tensor, float | Tensor]:
    """Check a margin, or one for each direction; twice the same where one was given.

    Args:
        margin: As ``checked_margin`` takes it, or a pair of such: text to video, then video to text.
        sim: Similarities [N, N], as ``checked_sim`` returns them.

    Returns:
        The margins of the two directions.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> margin_pair(0.2, torch.eye(2))
        (0.2, 0.2)
    """
    if not isinstance(margin, tuple | list):
        one = checked_margin(margin, sim)
        return one, one
    if len(margin) != 2:
        raise ValueError(f"margin: expected one, or a pair for the two directions, got {len(margin)}")
    return checked_margin(margin[0], sim), checked_margin(margin[1], sim)


def one_margin(margin: Margin | None, otherwise: float) -> float:
    """The one number that a margin is in blocks.

    Args:
        margin: What was given, of which ``why_whole_margin`` says nothing.
        otherwise: What it is if nothing was given.

    Returns:
        A finite number.

    Raises:
        ValueError: If it is not finite.

    Source:
        ours.

    Example:
        >>> one_margin(None, 0.2)
        0.2
    """
    assert not isinstance(margin, Tensor | tuple | list)
    return checked_finite("margin", otherwise if margin is None else margin)


def why_whole_margin(margin: Margin | None) -> str:
    """Why a margin needs a whole ``sim``, or "" if it does not.

    Args:
        margin: As ``margin_pair`` takes it, or None.

    Returns:
        A half sentence.

    Source:
        ours.

    Example:
        >>> why_whole_margin(0.2)
        ''
    """
    if not isinstance(margin, Tensor | tuple | list):
        return ""
    return "in blocks a given margin is one number: a matrix of margins stands whole anyway"


def check_features(name: str, x: Tensor, sim: Tensor) -> None:
    """Raise ValueError unless ``x`` is [N, D] on the device of ``sim`` [N, N].

    Args:
        name: What to call ``x`` in the message.
        x: Embeddings, one row an item of the batch.
        sim: Similarities.

    Raises:
        ValueError: Naming the argument, what was expected and what came.

    Source:
        ours.

    Example:
        >>> check_features("text", torch.zeros(2, 5), torch.eye(2))
    """
    if not isinstance(x, Tensor):
        raise ValueError(f"{name}: expected a tensor [{sim.shape[0]}, D], got {type(x).__name__}")
    if x.ndim != 2 or x.shape[0] != sim.shape[0]:
        raise ValueError(f"{name}: expected [{sim.shape[0]}, D] like sim, got {list(x.shape)}")
    if x.device != sim.device:
        raise ValueError(f"{name}: expected on {sim.device} like sim, got {x.device}")


def named_distances(
    distances: Mapping[str, Distance] | None, sim: Tensor, in_blocks: bool = False
) -> dict[str, Distance]:
    """Check ready distance matrices and name each as messages and ``margins`` do.

    Args:
        distances: By a name of one's own, [N, N] each in any unit: rows are texts, columns are videos.
        sim: Similarities [N, N] that they have to fit.
        in_blocks: Whether callables that give rows may be among them.

    Returns:
        The same matrices under ``distances['name']``; empty for None.

    Raises:
        ValueError: Naming the entry, what was expected and what came.

    Source:
        ours.

    Example:
        >>> list(named_distances({"mine": torch.zeros(2, 2)}, torch.eye(2)))
        ["distances['mine']"]
    """
    if distances is None:
        return {}
    if not isinstance(distances, Mapping):
        raise ValueError(
            f"distances: expected matrices by name, such as {{'mine': d}}, got {type(distances).__name__}"
        )
    named = {f"distances[{key!r}]": matrix for key, matrix in distances.items()}
    for name, matrix in named.items():
        if in_blocks and callable(matrix) and not isinstance(matrix, Tensor):
            continue
        if not isinstance(matrix, Tensor):
            raise ValueError(f"{name}: expected a tensor [N, N], got {type(matrix).__name__}")
        if matrix.shape != sim.shape:
            raise ValueError(f"{name}: expected shape {list(sim.shape)} like sim, got {list(matrix.shape)}")
        if matrix.device != sim.device:
            raise ValueError(f"{name}: expected on {sim.device} like sim, got {matrix.device}")
        if checks_values(matrix) and not bool(
            torch.isfinite(torch.stack(torch.aminmax(matrix.detach()))).all()
        ):
            raise ValueError(f"{name}: expected finite distances, got NaN or infinite entries")
    return named


def checked_finite(name: str, value: float) -> float:
    """Return ``value`` if it is a finite number.

    Args:
        name: What to call the value in the message.
        value: A number.

    Returns:
        ``value``, as a float.

    Raises:
        ValueError: Otherwise.

    Source:
        ours.

    Example:
        >>> checked_finite("beta", -0.05)
        -0.05
    """
    number = as_float(value)
    if not abs(number) <= sys.float_info.max:
        raise ValueError(f"{name}: expected a finite number, got {value!r:.60}")
    return number


def checked_positive(name: str, value: float) -> float:
    """Return ``value`` if it is a positive finite number.

    Args:
        name: What to call the value in the message.
        value: A number.

    Returns:
        ``value``, as a float.

    Raises:
        ValueError: Otherwise.

    Source:
        ours.

    Example:
        >>> checked_positive("temperature", 0.05)
        0.05
    """
    number = as_float(value)
    if not 0 < number <= sys.float_info.max:
        raise ValueError(f"{name}: expected a positive number, got {value!r:.60}")
    return number
