"""Round two: a margin for the nearest pairs alone, chosen on held-out training videos.

Round one (``further``) found no configuration whose meaning lifts recall. Here the teachers are MiniLM over
all captions and the frozen video features, and the choice asks for both: more than the row's own permuted
control, and more than the best InfoNCE of as many tries. ``docs/results/final-configurations.json`` was
written before the first of these runs, and says what was added after the first of them had been seen.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from cmgsd_lite.data.anchors import PROTOCOL as ANCHORS
from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import DataConfig
from study.grid import PLAIN, SUITES, Cell, Suite, training_for
from study.real import ANCHOR_TRAINING

HELD_OUT = 751
HELD_OUT_ANCHORS = 200
NEAREST = 0.1
CHOICE_SEEDS = (100, 101, 102)
SEEDS = tuple(range(10))
ANCHOR_SEEDS = tuple(range(10, 20))  # the first five were seen in the suite "anchors"
REDUCTIONS: tuple[Reduction, ...] = (4, "smooth")


def _static(reduction: Reduction, beta: float, nearest: float | None) -> LossConfig:
    return LossConfig("cmgsd", reduction=reduction, schedule="static", beta=beta, nearest=nearest)


CANDIDATES: dict[str, LossConfig] = {
    **{f"nearest-{r}-{beta}": _static(r, beta, NEAREST) for r in REDUCTIONS for beta in (0.05, 0.1, 0.2)},
    **{f"zscore-{r}-0.05": _static(r, 0.05, None) for r in REDUCTIONS},
}
"""The adaptive margins that are tried; a test holds docs/results/final-configurations.json to them."""

CONTROLS = {f"{name}-permuted": replace(loss, kind="permuted") for name, loss in CANDIDATES.items()}

TRIED = {**CANDIDATES, **CONTROLS}

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


Place = Literal["full", "anchors"]
"""Where a choice is made: the official full split with frame features, or the anchor features."""


def choose(rows: Sequence[Mapping[str, Any]], data: DataConfig, place: Place = "full") -> Choice | None:
    """Choose by R@10 + nDCG on the held-out training videos, mean over seeds.

    Args:
        rows: Finished runs.
        data: Whose.
        place: On which of its sets.

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
    score = scores(rows, data, place)
    return None if score is None else decide(score, CANDIDATES, CONTROLS)


def decide(
    score: Mapping[str, float], candidates: Mapping[str, LossConfig], controls: Mapping[str, LossConfig]
) -> Choice:
    """Apply the rule of rounds two and three to scores by name, those of ``RIVALS`` among them."""
    rival = max(RIVALS, key=lambda name: score[name])
    row = max(candidates, key=lambda name: _smaller_gain(score, name, rival))
    family = [name for name in controls if name.startswith(row.rsplit("-", 1)[0])]
    return Choice(row, rival, max(family, key=lambda n: score[n]), max(controls, key=lambda n: score[n]))


def scores(rows: Sequence[Mapping[str, Any]], data: DataConfig, place: Place) -> dict[str, float] | None:
    """R@10 + nDCG of all that is tried, on held-out training videos; None if a run is missing."""
    return mean_scores(rows, choice_cells(data, place), CHOICE_SEEDS)


def mean_scores(
    rows: Sequence[Mapping[str, Any]], cells: Sequence[Cell], seeds: Sequence[int]
) -> dict[str, float] | None:
    """R@10 + nDCG by the cells' names, mean over seeds; None if a run is missing."""
    known = {(row["key"], row["seed"]): row["metrics"] for row in rows}
    found = {}
    for cell in cells:
        runs = [known.get((cell.key, seed)) for seed in seeds]
        if None in runs:
            return None
        found[cell.name] = statistics.fmean(m["R@10"] + m["nDCG"] for m in runs if m is not None)
    return found


def _smaller_gain(score: Mapping[str, float], name: str, rival: str) -> float:
    return score[name] - max(score[f"{name}-permuted"], score[rival])


def _cells(
    losses: Mapping[str, LossConfig], data: DataConfig, training: TrainingConfig | None = None
) -> tuple[Cell, ...]:
    chosen = training or training_for(data)
    return tuple(Cell(name, loss, data, chosen, text_teacher="minilm") for name, loss in losses.items())


def choice_cells(data: DataConfig, place: Place) -> tuple[Cell, ...]:
    """Return all that is tried in a place, measured on its held-out training videos."""
    if data.data == "minivtt":
        raise ValueError("suite: round two needs real data; expected --data with a folder, got minivtt")
    losses = {**TRIED, **RIVALS}
    if place == "anchors":
        held = replace(data, protocol=ANCHORS, held_out=HELD_OUT_ANCHORS)
        return _cells(losses, held, ANCHOR_TRAINING)
    return _cells(losses, replace(data, protocol="full", held_out=HELD_OUT))


def _chosen(data: DataConfig, rows: Sequence[Mapping[str, Any]], place: Place, name: str) -> Choice:
    chosen = choose(rows, data, place)
    if chosen is None:
        first = "final-choice" if place == "full" else "anchors-choice"
        raise ValueError(f"suite: {name!r} needs the suite {first!r} first, on the same data")
    return chosen


def finalists(
    chosen: Choice, tried: Mapping[str, LossConfig]
) -> tuple[dict[str, LossConfig], tuple[tuple[str, str], ...]]:
    """The losses that are scored on test, and the comparisons with the chosen row."""
    plain = f"fixed-{chosen.row.split('-')[1]}"
    others = list(dict.fromkeys([f"{chosen.row}-permuted", *chosen[1:], plain]))
    known = {**tried, **RIVALS, **PLAIN}
    losses = {name: known[name] for name in [chosen.row, *others]}
    return losses, tuple((chosen.row, other) for other in others)


def best_nearest(rows: Sequence[Mapping[str, Any]], data: DataConfig) -> str:
    """Name the best margin for the nearest pairs by the same rule; needs the runs of ``choose``."""
    score = scores(rows, data, "full") or {}
    rival = max(RIVALS, key=lambda name: score[name])
    family = [name for name in CANDIDATES if name.startswith("nearest")]
    return max(family, key=lambda name: _smaller_gain(score, name, rival))


def _choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    return Suite("final-choice", choice_cells(data, "full"), CHOICE_SEEDS)


def _anchors_choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    return Suite("anchors-choice", choice_cells(data, "anchors"), CHOICE_SEEDS)


def _full(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    losses, comparisons = finalists(_chosen(data, rows, "full", "final-full"), TRIED)
    return Suite("final-full", _cells(losses, replace(data, protocol="full")), SEEDS, comparisons)


def _one_thousand(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    losses, comparisons = finalists(_chosen(data, rows, "full", "final-1ka"), TRIED)
    return Suite("final-1ka", _cells(losses, replace(data, protocol="1k-A")), SEEDS, comparisons)


def _anchors_final(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    losses, comparisons = finalists(_chosen(data, rows, "anchors", "anchors-final"), TRIED)
    cells = _cells(losses, replace(data, protocol=ANCHORS), ANCHOR_TRAINING)
    return Suite("anchors-final", cells, ANCHOR_SEEDS, comparisons)


def _nearest(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    """The best margin for the nearest pairs, although it was not chosen: its control softens less."""
    chosen = _chosen(data, rows, "full", "final-nearest")
    row = best_nearest(rows, data)
    losses, comparisons = finalists(Choice(row, chosen.rival, f"{row}-permuted", chosen.best_placebo), TRIED)
    return Suite("final-nearest", _cells(losses, replace(data, protocol="full")), SEEDS, comparisons)


SUITES["final-choice"] = _choice
SUITES["final-full"] = _full
SUITES["final-1ka"] = _one_thousand
SUITES["final-nearest"] = _nearest
SUITES["anchors-choice"] = _anchors_choice
SUITES["anchors-final"] = _anchors_final
