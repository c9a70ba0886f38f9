"""Plugin of pytest for the nbval runs: how long each notebook took against the time that its header states.

Loaded with ``-p tests.notebooks.nbval_times``. The slack is generous, so that a busy machine does not
fail a good notebook; a notebook that has become several times slower does.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.chapters import ROOT, stated_seconds

FACTOR, START = 6, 60
"""A notebook may take this many times its stated time, and this many seconds for starting and comparing."""


def limit(stated: int | None) -> float:
    """Return the seconds that a notebook may take; none are stated: none are checked."""
    return float("inf") if stated is None else FACTOR * stated + START


class NotebookTimes:
    """Adds up the durations of a notebook's cells."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.split("::")[0]
        if name.endswith(".ipynb"):
            self.seconds[name] += report.duration

    def late(self) -> list[str]:
        return [name for name, seconds in self.seconds.items() if seconds > limit(self.stated(name))]

    def stated(self, name: str) -> int | None:
        path = Path(name) if Path(name).is_absolute() else ROOT / name
        return stated_seconds(nbformat.read(path, as_version=4)) if path.is_file() else None

    def lines(self) -> Iterator[str]:
        for name, seconds in sorted(self.seconds.items()):
            verdict = "TOO SLOW" if name in self.late() else "ok"
            yield f"{name}: {seconds:.0f} s, header: about {self.stated(name)} s, {verdict}"
        yield f"all: {sum(self.seconds.values()):.0f} s of kernels"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.late() and not hasattr(session.config, "workerinput"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.seconds:
            terminalreporter.section("time of each notebook")
            for line in self.lines():
                terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(NotebookTimes(), "notebook-times")
