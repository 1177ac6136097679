"""Recognises files that hold something else than bars, and says what they are and what to do with them."""

from __future__ import annotations

import re
from typing import Any

from regimen.errors import DataError
from regimen.readers.formats.files import Content
from regimen.readers.roles import plain

_BOOK = re.compile(r"(asks?|bids?)_?\d+_?(price|size|amount|qty|volume)|(asks?|bids?)\d+|b\d+p|a\d+p")
_TRADE_SIZES = {"size", "amount", "qty", "quantity", "side", "volume", "cost"}
_SENTENCES = {
    "book": "holds order book snapshots, not bars; build bars from trades, or from the mid price, first",
    "trades": "holds trades, not bars; aggregate them into bars first",
    "quotes": "holds quotes, not bars; aggregate the mid price into bars first",
    "funding": "holds funding rates, not bars; give it beside the bars as data.extras.funding_rate",
    "interest": "holds open interest, not bars; give it beside the bars as data.extras.open_interest",
    "factors": "is a LEAN factor file, not bars; give it beside the raw bars as data.adjust",
}


def _refuse(content: Content, kind: str) -> None:
    raise DataError(content.source, _SENTENCES[kind])


def refuse_other_kinds(content: Content) -> None:
    """Returns when the columns may be bars.

    Raises:
        DataError: the file holds trades, quotes, an order book, funding rates, open interest or factors.
    """
    if content.names is None:
        _refuse_headerless(content)
        return
    names = {plain(name) for name in content.names}
    if "topic" in names and "data" in names:
        _refuse(content, "book")
    if sum(bool(_BOOK.fullmatch(name)) for name in names) >= 2 or {"asks", "bids"} <= names:
        _refuse(content, "book")
    if names & {"open", "high", "low", "close", "o", "h", "l", "c"}:
        _refuse_funding_in_bars(content)
        return
    if names & {"bid", "bid_price"} and names & {"ask", "ask_price"}:
        _refuse(content, "quotes")
    if "price" in names and names & _TRADE_SIZES:
        _refuse(content, "trades")
    if names & {"funding_rate", "fundingrate", "last_funding_rate"}:
        _refuse(content, "funding")
    if names & {"oi_close", "oi", "open_interest"}:
        _refuse(content, "interest")


def _first(content: Content, position: int) -> Any:
    return content.columns[position][0].as_py()


def _refuse_headerless(content: Content) -> None:
    width = len(content.columns)
    if not content.arrays and width == 11 and "quote" in content.name.lower():
        _refuse(content, "quotes")
    first = _first(content, 0)
    if width == 3 and _is_epoch(first):
        _refuse(content, "trades")
    if width in (3, 4) and re.fullmatch(r"(19|20)\d{6}", str(first)) and _are_factors(content):
        _refuse(content, "factors")
    if content.arrays and any(_first(content, i) in ("buy", "sell") for i in range(1, width)):
        _refuse(content, "trades")


def _is_epoch(value: object) -> bool:
    text = str(value)
    return text.isdigit() and len(text) in (10, 13, 16, 19)


def _are_factors(content: Content) -> bool:
    """Returns whether columns 1 and 2 hold factors: 1 in the last line, or at least hardly above 1 in the first."""
    first, last = ([content.columns[at][row].as_py() for at in (1, 2)] for row in (0, len(content) - 1))
    if not all(isinstance(value, (int, float)) for value in (*first, *last)):
        return False
    return last == [1, 1] or all(0 < value <= 1.5 for value in first)


def _refuse_funding_in_bars(content: Content) -> None:
    """Freqtrade keeps funding rates in the column open and leaves the other columns zero."""
    import pyarrow.compute as pc

    names = [plain(name) for name in content.names or ()]
    rest = [name for name in ("high", "low", "close", "volume") if name in names]
    if len(rest) < 4 or "open" not in names:
        return
    for name in rest:
        column = content.columns[names.index(name)]
        try:
            largest = pc.max(pc.abs(column.slice(0, 1000))).as_py()
        except (NotImplementedError, TypeError, ValueError):
            return
        if largest != 0:
            return
    _refuse(content, "funding")
