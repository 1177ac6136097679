"""Columns that are named by a price and a ticker, as yfinance and pandas write them: the bars of each ticker."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from regimen.readers.formats.files import Content
from regimen.readers.roles import EXTRAS, INDEX, PRICE_ALIASES, TIME, VOLUME, plain

_PRICES = {alias for aliases in (*PRICE_ALIASES.values(), *EXTRAS.values(), VOLUME) for alias in aliases}
_PRICES |= {"dividends", "stock_splits", "capital_gains"}
_WHOLE = {"open", "high", "low", "close"}


def two_levels(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Tells the prices from the tickers in two lines of names, whichever stands first.

    A ticker may be called like a price (LOW, OPEN), so the line that names all four prices is that of the prices.

    Returns:
        The prices and the tickers, or None when the lines are something else: a price twice for a ticker, or none.
    """
    lines = [tuple(first), tuple(second)]
    named = [{plain(name) for name in line} for line in lines]
    prices = [at for at in (0, 1) if named[at] >= _WHOLE] or [at for at in (0, 1) if named[at] <= _PRICES]
    if not prices or named[prices[0]] & set(TIME) or len(set(zip(*lines, strict=True))) != len(first):
        return None
    return lines[prices[0]], lines[1 - prices[0]]


def by_ticker(content: Content) -> tuple[Content, ...]:
    """Returns the columns of each ticker as a content of its own, named by it; the content itself without tickers."""
    content = _from_tuples(content)
    if not content.tickers or content.names is None:
        return (content,)
    parts = []
    tickers = tuple(dict.fromkeys(name for name in content.tickers if name))
    for ticker in tickers:
        mine = [at for at, name in enumerate(content.tickers) if name in ("", ticker)]
        parts.append(
            replace(
                content,
                names=tuple(content.names[at] for at in mine),
                columns=tuple(content.columns[at] for at in mine),
                tickers=(),
                symbol=ticker,
                source=content.source if len(tickers) == 1 else f"{content.source} ({ticker})",
            )
        )
    return tuple(parts)


def _from_tuples(content: Content) -> Content:
    """Reads the names that pandas gives columns of two levels where a file knows only one: ``('Close', 'ABC')``."""
    pairs = [_pair(name) for name in content.names or ()]
    full = [pair for pair in pairs if pair is not None and all(pair)]
    levels = two_levels(*zip(*full, strict=True)) if full else None
    if levels is None:
        return content
    prices, tickers = (iter(level) for level in levels)
    names, owners = [], []
    for name, pair in zip(content.names or (), pairs, strict=True):
        whole = pair is not None and all(pair)
        names.append(next(prices) if whole else name if pair is None else "".join(pair))
        owners.append(next(tickers) if whole else "")
    shared = [name for name, owner in zip(names, owners, strict=True) if not owner]
    if not any(plain(name) in (*TIME, *INDEX) for name in shared):
        return content
    return replace(content, names=tuple(names), tickers=tuple(owners))


def _pair(name: str) -> tuple[str, str] | None:
    if not name.startswith("("):
        return None
    try:
        pair = ast.literal_eval(name)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(part, str) for part in pair):
        return pair
    return None
