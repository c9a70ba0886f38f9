"""The rule by which a value of a knob is chosen, and whether the choice repeats."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from study import plan
from study.losses import Base
from study.plan import Set

Finished = Mapping[str, Mapping[str, Any]]
"""What was measured, by the key of the run."""


def key_of(stage: str, name: Set, row: str, value: float, seed: int, base: Base | None) -> str:
    """The key of a run of these settings, as ``Run.key`` makes it."""
    on = "" if base is None else f"/on {base.hinge} {base.value:g} {base.infonce:g}"
    return f"{stage}/{name}/{row}/{value:g}/seed {seed}{on}"


def score(
    name: Set, row: str, value: float, base: Base | None, finished: Finished, stage: str = "choose"
) -> float:
    """Score a try: the sum of ``RULE``, mean over the seeds of a stage.

    Args:
        name: Of ``MAIN``.
        row: Of ``ROWS``.
        value: Of its knob.
        base: What it stands on.
        finished: With all seeds of the try.
        stage: ``"choose"`` or ``"repeat"``.

    Raises:
        KeyError: If a run is missing.
    """
    runs = [finished[key_of(stage, name, row, value, seed, base)]["metrics"] for seed in plan.SEEDS[stage]]
    return statistics.fmean(sum(run[metric] for metric in plan.RULE) for run in runs)


def chosen(name: Set, rows: Sequence[str], base: Base | None, finished: Finished) -> dict[str, float]:
    """Return the value of each row's knob with the highest score, the first of equals."""
    return {row: two_best(name, row, stands_on(row, base), finished)[0] for row in rows}


def two_best(name: Set, row: str, base: Base | None, finished: Finished) -> list[float]:
    """Return the two values of a row's knob with the highest scores, the best first."""
    scores = {value: score(name, row, value, base, finished) for value in plan.ROWS[row].values}
    return sorted(scores, key=lambda value: -scores[value])[:2]


def stands_on(row: str, base: Base | None) -> Base | None:
    """Plain rows stand on nothing, and neither does the placebo that nobody tuned."""
    return None if plan.ROWS[row].group == "plain" or row == "random-untuned" else base
