"""Stamps that mark the ends of bars, turned into the starts that all else counts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from regimen.bars import DAY, RawTable, bar_length_of, by_symbol_and_time


def from_ends(table: RawTable) -> RawTable:
    """Returns the table with each row stamped with the start of its bar.

    A bar starts its length before its end, or at the end of the bar before it where that is later (the last half
    hour of a session). A daily bar that ends within its session's date (at a close, no weekend among them)
    has that date, at 00:00 UTC.

    Raises:
        DataError: the bar length cannot be told.
    """
    order = by_symbol_and_time(table)
    length = bar_length_of(table, order)
    time, symbol = table.time[order], table.symbol[order]
    starts = time - length
    if length % DAY == 0 and not (((time - 1) // DAY + 3) % 7 >= 5).any():
        starts = ((time - 1) // DAY + 1) * DAY - length
    other = np.ones(len(time), dtype=np.bool_)
    other[1:] = (time[1:] != time[:-1]) | (symbol[1:] != symbol[:-1])
    first = np.flatnonzero(other)  # rows that repeat a time start together
    before = np.full(len(first), np.iinfo(np.int64).min)
    same = symbol[first[1:]] == symbol[first[:-1]]
    before[1:][same] = time[first[:-1]][same]
    if length < DAY:
        starts = np.maximum(starts, before[np.cumsum(other) - 1])
    result = np.empty_like(starts)
    result[order] = starts
    return replace(table, time=result, bar_length=length)
