"""When an instrument trades: what turns a per-bar statistic into an annual one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CalendarName = Literal["24/7", "24/5", "sessions"]
DAY = 86_400_000_000_000
"""Nanoseconds in a day."""


@dataclass(frozen=True)
class Calendar:
    """The trading calendar of a series.

    Attributes:
        name: ``24/7`` (crypto: 365 days of 24 hours), ``24/5`` (currencies: 260 days of 24 hours) or
            ``sessions`` (stocks, futures: 252 sessions a year).
        session_bars: bars in one session; 1 for daily data. Only ``sessions`` uses it.
    """

    name: CalendarName
    session_bars: float = 1.0

    def periods_per_year(self, bar_length: int) -> float:
        """Returns how many bars of ``bar_length`` nanoseconds make a year (the Sharpe factor squared)."""
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


def infer_calendar(time: NDArray[np.datetime64], bar_length: int) -> Calendar:
    """Reads the calendar off the stamps: no guess, a rule.

    Bars on at least half of the Saturdays (each half a usual day's) mean ``24/7`` (exchanges open on one now and
    then). Otherwise, when
    intraday bars start in at least 23 of the 24 hours of the day (bars over an hour: cover 23 hours of the
    median day), ``24/5``; else ``sessions``, whose length is the median count of bars a day.

    Args:
        time: (time,) bar starts, UTC.
        bar_length: nanoseconds.
    """
    stamps = time.astype("datetime64[ns]").astype(np.int64)
    days = stamps // DAY
    present, counts = np.unique(days, return_counts=True)
    # Saturdays only: FX opens on Sunday evening, and some exchanges trade from Sunday to Thursday.
    saturdays = int((present[-1] + 5) // 7 - (present[0] + 4) // 7)
    # In UTC a Friday evening in New York is a Saturday's first bars: half a usual day makes a Saturday.
    seen = int(((((present + 3) % 7) == 5) & (counts * 2 >= np.median(counts))).sum())  # 1970-01-01: a Thursday
    if saturdays and seen * 2 >= saturdays:
        return Calendar("24/7")
    if bar_length >= DAY:
        return Calendar("sessions")
    weekday = (days + 3) % 7
    hours = len(np.unique((stamps[weekday < 5] % DAY) // (DAY // 24)))
    whole = hours >= 23 if bar_length <= DAY // 24 else float(np.median(counts)) * bar_length >= DAY * 23 / 24
    if whole:
        return Calendar("24/5")
    return Calendar("sessions", float(np.median(counts)))
