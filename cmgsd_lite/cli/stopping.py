"""Stopping a program: a signal ends it within seconds, with one line that says how to go on.

Loads next to nothing, so that it is there before anything that takes time to load.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any, Self

SECONDS = 2.0
"""How long a job may take to put away what it has; after that the process ends as it is."""
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def told_by_launcher(name: str) -> int:
    """A number that torchrun sets, of WORLD_SIZE, RANK and LOCAL_RANK; ValueError if it is none."""
    lowest = int(name == "WORLD_SIZE")
    told = os.environ.get(name, str(lowest))
    if not (told.isascii() and told.isdigit() and len(told) < 10 and int(told) >= lowest):
        raise ValueError(
            f"{name}: expected a whole number from {lowest} on, as torchrun sets it, got {told!r}"
        )
    return int(told)


class Stopped(KeyboardInterrupt):
    """A signal asked the job to stop."""


class Stoppable:
    """A job that signals stop, with a line on stderr that says where; while it is only being loaded, at once.

    The signals are listened to in a process that is there for this job alone (``program``); those of another
    one are not ours, and only its KeyboardInterrupt is heard.
    """

    def __init__(self, line: str, program: bool) -> None:
        self.line, self.program, self.code = line, program, 0
        self._loading = True
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Listen to signals, but not to those that who started this process has switched off."""
        for number in SIGNALS if self.program else []:
            # One of several processes is ended by its launcher, also where it waits for the others.
            together = number == signal.SIGTERM and os.environ.get("WORLD_SIZE", "1") != "1"
            if signal.getsignal(number) is not signal.SIG_IGN and not together:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def working(self) -> None:
        """Loading is over: from here on there may be something to put away."""
        self._loading = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """End a program that a signal stopped, whatever exception has come of it."""
        if self.code:
            # What others want done at the end, and no more: Python's own way out takes seconds after torch.
            atexit._run_exitfuncs()
            with suppress(OSError):
                sys.stdout.flush()
            self._end()
        if isinstance(error, KeyboardInterrupt):
            self.code = 128 + signal.SIGINT
            self._say()
            return True
        for number, handler in self._before.items():
            signal.signal(number, handler)
        return False

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.code = 128 + number
        for one in self._before:
            signal.signal(one, signal.SIG_IGN)  # a second one would only disturb
        if self._loading:
            self._end()
        import threading  # not above: it takes a while

        # The exception may be caught on its way by somebody who means well.
        timer = threading.Timer(SECONDS, self._end)
        timer.daemon = True
        timer.start()
        raise Stopped

    def _end(self) -> None:
        self._say()
        os._exit(self.code)

    def _say(self) -> None:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            sys.stderr.write(f"{self.line}\n")
            sys.stderr.flush()
