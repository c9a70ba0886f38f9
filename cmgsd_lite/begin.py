"""The first lines of ``python -m cmgsd_lite``: until ``cli.stopping`` is there, a signal is one line."""

import _signal  # type: ignore[import-not-found]  # there from Python's start; signal takes longer than all of this
import os


def _stopped(number: int, frame: object) -> None:
    os.write(2, b"cmgsd_lite: stopped\n")
    os._exit(128 + number)


for _name in () if "WORLD_SIZE" in os.environ else ("SIGINT", "SIGTERM", "SIGHUP"):
    _number = getattr(_signal, _name, None)
    if _number is not None and _signal.getsignal(_number) != _signal.SIG_IGN:
        _signal.signal(_number, _stopped)
