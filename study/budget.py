"""What the plan costs, before and while it is run."""

from __future__ import annotations

from collections import Counter

from study import plan
from study.choice import Finished
from study.plan import Set
from study.runs import rows_of


def planned() -> dict[tuple[Set, str], int]:
    """Count the runs of each set and stage.

    Example:
        >>> planned()["msrvtt", "a/a"]
        40
    """
    found: dict[tuple[Set, str], int] = {}
    for name in plan.MAIN:
        rows = [*rows_of(name, plain=True), *rows_of(name, plain=False)]
        found[name, "choose"] = sum(len(plan.ROWS[row].values) for row in rows) * len(plan.SEEDS["choose"])
        found[name, "repeat"] = 2 * len(rows) * len(plan.SEEDS["repeat"])
        found[name, "confirm"] = len(rows) * len(plan.SEEDS["confirm"])
    found["msrvtt", "a/a"] = len(plan.SEEDS["a/a"])
    found["msrvtt-frames", "frames"] = len(plan.FIVE) * len(plan.SEEDS["frames"])
    rates: tuple[Set, ...] = ("minivtt-low", "minivtt-high")
    for rate in rates:
        found[rate, "rates"] = len(plan.FIVE) * len(plan.SEEDS["confirm"])
    factors = len(plan.BATCHES) * len(plan.FACTOR_ROWS) + len(plan.NOISES) - 1
    found["minivtt", "factors"] = len(plan.SEEDS["factors"]) * factors
    return found


def format_budget(finished: Finished) -> str:
    """Write the plan in short: questions, sets, and the runs with their time on two cores.

    Args:
        finished: By key.

    Returns:
        Lines of text.
    """
    done = Counter((run["run"]["set"], run["run"]["stage"]) for run in finished.values())
    lines = [*plan.QUESTIONS.values(), ""]
    lines += [f"{name}: {says}" for name, says in plan.SETS.items()]
    lines += [f"{name}: held out: {a} to choose, {b} to confirm" for name, (a, b) in plan.HELD_OUT.items()]
    lines += [f"changed {date}: {what}" for date, what in plan.CHANGES]
    total = 0.0
    lines.append("")
    for (name, stage), runs in planned().items():
        minutes = runs * plan.SECONDS.get(name, plan.SECONDS["minivtt"]) / 60 / 2
        total += minutes
        lines.append(f"{name} {stage}: {runs} runs, {minutes:.0f} min; {done[name, stage]} finished")
    lines.append(f"in all: {sum(planned().values())} runs, {total / 60:.1f} hours on two cores")
    return "\n".join(lines)
