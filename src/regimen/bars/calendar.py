"""When an instrument is expected to trade, and where its days end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

CalendarName = Literal["24/7", "24/5", "sessions"]
DAY = 86_400_000_000_000
"""Nanoseconds in a day."""
HOUR = DAY // 24
CLOSE_OF_NEW_YORK = 17
"""The hour of New York's clock at which a day of currencies, and of most futures, ends."""
_EVENING = range(8, 19)
"""Hours of New York's clock that are past noon in UTC, in winter and in summer, and before midnight."""
_CROSSED = 0.05
"""Share of the days from which trading counts as going on over an hour."""


@dataclass(frozen=True)
class Calendar:
    """The trading calendar of a series: what is expected of it. What it has is `Bars.periods_per_year`.

    Attributes:
        name: ``24/7`` (crypto: 365 days of 24 hours), ``24/5`` (currencies: 260 days of 24 hours) or
            ``sessions`` (stocks, futures: 252 sessions a year).
        session_bars: bars in one session; 1 for daily data. Only ``sessions`` uses it.
        day_end: the hour of New York's clock at which a trading day ends, for markets that trade over 00:00
            UTC (17 for ``24/5``); None where a day is a date in UTC. It follows from the stamps, so the
            fingerprint needs none.
    """

    name: CalendarName
    session_bars: float = 1.0
    day_end: int | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.name == "24/5" and self.day_end is None:
            object.__setattr__(self, "day_end", CLOSE_OF_NEW_YORK)

    def periods_per_year(self, bar_length: int) -> float:
        """Returns how many bars of ``bar_length`` nanoseconds are expected in a year."""
        if bar_length >= 28 * DAY:
            return float(round(365.25 * DAY / bar_length))  # months and quarters differ in length
        if self.name == "24/7":
            return 365.0 * DAY / bar_length
        if bar_length > DAY:
            # A longer bar spans days of the year, closed ones too; of seven two-day bars one is a weekend.
            return 365.25 * DAY / bar_length * (6 / 7 if bar_length == 2 * DAY else 1.0)
        if self.name == "24/5":
            return 260.0 * DAY / bar_length
        if bar_length == DAY:
            return 252.0
        return 252.0 * self.session_bars


def infer_calendar(time: NDArray[np.datetime64], bar_length: int, name: CalendarName | None = None) -> Calendar:
    """Reads the calendar off the stamps: no guess, a rule.

    Bars on at least half of the Saturdays and of the Sundays (each half a usual day's) mean ``24/7`` (exchanges
    open on one now and then, and days stamped with their ends have Friday's on a Saturday). Otherwise, when
    intraday bars start in at least 23 of the 24 hours of the day (bars over an hour: cover 23 hours of the
    median day), ``24/5``; else ``sessions``, whose length is the count of bars of the day in which the median
    bar lies.

    Args:
        time: (time,) bar starts, UTC.
        bar_length: nanoseconds.
        name: the calendar, where it is known already.
    """
    stamps = time.astype("datetime64[ns]").astype(np.int64)
    name = name or _name(stamps, bar_length)
    if name != "sessions" or bar_length >= DAY:
        return Calendar(name)
    day_end = _day_end(stamps, bar_length)
    return Calendar(name, bars_of_a_day(trading_days(stamps, day_end)), day_end)


def _name(stamps: NDArray[np.int64], bar_length: int) -> CalendarName:
    days = stamps // DAY
    present, counts = np.unique(days, return_counts=True)
    # In UTC a Friday evening in New York is a Saturday's first bars: half a usual day makes a day of the weekend.
    whole_days = present[counts * 2 >= np.median(counts)]
    if all(_on_half_of(weekday, whole_days, int(present[0]), int(present[-1])) for weekday in (5, 6)):
        return "24/7"
    if bar_length >= DAY:
        return "sessions"
    weekday = (days + 3) % 7
    hours = len(np.unique((stamps[weekday < 5] % DAY) // HOUR))
    whole = hours >= 23 if bar_length <= HOUR else float(np.median(counts)) * bar_length >= DAY * 23 / 24
    return "24/5" if whole else "sessions"


def _on_half_of(weekday: int, days: NDArray[np.int64], first: int, last: int) -> bool:
    """Whether at least half of the weekdays of a kind (Monday 0) from the first to the last day are among the days."""
    since = 3 - weekday  # 1970-01-01 was a Thursday
    there = (last + since) // 7 - (first + since - 1) // 7
    return 0 < there <= 2 * int(((days + since) % 7 == 0).sum())


def bars_of_a_day(days: NDArray[np.int64]) -> float:
    """Returns how many bars the day has in which the median bar lies: days of few bars do not decide.

    Args:
        days: (time,) the day of each bar, in order.
    """
    _, counts = np.unique(days, return_counts=True)
    counts.sort()
    return float(counts[np.searchsorted(np.cumsum(counts), len(days) / 2)])


def trading_days(stamps: NDArray[np.int64], day_end: int | None) -> NDArray[np.int64]:
    """Returns the trading day of each stamp, in days since 1970-01-01.

    Without ``day_end`` it is the date in UTC. With it, a day runs from that hour in New York to the same hour
    of the next day (daylight saving included), and has the date on which it ends: what trades after 17:00 on a
    Sunday belongs to Monday.

    Args:
        stamps: (time,) nanoseconds since 1970-01-01 00:00 UTC.
        day_end: hour of New York's clock.
    """
    if day_end is None:
        return stamps // DAY
    return np.asarray((_in_new_york(stamps) - day_end * HOUR) // DAY + 1)


def trading_day(stamp: int, day_end: int | None) -> int:
    """Returns the trading day of one stamp, as `trading_days` does of many, without a table of times.

    Args:
        stamp: nanoseconds since 1970-01-01 00:00 UTC.
        day_end: hour of New York's clock.
    """
    if day_end is None:
        return stamp // DAY
    offset = datetime.fromtimestamp(stamp // 1_000_000_000, ZoneInfo("America/New_York")).utcoffset()
    shift = round(offset.total_seconds()) * 1_000_000_000 if offset is not None else 0
    return (stamp + shift - day_end * HOUR) // DAY + 1


def _in_new_york(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    local = pc.local_timestamp(pa.array(stamps).cast(pa.timestamp("ns", tz="America/New_York")))
    return np.asarray(local.cast(pa.int64()))


def _day_end(stamps: NDArray[np.int64], bar_length: int) -> int | None:
    """Returns where the days of sessions end: None where they do not trade over 00:00 UTC.

    Otherwise 17:00 in New York if they pause then, or else the middle of the hours at which they do, if that
    lies in the second half of a day in UTC: then a day is over before its date is.
    """
    going_on = np.flatnonzero(np.diff(stamps) <= max(bar_length, HOUR))
    few = _CROSSED * len(np.unique(stamps // DAY))

    def pauses(clock: NDArray[np.int64]) -> bool:
        return bool((clock[going_on] // DAY != clock[going_on + 1] // DAY).sum() <= few)

    if pauses(stamps):
        return None
    local = _in_new_york(stamps)
    if pauses(local - CLOSE_OF_NEW_YORK * HOUR):
        return CLOSE_OF_NEW_YORK
    quiet = [hour for hour in _EVENING if pauses(local - hour * HOUR)]
    return quiet[len(quiet) // 2] if quiet else None
