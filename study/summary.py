"""From the finished runs to all that is reported: one plain dictionary, which pages and chapters read."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cmgsd_lite.evaluation.intervals import holm, paired_interval, variance_components
from study import plan
from study.choice import Finished, chosen, key_of, score, stands_on, two_best
from study.losses import Base
from study.plan import Set
from study.runs import base_of, rows_of
from study.statistics import against_itself, coverage
from study.store import Store

Summary = dict[str, Any]
SHOWN = ("R@1", "R@5", "R@10", "nDCG", "mAP@R", "nDCG (category)", "mAP@R (category)", "R@10 v2t", "nDCG v2t")


@dataclass(frozen=True)
class Chosen:
    """What the choosing stage of a set came to.

    Args:
        values: Of every row's knob.
        base: The hinge, and InfoNCE's temperature.
        scores: Of every value that was tried, by row.
    """

    values: dict[str, float]
    base: Base
    scores: dict[str, dict[float, float]]

    @classmethod
    def of(cls, name: Set, finished: Finished) -> Chosen:
        """Apply the rule; a ``KeyError`` names a run that is missing."""
        plain, others = rows_of(name, plain=True), rows_of(name, plain=False)
        values = chosen(name, plain, None, finished)
        base = base_of(name, values, finished)
        values |= chosen(name, others, base, finished)
        scores = {
            row: {v: score(name, row, v, stands_on(row, base), finished) for v in plan.ROWS[row].values}
            for row in values
        }
        return cls(values, base, scores)

    def best(self, rows: Sequence[str]) -> str:
        """Return which of some rows has the highest score of choice."""
        return max(rows, key=lambda row: self.scores[row][self.values[row]])

    def resolve(self, name: str) -> str:
        """Turn a stand-in of the comparisons, or ``"hinge"``, into the row that it stands for."""
        rows = {
            plan.BEST_PLAIN: [r for r in self.values if plan.ROWS[r].group == "plain"],
            plan.BEST_RANDOM: ["random", "permuted"],
        }
        return self.base.hinge if name == "hinge" else self.best(rows[name]) if name in rows else name

    def key(self, stage: str, name: Set, row: str, seed: int, more: str = "") -> str:
        """The key of a run of a later stage."""
        return key_of(stage, name, row, self.values[row], seed, stands_on(row, self.base)) + more


def summarise(finished: Finished, store: Store) -> Summary:
    """Compute the report of all stages that are finished.

    Args:
        finished: By key.
        store: With the values of the runs that are compared.

    Returns:
        Plain values: ``sets`` by name, each with ``choice``, ``rows``, ``comparisons`` and what else was run
        on it; ``checks`` of the intervals; ``missing``, what is not finished.
    """
    found: Summary = {"schema": 1, "questions": plan.QUESTIONS, "changes": list(plan.CHANGES), "sets": {}}
    found["held out"] = {name: list(sizes) for name, sizes in plan.HELD_OUT.items()}
    missing = []
    for name in plan.MAIN:
        try:
            chose = Chosen.of(name, finished)
        except KeyError as error:
            missing.append(f"{name}: choose: {error.args[0]}")
            continue
        of_set: Summary = {"choice": _choice(name, chose, finished)}
        found["sets"][name] = of_set
        for part, make in (("confirm", _confirmed), *LATER[name].items()):
            try:
                of_set |= make(name, chose, finished, store)
            except KeyError as error:
                missing.append(f"{name}: {part}: {error.args[0]}")
    return {**found, "missing": missing}


def _choice(name: Set, chose: Chosen, finished: Finished) -> Summary:
    """What was tried, chosen, and found again on other seeds."""
    rows = {}
    for row, scores in chose.scores.items():
        best, second = two_best(name, row, stands_on(row, chose.base), finished)
        grid = sorted(plan.ROWS[row].values)
        entry = {
            "grid": plan.ROWS[row].grid,
            "value": best,
            "second": second,
            "at the edge": best in (grid[0], grid[-1]),
            "scores": {f"{value:g}": round(scores[value], 3) for value in grid},
        }
        try:
            again = [
                score(name, row, v, stands_on(row, chose.base), finished, "repeat") for v in (best, second)
            ]
            entry["again"] = [round(value, 3) for value in again]
            entry["repeats"] = again[0] >= again[1]
        except KeyError:
            pass  # the stage is not finished
        rows[row] = entry
    return {"base": asdict(chose.base), "rows": rows}


def _confirmed(name: Set, chose: Chosen, finished: Finished, store: Store) -> Summary:
    """Rows and named comparisons on the confirming videos, and the same on those that were seen."""
    seeds = plan.SEEDS["confirm"]
    keys = {row: [chose.key("confirm", name, row, seed) for seed in seeds] for row in chose.values}
    found: Summary = {"rows": {}, "comparisons": [], "pairs": {}}
    for row, of_row in keys.items():
        found["rows"][row] = {
            gallery: _means([finished[key]["metrics" if gallery == "confirm" else "seen"] for key in of_row])
            for gallery in ("confirm", "seen")
        } | {"seconds": round(statistics.median(finished[key]["training_seconds"] for key in of_row), 1)}
    for question, first, second in plan.COMPARISONS:
        a, b = chose.resolve(first), chose.resolve(second)
        found["comparisons"].append(
            {
                "question": question,
                "first": a,
                "second": b,
                "second stands for": second,
                "headline": list(plan.HEADLINE[name]),
                **{g: compare(store, keys[a], keys[b], g) for g in ("confirm", "seen")},
            }
        )
    _correct(found["comparisons"], plan.HEADLINE[name])
    stand_ins = {one: chose.resolve(one) for one in (plan.BEST_PLAIN, plan.BEST_RANDOM, "hinge")}
    references = (*stand_ins.values(), "permuted", "infonce", "hardest", "text", "directed+video")
    for reference in dict.fromkeys(references):
        found["pairs"][reference] = {
            row: compare(store, keys[row], keys[reference], "confirm") for row in keys if row != reference
        }
    found["stands for"] = stand_ins
    found["coverage"] = _coverage(name, found["comparisons"][0], keys, store)
    return found


def compare(store: Store, first: Sequence[str], second: Sequence[str], gallery: str) -> Summary:
    """Compare two rows on a gallery, metric by metric."""
    found = {}
    for metric in (name for name in SHOWN if name in store.metrics(first[0], gallery)):
        a, count = store.sums(first, gallery, metric)
        b, _ = store.sums(second, gallery, metric)
        interval = paired_interval(a, b, count)
        found[metric] = {
            "difference": round(interval.difference, 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
            "p": float(f"{interval.p:.3g}"),
        }
    return found


def _correct(comparisons: Sequence[Summary], metrics: Sequence[str]) -> None:
    """Holm over all named comparisons and headline metrics of a set, on the confirming videos."""
    entries = [one["confirm"][metric] for one in comparisons for metric in metrics]
    for entry, p in zip(entries, holm([entry["p"] for entry in entries]), strict=True):
        entry["holm"] = float(f"{p:.3g}")


def _coverage(name: Set, first: Summary, keys: Mapping[str, Sequence[str]], store: Store) -> Summary:
    """Components of the first comparison, and how often the interval holds in a world with them."""
    found = {}
    for metric in plan.HEADLINE[name]:
        a, count = store.sums(keys[first["first"]], "confirm", metric)
        b, _ = store.sums(keys[first["second"]], "confirm", metric)
        components = variance_components(a, b, count)
        found[metric] = {
            "components": {part: round(value, 4) for part, value in asdict(components).items()},
            "coverage": round(coverage(components, *a.shape), 1),
        }
    return found


def _frames(name: Set, chose: Chosen, finished: Finished, store: Store) -> Summary:
    return {"frames": _five("frames", "msrvtt-frames", chose, finished, store)}


def _rates(name: Set, chose: Chosen, finished: Finished, store: Store) -> Summary:
    rates: tuple[Set, ...] = ("minivtt-low", "minivtt-high")
    return {"rates": {rate: _five("rates", rate, chose, finished, store) for rate in rates}}


def _itself(name: Set, chose: Chosen, finished: Finished, store: Store) -> Summary:
    keys = [chose.key("a/a", name, chose.base.hinge, seed) for seed in plan.SEEDS["a/a"]]
    found = {}
    for metric in plan.HEADLINE[name]:
        total, count = store.sums(keys, "choose", metric)
        found[metric] = {k: round(v, 2) for k, v in against_itself(total, count).items()}
    return {"a/a": found}


def _five(stage: str, name: Set, chose: Chosen, finished: Finished, store: Store) -> Summary:
    """Rows and comparisons of a set that takes its settings over."""
    seeds = plan.SEEDS["frames" if stage == "frames" else "confirm"]
    rows = [chose.resolve(row) for row in plan.FIVE]
    keys = {row: [chose.key(stage, name, row, seed) for seed in seeds] for row in dict.fromkeys(rows)}
    hinge = chose.base.hinge
    return {
        "rows": {row: _means([finished[key]["metrics"] for key in of_row]) for row, of_row in keys.items()},
        "comparisons": [
            {"first": a, "second": b, "confirm": compare(store, keys[a], keys[b], "confirm")}
            for a, b in (("directed+video", hinge), ("directed+video", "permuted"), ("mask", hinge))
        ],
    }


def _factors(name: Set, chose: Chosen, finished: Finished, store: Store) -> Summary:
    seeds = plan.SEEDS["factors"]
    hinge = chose.base.hinge

    def keys(row: str, batch: int, noise: float = 0.0) -> list[str]:
        return [chose.key("factors", name, row, s, f"/batch {batch}/noise {noise:g}") for s in seeds]

    batches = {}
    for batch in plan.BATCHES:
        batches[str(batch)] = {
            against: compare(store, keys("directed+video", batch), keys(against, batch), "confirm")
            for against in (hinge, "permuted")
        }
    noises = {
        f"{noise:g}": compare(
            store, keys("directed+video", plan.BATCH, noise), keys(hinge, plan.BATCH), "confirm"
        )
        for noise in plan.NOISES
    }
    return {"batches": batches, "noises": noises}


LATER = {
    "msrvtt": {"a/a": _itself, "frames": _frames},
    "minivtt": {"rates": _rates, "factors": _factors},
}
"""What is made of the stages after the confirming one, on each set of ``MAIN``."""


def _means(metrics: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Mean and standard deviation over seeds, by metric."""
    return {
        name: [
            round(statistics.fmean(one[name] for one in metrics), 3),
            round(statistics.stdev(one[name] for one in metrics), 3),
        ]
        for name in metrics[0]
        if name in SHOWN
    }
