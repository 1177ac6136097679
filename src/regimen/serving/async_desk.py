"""`AsyncDesk`: a desk for the coroutines of one event loop; an answer goes out when it is durable."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Literal, NamedTuple, final

from regimen.journal import JournalLost, NotWritten, Stored
from regimen.live import Answer, Desk, Effects, Level, LiveState, Notice, Taken
from regimen.reprs import short
from regimen.serving.refusal import later

Word = Literal["halt", "reduce", "resume"]
PAUSE = 1.0
"""Seconds between two attempts to write a journal that could not be written."""


class Durable(NamedTuple):
    """An event that is in the journal.

    Attributes:
        stored: its row.
        answer: to it; None where it is only known as bytes.
        effects: what follows for the world outside.
        state: of the account after it; None where it is not known.
        deciding: seconds from its coming until it was decided.
        seconds: from its coming until it was durable.
    """

    stored: Stored
    answer: Answer | None
    effects: Effects
    state: LiveState | None
    deciding: float
    seconds: float


class _Waiting(NamedTuple):
    stored: Future[Stored]
    waiter: asyncio.Future[None]
    taken: Taken
    state: LiveState
    began: float
    decided: float


@final
class AsyncDesk:
    """Steps events as they come, while those before them are on their way to the disk.

    Everything is called on the loop's thread. Whoever posts hears of durable answers only, in the order of events.

    Args:
        desk: of the account.
        happened: called with each event once it is durable, in order.
        repeated: called when a bar came that was taken before.
        noticed: called with what a person should hear of besides.
        lost: called when nobody can say what was stored: it must end the process.
        most: events that may be on their way to the disk.
        clock: gives the time in nanoseconds since 1970.

    Attributes:
        failure: why the journal cannot be written; empty where it can.
        last: number of the last row that was passed on.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        happened: Callable[[Durable], None],
        repeated: Callable[[], None],
        noticed: Callable[[Notice], None],
        lost: Callable[[JournalLost], None],
        most: int = 1024,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.desk = desk
        self.failure = ""
        self._happened, self._repeated, self._noticed, self._lost = happened, repeated, noticed, lost
        self._most, self._clock = most, clock
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._called = False
        self.last = desk.journal.last
        desk.keep = self._keep

    def __repr__(self) -> str:
        return short(self, f"{self.desk!r}, {len(self._waiting)} waiting")

    @property
    def flying(self) -> int:
        """Events that are not durable yet."""
        return len(self._waiting)

    async def bar(self, content: bytes) -> bytes:
        """Returns the durable answer to a bar, as JSON.

        Raises:
            Refusal: too many events are on their way.
            DataError, OldBar, OtherBar, NotWritten: see `Desk.bar`.
        """
        self.require_room()
        return await self._durable(lambda: self.desk.bar(content, self._clock()))

    async def word(self, word: Word, by: str, reason: str) -> bytes:
        """Returns the durable answer to an operator's word, as JSON; there is always room for one.

        Raises:
            DataError, NotWritten: see `Desk.word`.
        """
        return await self._durable(lambda: self.desk.word(word, by, reason, self._clock()))

    async def tend(self) -> None:
        """Tries to write the journal again as long as it cannot be written."""
        while True:
            await asyncio.sleep(PAUSE)
            if self.failure:
                self.retry()

    def retry(self) -> None:
        """Writes down that the journal stopped the account, if it can be written again."""
        try:
            self.desk.retry(self._clock())
        except NotWritten as error:
            self.failure = str(error)
        except JournalLost as error:
            self._lost(error)
        else:
            self.failure = ""
            self._catch_up(self.desk.journal.last + 1)
            self._notice("warning", "The journal can be written again; trading is halted until somebody resumes it.")

    def _keep(self, seq: int, snapshot: bytes) -> None:
        """Keeps a snapshot on a thread of its own: it takes the disk a while, and answers need not wait for it."""
        self._loop.run_in_executor(None, self._keep_now, seq, snapshot)

    def _keep_now(self, seq: int, snapshot: bytes) -> None:
        try:
            self.desk.journal.keep(seq, snapshot)
        except NotWritten:
            pass  # a snapshot only saves time
        except JournalLost as error:
            self._lost(error)

    def require_room(self, coming: int = 0) -> None:
        """Refuses one more bar where too many are on their way to the disk, or are coming in.

        Raises:
            Refusal: 429.
        """
        if len(self._waiting) + coming >= self._most:
            raise later(429, f"too many bars at once: {self._most} are on their way to the journal")

    async def _durable(self, take: Callable[[], Taken]) -> bytes:
        began = time.perf_counter()
        try:
            taken = take()
        except NotWritten as error:
            self._failed(error)
            raise
        except JournalLost as error:
            self._lost(error)
            raise
        if taken.answer is None:
            self._repeated()
        if taken.stored is None:
            return taken.content
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(_Waiting(taken.stored, waiter, taken, self.desk.state, began, time.perf_counter()))
        taken.stored.add_done_callback(self._call)
        await waiter
        return taken.content

    def _call(self, _: Future[Stored]) -> None:
        """Wakes the loop up, from the thread that commits; once for all that became durable together."""
        if not self._called:
            self._called = True
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                self._loop.call_soon_threadsafe(self._land)

    def _land(self) -> None:
        """Lets go of all who wait for what is done."""
        self._called = False
        try:
            self.desk.settle()
        except JournalLost as error:
            self._lost(error)
        now = time.perf_counter()
        while self._waiting and self._waiting[0].stored.done():
            stored, waiter, taken, state, began, decided = self._waiting.popleft()
            failure = stored.exception()
            if failure is not None:
                self._failed(failure)
            elif taken.answer is not None:  # else it is a bar that came twice, and has happened once
                deciding = decided - began
                self._happen(Durable(stored.result(), taken.answer, taken.effects, state, deciding, now - began))
            if waiter.done():  # whoever waited was cancelled
                continue
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)

    def _happen(self, event: Durable) -> None:
        if self.failure:
            self.failure = ""
        if event.stored.seq != self.last + 1:
            self._catch_up(event.stored.seq)
        self.last = event.stored.seq
        self._happened(event)

    def _catch_up(self, before: int) -> None:
        """Passes on the rows that the desk wrote of itself."""
        for stored in self.desk.journal.read(self.last):
            if stored.seq >= before:
                return
            self.last = stored.seq
            self._happened(Durable(stored, None, Effects(), None, 0.0, 0.0))

    def _failed(self, error: BaseException) -> None:
        if not self.failure:
            self._notice("critical", f"Trading is halted: {error}")
        self.failure = str(error)

    def _notice(self, level: Level, text: str) -> None:
        self._noticed(Notice(level, "journal", text))
