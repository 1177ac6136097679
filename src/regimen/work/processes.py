"""Workers as processes of this machine: each has an executor of its own, so one that is killed breaks nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from multiprocessing.connection import Connection
from typing import Any, final

from regimen.work.mapper import ATTEMPTS, ONE_THREAD, Listen, ended

_LOOK = 0.2
"""Seconds between two looks at what is reported."""


@final
class Worker:
    """One process, started when it is first needed and once more after `stop`; it ends with the one that started it."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._line: Connection | None = None

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Begins ``function(*arguments)``; the future of a process that ended raises `BrokenProcessPool`."""
        if self._pool is not None:
            return self._pool.submit(function, *arguments)
        # spawned, not forked: torch and numba have threads, which a fork would leave behind holding their locks
        context = multiprocessing.get_context("spawn")
        self._line, far = context.Pipe()
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(far,))
        with _environment(ONE_THREAD):
            future = self._pool.submit(function, *arguments)
        far.close()  # the process has the other copy: when it ends, so does the line
        return future

    def reports(self) -> Iterator[Any]:
        """Yields what has been reported since the last look."""
        with suppress(EOFError, OSError):
            while self._line is not None and self._line.poll():
                yield self._line.recv()

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        if self._line is not None:
            self._line.close()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._line = None


@final
class Processes:
    """A fixed number of `Worker`; see `Compute.mapper`."""

    def __init__(self, number: int) -> None:
        self._workers = [Worker() for _ in range(number)]

    @property
    def workers(self) -> int:
        """The number of processes."""
        return len(self._workers)

    def map(self, function: Callable[..., Any], items: Iterable[Any], listen: Listen | None = None) -> Iterator[Any]:
        """See `Mapper.map`."""
        tasks = list(items)
        waiting, begun = deque(range(len(tasks))), [0] * len(tasks)
        idle = list(reversed(self._workers))
        running: dict[Future[Any], tuple[int, Worker]] = {}
        finished: dict[int, Future[Any]] = {}
        try:
            for following in range(len(tasks)):
                while following not in finished:
                    while idle and waiting:
                        number, worker = waiting.popleft(), idle.pop()
                        begun[number] += 1
                        call = partial(_reporting, function, number) if listen else function
                        running[_submitted(worker, call, tasks[number])] = number, worker
                    done, _ = wait(running, _LOOK if listen else None, FIRST_COMPLETED)
                    if listen is not None:
                        for number, message in chain.from_iterable(each.reports() for _, each in running.values()):
                            listen(number, message)
                    for future in done:
                        number, worker = running.pop(future)
                        idle.append(worker)
                        if isinstance(error := future.exception(), BrokenProcessPool):
                            worker.stop()
                            if begun[number] < ATTEMPTS:
                                waiting.appendleft(number)
                                continue
                        elif error is not None:  # what comes behind an error is not read any more
                            waiting = deque(each for each in waiting if each < number)
                        finished[number] = future
                future = finished.pop(following)
                if isinstance(future.exception(), BrokenProcessPool):
                    raise ended(following)
                yield future.result()
        finally:
            for _, worker in running.values():
                worker.stop()

    def close(self) -> None:
        """Ends every process."""
        for worker in self._workers:
            worker.stop()


def _submitted(worker: Worker, function: Callable[..., Any], item: Any) -> Future[Any]:
    try:
        return worker.submit(function, item)
    except BrokenProcessPool:  # its process was killed while it had nothing to do
        worker.stop()
        return worker.submit(function, item)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Lets processes that are started inside the block have these variables."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


_line: Connection | None = None
"""In a worker: leads to the process that started it."""


def _begin(line: Connection) -> None:
    global _line
    _line = line
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the starter decides and hangs up
    threading.Thread(target=_end_with_the_starter, args=(line,), daemon=True).start()


def _end_with_the_starter(line: Connection) -> None:
    with suppress(EOFError, OSError):
        line.recv_bytes()  # nothing is ever sent: it returns when the other end is closed, or its process was killed
    os._exit(1)


def _reporting(function: Callable[..., Any], number: int, item: Any) -> Any:
    line = _line
    assert line is not None
    return function(item, lambda message: line.send((number, message)))
