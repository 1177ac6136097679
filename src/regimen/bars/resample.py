"""Longer bars from shorter ones."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import Bars, Values
from regimen.bars.calendar import DAY, Calendar, bars_of_a_day, trading_days
from regimen.errors import ConfigError, DataError
from regimen.spans import bar_span, in_words

SUMMED = ("funding_rate", "quote_volume", "trades", "taker_buy_volume", "taker_buy_quote_volume")
"""Extras that add up over time; of all others a longer bar keeps the last value."""
_MONDAY = 4 * DAY
"""1970-01-05, so that whole weeks start on Mondays."""


def resample(bars: Bars, rule: str, partial: Literal["keep", "drop"] = "keep") -> Bars:
    """Returns bars of a longer length, each labelled with its start.

    A long bar at ``T`` holds the short bars with ``T <= time < T + length``; ``T`` is a multiple of the
    length since 1970-01-01 00:00 UTC (weeks: since a Monday), so it depends on no other bar. Bars of whole days
    of a market that trades over 00:00 UTC hold its trading days instead, and are stamped with the day's date at
    00:00 UTC: a day of currencies ends at 17:00 in New York, so that Sunday evening is Monday's, and its bar
    is over some hours before ``T + length``. Extras are to be joined to the short bars. Open is the
    first, close the last, high the maximum, low the minimum of the bars that the symbol has; volume is their
    sum (NaN when none has one).
    Extras: funding rates and traded amounts are summed, of all others the last value that is not NaN stays.
    With an ``adjustment`` that steps inside a long bar, prices and volumes before the step are first
    expressed in the units after it.

    Args:
        bars: the short bars.
        rule: the new length, a multiple of the old one, such as ``4h``.
        partial: what happens to a long bar in which short ones are missing (an outage, a session, both ends
            of the data): keep it, or drop it at every time at which some symbol that trades in it lacks a
            bar.

    Raises:
        ConfigError: the rule is no span, is not longer than the bars, or not a multiple of them.
        DataError: nothing is left.
    """
    length = bar_span(rule, "data.resample")
    if length <= bars.bar_length or length % bars.bar_length:
        raise ConfigError("data.resample", f"must be a longer multiple of the bars' {in_words(bars.bar_length)}", rule)
    stamps = bars.time.astype(np.int64)
    if length % DAY == 0 and bars.bar_length < DAY:
        stamps = trading_days(stamps, bars.calendar.day_end) * DAY
    origin = _MONDAY if length % (7 * DAY) == 0 else 0
    labels = (stamps - origin) // length * length + origin
    starts = np.concatenate(([0], np.flatnonzero(labels[1:] != labels[:-1]) + 1))
    present = bars.present
    prices = {name: getattr(bars, name) for name in ("open", "high", "low", "close")}
    volume = bars.volume
    if "adjustment" in bars.extras:
        factor = _in_last_units(bars.extras["adjustment"], starts)
        prices = {name: values * factor for name, values in prices.items()}
        volume = volume / factor
    masked = {name: np.where(present, values, np.nan) for name, values in prices.items()}
    columns: dict[str, Any] = {
        "open": _pick(masked["open"], present, starts, last=False),
        "high": np.fmax.reduceat(masked["high"], starts, axis=0),
        "low": np.fmin.reduceat(masked["low"], starts, axis=0),
        "close": _pick(masked["close"], present, starts, last=True),
        "volume": _sum(np.where(present, volume, np.nan), starts),
    }
    extras = {}
    for name, values in bars.extras.items():
        if name in SUMMED:
            extras[name] = _sum(values, starts)
        else:
            extras[name] = _pick(values, ~np.isnan(values), starts, last=True)
    time = labels[starts]
    if partial == "drop":
        counts = np.add.reduceat(present.astype(np.int64), starts, axis=0)
        keep = ((counts == length // bars.bar_length) | (counts == 0)).all(axis=1)
        if not keep.any():
            raise DataError("data.resample", "must leave at least one whole bar", rule)
        time = time[keep]
        columns = {name: values[keep] for name, values in columns.items()}
        extras = {name: values[keep] for name, values in extras.items()}
    return replace(
        bars,
        time=time.astype("datetime64[ns]"),
        bar_length=length,
        calendar=_calendar(bars.calendar, time, length),
        extras=extras,
        periods_per_year=math.nan,
        listing=bars.listing[:0],  # read off the long bars
        **columns,
    )


def _calendar(calendar: Calendar, time: NDArray[np.int64], length: int) -> Calendar:
    if length >= DAY:
        return Calendar(calendar.name)
    if calendar.name != "sessions":
        return calendar
    return replace(calendar, session_bars=bars_of_a_day(trading_days(time, calendar.day_end)))


def _pick(values: Values, valid: NDArray[np.bool_], starts: NDArray[np.int64], last: bool) -> Values:
    """Returns the first or last valid value of each group and symbol; NaN where there is none."""
    rows = np.arange(len(values))[:, None]
    if last:
        at = np.maximum.reduceat(np.where(valid, rows, -1), starts, axis=0)
        exists = at >= 0
    else:
        at = np.minimum.reduceat(np.where(valid, rows, len(values)), starts, axis=0)
        exists = at < len(values)
    picked = np.take_along_axis(values, np.where(exists, at, 0), axis=0)
    return np.where(exists, picked, np.nan)


def _sum(values: Values, starts: NDArray[np.int64]) -> Values:
    known = ~np.isnan(values)
    total = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
    return np.where(np.add.reduceat(known.astype(np.int64), starts, axis=0) > 0, total, np.nan)


def _in_last_units(adjustment: Values, starts: NDArray[np.int64]) -> Values:
    """Returns adjustment / (last adjustment of the group): 1 unless the factor steps inside a group."""
    last = _pick(adjustment, ~np.isnan(adjustment), starts, last=True)
    sizes = np.diff(np.append(starts, len(adjustment)))
    factor = adjustment / np.repeat(last, sizes, axis=0)
    return np.where(np.isfinite(factor) & (factor > 0), factor, 1.0)
