"""The search for one configuration whose meaning helps: candidates fixed beforehand, chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import DataConfig
from study.grid import SUITES, Cell, Suite, cmgsd, training_for

CANDIDATES: dict[str, LossConfig] = dict(
    [
        cmgsd("smooth", "static", beta=0.05),
        cmgsd("smooth", "ramp", beta=0.05),
        cmgsd(8, "static", beta=0.05),
        cmgsd("infonce", "static", beta=0.025),
    ]
)
"""The adaptive margins that are tried; a test holds docs/results/further-configurations.json to it."""

RIVALS: dict[str, LossConfig] = {
    f"infonce-{temperature}": LossConfig("infonce", temperature=temperature)
    for temperature in (0.03, 0.04, 0.05, 0.07)
}
"""Plain InfoNCE with the same budget."""

SEED = 100
"""Of the choice; the reported runs have other seeds."""

SEEDS = (0, 1, 2, 3, 4)


def choose(rows: Sequence[Mapping[str, Any]], data: DataConfig) -> tuple[str, str] | None:
    """Choose the candidate and the rival with the highest sum of R@10 and nDCG on validation.

    Args:
        rows: Finished runs.
        data: Whose.

    Returns:
        Their names, or None as long as a candidate or a rival has not been run.

    Source:
        ours.

    Example:
        >>> choose([], DataConfig()) is None
        True
    """
    known = {(row["key"], row["seed"]): row["metrics"] for row in rows}
    chosen = []
    for group in (CANDIDATES, RIVALS):
        scores = {}
        for cell in _cells(group, data, "validation"):
            metrics = known.get((cell.key, SEED))
            if metrics is None:
                return None
            scores[cell.name] = metrics["R@10"] + metrics["nDCG"]
        chosen.append(max(scores, key=lambda name: scores[name]))
    return chosen[0], chosen[1]


def _cells(losses: Mapping[str, LossConfig], data: DataConfig, measured: Any) -> tuple[Cell, ...]:
    training = training_for(data)
    return tuple(Cell(name, loss, data, training, measured=measured) for name, loss in losses.items())


def _choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    return Suite("further-choice", _cells({**CANDIDATES, **RIVALS}, data, "validation"), (SEED,))


def _further(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    chosen = choose(rows, data)
    if chosen is None:
        raise ValueError("suite: 'further' needs the suite 'further-choice' first, on the same data")
    name, rival = chosen
    reduction, distances = name.removeprefix("cmgsd-").split("-")
    which: Any = int(reduction) if reduction.isdigit() else reduction
    control = cmgsd(which, distances, permuted=True, beta=CANDIDATES[name].beta)
    losses = {name: CANDIDATES[name], control[0]: control[1], rival: RIVALS[rival]}
    comparisons = ((name, control[0]), (name, rival))
    return Suite("further", _cells(losses, data, "test"), SEEDS, comparisons)


SUITES["further-choice"] = _choice
SUITES["further"] = _further
