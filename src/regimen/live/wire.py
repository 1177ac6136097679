"""Bars as messages: JSON in, events out; and bars of a file as the messages that a feed would have sent."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import stamp_of
from regimen.live.events import BarEvent, OperatorEvent, Word

PRICES = ("open", "high", "low", "close", "volume")


class SymbolBar(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The bar of one symbol.

    Attributes:
        open, high, low, close: prices.
        volume: None where the source has none.
        extras: what the run's bars had besides, by name: ``funding_rate``, ``adjustment``.
    """

    open: float
    high: float
    low: float
    close: float
    volume: float | None = None
    extras: dict[str, float] = {}


class BarMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A bar that has closed, as it is posted. For an account of one symbol ``bars`` may be left away.

    Attributes:
        time: start of the bar: nanoseconds since 1970, or ISO 8601.
        bars: by symbol; a symbol that is closed is not there.
        open, high, low, close, volume, extras: of the only symbol.
    """

    time: int | str
    bars: dict[str, SymbolBar] | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float | None = None
    extras: dict[str, float] = {}


class OperatorMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator says.

    Attributes:
        word: halt, reduce or resume.
        by: who.
        reason: why.
    """

    word: Word
    by: str = ""
    reason: str = ""


_bar = msgspec.json.Decoder(BarMessage).decode
_operator = msgspec.json.Decoder(OperatorMessage).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def bar_event(content: bytes, symbols: tuple[str, ...], extras: tuple[str, ...], at: int, watched: bool) -> BarEvent:
    """Returns the event of a posted bar.

    Args:
        content: JSON of a `BarMessage`.
        symbols: of the account.
        extras: names of the columns that bars may come with besides.
        at: when it arrived, nanoseconds since 1970.
        watched: it only warms up.

    Raises:
        DataError: it is no such JSON; a symbol or a column that the account does not have; no bar at all.
    """
    try:
        message = _bar(content)
    except _UNREADABLE as error:
        raise DataError("bar", f"must be the JSON of a bar: {_plain(error)}") from None
    bars = message.bars
    if bars is None:
        bars = {symbols[0]: _only(message, symbols)}
    elif _beside(message):
        raise DataError("bar", "must have its prices in bars or beside time, not both")
    if not bars:
        raise DataError("bars", "must hold the bar of at least one symbol")
    rows = np.full((5, len(symbols)), math.nan)
    columns = {name: np.full(len(symbols), math.nan) for name in extras} if extras else {}
    for symbol, each in bars.items():
        if symbol not in symbols:
            raise DataError("bars", f"must be of {', '.join(symbols[:8])}", symbol)
        s = symbols.index(symbol)
        volume = math.nan if each.volume is None else each.volume
        rows[:, s] = each.open, each.high, each.low, each.close, volume
        for name, value in each.extras.items():
            if name not in columns:
                rule = f"must be of {', '.join(extras)}" if extras else "must be empty: the policy's bars had none"
                raise DataError("extras", rule, name)
            columns[name][s] = value
    return BarEvent(_stamp(message.time), rows, columns, at, watched)


def operator_event(content: bytes, at: int) -> OperatorEvent:
    """Returns the event of what an operator says.

    Raises:
        DataError: it is no such JSON.
    """
    try:
        message = _operator(content)
    except _UNREADABLE as error:
        raise DataError("operator", f"must be JSON with word, by and reason: {_plain(error)}") from None
    return OperatorEvent(message.word, message.by, message.reason, at)


def operator_message(word: Word, by: str, reason: str) -> bytes:
    """Returns what an operator says, as JSON."""
    return _encode(OperatorMessage(word, by, reason))


def bar_messages(bars: Bars) -> list[bytes]:
    """Returns each bar of a series as the JSON that a feed would have posted; what is not known is left out."""
    table = np.stack([bars.open, bars.high, bars.low, bars.close, bars.volume], axis=1)
    extras = {name: np.asarray(column, np.float64) for name, column in bars.extras.items()}
    present, messages = bars.present, []
    for t, stamp in enumerate(bars.time.view(np.int64).tolist()):
        own = {
            symbol: _symbol_bar(table[t, :, s], {name: column[t, s] for name, column in extras.items()})
            for s, symbol in enumerate(bars.symbols)
            if present[t, s]
        }
        messages.append(_encode(BarMessage(stamp, own)))
    return messages


def _symbol_bar(row: NDArray[np.float64], extras: dict[str, Any]) -> SymbolBar:
    o, h, low, c, v = row.tolist()
    known = {name: float(value) for name, value in extras.items() if value == value}
    return SymbolBar(o, h, low, c, None if v != v else v, known)


def _beside(message: BarMessage) -> bool:
    """Whether anything of a bar stands beside its time."""
    prices = (message.open, message.high, message.low, message.close, message.volume)
    return prices != (None, None, None, None, None) or bool(message.extras)


def _only(message: BarMessage, symbols: tuple[str, ...]) -> SymbolBar:
    if len(symbols) != 1:
        raise DataError("bars", f"must be there: the account has {len(symbols)} symbols")
    o, h, low, c = message.open, message.high, message.low, message.close
    if o is None or h is None or low is None or c is None:
        raise DataError(next(name for name in PRICES if getattr(message, name) is None), "must be there")
    return SymbolBar(o, h, low, c, message.volume, message.extras)


def _stamp(time: int | str) -> int:
    if isinstance(time, int):
        return stamp_of(time)
    try:
        moment = msgspec.convert(time, type=datetime)
    except msgspec.ValidationError:
        raise DataError("time", "must be whole nanoseconds since 1970 or ISO 8601", time[:40]) from None
    offset = moment.utcoffset()
    naive = moment.replace(tzinfo=None)
    return stamp_of(np.datetime64(naive if offset is None else naive - offset, "us"))


def _plain(error: BaseException) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error).replace("`", "")
