"""Bars a year, as counted: what turns a statistic of one bar into an annual one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bars.calendar import DAY, Calendar

YEAR = 365 * DAY
"""Nanoseconds in a year (the day count Act/365)."""
_WEEK = 7 * DAY
_LEAST_WEEKS = 4
"""Whole weeks from which bars are counted: one holiday in them is 5 %."""
_ALL_HOLIDAYS = 51
"""Weeks that show a year's holidays."""
_NEAR = 0.05
"""How far bars over length may lie from the calendar's number, which includes a year's holidays, to leave it."""
_LEAST_LONG_BARS = 13
"""Bars longer than a day from which their steps are counted."""


class Life(NamedTuple):
    """A symbol's first and last position among the times of all symbols, and how many bars it has."""

    first: int
    last: int
    bars: int


def lives_of(present: NDArray[np.bool_]) -> list[Life]:
    """Returns the lives of the symbols that have a bar; ``present`` is (time, symbol)."""
    bars = present.sum(axis=0)
    first = present.argmax(axis=0)
    last = len(present) - 1 - present[::-1].argmax(axis=0)
    return [Life(int(first[s]), int(last[s]), int(bars[s])) for s in np.flatnonzero(bars)]


def periods_per_year(stamps: NDArray[np.int64], lives: Sequence[Life], bar_length: int, calendar: Calendar) -> float:
    """Returns how many times of the series a year has (the Sharpe factor squared).

    It is the number of times over the length on the clock. (Sessions of less than 51 weeks, whose holidays may
    lie elsewhere, keep the calendar's number where it is within 5 % of that.) In a panel every
    symbol has a count of its own, of the times of *all* symbols while it was listed (an account has a row for
    each), and the count of the symbol that holds the median bar is taken: what a rare symbol adds before or
    after the others does not decide. Where less than four weeks are there (of bars longer than a day: fewer
    than 13), the calendar says what is expected.

    Args:
        stamps: (time,) distinct starts of bars in nanoseconds, increasing.
        lives: of each symbol.
        bar_length: nanoseconds.
        calendar: what is expected.
    """
    if not lives:
        return calendar.periods_per_year(bar_length)
    counts = np.array([_count(stamps[life.first : life.last + 1], bar_length, calendar) for life in lives])
    order = np.argsort(counts, kind="stable")
    bars = np.cumsum([lives[position].bars for position in order])
    return float(counts[order[np.searchsorted(bars, bars[-1] / 2)]])


def of_window(stamps: NDArray[np.int64], counted: float, whole: float) -> float:
    """Returns the bars a year of a window: those of its series, or as counted in it where they are not the same.

    They are not where the window spans the holidays of a year and lies over 5 % off, as in a panel that a market
    with other hours joins, or a coin whose early minutes had no trades.

    Args:
        stamps: (time,) of the window.
        counted: bars a year of the window alone.
        whole: of its series.
    """
    long = int(stamps[-1] - stamps[0]) >= _ALL_HOLIDAYS * _WEEK
    return counted if long and abs(counted / whole - 1.0) > _NEAR else whole


def _count(stamps: NDArray[np.int64], bar_length: int, calendar: Calendar) -> float:
    """Returns bars a year of one stretch: of its whole weeks, so that neither end cuts one."""
    expected = calendar.periods_per_year(bar_length)
    length = int(stamps[-1] - stamps[0])
    if bar_length > DAY:
        steps = len(stamps) - 1
        return steps * YEAR / length if steps >= _LEAST_LONG_BARS - 1 else expected
    weeks = (length + bar_length) // _WEEK
    if weeks < _LEAST_WEEKS:
        return expected
    plain = len(stamps) * YEAR / (length + bar_length)
    if calendar.name == "sessions" and weeks < _ALL_HOLIDAYS and abs(plain / expected - 1.0) <= _NEAR:
        return expected
    inside = int(np.searchsorted(stamps, stamps[0] + weeks * _WEEK))
    return inside * YEAR / (weeks * _WEEK)
