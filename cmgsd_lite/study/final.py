"""The last round: a margin for the nearest pairs alone, chosen on held-out training videos.

Round one (``further``) found no configuration whose meaning lifts recall. Here the teachers are MiniLM over
all captions and the frozen video features, and the choice asks for both: more than the row's own permuted
control, and more than the best InfoNCE of as many tries. ``docs/results/final-configurations.json`` was
written before the first of these runs.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cmgsd_lite.conditions import LossConfig
from cmgsd_lite.experiment import DataConfig
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.study.grid import PLAIN, SUITES, Cell, Suite, training_for

HELD_OUT = 751
NEAREST = 0.1
CHOICE_SEEDS = (100, 101, 102)
SEEDS = tuple(range(10))
REDUCTIONS: tuple[Reduction, ...] = (4, "smooth")


def _static(reduction: Reduction, beta: float, nearest: float | None) -> LossConfig:
    return LossConfig("cmgsd", reduction=reduction, schedule="static", beta=beta, nearest=nearest)


CANDIDATES: dict[str, LossConfig] = {
    **{f"nearest-{r}-{beta}": _static(r, beta, NEAREST) for r in REDUCTIONS for beta in (0.05, 0.1, 0.2)},
    **{f"zscore-{r}-0.05": _static(r, 0.05, None) for r in REDUCTIONS},
}
"""The adaptive margins that are tried; a test holds docs/results/final-configurations.json to them."""

CONTROLS = {f"{name}-permuted": replace(loss, kind="permuted") for name, loss in CANDIDATES.items()}

RIVALS = {
    f"infonce-{temperature}": LossConfig("infonce", temperature=temperature)
    for temperature in (0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.12)
}
"""Plain InfoNCE, as many tries."""


class Choice(NamedTuple):
    """Names of what goes on to the test videos."""

    row: str
    rival: str
    control_at_its_best: str
    best_placebo: str


def choose(rows: Sequence[Mapping[str, Any]], data: DataConfig) -> Choice | None:
    """Choose by R@10 + nDCG on the held-out training videos, mean over seeds.

    Args:
        rows: Finished runs.
        data: Whose.

    Returns:
        The candidate with the largest smaller one of its two gains: over its own permuted control, and over
        the best rival. Then that rival, the best control of the candidate's family (its beta chosen on its
        own), and the best control of all families. None as long as a run is missing.

    Source:
        ours.

    Example:
        >>> choose([], DataConfig("somewhere")) is None
        True
    """
    known = {(row["key"], row["seed"]): row["metrics"] for row in rows}
    score = {}
    for cell in _choice(data, rows).cells:
        found = [known.get((cell.key, seed)) for seed in CHOICE_SEEDS]
        if None in found:
            return None
        score[cell.name] = statistics.fmean(m["R@10"] + m["nDCG"] for m in found if m is not None)
    rival = max(RIVALS, key=lambda name: score[name])
    gains = {
        name: min(score[name] - score[f"{name}-permuted"], score[name] - score[rival]) for name in CANDIDATES
    }
    row = max(gains, key=lambda name: gains[name])
    family = [name for name in CONTROLS if name.startswith(row.rsplit("-", 1)[0])]
    return Choice(row, rival, max(family, key=lambda n: score[n]), max(CONTROLS, key=lambda n: score[n]))


def _cells(losses: Mapping[str, LossConfig], data: DataConfig) -> tuple[Cell, ...]:
    training = training_for(data)
    return tuple(Cell(name, loss, data, training, text_teacher="minilm") for name, loss in losses.items())


def _choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    _real(data)
    held = replace(data, protocol="full", held_out=HELD_OUT)
    return Suite("final-choice", _cells({**CANDIDATES, **CONTROLS, **RIVALS}, held), CHOICE_SEEDS)


def _final(name: str, protocol: str, data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    _real(data)
    chosen = choose(rows, data)
    if chosen is None:
        raise ValueError(f"suite: {name!r} needs the suite 'final-choice' first, on the same data")
    control, plain = f"{chosen.row}-permuted", f"fixed-{chosen.row.split('-')[1]}"
    others = list(dict.fromkeys([control, *chosen[1:], plain]))
    known = {**CANDIDATES, **CONTROLS, **RIVALS, **PLAIN}
    losses = {condition: known[condition] for condition in [chosen.row, *others]}
    comparisons = tuple((chosen.row, other) for other in others)
    return Suite(name, _cells(losses, replace(data, protocol=protocol)), SEEDS, comparisons)


def _full(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    return _final("final-full", "full", data, rows)


def _one_thousand(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    return _final("final-1ka", "1k-A", data, rows)


def _real(data: DataConfig) -> None:
    if data.data == "minivtt":
        raise ValueError("suite: the last round needs real data; expected --data with a folder, got minivtt")


SUITES["final-choice"] = _choice
SUITES["final-full"] = _full
SUITES["final-1ka"] = _one_thousand
