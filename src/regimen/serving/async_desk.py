"""`AsyncDesk`: a desk for the coroutines of one event loop; an answer goes out when it is durable."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from typing import Literal, NamedTuple, final

from regimen.journal import JournalLost, NotWritten, Receipt, Stored
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


Landed = Callable[[BaseException | None, bytes], None]
"""Called with the failure of an event, or None, and its answer as JSON."""


class _Waiting(NamedTuple):
    stored: Receipt[Stored]
    landed: Landed
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
        self._called = self._due = self._here = False
        self._thread = get_ident()
        self.last = desk.journal.last
        desk.keep = desk.keep_beside  # it takes the disk a while, and answers need not wait for it

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
        waiter: asyncio.Future[bytes] = self._loop.create_future()
        self.post(content, _wake(waiter))
        return await waiter

    def post(self, content: bytes, landed: Landed) -> None:
        """Takes a bar; ``landed`` is called once its answer is durable, or is known not to be.

        Raises:
            Refusal, DataError, OldBar, OtherBar, NotWritten: see `bar`; ``landed`` is not called then.
        """
        self.require_room()
        self._take(lambda: self.desk.bar(content, self._clock(), later=True), landed)

    async def word(self, word: Word, by: str, reason: str) -> bytes:
        """Returns the durable answer to an operator's word, as JSON; there is always room for one.

        Raises:
            DataError, NotWritten: see `Desk.word`.
        """
        waiter: asyncio.Future[bytes] = self._loop.create_future()
        self._take(lambda: self.desk.word(word, by, reason, self._clock()), _wake(waiter))
        return await waiter

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

    def require_room(self, coming: int = 0) -> None:
        """Refuses one more bar where too many are on their way to the disk, or are coming in.

        Raises:
            Refusal: 429.
        """
        if len(self._waiting) + coming >= self._most:
            raise later(429, f"too many bars at once: {self._most} are on their way to the journal")

    def _take(self, take: Callable[[], Taken], landed: Landed) -> None:
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
            landed(None, taken.content)
            return
        self._waiting.append(_Waiting(taken.stored, landed, taken, self.desk.state, began, time.perf_counter()))
        taken.stored.add_done_callback(self._call)
        if not self._due:
            self._due = True
            self._loop.call_soon(self._commit)  # once for all bars that came together

    def _commit(self) -> None:
        """Writes what has come since the last turn of the loop."""
        self._due, self._here = False, True
        try:
            self.desk.commit()
        finally:
            self._here = False
        if self._waiting and self._waiting[0].stored.done():
            self._land()

    def _call(self, _: Receipt[Stored]) -> None:
        """Wakes the loop up, from the thread that commits; once for all that became durable together."""
        if not self._called and not (self._here and get_ident() == self._thread):
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
            stored, landed, taken, state, began, decided = self._waiting.popleft()
            failure = stored.exception()
            if failure is not None:
                self._failed(failure)
            elif taken.answer is not None:  # else it is a bar that came twice, and has happened once
                deciding = decided - began
                self._happen(Durable(stored.result(), taken.answer, taken.effects, state, deciding, now - began))
            landed(failure, taken.content)

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


def _wake(waiter: asyncio.Future[bytes]) -> Landed:
    def landed(failure: BaseException | None, content: bytes) -> None:
        if waiter.done():  # whoever waited was cancelled
            return
        if failure is None:
            waiter.set_result(content)
        else:
            waiter.set_exception(failure)

    return landed
