"""After the rounds: permuted controls at their own best beta.

The rounds tried a control at its candidates' betas alone, and most were best at the largest. A
control that still rises there is a weak opponent, and part of what looks like meaning is softening that it
was not allowed. So the controls, and they alone, get larger betas on the same held-out videos, and the rows
that were reported meet the best of them. This came after the verdicts: it can take from them, not add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cmgsd_lite.data.anchors import PROTOCOL as ANCHORS
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import Kind, LossConfig
from cmgsd_lite.training.experiment import DataConfig
from study import final, further, video_teacher
from study.grid import SUITES, Cell, Suite, training_for
from study.real import ANCHOR_TRAINING
from study.text_teachers import TextTeacher


def _controls(family: str, example: LossConfig, betas: Sequence[float]) -> dict[str, LossConfig]:
    return {
        f"{family}-{reduction}-{beta}-permuted": replace(
            example, kind="permuted", reduction=reduction, beta=beta
        )
        for reduction in final.REDUCTIONS
        for beta in betas
    }


MINILM = {
    **_controls("nearest", final.CANDIDATES["nearest-4-0.05"], (0.4,)),
    **_controls("zscore", final.CANDIDATES["zscore-4-0.05"], (0.1, 0.2, 0.4)),
}
VIDEO = _controls("video", video_teacher.CANDIDATES["video-4-0.05"], (0.2, 0.4))
"""Round two's and round three's controls at the betas that no candidate of their families had."""

ROUND_ONE_BETAS = (0.025, 0.05, 0.1, 0.2, 0.4)
"""Of the control of round one's row, which had one beta; its choice is made on validation, like the row's."""


NEEDED = {
    "full": "'final-choice', 'video-choice' and 'controls-choice'",
    "anchors": "'anchors-choice' and 'controls-anchors-choice'",
}
"""Suites whose runs a choice of controls needs, by place."""


def best_controls(
    rows: Sequence[Mapping[str, Any]], data: DataConfig, place: final.Place
) -> dict[str, tuple[str, ...]] | None:
    """Choose the controls that the reported rows are held against, by R@10 + nDCG on held-out videos.

    Args:
        rows: Finished runs, those of the rounds' own choices among them.
        data: Whose.
        place: On which of its sets.

    Returns:
        By reported row: the best control of its family and reduction over all betas, and the best control of
        all families with the same teachers (one name if they are the same); mean over
        ``final.CHOICE_SEEDS``. None as long as a run is missing.

    Source:
        ours.

    Example:
        >>> best_controls([], DataConfig("somewhere"), "full") is None
        True
    """
    chosen = final.choose(rows, data, place)
    scores = _scores(rows, final.choice_cells(data, place), MINILM)
    if chosen is None or scores is None:
        return None
    if place == "anchors":
        return {chosen.row: _best(scores, chosen.row)}
    nearest = final.best_nearest(rows, data)
    found = {row: _best(scores, row) for row in (chosen.row, nearest)}
    video = video_teacher.choose(rows, data)
    of_video = _scores(rows, video_teacher.choice_cells(data), VIDEO)
    if video is None or of_video is None:
        return None
    return found | {video.row: _best(of_video, video.row)}


def _best(scores: Mapping[str, float], row: str) -> tuple[str, ...]:
    controls = [name for name in scores if name.endswith("-permuted")]
    family = [name for name in controls if name.startswith(row.rsplit("-", 1)[0])]
    return tuple(dict.fromkeys(max(group, key=lambda name: scores[name]) for group in (family, controls)))


def _scores(
    rows: Sequence[Mapping[str, Any]], tried: Sequence[Cell], larger: Mapping[str, LossConfig]
) -> dict[str, float] | None:
    return final.mean_scores(rows, [*tried, *_like(tried[0], larger)], final.CHOICE_SEEDS)


def _like(cell: Cell, losses: Mapping[str, LossConfig]) -> list[Cell]:
    """Cells that differ from one of the round's own choice in the loss alone."""
    return [replace(cell, name=name, loss=loss) for name, loss in losses.items()]


def _full_choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    minilm, video = final.choice_cells(data, "full")[0], video_teacher.choice_cells(data)[0]
    return Suite("controls-choice", (*_like(minilm, MINILM), *_like(video, VIDEO)), final.CHOICE_SEEDS)


def _anchors_choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    cells = _like(final.choice_cells(data, "anchors")[0], MINILM)
    return Suite("controls-anchors-choice", tuple(cells), final.CHOICE_SEEDS)


def _full(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    pairs = _pairs(data, rows, "full", "controls-final")
    cells = _test_cells(pairs, replace(data, protocol="full"), training_for(data))
    return Suite("controls-final", cells, final.SEEDS, pairs, apart=video_teacher.PROMPTED_BY)


def _one_thousand(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    """Round two's row on its second set, where only its own control is in question."""
    row, control = _pairs(data, rows, "full", "controls-1ka")[0]
    cells = _test_cells([(row, control)], replace(data, protocol="1k-A"), training_for(data))
    return Suite("controls-1ka", cells, final.SEEDS, ((row, control),))


def _anchors(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    pairs = _pairs(data, rows, "anchors", "controls-anchors")
    cells = _test_cells(pairs, replace(data, protocol=ANCHORS), ANCHOR_TRAINING)
    return Suite("controls-anchors", cells, final.ANCHOR_SEEDS, pairs)


def _pairs(
    data: DataConfig, rows: Sequence[Mapping[str, Any]], place: final.Place, name: str
) -> tuple[tuple[str, str], ...]:
    best, chosen = best_controls(rows, data, place), final.choose(rows, data, place)
    if best is None or chosen is None:
        raise ValueError(f"suite: {name!r} needs the suites {NEEDED[place]} first, on the same data")
    pairs = [(row, control) for row, controls in best.items() for control in controls]
    # A margin without meaning against plain InfoNCE: what softening alone is worth.
    pairs += [(controls[-1], chosen.rival) for controls in best.values()]
    return tuple(dict.fromkeys(pairs))


def _test_cells(
    pairs: Sequence[tuple[str, str]], data: DataConfig, training: TrainingConfig
) -> tuple[Cell, ...]:
    losses = {**final.TRIED, **final.RIVALS, **video_teacher.TRIED, **MINILM, **VIDEO}
    teachers: dict[bool, TextTeacher] = {True: "wordllama", False: "minilm"}
    return tuple(
        Cell(name, losses[name], data, training, text_teacher=teachers[name.startswith("video")])
        for name in dict.fromkeys(name for pair in pairs for name in pair)
    )


def _round_one(data: DataConfig, rows: Sequence[Mapping[str, Any]], name: str) -> tuple[Cell, ...]:
    """Give round one's row on test, then its control at every beta on validation."""
    chosen = further.choose(rows, data)
    if chosen is None:
        raise ValueError(f"suite: {name!r} needs the suite 'further-choice' first, on the same data")
    row = Cell(chosen[0], further.CANDIDATES[chosen[0]], data, training_for(data))
    kind: Kind = "infonce-permuted" if row.loss.kind == "infonce-cmgsd" else "permuted"
    controls = [
        replace(
            row,
            name=f"{row.name}-{beta}-permuted",
            loss=replace(row.loss, kind=kind, beta=beta),
            measured="validation",
        )
        for beta in ROUND_ONE_BETAS
    ]
    return row, *controls


def _round_one_choice(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    _, *controls = _round_one(data, rows, "controls-further-choice")
    return Suite("controls-further-choice", tuple(controls), final.CHOICE_SEEDS)


def _round_one_final(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    row, *controls = _round_one(data, rows, "controls-further")
    scores = final.mean_scores(rows, controls, final.CHOICE_SEEDS)
    if scores is None:
        raise ValueError(
            "suite: 'controls-further' needs the suite 'controls-further-choice' first, on the same data"
        )
    best = max(controls, key=lambda cell: scores[cell.name])
    cells = (row, replace(best, measured="test"))
    return Suite("controls-further", cells, further.SEEDS, ((row.name, best.name),))


SUITES["controls-choice"] = _full_choice
SUITES["controls-anchors-choice"] = _anchors_choice
SUITES["controls-final"] = _full
SUITES["controls-1ka"] = _one_thousand
SUITES["controls-anchors"] = _anchors
SUITES["controls-further-choice"] = _round_one_choice
SUITES["controls-further"] = _round_one_final
