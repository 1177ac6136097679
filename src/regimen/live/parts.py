"""The bar of one symbol, and the bar of an account that such bars are parts of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from regimen.features import checked
from regimen.live.events import BarEvent
from regimen.live.wire import BarMessage, SymbolBar, bar_event

_encode = msgspec.json.Encoder(order="deterministic").encode


def symbol_bar(content: bytes, symbol: str, extras: tuple[str, ...]) -> tuple[int, SymbolBar]:
    """Returns the time of a bar, nanoseconds since 1970, and what one symbol did in it.

    Args:
        content: JSON of a `BarMessage` of this symbol alone.
        symbol: whose bar it is.
        extras: names of the columns that bars may come with besides.

    Raises:
        DataError: it is no such JSON, or no bar that may be traded on.
    """
    event = bar_event(content, (symbol,), extras, 0, False)
    checked(*event.rows[:, 0].tolist())
    return event.time, _part(event, 0)


def whole_bar(time: int, parts: Mapping[str, SymbolBar]) -> bytes:
    """Returns the JSON of the bar that the bars of symbols are parts of."""
    return _encode(BarMessage(time, dict(parts)))


def part_of(content: bytes, symbol: str, symbols: tuple[str, ...], extras: tuple[str, ...]) -> SymbolBar | None:
    """Returns the bar of a symbol in a posted one; None where it has none.

    Args:
        content: JSON of a `BarMessage` that was taken.
        symbol: whose bar is asked for.
        symbols: of the account.
        extras: names of the columns that its bars may come with besides.
    """
    part = _part(bar_event(content, symbols, extras, 0, False), symbols.index(symbol))
    return None if part.close != part.close else part


def _part(event: BarEvent, s: int) -> SymbolBar:
    open_, high, low, close, volume = event.rows[:, s].tolist()
    known = {name: float(column[s]) for name, column in event.extras.items() if column[s] == column[s]}
    return SymbolBar(open_, high, low, close, None if volume != volume else volume, known)
