"""Processes that work for one: they end with it, whatever ends it, and leave signals to it.

A process imports this file first, and what it is to do, with torch, after that: from its first moments on it
notices the end of its parent.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.queues import Queue, SimpleQueue
from types import TracebackType
from typing import Any

from cmgsd_lite.runtime import require

SIGNALS = [  # as cli.stopping has them
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class _Process(SpawnProcess):
    """Ended without a word: of SIGTERM it would tell its parent."""

    def terminate(self) -> None:
        """End it as ``kill`` does; a pool of which one has died ends the others so."""
        self.kill()


class _Context(SpawnContext):
    Process = _Process


class Workers(ProcessPoolExecutor):
    """A pool of processes; leaving its ``with`` by an exception kills them.

    Spawned, not forked: the same on every system, and no half-copied thread pools. ``start``, of a module, is
    called in each of them first. The ``with`` raises what that raised, or ChildProcessError if a process was
    ended from outside.
    """

    def __init__(self, count: int, start: Callable[..., object], *arguments: Any) -> None:
        self._others = set(multiprocessing.active_children())
        context = _Context()
        # Not as initargs: who starts a process would wait, deaf to signals, until it has read them all.
        with _signals_held():  # by Python's own helper process too, which starts here and would hear SIGHUP
            work, self._failed = context.Queue(), context.SimpleQueue()
        work.cancel_join_thread()
        for _ in range(count):
            work.put((start, arguments))
        super().__init__(count, context, _begin, (work, self._failed))

    def submit(self, function: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """Give the processes something to do; as of ``ProcessPoolExecutor``."""
        with _signals_held():  # it may start a process, which has them held until it knows what to do
            return super().submit(function, *given, **named)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Wait for the processes, or end them after an exception."""
        if error is not None:
            for child in set(multiprocessing.active_children()) - self._others:
                child.kill()
            self.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            if not self._failed.empty():
                raise self._failed.get() from error
            raise ChildProcessError(
                "a worker process was ended from outside, perhaps for want of memory; fewer --jobs take less"
            ) from error
        return super().__exit__(kind, error, trace)


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that come while a process is started are heard afterwards; the new process begins deaf to them.

    The mask is what the new process inherits. It does not hold our own handlers back: another thread may hear
    a signal, and Python calls the handler in the main thread, in the middle of what the new process is told.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    for number in handlers:
        signal.signal(number, lambda number, _: heard.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if heard:
            signal.raise_signal(heard[0])


def _begin(
    work: Queue[tuple[Callable[..., object], tuple[Any, ...]]], failed: SimpleQueue[Exception]
) -> None:
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:
        raise RuntimeError("worker: expected to be started by a process, found none")
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    for number in SIGNALS:
        # It is the whole job that somebody wants to stop; where signals reach one process alone, it tells.
        signal.signal(number, partial(_tell, parent.pid) if os.name == "posix" else signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    # Its own lock is the system's, and one that a killed process leaves behind is said on stderr.
    require("tqdm", "data").tqdm.set_lock(threading.RLock())
    start, arguments = work.get()
    try:
        start(*arguments)
    except Exception as error:  # the pool would print a traceback, and tell its caller nothing
        failed.put(error)
        os._exit(1)


def _end_with(parent: int) -> None:
    """A parent that was killed can not say so, and a worker would wait for it forever."""
    wait([parent])
    os._exit(1)


def _tell(parent: int, number: int, frame: object) -> None:
    os.kill(parent, number)
