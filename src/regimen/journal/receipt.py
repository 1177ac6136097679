"""`Receipt`: whether rows that were handed in are durable by now."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock
from typing import Generic, TypeVar, cast, final

from regimen.reprs import short

Rows = TypeVar("Rows")


@final
class Receipt(Generic[Rows]):
    """What becomes of rows: one thread gives or fails it once, others ask or wait.

    It answers as a `concurrent.futures.Future` does that cannot be cancelled, in a fraction of its time: most receipts
    are asked after they are done, and nobody waits.
    """

    __slots__ = ("_answer", "_callbacks", "_done", "_error", "_lock", "_waited_for")

    def __init__(self) -> None:
        self._answer: Rows | None = None
        self._error: BaseException | None = None
        self._done = False
        self._lock = Lock()
        self._callbacks: list[Callable[[Receipt[Rows]], object]] = []
        self._waited_for: Event | None = None

    def __repr__(self) -> str:
        return short(self, "on its way" if not self._done else "stored" if self._error is None else repr(self._error))

    def give(self, answer: Rows) -> None:
        """Says that the rows are durable."""
        self._answer = answer
        self._finish()

    def fail(self, error: BaseException) -> None:
        """Says that they are not, and why."""
        self._error = error
        self._finish()

    def done(self) -> bool:
        """Whether it is known what became of them."""
        return self._done

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Returns why they are not durable, or None where they are; waits until it is known.

        Raises:
            TimeoutError: it is not known after so many seconds.
        """
        if not self._done:
            self._wait(timeout)
        return self._error

    def result(self, timeout: float | None = None) -> Rows:
        """Returns the rows as they are stored; raises why they are not. See `exception`."""
        error = self.exception(timeout)
        if error is not None:
            raise error
        return cast(Rows, self._answer)

    def add_done_callback(self, callback: Callable[[Receipt[Rows]], object]) -> None:
        """Calls a function once it is known: at once, or on the thread that commits, where it must not raise."""
        with self._lock:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)

    def _finish(self) -> None:
        with self._lock:
            self._done = True
        if self._waited_for is not None:
            self._waited_for.set()
        for callback in self._callbacks:
            callback(self)

    def _wait(self, timeout: float | None) -> None:
        with self._lock:
            if self._done:
                return
            waited_for = self._waited_for = self._waited_for or Event()
        if not waited_for.wait(timeout):
            raise TimeoutError
