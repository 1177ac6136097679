"""The checks of when bars come: holes, stamps off the grid, filled weekends, bars a year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars.calendar import DAY
from regimen.bars.checks.ordered import Ordered
from regimen.bars.checks.report import Finding, written
from regimen.bars.checks.weekends import filled_weekends
from regimen.bars.config import DataConfig
from regimen.bars.periods import YEAR
from regimen.spans import in_words

_MONTH = 28 * DAY
_APART = 0.05
"""How far bars a year, as counted, may lie from what the calendar expects, in data that end with whole weeks."""


def gaps(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Holes inside a symbol's series that its calendar does not explain.

    ``24/7``: every missing bar. ``24/5`` and intraday ``sessions``: not a closure that recurs at its time of
    day on at least 5 % of the days, nor a weekend of at most 56 hours, nor a night with at most one weekday
    missing. Daily ``sessions``: two or more weekdays in a row without a bar.
    """
    step = rows.time[1:] - rows.time[:-1]
    holes = np.flatnonzero((step > _longest_step(rows.bar_length)) & rows.same)
    if rows.calendar.name != "24/7" and len(holes):
        holes = holes[~_closed(rows, holes)]
    if len(holes) == 0:
        return None
    missing = _missing(rows, holes)
    worst = int(missing.argmax())
    at = written(int(rows.time[holes[worst]]))
    by_session = rows.calendar.name == "sessions" and rows.bar_length <= DAY
    longest = _amount(rows, int(missing[worst])) if by_session else in_words(int(step[holes[worst]]))
    sentence = (
        f"{{count}} hole(s), about {_amount(rows, int(missing.sum()))} missing; the longest is {longest} after {at}"
    )
    return rows.find("gaps", "warn", holes + 1, sentence)


def _longest_step(bar_length: int) -> int:
    """Returns the longest step (ns) without a hole: months, quarters and years differ in length by up to a tenth."""
    return bar_length * 6 // 5 if bar_length >= _MONTH else bar_length


def _amount(rows: Ordered, bars: int) -> str:
    if rows.calendar.name != "sessions" or rows.bar_length > DAY:
        return f"{bars:,} bar(s)"
    sessions = f"{round(bars / rows.calendar.session_bars, 1):g} session(s)"
    return sessions if rows.bar_length == DAY else f"{bars:,} bar(s) ({sessions})"


def _dates(time: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return (time // DAY).astype("datetime64[D]")


def _closed(rows: Ordered, holes: NDArray[np.intp]) -> NDArray[np.bool_]:
    start, stop = rows.time[holes], rows.time[holes + 1]
    first, last = _dates(start), _dates(stop)
    skipped = np.busday_count(first + 1, last)
    if rows.bar_length >= DAY:
        usual = max(1, rows.bar_length // DAY * 5 // 7)
        return np.asarray(skipped <= usual)
    kind = np.stack([start % DAY, stop - start], axis=1)
    _, inverse, counts = np.unique(kind, axis=0, return_inverse=True, return_counts=True)
    days = max(1, len(np.unique(rows.time[:: max(1, DAY // rows.bar_length // 4)] // DAY)))
    recurring = counts[inverse.ravel()] >= max(3.0, 0.05 * days * len(rows.table.symbols))
    if rows.calendar.name == "24/5":
        saturday = ((last - first).astype(int) >= 1) & (
            np.is_busday(first + 1, weekmask="0000010") | np.is_busday(last, weekmask="0000011")
        )
        return np.asarray(recurring | (saturday & (stop - start <= 56 * DAY // 24)))
    return np.asarray(recurring | ((last > first) & (skipped <= 1)))


def _missing(rows: Ordered, holes: NDArray[np.intp]) -> NDArray[np.int64]:
    """Returns (hole,): how many bars the calendar expects inside it: on weekdays, at the usual times of day."""
    start, stop = rows.time[holes], rows.time[holes + 1]
    if rows.calendar.name == "24/7" or rows.bar_length > DAY:
        return (stop - start) // rows.bar_length - 1
    first, last = _dates(start), _dates(stop)
    skipped = np.busday_count(first + 1, last)
    slots, counts = np.unique(rows.time % DAY // rows.bar_length, return_counts=True)
    usual = slots[counts * 2 >= counts.max()]
    left = np.searchsorted(usual, start % DAY // rows.bar_length, side="right")
    right = np.searchsorted(usual, stop % DAY // rows.bar_length)
    evening, morning = (len(usual) - left) * np.is_busday(first), right * np.is_busday(last)
    missing = np.where(first == last, right - left, evening + skipped * len(usual) + morning)
    return np.asarray(np.maximum(missing, 1))


def off_grid_mask(rows: Ordered) -> NDArray[np.bool_]:
    """Returns (sorted row,): whether a stamp is off the grid that most stamps share.

    Outside 24/7 a tenth of the stamps makes a grid of its own: bars of four hours or a day that follow an
    exchange's clock move by an hour with its summer time.
    """
    if rows.bar_length > 7 * DAY:
        return np.zeros(len(rows.time), dtype=np.bool_)
    phase = rows.time % rows.bar_length
    if (phase == phase[0]).all():
        return np.zeros(len(rows.time), dtype=np.bool_)
    phases, counts = np.unique(phase, return_counts=True)
    least = counts.max() if rows.calendar.name == "24/7" else min(counts.max(), len(phase) / 10)
    return np.asarray(~np.isin(phase, phases[counts >= least]))


def off_grid(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Stamps that are not a whole number of bars away from the others."""
    sentence = f"{{count}} stamp(s) are off the grid of {in_words(rows.bar_length)}"
    return rows.find("off_grid", "warn", off_grid_mask(rows), sentence)


def flat_weekends(rows: Ordered, _config: DataConfig) -> Finding | None:
    """Weekends that the feed fills with its last price: bars in which nobody could trade."""
    filled = filled_weekends(rows.time, rows.columns, rows.bar_length)
    sentence = "{count} row(s) of weekends repeat one price without a volume, while the market is closed"
    return rows.find("flat_weekends", "warn", filled, sentence, "data.repairs.flat_weekends=drop")


def bars_a_year(rows: Ordered, config: DataConfig) -> Finding | None:
    """A count of bars a year that is not what the calendar expects, or not that of the whole length of a panel."""
    if config.periods_per_year is not None or rows.table.periods_per_year > 0:
        return None
    if filled_weekends(rows.time, rows.columns, rows.bar_length).any():
        return None  # a finding of its own
    count, expected = rows.periods_per_year, rows.calendar.periods_per_year(rows.bar_length)
    length = int(rows.time.max() - rows.time.min()) + rows.bar_length
    # A week at either end may be cut, and few weeks may hold no holiday or several.
    slack = _APART + 7 * DAY / length
    if abs(count / expected - 1.0) > slack:
        beside = f"where the calendar {rows.calendar.name} expects {expected:,.0f}"
    elif len(rows.table.symbols) == 1:
        return None
    else:
        whole = (len(np.unique(rows.time)) - 1) * YEAR / length
        if abs(count / whole - 1.0) <= slack:
            return None
        beside = f"while the symbol of the median bar is listed, and {whole:,.0f} over their whole length"
    sentence = f"the data have {count:,.0f} bars a year by count, {beside}; set data.periods_per_year to choose"
    return rows.find("bars_a_year", "warn", np.array([0], dtype=np.intp), sentence)
