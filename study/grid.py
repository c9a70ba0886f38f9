"""Which runs a study is made of: cells (a loss on some data with some settings), and suites of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from cmgsd_lite.losses.hinge import Reduction
from cmgsd_lite.models import Kind
from cmgsd_lite.training import TrainingConfig
from cmgsd_lite.training.conditions import LossConfig
from cmgsd_lite.training.experiment import DataConfig
from study.text_teachers import TextTeacher

SOURCES_OF: dict[str, tuple[str, float | str, tuple[str, ...] | None]] = {
    # name: (what it is, schedule, sources)
    "static-text": ("frozen text teacher", "static", ("text_static",)),
    "static-video": ("frozen video teacher", "static", ("video_static",)),
    "static": ("both frozen teachers", "static", None),
    "dynamic-text": ("the model's own texts", "dynamic", ("text_dynamic",)),
    "dynamic-video": ("the model's own videos", "dynamic", ("video_dynamic",)),
    "dynamic": ("the model's own embeddings", "dynamic", None),
    "both": ("teachers and model, equal weights throughout", 0.5, None),
    "ramp": ("teachers first, the model later", "ramp", None),
}
"""Where the distances come from, by the name used in a condition's name."""


@dataclass(frozen=True)
class Cell:
    """One condition of a study with everything that defines its runs but the seed.

    Args:
        name: Of the condition.
        loss: Settings of the loss.
        data: Which data.
        training: Settings of the training; its seed is replaced by the run's.
        model: Kind of model.
        text_teacher: Encoder of the static text teacher; what the model reads stays WordLlama.
        teacher_noise: Standard deviation of the noise on the static teachers, in standard deviations of each
            of their dimensions.
        measured: Split that is measured: choices are made on ``"validation"``, never on ``"test"``.
        factor: What differs from the headline, such as ``"beta=0.1"``; for tables alone.

    Example:
        >>> Cell("infonce", LossConfig("infonce")).label
        'infonce'
    """

    name: str
    loss: LossConfig
    data: DataConfig = field(default_factory=DataConfig)
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=20))
    model: Kind = "mean-pool"
    text_teacher: TextTeacher = "wordllama"
    teacher_noise: float = 0.0
    measured: Literal["test", "validation"] = "test"
    factor: str = ""

    @property
    def measured_on(self) -> str:
        """Which videos were measured: ``"validation"``, ``"test"`` or ``"held out"`` of training."""
        return "held out" if self.measured == "test" and self.data.held_out else self.measured

    @property
    def label(self) -> str:
        """Name and factor."""
        return f"{self.name} [{self.factor}]" if self.factor else self.name

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the numbers, as JSON has it: no names, and of a folder its last part alone."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        del plain["name"], plain["factor"], plain["training"]["seed"]
        if self.data.data != "minivtt":
            plain["data"]["data"] = Path(self.data.data).resolve().name
        return plain

    @property
    def key(self) -> str:
        """Fingerprint of the settings: equal for runs that must give the same numbers."""
        text = json.dumps(self.settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Suite:
    """Cells that are run with the same seeds and reported together.

    Args:
        name: Of the suite.
        cells: In the order of the table.
        seeds: Of the paired runs.
        comparisons: Pairs of names (a, b): the difference a - b gets an interval within every factor.
        apart: Protocol whose test videos prompted the suite: the comparisons are made a second time without
            those videos' queries (the gallery stays whole).

    Example:
        >>> suite("smoke", DataConfig()).name
        'smoke'
    """

    name: str
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    comparisons: tuple[tuple[str, str], ...] = ()
    apart: str = ""


def suite(name: str, data: DataConfig, rows: Sequence[Mapping[str, Any]] = ()) -> Suite:
    """Build a named suite.

    Args:
        name: One of ``SUITES``.
        data: On which data; the factors of the embedded world exist only there.
        rows: Finished runs, for the suites that depend on a choice made on validation.

    Returns:
        The suite.

    Raises:
        ValueError: On an unknown name, or if a choice can not be made yet.

    Source:
        ours (docs/METHOD.md, sections 4 and 6).

    Example:
        >>> len(suite("headline", DataConfig()).seeds)
        5
    """
    if name not in SUITES:
        raise ValueError(f"suite: expected one of {', '.join(SUITES)}, got {name!r}")
    return SUITES[name](data, rows)


def cmgsd(
    reduction: Reduction | Literal["infonce"], distances: str, permuted: bool = False, **changes: Any
) -> tuple[str, LossConfig]:
    """Name and settings of an adaptive margin or of its permuted control.

    Args:
        reduction: Of the hinge, or ``"infonce"``.
        distances: One of ``SOURCES_OF``.
        permuted: Whether the control is meant.
        changes: Further settings of ``LossConfig``.

    Returns:
        Name and settings.

    Raises:
        KeyError: On unknown distances.

    Source:
        ours.

    Example:
        >>> cmgsd(4, "ramp", permuted=True)[0]
        'cmgsd-4-ramp-permuted'
    """
    _, schedule, sources = SOURCES_OF[distances]
    prefix = "infonce" if reduction == "infonce" else f"cmgsd-{reduction}"
    kinds = ("infonce-cmgsd", "infonce-permuted") if reduction == "infonce" else ("cmgsd", "permuted")
    settings: dict[str, Any] = {"schedule": schedule, "sources": sources, **changes}
    if reduction != "infonce":
        settings["reduction"] = reduction
    config = LossConfig(kinds[permuted], **settings)  # type: ignore[arg-type]
    return f"{prefix}-{distances}{'-permuted' if permuted else ''}", config


PLAIN = {
    "fixed-mean": LossConfig("fixed", reduction="mean"),
    "fixed-hardest": LossConfig("fixed", reduction="hardest"),
    "fixed-4": LossConfig("fixed", reduction=4),
    "fixed-8": LossConfig("fixed", reduction=8),
    "fixed-smooth": LossConfig("fixed", reduction="smooth"),
    "infonce": LossConfig("infonce"),
}
"""The losses without any adaptive margin."""

TRUTH = {
    "oracle-hardest": LossConfig("oracle", reduction="hardest"),
    "oracle-4": LossConfig("oracle", reduction=4),
    "oracle-smooth": LossConfig("oracle", reduction="smooth"),
    "mask-hardest": LossConfig("mask", base="hinge", reduction="hardest"),
    "mask-4": LossConfig("mask", base="hinge", reduction=4),
    "mask-infonce": LossConfig("mask", base="infonce"),
}
"""Controls that know the truth, on the embedded world alone."""

Pair = tuple[str, LossConfig]

TUNED_ROWS: tuple[tuple[Reduction | Literal["infonce"], str], ...] = (
    *(("hardest", distances) for distances in SOURCES_OF),
    (4, "ramp"),
    ("smooth", "ramp"),
    ("infonce", "ramp"),
)
"""Adaptive rows that get, like their controls, their own best beta: every source under one reduction."""

TUNED_ROWS_ON_REAL_DATA: tuple[tuple[Reduction | Literal["infonce"], str], ...] = tuple(
    (4, distances) for distances in SOURCES_OF
)
"""There a run takes four times as long: every source under the four hardest, and no other reduction."""

TUNED: dict[str, tuple[str, tuple[float, ...], LossConfig]] = {
    # name: (setting, its five values, the rest)
    "fixed-4": ("margin", (0.1, 0.2, 0.3, 0.4, 0.6), PLAIN["fixed-4"]),
    "fixed-smooth": ("margin", (0.05, 0.1, 0.2, 0.3, 0.4), PLAIN["fixed-smooth"]),
    "infonce": ("temperature", (0.03, 0.05, 0.07, 0.1, 0.15), PLAIN["infonce"]),
    **{
        name: ("beta", (0.025, 0.05, 0.1, 0.2, 0.4), config)
        for name, config in (
            cmgsd(reduction, distances, permuted)
            for reduction, distances in dict.fromkeys((*TUNED_ROWS, *TUNED_ROWS_ON_REAL_DATA))
            for permuted in (False, True)
        )
    },
    "guided-mask": ("strength", (0.001, 0.005, 0.02, 0.05, 0.1), LossConfig("guided-mask")),
    "caption-threshold": ("strength", (0.6, 0.7, 0.8, 0.9, 0.95), LossConfig("caption-threshold")),
    "drop-triple": (
        "strength",
        (0.45, 0.6, 0.75, 0.9, 0.95),
        LossConfig("drop-triple", base="hinge", reduction="hardest"),
    ),
    "mean-margin": ("strength", (0.1, 0.3, 0.5, 0.7, 0.9), LossConfig("mean-margin")),
    "debiased": ("strength", (0.001, 0.003, 0.01, 0.03, 0.1), LossConfig("debiased")),
    "relevance-target": ("temperature", (0.05,), LossConfig("relevance-target")),
}
"""Every method with the same small budget: five values of one setting (the last has none to choose)."""

TUNING_SEEDS = (100, 101)
"""Apart from those of the reported runs, so that a choice does not profit from a lucky seed twice."""


def tuned_methods(data: DataConfig) -> dict[str, tuple[str, tuple[float, ...], LossConfig]]:
    """Return which of ``TUNED`` are tuned: the adaptive rows differ between MiniVTT and real data."""
    rows = TUNED_ROWS if data.data == "minivtt" else TUNED_ROWS_ON_REAL_DATA
    adaptive = {cmgsd(r, d, permuted)[0] for r, d in rows for permuted in (False, True)}
    return {n: tuned for n, tuned in TUNED.items() if tuned[0] != "beta" or n in adaptive}


def chosen_settings(rows: Sequence[Mapping[str, Any]], data: DataConfig) -> dict[str, float]:
    """Choose each tuned method's setting by the mean validation score over the tuning seeds.

    Args:
        rows: Finished runs, those of the suite ``"tuning"`` among them.
        data: Whose.

    Returns:
        Value by method, for the methods all of whose values have been run with all tuning seeds.

    Source:
        ours.

    Example:
        >>> chosen_settings([], DataConfig())
        {}
    """
    scores = {(row["key"], row["seed"]): float(row["validation_score"]) for row in rows}
    best = {}
    for name, (setting, values, config) in tuned_methods(data).items():
        by_value = {}
        for value in values:
            key = _tuning_cell(name, setting, value, config, data).key
            found = [scores.get((key, seed)) for seed in TUNING_SEEDS]
            by_value[value] = [score for score in found if score is not None]
        if all(len(found) == len(TUNING_SEEDS) for found in by_value.values()):
            best[name] = max(by_value, key=lambda value: sum(by_value[value]))
    return best


def training_for(data: DataConfig) -> TrainingConfig:
    """Return the epochs of the main job: 20 on the embedded world, 30 elsewhere."""
    return TrainingConfig(epochs=20 if data.data == "minivtt" else 30)


def _cells(losses: Mapping[str, LossConfig], data: DataConfig, **changes: Any) -> list[Cell]:
    settings = {"training": training_for(data), **changes}
    return [Cell(name, loss, data, **settings) for name, loss in losses.items()]


def _with_controls(pairs: Sequence[tuple[Reduction | Literal["infonce"], str]]) -> dict[str, LossConfig]:
    return dict(cmgsd(r, d, permuted) for r, d in pairs for permuted in (False, True))


def _against_permuted(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    names = list(dict.fromkeys(cell.name for cell in cells))
    return [(name, f"{name}-permuted") for name in names if f"{name}-permuted" in names]


def _smoke(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    losses = {"fixed-hardest": PLAIN["fixed-hardest"], **_with_controls([("hardest", "ramp")])}
    cells = _cells(losses, data, training=TrainingConfig(epochs=2))
    return Suite("smoke", tuple(cells), (0, 1), (("cmgsd-hardest-ramp", "cmgsd-hardest-ramp-permuted"),))


def _headline(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    losses = dict(PLAIN)
    if data.data == "minivtt":
        losses |= _with_controls([("hardest", distances) for distances in SOURCES_OF])
        losses |= _with_controls([(4, d) for d in ("static-text", "static", "dynamic", "ramp")])
        losses |= _with_controls([("smooth", "ramp"), ("infonce", "ramp")])
        losses["cmgsd-hardest-ramp-reversed"] = cmgsd("hardest", "ramp", beta=-0.05)[1]
        losses["cmgsd-4-ramp-reversed"] = cmgsd(4, "ramp", beta=-0.05)[1]
        losses |= TRUTH
    else:
        losses |= _with_controls([(4, distances) for distances in SOURCES_OF])
        losses |= _with_controls([("hardest", "ramp"), ("smooth", "ramp"), ("infonce", "ramp")])
    cells = _cells(losses, data)
    comparisons = _headline_comparisons(cells)
    if data.data != "minivtt":
        comparisons += tuple((f"cmgsd-4-{distances}", "infonce") for distances in SOURCES_OF)
    return Suite("headline", tuple(cells), (0, 1, 2, 3, 4), tuple(dict.fromkeys(comparisons)))


def _headline_comparisons(cells: Sequence[Cell]) -> tuple[tuple[str, str], ...]:
    """Adaptivity (against permuted), softening (permuted against fixed), and against the plain losses."""
    names = {cell.name for cell in cells}
    wanted = _against_permuted(cells)
    for reduction in ("hardest", "4", "smooth"):
        wanted.append((f"cmgsd-{reduction}-ramp-permuted", f"fixed-{reduction}"))
        wanted.append((f"oracle-{reduction}", f"cmgsd-{reduction}-ramp-permuted"))
        wanted.append((f"cmgsd-{reduction}-ramp", f"cmgsd-{reduction}-ramp-reversed"))
        wanted.append((f"mask-{reduction}", f"fixed-{reduction}"))
    wanted += [("mask-infonce", "infonce"), ("infonce-ramp", "infonce")]
    wanted += [("cmgsd-hardest-ramp", f"cmgsd-hardest-{other}") for other in ("static", "dynamic", "both")]
    wanted += [("cmgsd-4-ramp", f"cmgsd-4-{other}") for other in ("static", "dynamic", "both")]
    wanted += [("cmgsd-4-ramp", "infonce"), ("cmgsd-4-ramp", "fixed-smooth"), ("cmgsd-4-static", "infonce")]
    return tuple(dict.fromkeys(pair for pair in wanted if set(pair) <= names))


_FACTOR_LOSSES: tuple[Callable[[], Pair], ...] = (
    lambda: ("fixed-hardest", PLAIN["fixed-hardest"]),
    lambda: cmgsd("hardest", "ramp"),
    lambda: cmgsd("hardest", "ramp", permuted=True),
    lambda: ("fixed-4", PLAIN["fixed-4"]),
    lambda: cmgsd(4, "ramp"),
    lambda: cmgsd(4, "ramp", permuted=True),
)


def _factors(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    if data.data != "minivtt":
        raise ValueError("suite: the factors vary the embedded world; expected --data minivtt")
    base = dict(make() for make in _FACTOR_LOSSES)
    adaptive = {name: config for name, config in base.items() if name.startswith("cmgsd")}
    cells: list[Cell] = []
    for rate in ("low", "default", "high"):
        world = data if rate == "default" else replace(data, protocol=rate)
        oracle = {"oracle-hardest": TRUTH["oracle-hardest"], "oracle-4": TRUTH["oracle-4"]}
        losses = {**base, **oracle, "infonce": PLAIN["infonce"]}
        cells += _cells(losses, world, factor=f"false negatives={rate}")
    for beta in (0.0125, 0.025, 0.05, 0.1, 0.2):
        cells += _cells({n: replace(c, beta=beta) for n, c in adaptive.items()}, data, factor=f"beta={beta}")
    static = _with_controls([("hardest", "static"), (4, "static")])
    for noise in (0.0, 1.0, 3.0):
        cells += _cells(static, data, teacher_noise=noise, factor=f"teacher noise={noise}")
    for size in (32, 128, 256):
        training = replace(training_for(data), batch_size=size)
        cells += _cells(base, data, training=training, factor=f"batch size={size}")
    wanted = _against_permuted(cells) + [
        ("cmgsd-hardest-ramp-permuted", "fixed-hardest"),
        ("cmgsd-4-ramp-permuted", "fixed-4"),
        ("oracle-hardest", "cmgsd-hardest-ramp-permuted"),
        ("oracle-4", "cmgsd-4-ramp-permuted"),
        ("cmgsd-4-ramp", "infonce"),
    ]
    return Suite("factors", tuple(cells), (0, 1, 2), tuple(wanted))


def _tuning_cell(name: str, setting: str, value: float, config: LossConfig, data: DataConfig) -> Cell:
    loss = replace(config, **{setting: value})  # type: ignore[arg-type]
    return Cell(name, loss, data, training_for(data), measured="validation", factor=f"{setting}={value}")


def _tuning(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    cells = [
        _tuning_cell(name, setting, value, config, data)
        for name, (setting, values, config) in tuned_methods(data).items()
        for value in values
    ]
    return Suite("tuning", tuple(cells), TUNING_SEEDS)


def _tuned(data: DataConfig, rows: Sequence[Mapping[str, Any]]) -> Suite:
    best = chosen_settings(rows, data)
    missing = [name for name in tuned_methods(data) if name not in best]
    if missing:
        raise ValueError(f"suite: 'tuned' needs the suite 'tuning' first; not yet run: {', '.join(missing)}")
    losses = {
        name: replace(TUNED[name][2], **{TUNED[name][0]: value})  # type: ignore[arg-type]
        for name, value in best.items()
    }
    cells = _cells(losses, data)
    wanted = _against_permuted(cells)
    wanted += [(name, "infonce") for name in losses if name != "infonce"]  # a margin without meaning too
    return Suite("tuned", tuple(cells), (0, 1, 2, 3, 4), tuple(wanted))


SUITES: dict[str, Callable[[DataConfig, Sequence[Mapping[str, Any]]], Suite]] = {
    "smoke": _smoke,
    "headline": _headline,
    "factors": _factors,
    "tuning": _tuning,
    "tuned": _tuned,
}
"""The suites by name; ``cmgsd_lite.study.further`` adds its two."""
