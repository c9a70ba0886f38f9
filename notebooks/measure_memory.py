"""What the course asks of a hub: memory of each chapter, and of all chapters left open (docs/HUBS.md).

``python notebooks/measure_memory.py [12 13]`` (Linux) runs the solved chapters one after the other and ends
no kernel, as learners do who close a tab. A chapter's memory is that of its processes at their peak; of
processes side by side, the file pages that all of them share (torch's libraries) count once.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path

import nbformat
from build import SilentOutput, sources, target
from nbclient import NotebookClient

MEGABYTE = 1e6
SECONDS_BETWEEN = 0.25


def descendants(parent: int) -> set[int]:
    """All processes that a process has started, and those that they have."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended while we looked
            continue
    found = {parent}
    while more := {child for child, one in parents.items() if one in found} - found:
        found |= more
    return found - {parent}


def resident(process: int) -> tuple[int, int]:
    """Resident memory of a process in bytes: its own, and of files that others may share."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
    return sizes["Anonymous"], sizes["Rss"] - sizes["Anonymous"]


def together(sizes: list[tuple[int, int]]) -> int:
    """Memory of several processes, the file pages of the largest counted once."""
    return sum(own for own, _ in sizes) + max((shared for _, shared in sizes), default=0)


class Watch(threading.Thread):
    """Keeps the largest memory of what was started since, and of everything."""

    def __init__(self, before: set[int]) -> None:
        super().__init__(daemon=True)
        self.before, self.chapter, self.all, self._done = before, 0, 0, threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._done.wait(SECONDS_BETWEEN):
            sizes = {process: resident(process) for process in descendants(os.getpid())}
            mine = [size for process, size in sizes.items() if process not in self.before]
            self.chapter = max(self.chapter, together(mine))
            self.all = max(self.all, together(list(sizes.values())))

    def stop(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()


def main() -> None:
    """Run every chapter and print a line for each."""
    os.environ["OMP_NUM_THREADS"] = "1"
    print("chapter                        peak MB   all open MB", flush=True)
    largest, kept = 0, []  # a client that is kept keeps its kernel
    for script in sources(prefixes=sys.argv[1:]):
        path = target(script, "solved")
        watch = Watch(descendants(os.getpid()))
        watch.start()
        with tempfile.TemporaryDirectory() as folder:
            notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
            client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": folder}})
            client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": SilentOutput}}
            client.execute(cleanup_kc=False)
            kept.append(client)
        watch.stop()
        largest = max(largest, watch.all)
        print(f"{path.stem:30s} {watch.chapter / MEGABYTE:7.0f} {watch.all / MEGABYTE:13.0f}", flush=True)
    print(f"{'all chapters left open':38s} {largest / MEGABYTE:13.0f}", flush=True)


if __name__ == "__main__":
    main()
