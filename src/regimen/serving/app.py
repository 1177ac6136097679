"""`ServerApp`: the ASGI application. Bars are answered here without a framework; the rest is routes of Starlette."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import final

import msgspec

from regimen.journal import JournalLost
from regimen.live import Answer, Desk, Notice
from regimen.reprs import short
from regimen.serving.access import Access, Headers
from regimen.serving.asgi import ASGIScope, Receive, Send, body_of
from regimen.serving.async_desk import AsyncDesk, Durable
from regimen.serving.collector import Collector
from regimen.serving.lane import Answered
from regimen.serving.metered import Metered
from regimen.serving.refusal import later, refusal_of
from regimen.serving.routes import routed
from regimen.serving.rows import event_of
from regimen.serving.stream import EventHub

GATHER = 5.0
"""Seconds that a bar waits for all its symbols."""
LOOK = 5.0
"""Seconds from one look at the numbers of the account to the next."""
_JSON = (b"content-type", b"application/json")
_NOTHING: Sequence[tuple[bytes, bytes]] = ()
_decode = msgspec.json.Decoder(Answer).decode


@final
class ServerApp:
    """Answers requests from a desk, which may come later than the first request.

    Args:
        access: who may do what.
        most: events that may be on their way to the journal; more are refused with 429.
        gather: seconds that a bar waits for all its symbols, where they come one by one.
        version: that it says it is.
        clock: gives the time in nanoseconds since 1970.
        noticed: called with what a person should hear of.
        unsent: gives by channel how many alerts it has not taken yet.
        beyond: is given numbers now and then (`Metered.numbers`) and returns what of them a person should hear of.
        lost: called when nobody can say what was stored: it must end the process.

    Attributes:
        desk: that answers; None until `open`.
        collector: puts bars together whose symbols come one by one; None until `open`.
        hub: passes on what happens.
        metered: what is counted.
        unsent: gives by channel how many alerts it has not taken yet.
    """

    def __init__(
        self,
        access: Access | None = None,
        *,
        most: int = 1024,
        gather: float = GATHER,
        version: str = "",
        clock: Callable[[], int] = time.time_ns,
        noticed: Callable[[Notice], None] = lambda _: None,
        unsent: Callable[[], Mapping[str, int]] = dict,
        beyond: Callable[[Mapping[str, float]], Iterable[Notice]] = lambda _: (),
        lost: Callable[[JournalLost], None],
    ) -> None:
        self.access = access or Access()
        self.version = version
        self.desk: AsyncDesk | None = None
        self.collector: Collector | None = None
        self.hub = EventHub()
        self.metered = Metered()
        self.answer: Answer | None = None
        self.unsent = unsent
        self._most, self._clock, self._tell, self._lost = most, clock, noticed, lost
        self._beyond = beyond
        self._tending: tuple[asyncio.Task[None], ...] = ()
        self._coming, self._gather = 0, gather
        self._rest = routed(self)

    def __repr__(self) -> str:
        return short(self, "not ready" if self.desk is None else repr(self.desk.desk))

    def open(self, desk: Desk) -> None:
        """Begins to answer from a desk that has recovered; on the thread of the loop."""
        last = desk.journal.last
        rows = list(desk.journal.read(last - 1)) if last > 1 else []
        self.answer = _decode(rows[-1].row.decision) if rows else None
        self.desk = AsyncDesk(
            desk,
            happened=self._happened,
            repeated=lambda: self.metered.repeated(self.symbols),
            noticed=self._noticed,
            lost=self._lost,
            most=self._most,
            clock=self._clock,
        )
        missed = partial(self.metered.meters.count, "regimen_feed_gaps_total")
        self.collector = Collector(self.desk, self._gather, lambda symbol: missed(symbol=symbol))
        self.metered.opened(desk, self.version)
        loop = asyncio.get_running_loop()
        self._tending = loop.create_task(self.desk.tend()), loop.create_task(self._look())

    def end(self) -> None:
        """Ends the streams, and refuses bars that wait for symbols; bars on their way are answered."""
        self.hub.close()
        if self.collector is not None:
            self.collector.end()

    async def close(self) -> None:
        """Ends the streams, waits until all is durable and closes the journal."""
        self.end()
        for task in self._tending:
            task.cancel()
        if self.desk is not None:
            self.desk.desk.close()

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http" and scope["path"] == "/bars" and scope["method"] == "POST":
            await self._bars(scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    def post(self, headers: Headers, body: bytes, answered: Answered) -> None:
        """Takes a bar that is there whole; ``answered`` is called once, when its answer may go out.

        On the thread of the loop. It does what a request ``POST /bars`` does.
        """
        began = time.perf_counter()

        def landed(failure: BaseException | None, content: bytes) -> None:
            status, more = 200, _NOTHING
            if failure is not None:
                status, more, content = self._refused(failure)
            self.metered.request("/bars", status, time.perf_counter() - began)
            answered(status, more, content)

        try:
            self.access.admit(headers, "trade")
            self.required().post(body, landed)
        except Exception as error:  # noqa: BLE001
            landed(error, b"")

    def required(self) -> AsyncDesk:
        """Returns the desk.

        Raises:
            Refusal: 503 until it has recovered.
        """
        if self.desk is None:
            raise later(503, "server: is not ready: it recovers")
        return self.desk

    @property
    def symbols(self) -> tuple[str, ...]:
        """Of the account; empty until it has recovered."""
        return () if self.desk is None else self.desk.desk.setup.symbols

    @property
    def mode(self) -> str:
        """Of the account, as of the last durable event and of the last word of an operator."""
        if self.desk is None or self.desk.failure:
            return "halted"
        return self.desk.desk.mode if self.answer is None or self.answer.mode == "watching" else self.answer.mode

    async def _bars(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        status, more, began = 200, _NOTHING, time.perf_counter()
        try:
            self.access.admit(scope["headers"], "trade")
            desk = self.required()
            desk.require_room(self._coming)  # before its body takes memory
            self._coming += 1
            try:
                body = await body_of(scope, receive)
            finally:
                self._coming -= 1
            content = await desk.bar(body)
        except Exception as error:  # noqa: BLE001
            status, more, content = self._refused(error)
        self.metered.request("/bars", status, time.perf_counter() - began)
        headers = [_JSON, *more, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _refused(self, error: BaseException) -> tuple[int, Sequence[tuple[bytes, bytes]], bytes]:
        """Returns the status, the headers besides and the body of an answer that is none."""
        refusal = refusal_of(error)
        self.metered.refused(refusal, self.symbols)
        more = [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
        return refusal.status, more, refusal.content

    async def _look(self) -> None:
        """Looks at the account now and then: a feed that is silent brings no event."""
        while True:
            await asyncio.sleep(LOOK)
            for notice in self._beyond(self.metered.numbers(self.required().desk, self._clock())):
                self._noticed(notice)

    def _noticed(self, notice: Notice) -> None:
        self.metered.noticed(notice.level)
        self._tell(notice)

    def _happened(self, event: Durable) -> None:
        row = event.stored.row
        self.answer = event.answer or _decode(row.decision)
        self.metered.decided(self.answer, event)
        for notice in event.effects.notices:
            self._noticed(notice)
        if self.hub.listeners:
            self.hub.publish(event_of(event.stored))
