"""What the study found, looked up by the names of its data sets, rows and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmgsd_lite.course.results import load_result

Difference = Mapping[str, float]
"""``difference``, ``low`` and ``high``, in percentage points."""


@dataclass(frozen=True)
class Study:
    """The study's summary, as ``python -m study report`` wrote it.

    Args:
        summary: Content of ``study.json``.

    Example:
        >>> Study.load().row("msrvtt", "hinge")  # doctest: +SKIP
        'smooth'
    """

    summary: Mapping[str, Any]

    @classmethod
    def load(cls) -> Study:
        """Read the summary that came with the package."""
        return cls(load_result("study.json"))

    def row(self, data: str, name: str) -> str:
        """Turn ``"hinge"``, ``"best plain"`` or ``"best random"`` into the row that it stands for."""
        stands: str = self.summary["sets"][data].get("stands for", {}).get(name, name)
        return stands

    def difference(self, data: str, first: str, second: str, metric: str) -> Difference:
        """Look up ``first`` minus ``second`` on the confirming videos; ``KeyError`` if there is none."""
        pairs = self.summary["sets"][data]["pairs"][self.row(data, second)]
        found: Difference = pairs[self.row(data, first)][metric]
        return found

    def seen(self, data: str, first: str, second: str, metric: str) -> Difference:
        """Look up a named comparison on the official test videos; ``KeyError`` if there is none."""
        rows = (self.row(data, first), self.row(data, second))
        for one in self.summary["sets"][data]["comparisons"]:
            if (one["first"], one["second"]) == rows:
                found: Difference = one["seen"][metric]
                return found
        raise KeyError(f"{rows[0]} against {rows[1]}")

    def mean(self, data: str, row: str, metric: str) -> float:
        """Mean of a row over the seeds, on the confirming videos."""
        found: float = self.summary["sets"][data]["rows"][self.row(data, row)]["confirm"][metric][0]
        return found

    def scores(self, data: str, row: str) -> dict[float, float]:
        """Score of choice (R@10 + nDCG, on the videos for choosing) by value of the row's knob."""
        rows = self.summary["sets"][data]["choice"]["rows"]
        return {float(value): score for value, score in rows[self.row(data, row)]["scores"].items()}

    def best_score(self, data: str, row: str) -> float:
        """The highest of a row's ``scores``."""
        return max(self.scores(data, row).values())

    def knob(self, data: str, row: str) -> float:
        """The value that was chosen."""
        found: float = self.summary["sets"][data]["choice"]["rows"][self.row(data, row)]["value"]
        return found


def in_words(found: Difference) -> str:
    """Write a difference with its interval, and what the interval lets one say.

    Args:
        found: ``difference``, ``low`` and ``high``.

    Source:
        ours.

    Example:
        >>> in_words({"difference": 0.5, "low": -0.1, "high": 1.1})
        '+0.50 [-0.10, +1.10] open'
    """
    said = "above" if found["low"] > 0 else "below" if found["high"] < 0 else "open"
    return f"{interval(found)} {said}"


def interval(found: Difference) -> str:
    """Write a difference and its interval.

    Args:
        found: ``difference``, ``low`` and ``high``.

    Source:
        ours.

    Example:
        >>> interval({"difference": 0.5, "low": -0.1, "high": 1.1})
        '+0.50 [-0.10, +1.10]'
    """
    return f"{found['difference']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]"
