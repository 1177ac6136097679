"""The checks of a feed that stood still, sent the same rows again, or made a bar on a closed day."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import PRICES
from regimen.bars.calendar import DAY
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.report import Finding, written
from regimen.bars.config import DataConfig

CONSTANT = 0.99
"""Share of unmoved bars from which a price is constant: nothing can be learned from it."""
STILL = 0.5
"""Share of unmoved bars from which it is said."""
STRETCH = 0.2
"""Share of a symbol's bars in one unmoved stretch from which it is said."""
FEW = 100
"""Bars below which a symbol is not judged."""
STRAY = 0.25
"""Share of the Saturdays (or Sundays) with bars below which such a day is stray."""
NIGHT = DAY // 4
"""A bar of a weekend that follows another so soon belongs to its session: Friday evening in New York."""
_ODD = np.uint64(0x9E3779B97F4A7C15)


def still_findings(rows: Ordered, _config: DataConfig) -> tuple[Finding | None, Finding | None]:
    """A price that never moves (``constant_price``), or hardly, or not for a long stretch (``still_price``).

    A constant price, by its opens and closes, refuses the data unless another symbol moves.
    """
    close = rows.columns["close"]
    before = close.copy()
    before[1:][rows.same] = close[:-1][rows.same]
    level = (rows.columns["open"] == before) & (close == before)
    constant, still = np.zeros(len(level), dtype=np.bool_), np.zeros(len(level), dtype=np.bool_)
    if level.sum() * 5 < len(level) and len(rows.table.symbols) == 1:
        return None, None
    unmoved = level & (rows.columns["high"] == before) & (rows.columns["low"] == before)
    longest, alive = 0, False
    edges = np.flatnonzero(np.concatenate(([True], ~rows.same, [True])))
    for first, last in pairwise(edges.tolist()):
        mine = unmoved[first:last]
        stretch = _longest(mine)
        if last - first < FEW:
            alive = True
        elif level[first:last].mean() >= CONSTANT:
            constant[first:last] = True
        else:
            alive = True
            if mine.mean() >= STILL or stretch >= max(FEW, STRETCH * len(mine)):
                still[first:last] = mine
                longest = max(longest, stretch)
    where = " of some symbols" if alive else ""
    sentence = f"the price{where} does not move: {{count}} row(s) open and close where the last one closed"
    never = rows.find("constant_price", "warn" if alive else "refuse", constant, sentence)
    sentence = f"{{count}} row(s) are one price, the close before; the longest stretch is {longest:,} bar(s)"
    return never, rows.find("still_price", "warn", still, sentence)


def _longest(mask: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def repeated_rows(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Blocks of rows that stood earlier in the symbol's series with the same prices and volumes.

    A block is as long as it must be to mean something (`_telling`), and all but one of its rows differ from the
    row before. Beyond 100,000 rows one block in eight is looked up, chosen by what it holds: an hour of minutes
    is still found (all but 1 in 1,000).
    """
    if not rows.good.any():
        return None
    key, traded = _keys(rows)
    long = len(key) > 100_000
    length = max(_telling(rows), 10 if long else 5)
    count = len(key) - length + 1
    if count < 2:
        return None
    window = np.zeros(count, dtype=np.uint64)
    for place in range(length):
        window = window * _ODD + key[place : place + count]
    chosen = window % np.uint64(8) == 0 if long else np.ones(count, dtype=np.bool_)
    starts = np.flatnonzero(chosen & _lively(rows, key, traded, length))
    order = np.argsort(window[starts], kind="stable")
    ordered = window[starts][order]
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(again) == 0:
        return None
    later, earlier = starts[order[again + 1]], starts[order[again]]
    repeats = np.zeros(len(key), dtype=np.bool_)
    for place in range(length):
        repeats[later + place] = True
    first = earlier[later.argmin()]
    since = written(int(rows.time[first]))
    sentence = (
        f"{{count}} row(s) copy earlier rows, in blocks of {length} and more; the first copied block is from {since}"
    )
    return rows.find("repeated_rows", "warn", repeats, sentence)


def _telling(rows: Ordered) -> int:
    """Returns how many rows in a row do not recur by chance, with a probability of about one in a million.

    Two rows agree by chance as often as their range, their move and their volume do (read off 20,000 of them);
    the price level, which must agree as well, is not counted on.
    """
    some = slice(None, None, max(1, len(rows.time) // 20_000))
    columns = {name: rows.columns[name][some] for name in (*PRICES, "volume")}
    scale = 1e-7 * float(np.median(rows.columns["close"][rows.good]))
    shape = np.stack(
        [
            np.rint((columns["high"] - columns["low"]) / scale),
            np.rint((columns["close"] - columns["open"]) / scale),
            np.nan_to_num(columns["volume"], nan=-1.0),
        ]
    )
    _, counts = np.unique(shape, axis=1, return_counts=True)
    pairs = shape.shape[1] * (shape.shape[1] - 1)
    bits = -np.log2(max(float((counts * (counts - 1.0)).sum()), 1.0) / max(pairs, 1))
    needed = 2 * np.log2(len(rows.time)) + 20
    return int(np.ceil(needed / max(bits, needed / 64)))


def _lively(rows: Ordered, key: NDArray[np.uint64], traded: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    """Returns (window,): whether nearly every row differs from the one before, of one symbol, all of them traded."""
    count = len(key) - length + 1
    changed = np.concatenate(([0], np.cumsum(key[1:] != key[:-1])))
    lively = changed[length - 1 :] - changed[:count] >= length - 2
    lively &= rows.symbol[length - 1 :] == rows.symbol[:count]
    if traded.any():
        quiet = np.concatenate(([0], np.cumsum(~traded)))
        lively &= quiet[length:] == quiet[:count]
    return lively


def stale_bars(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Rows that repeat the row before, with a range and a traded volume: the feed stood still, not the market."""
    columns = rows.columns
    same = (
        rows.same
        & (rows.time[1:] > rows.time[:-1])
        & (columns["volume"][1:] > 0)
        & (columns["high"][1:] > columns["low"][1:])
    )
    for name in ("volume", *PRICES):
        if not same.any():
            return None
        same &= columns[name][1:] == columns[name][:-1]
    sentence = "{count} row(s) repeat the row before, its range and its volume"
    return rows.find("stale_bars", "warn", np.concatenate(([False], same)), sentence)


def _keys(rows: Ordered) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Returns one number for what each row holds, and which rows have a volume."""
    key = (rows.symbol.astype(np.uint64) + np.uint64(1)) * _ODD
    volume = rows.columns["volume"]
    for values in (*(rows.columns[name] for name in PRICES), volume):
        key ^= np.ascontiguousarray(values).view(np.uint64)
        key *= _ODD
        key ^= key >> np.uint64(29)
    return key, volume > 0


def stray_weekend(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Bars on a Saturday or Sunday of a market that is closed on most of them."""
    if rows.calendar.name == "24/7" or rows.bar_length > DAY:
        return None
    days = rows.time // DAY
    weekday = (days + 3) % 7  # 1970-01-01: a Thursday
    stray = np.zeros(len(days), dtype=np.bool_)
    for day in (5, 6):
        seen = np.unique(days[weekday == day])
        whole = (int(days.max()) - day + 3) // 7 - (int(days.min()) - 1 - day + 3) // 7
        if 0 < len(seen) < STRAY * whole or (len(seen) == 1 and whole > 1):
            stray |= weekday == day
    if rows.bar_length < DAY and stray.any():
        stray = _apart(rows, stray)
    return rows.find(
        "stray_weekend", "warn", stray, "{count} bar(s) on a Saturday or Sunday, when this market hardly ever trades"
    )


def _apart(rows: Ordered, stray: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns the stray rows that belong to no session of a weekday: neither its evening nor its opening."""
    near = np.zeros(len(stray), dtype=np.bool_)
    near[1:] = rows.same & (np.diff(rows.time) <= NIGHT)
    block = np.cumsum(~near)  # rows of one session share a number
    weekdays = np.bincount(block, weights=~stray) > 0
    return stray & ~weekdays[block]
