"""`Collector`: bars of one symbol at a time, put together to the bar of the account that is decided at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from regimen.live import OldBar, OtherBar, SymbolBar, part_of, symbol_bar, whole_bar
from regimen.reprs import short
from regimen.serving.async_desk import AsyncDesk
from regimen.serving.refusal import Refusal, later

OPEN = 16
"""Bars that may wait for symbols at a time."""


@dataclass
class _Open:
    bars: dict[str, SymbolBar]
    answer: asyncio.Future[bytes]
    alarm: asyncio.TimerHandle
    closing: asyncio.Task[None] | None = None


@final
class Collector:
    """Holds bars of symbols until all have come, or until the first of them has waited long enough.

    What is decided then is a bar as `AsyncDesk.bar` takes it: the journal has one row for it, and everybody who posted
    a part of it has the same answer. A symbol that did not come in time has no bar there. Bars are closed in the order
    of their times: one that is whole closes those before it.

    Args:
        desk: decides.
        seconds: that the first symbol of a bar waits for the others.
        missed: called with each symbol that did not come in time.
    """

    def __init__(self, desk: AsyncDesk, seconds: float, missed: Callable[[str], None] = lambda _: None) -> None:
        self._desk, self._seconds, self._missed = desk, seconds, missed
        self._symbols = desk.desk.setup.symbols
        self._open: dict[int, _Open] = {}
        self._last: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return short(self, f"{len(self._open)} bars wait, {self._seconds:g} s each")

    async def bar(self, symbol: str, content: bytes) -> bytes:
        """Returns the durable answer to the bar that a symbol's bar is a part of, as JSON.

        Args:
            symbol: of the account.
            content: JSON of a bar, its prices beside ``time``.

        Raises:
            Refusal: 404, the account has no such symbol; 429, too many bars wait.
            DataError, NotWritten: see `Desk.bar`.
            OldBar: its bar was closed without it.
            OtherBar: it came already, and was another one.
        """
        setup = self._desk.desk.setup
        if symbol not in self._symbols:
            raise Refusal(404, f"symbol: must be of {', '.join(self._symbols[:8])}; got {symbol[:40]!r}")
        time, own = symbol_bar(content, symbol, setup.extras)
        if time <= self._desk.desk.state.time and time not in self._open:
            return await self._again(time, symbol, own)
        opened = self._open.get(time)
        if opened is None:
            opened = self._opened(time)
        known = opened.bars.get(symbol)
        if known is not None and known != own:
            raise OtherBar("bar", f"of {symbol} came already, and it was another one", time)
        if known is None and opened.closing is not None:
            raise OldBar("bar", f"was closed without {symbol}", time)
        opened.bars[symbol] = own
        if len(opened.bars) == len(self._symbols):
            self._close(time)
        return await asyncio.shield(opened.answer)

    def end(self) -> None:
        """Refuses all that waits: the server ends, and nothing is decided at half a bar."""
        for opened in self._open.values():
            if opened.closing is None:
                opened.alarm.cancel()
                opened.answer.set_exception(later(503, "server: ends before all symbols have come"))
        self._open = {time: opened for time, opened in self._open.items() if opened.closing is not None}

    def _opened(self, time: int) -> _Open:
        if len(self._open) >= OPEN:
            raise later(429, f"too many bars wait for symbols: {OPEN}")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody need wait for it any more
        opened = self._open[time] = _Open({}, answer, loop.call_later(self._seconds, self._close, time))
        return opened

    def _close(self, time: int) -> None:
        """Decides at a bar, and before it at those of earlier times."""
        for each in sorted(self._open):
            opened = self._open[each]
            if each > time or opened.closing is not None:
                continue
            opened.alarm.cancel()
            for symbol in self._symbols:
                if symbol not in opened.bars:
                    self._missed(symbol)
            opened.closing = self._last = asyncio.create_task(self._decided(each, opened, self._last))

    async def _decided(self, time: int, opened: _Open, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            ordered = {symbol: opened.bars[symbol] for symbol in self._symbols if symbol in opened.bars}
            opened.answer.set_result(await self._desk.bar(whole_bar(time, ordered)))
        except Exception as error:  # noqa: BLE001 (whoever posted a part of it hears it)
            opened.answer.set_exception(error)
        finally:
            del self._open[time]

    async def _again(self, time: int, symbol: str, own: SymbolBar) -> bytes:
        """Answers a part of a bar that is not newer than the last one."""
        desk = self._desk.desk
        stored = await asyncio.to_thread(desk.journal.find, desk.journal.account, "", time, "bar")
        extras = desk.setup.extras
        known = None if stored is None else part_of(stored.row.request, symbol, self._symbols, extras)
        if stored is None or known is None:
            raise OldBar("time", f"must be after the last bar, or of a bar that has one of {symbol}", time)
        if known != own:
            raise OtherBar("bar", f"of {symbol} was answered already, and it was another one", time)
        return stored.row.decision
