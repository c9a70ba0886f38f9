"""What the plan costs, before and while it is run."""

from __future__ import annotations

from collections import Counter

from study.choice import Finished
from study.plan import (
    BATCHES,
    CHANGES,
    FACTOR_ROWS,
    FIVE,
    HELD_OUT,
    MAIN,
    NOISES,
    QUESTIONS,
    ROWS,
    SECONDS,
    SEEDS,
    SETS,
    Set,
)
from study.runs import rows_of


def planned() -> dict[tuple[Set, str], int]:
    """Count the runs of each set and stage.

    Example:
        >>> planned()["msrvtt", "a/a"]
        40
    """
    found: dict[tuple[Set, str], int] = {}
    for name in MAIN:
        rows = [*rows_of(name, plain=True), *rows_of(name, plain=False)]
        found[name, "choose"] = sum(len(ROWS[row].values) for row in rows) * len(SEEDS["choose"])
        found[name, "repeat"] = 2 * len(rows) * len(SEEDS["repeat"])
        found[name, "confirm"] = len(rows) * len(SEEDS["confirm"])
    found["msrvtt", "a/a"] = len(SEEDS["a/a"])
    found["msrvtt-frames", "frames"] = len(FIVE) * len(SEEDS["frames"])
    rates: tuple[Set, ...] = ("minivtt-low", "minivtt-high")
    for rate in rates:
        found[rate, "rates"] = len(FIVE) * len(SEEDS["confirm"])
    found["minivtt", "factors"] = len(SEEDS["factors"]) * (len(BATCHES) * len(FACTOR_ROWS) + len(NOISES) - 1)
    return found


def format_budget(finished: Finished) -> str:
    """Write the plan in short: questions, sets, and the runs with their time on two cores.

    Args:
        finished: By key.

    Returns:
        Lines of text.
    """
    done = Counter((run["run"]["set"], run["run"]["stage"]) for run in finished.values())
    lines = [*QUESTIONS.values(), ""]
    lines += [f"{name}: {says}" for name, says in SETS.items()]
    lines += [
        f"{name}: {a} videos held out for choosing, {b} for confirming" for name, (a, b) in HELD_OUT.items()
    ]
    lines += [f"changed {date}: {what}" for date, what in CHANGES]
    total = 0.0
    lines.append("")
    for (name, stage), runs in planned().items():
        minutes = runs * SECONDS.get(name, SECONDS["minivtt"]) / 60 / 2
        total += minutes
        lines.append(f"{name} {stage}: {runs} runs, {minutes:.0f} min; {done[name, stage]} finished")
    lines.append(f"in all: {sum(planned().values())} runs, {total / 60:.1f} hours on two cores")
    return "\n".join(lines)
