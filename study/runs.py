"""Which runs the plan asks for, as far as finished ones let one say: later stages need earlier choices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from study import plan
from study.benches import Part
from study.choice import Finished, chosen, key_of, score, stands_on, two_best
from study.losses import Base
from study.plan import Set

Stage = Literal["choose", "repeat", "confirm", "a/a", "rates", "factors", "frames"]


@dataclass(frozen=True)
class Run:
    """One training of the study.

    Args:
        stage: What it is for.
        set: Of ``SETS``.
        row: Of ``ROWS``.
        value: Of the row's knob.
        seed: Of initialisation, batches, captions and dropout.
        base: What was chosen before; None for plain rows.
        batch: Pairs in a batch.
        epochs: Passes over the training videos.
        noise: On the teacher, in the spread of its distances.
    """

    stage: Stage
    set: Set
    row: str
    value: float
    seed: int
    base: Base | None
    epochs: int
    batch: int
    noise: float = 0.0

    @property
    def key(self) -> str:
        """A name that no other run has; the base is part of it, for another base is another loss."""
        more = f"/batch {self.batch}/noise {self.noise:g}" if self.stage == "factors" else ""
        return key_of(self.stage, self.set, self.row, self.value, self.seed, self.base) + more

    @property
    def part(self) -> Part:
        """Which held-out videos it is measured on."""
        return "choose" if self.stage in ("choose", "repeat", "a/a") else "confirm"

    def plain(self) -> dict[str, Any]:
        """Return its settings for a file."""
        return asdict(self)


def rows_of(name: Set, *, plain: bool) -> list[str]:
    """Return the plain rows of a set, or the others."""
    return [r for r, row in plan.ROWS.items() if name in row.sets and (row.group == "plain") == plain]


def wanted(finished: Finished) -> list[Run]:
    """List the runs that can be listed, stage by stage; seeds outside, so that pairs end together.

    Args:
        finished: By key. Without it only the first stage can be listed.

    Example:
        >>> {run.row for run in wanted({})} == {"hardest", "8-hardest", "smooth", "infonce"}
        True
    """
    runs = [run for name in plan.MAIN for run in _of_set(name, finished)]
    return sorted(runs, key=lambda run: run.stage == "frames")  # the slowest last


def _of_set(name: Set, finished: Finished) -> Iterator[Run]:
    plain = rows_of(name, plain=True)
    first = list(_tries(name, plain, None))
    yield from first
    if not all(run.key in finished for run in first):
        return
    values = chosen(name, plain, None, finished)
    base = base_of(name, values, finished)
    others = rows_of(name, plain=False)
    second = list(_tries(name, others, base))
    yield from second
    if not all(run.key in finished for run in second):
        return
    values |= chosen(name, others, base, finished)
    for seed in plan.SEEDS["repeat"]:
        for row in values:
            for value in two_best(name, row, stands_on(row, base), finished):
                yield _run("repeat", name, row, value, seed, base)
    for seed in plan.SEEDS["confirm"]:
        for row, value in values.items():
            yield _run("confirm", name, row, value, seed, base)
    yield from _later(name, values, base)


def base_of(name: Set, values: Mapping[str, float], finished: Finished) -> Base:
    """Return the hinge that won, at its value, and InfoNCE's temperature."""
    hinge = max(plan.HINGES, key=lambda row: score(name, row, values[row], None, finished))
    return Base(hinge, values[hinge], values["infonce"])


def _later(name: Set, values: Mapping[str, float], base: Base) -> Iterator[Run]:
    hinge = base.hinge
    if name == "msrvtt":
        for seed in plan.SEEDS["a/a"]:
            yield _run("a/a", name, hinge, values[hinge], seed, base)
        for seed in plan.SEEDS["frames"]:
            for row in plan.FIVE:
                row = hinge if row == "hinge" else row
                yield _run("frames", "msrvtt-frames", row, values[row], seed, base)
        return
    rates: tuple[Set, ...] = ("minivtt-low", "minivtt-high")
    for rate in rates:
        for seed in plan.SEEDS["confirm"]:
            for row in plan.FIVE:
                row = hinge if row == "hinge" else row
                yield _run("rates", rate, row, values[row], seed, base)
    for seed in plan.SEEDS["factors"]:
        for batch, epochs in plan.BATCHES.items():
            for row in plan.FACTOR_ROWS:
                row = hinge if row == "hinge" else row
                yield _run("factors", name, row, values[row], seed, base, batch=batch, epochs=epochs)
        for noise in plan.NOISES[1:]:
            row = "directed+video"
            yield _run("factors", name, row, values[row], seed, base, noise=noise)


def _tries(name: Set, rows: list[str], base: Base | None) -> Iterator[Run]:
    for seed in plan.SEEDS["choose"]:
        for row in rows:
            for value in plan.ROWS[row].values:
                yield _run("choose", name, row, value, seed, base)


def _run(stage: Stage, name: Set, row: str, value: float, seed: int, base: Base | None, **more: Any) -> Run:
    more.setdefault("batch", plan.BATCH)
    more.setdefault("epochs", plan.EPOCHS[name.split("-")[0]])
    return Run(stage, name, row, value, seed, stands_on(row, base), **more)
