"""All rows that wait in one commit, on a thread of its own or on the caller's: the disk is asked once for many."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import NamedTuple

from regimen.errors import one_line
from regimen.journal.failures import JournalError, JournalLost, NotWritten
from regimen.journal.journal import Journal
from regimen.journal.receipt import Receipt
from regimen.journal.row import JournalRow, Stored, canonical
from regimen.reprs import short


class _Waiting(NamedTuple):
    rows: Sequence[JournalRow]
    deliver: Callable[[tuple[Stored, ...]], None]
    fail: Callable[[BaseException], None]


QUICK = 5e-3
"""Seconds of a commit up to which whoever has nothing else to do may wait for the next one himself."""


class GroupCommit:
    """Appends rows to a journal in the order of their coming, many to a commit.

    A thread of its own does so. Rows that were held back may also be committed by the caller (`commit`): to wait for a
    disk that answers within microseconds takes less than to wake up a thread and be woken up by it.

    Decisions rest on those before them. So when a commit fails, all that wait fail with it, and whatever is submitted
    next is refused, until the caller has gone back to the state of the last stored row and says `resume`.

    After `JournalLost` there is no resuming: the process must end. ``lost`` is called then, on the thread that commits,
    so that a server can end although nobody waits for an answer.

    Args:
        journal: nobody else appends to it meanwhile.
        most: rows of one commit at most, where they come in one by one.
        lost: called once with the error when the journal is lost.
    """

    def __init__(self, journal: Journal, *, most: int = 256, lost: Callable[[JournalLost], None] | None = None) -> None:
        self.journal = journal
        self._most, self._lost = most, lost
        self._failure: JournalError | None = None
        self._closing = False
        self._busy = self._quick = False
        self._queue: list[_Waiting] = []
        self._snapshot: tuple[int, bytes] | None = None
        self._changed = Condition()
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return short(self, f"{self.journal!r}, {'well' if self._failure is None else self._failure}")

    @property
    def failure(self) -> JournalError | None:
        """Why rows are refused since a commit failed; None while all is well."""
        return self._failure

    def submit(self, row: JournalRow, *, later: bool = False) -> Receipt[Stored]:
        """Queues one row. The receipt is done when the row is durable.

        Args:
            row: to store.
            later: it may wait until `commit`.

        Raises:
            NotWritten: a commit before it failed, and nobody has said `resume`.
            JournalLost: the journal is lost.
            JournalError: the row is no row, or this is closed.
        """
        receipt: Receipt[Stored] = Receipt()
        self._enter((row,), receipt, lambda stored: receipt.give(stored[0]), later=later)
        return receipt

    def commit(self) -> None:
        """Commits what waits: on the calling thread where the last commit was quick and none is under way.

        Else the thread does so, and this returns at once.
        """
        with self._changed:
            if self._busy or not self._quick or not self._queue:
                self._changed.notify()
                return
            group = self._taken()
        self._store(group)

    def submit_all(self, rows: Sequence[JournalRow]) -> Receipt[tuple[Stored, ...]]:
        """Queues rows that are stored together or not at all; see `submit`."""
        receipt: Receipt[tuple[Stored, ...]] = Receipt()
        self._enter(tuple(rows), receipt, receipt.give)
        return receipt

    def keep(self, seq: int, snapshot: bytes) -> None:
        """Lets the thread keep the state after row ``seq`` once no row waits; see `regimen.journal.Journal.keep`.

        A snapshot only saves time: a newer one takes its place, and one that cannot be written is forgotten. Whoever
        says `commit` meanwhile does not wait for it.
        """
        with self._changed:
            self._snapshot = seq, snapshot
            self._changed.notify()

    def resume(self) -> None:
        """Takes rows again after a commit failed.

        Raises:
            JournalLost: the journal is lost.
        """
        with self._changed:
            if isinstance(self._failure, JournalLost):
                raise self._failure
            self._failure = None

    def close(self) -> None:
        """Stores what waits and ends the thread; the journal stays open."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _enter(
        self,
        rows: Sequence[JournalRow],
        receipt: Receipt[Stored] | Receipt[tuple[Stored, ...]],
        deliver: Callable[..., None],
        *,
        later: bool = False,
    ) -> None:
        for row in rows:
            canonical(0, 0, row)  # whoever submits no row hears of it at once, and nobody else
        with self._changed:
            if self._closing:
                raise JournalError("journal", "must be open, and is closed")
            if self._failure is not None:
                raise self._failure
            self._queue.append(_Waiting(rows, deliver, receipt.fail))
            if not later:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            group, snapshot = self._next()
            if group:
                self._store(group)
            elif snapshot is not None:
                self._keep(*snapshot)
            else:
                return

    def _next(self) -> tuple[list[_Waiting], tuple[int, bytes] | None]:
        """Waits for rows, or a snapshot where there are none; nothing when this is closed and all are stored."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and (self._queue or self._snapshot or self._closing))
            group, snapshot = self._taken(), None
            if not group:
                snapshot, self._snapshot = self._snapshot, None
                self._busy = snapshot is not None
            return group, snapshot

    def _taken(self) -> list[_Waiting]:
        """Takes the rows of the next commit from the queue; nobody else commits until they are stored."""
        group: list[_Waiting] = []
        count = 0
        for each in self._queue:
            count += len(each.rows)
            if group and count > self._most:
                break
            group.append(each)
        del self._queue[: len(group)]
        self._busy = bool(group)
        return group

    def _store(self, group: list[_Waiting]) -> None:
        began = time.perf_counter()
        failure = self._commit(group)
        took = time.perf_counter() - began
        if failure is None:
            failure = self._tend()
        self._quick = self.journal.local and failure is None and took < QUICK
        self._end(failure)

    def _keep(self, seq: int, snapshot: bytes) -> None:
        failure: JournalError | None = None
        try:
            self.journal.keep(seq, snapshot)
        except NotWritten:
            pass
        except Exception as error:  # noqa: BLE001
            failure = self._refuse(error, [])
        self._end(failure)

    def _end(self, failure: JournalError | None) -> None:
        """Lets the next one write."""
        with self._changed:
            self._busy = False
            if self._queue or self._snapshot or self._closing:
                self._changed.notify()
        if isinstance(failure, JournalLost) and self._lost is not None:
            self._lost(failure)

    def _commit(self, group: list[_Waiting]) -> JournalError | None:
        try:
            stored = self.journal.append([row for each in group for row in each.rows])
        except Exception as error:  # noqa: BLE001
            return self._refuse(error, group)
        first = 0
        for each in group:
            each.deliver(stored[first : first + len(each.rows)])
            first += len(each.rows)
        return None

    def _tend(self) -> JournalError | None:
        try:
            self.journal.tend()
        except Exception as error:  # noqa: BLE001
            return self._refuse(error, [])
        return None

    def _refuse(self, error: Exception, group: list[_Waiting]) -> JournalError:
        """Fails a group and all that waits behind it, and whatever comes next."""
        failure = error if isinstance(error, JournalError) else None
        if failure is None:  # nobody has thought of it, so nobody knows what is stored
            failure = JournalLost("journal", f"failed ({type(error).__name__}: {one_line(str(error), 200)})")
        with self._changed:
            self._failure = failure
            behind, self._queue = self._queue, []
        for each in [*group, *behind]:
            each.fail(failure)
        return failure
