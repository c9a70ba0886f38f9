"""A third round: the video teacher alone.

On 1k-A's 300 test videos the row of four hardest with the frozen video teacher alone stood above its
permuted control and above InfoNCE on recall (suite ``headline``). A row found on test videos is a question,
no answer: so the same family is chosen on held-out training videos of the full split, and judged on those of
its test videos that are *not* among the 300. ``docs/results/video-configurations.json`` was written before
the first of these runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import DataConfig
from study import final
from study.grid import SUITES, Cell, Suite, training_for

CHOICE_SEEDS = (100, 101, 102, 103, 104)
PROMPTED_BY = "1k-A"
"""Protocol whose test videos prompted the round."""

CANDIDATES = {
    f"video-{reduction}-{beta}": LossConfig(
        "cmgsd", reduction=reduction, schedule="static", sources=("video_static",), beta=beta
    )
    for reduction in final.REDUCTIONS
    for beta in (0.025, 0.05, 0.1)
}
"""The adaptive margins that are tried; a test holds docs/results/video-configurations.json to them."""

CONTROLS = {f"{name}-permuted": replace(loss, kind="permuted") for name, loss in CANDIDATES.items()}

TRIED = {**CANDIDATES, **CONTROLS}


def choose(rows: Sequence[Mapping[str, Any]], data: DataConfig) -> final.Choice | None:
    """Choose by R@10 + nDCG on the held-out training videos, mean over seeds.

    Args:
        rows: Finished runs; the rivals' are those of the suite ``"final-choice"``.
        data: Whose.

    Returns:
        As ``final.choose``: the candidate with the largest smaller one of its gains over its own permuted
        control and over the best rival, that rival, the best control of the candidate's reduction and the
        best of all. None as long as a run is missing.

    Source:
        ours.

    Example:
        >>> choose([], DataConfig("somewhere")) is None
        True
    """
    rivals = final.scores(rows, data, "full")
    own = final.mean_scores(rows, choice_cells(data), CHOICE_SEEDS)
    if rivals is None or own is None:
        return None
    return final.decide({**rivals, **own}, CANDIDATES, CONTROLS)


def choice_cells(data: DataConfig) -> tuple[Cell, ...]:
    """Return all that is tried, measured on the full split's held-out training videos."""
    if data.data == "minivtt":
        raise ValueError("suite: the third round needs real data; expected --data with a folder, got minivtt")
    held = replace(data, protocol="full", held_out=final.HELD_OUT)
    training = training_for(data)
    return tuple(Cell(name, loss, held, training) for name, loss in TRIED.items())


def _choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    return Suite("video-choice", choice_cells(data), CHOICE_SEEDS)


def _final(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    chosen = choose(rows, data)
    if chosen is None:
        raise ValueError(
            "suite: 'video-final' needs 'final-choice' and 'video-choice' first, on the same data"
        )
    losses, comparisons = final.finalists(chosen, TRIED)
    full, training = replace(data, protocol="full"), training_for(data)
    # Rivals and plain losses have no teacher: with round two's settings their runs are those of round two.
    cells = [
        Cell(name, loss, full, training, text_teacher="wordllama" if name in TRIED else "minilm")
        for name, loss in losses.items()
    ]
    return Suite("video-final", tuple(cells), final.SEEDS, comparisons, apart=PROMPTED_BY)


SUITES["video-choice"] = _choice
SUITES["video-final"] = _final
