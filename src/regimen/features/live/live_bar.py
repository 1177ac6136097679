"""One bar of a live feed: refused by the rules by which the reader refuses a file's row."""

from __future__ import annotations

from math import isinf, isnan
from typing import Any

import numpy as np

from regimen.bars.checks import LARGEST, TOLERANCE
from regimen.errors import DataError

_LAST = np.iinfo(np.int64).max
_SECONDS = _LAST // 1_000_000_000
_NANOSECONDS = np.dtype("datetime64[ns]")


def stamp_of(time: object) -> int:
    """Returns nanoseconds since 1970.

    Raises:
        DataError: neither whole nanoseconds nor a datetime64, no time at all, or one outside 1677 to 2262.
    """
    if isinstance(time, np.datetime64):
        if np.isnat(time):
            raise DataError("time", "must be a time", str(time))
        if time.dtype != _NANOSECONDS and abs(int(time.astype("datetime64[s]").astype(np.int64))) >= _SECONDS:
            raise DataError("time", "must lie in 1677 to 2262", str(time))
        return int(time.astype(_NANOSECONDS).astype(np.int64))
    if not isinstance(time, (int, np.integer)):
        raise DataError("time", "must be whole nanoseconds since 1970 or a datetime64", time)
    if not -_LAST <= time <= _LAST:
        raise DataError("time", "must lie in 1677 to 2262", int(time))
    return int(time)


def checked(
    open: float, high: float, low: float, close: float, volume: float
) -> tuple[float, float, float, float, float]:
    """Returns the five numbers of a bar that may be traded on, or of one without a price (NaN).

    Raises:
        DataError: a price that is infinite, overflowed, zero or negative; a high or a low that does not contain the
            others, by more than binary noise; a volume that is infinite, overflowed or negative; what is no number.
    """
    try:
        o, h, lo, c, v = float(open), float(high), float(low), float(close), float(volume)
    except (TypeError, ValueError, OverflowError):
        raise DataError("bar", "must be five numbers", (open, high, low, close, volume)) from None
    if not (0.0 < lo <= o <= h <= LARGEST and lo <= c <= h and (0.0 <= v <= LARGEST or v != v)):
        _refuse(o, h, lo, c, v)
    return o, h, lo, c, v


def _refuse(open: float, high: float, low: float, close: float, volume: float) -> None:
    """Names what is wrong with a bar that is not plainly sound; returns where a price is missing or off by noise."""
    prices = {"open": open, "high": high, "low": low, "close": close}
    for name, price in prices.items():
        if abs(price) > LARGEST:
            raise DataError(name, f"must be finite (and at most {LARGEST:g}), or NaN where there is no bar", price)
        if price <= 0.0:
            raise DataError(name, "must be positive", price)
    if abs(volume) > LARGEST:
        rule = f"must be finite (and at most {LARGEST:g}), or NaN where the source has none"
        raise DataError("volume", rule, volume)
    if volume < 0.0:
        raise DataError("volume", "must not be negative", volume)
    if any(map(isnan, prices.values())):
        return
    slack = TOLERANCE * close
    if high < max(open, low, close) - slack:
        raise DataError("high", f"must not be below open, low or close, of which one is {max(open, low, close)}", high)
    if low > min(open, close) + slack:
        raise DataError("low", f"must not be above open or close, of which one is {min(open, close)}", low)


def checked_extra(name: str, value: Any) -> float:
    """Returns an exogenous value: a number or NaN.

    Raises:
        DataError: it is infinite, or no number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"extras.{name}", "must be a number", value) from None
    if isinf(number):
        raise DataError(f"extras.{name}", "must be finite, or NaN where nothing is known", number)
    return number
