"""Axes of a chart: which values get a tick, how a time is written, how a long series becomes short."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

_SECOND = 1_000_000_000
_LOG_SIZES = ((1, 1.5, 2, 3, 5, 7), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_CLOCK_STEPS = (1, 5, 15, 30, 60, 180, 360, 720)  # minutes
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600)


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Returns the round values inside [low, high], steps of 1, 2, 2.5 or 5 times a power of ten.

    Args:
        low, high: the range; equal ends give that one value.
        about: how many ticks are wanted; the answer is the step that comes nearest from above.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high < low:
        return []
    if high == low:
        return [low]
    rough = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(size for size in _STEPS if size * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(position * step, digits) + 0.0 for position in range(first, last + 1)]


def log_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Returns round values for a logarithmic axis, or linear ones when the range is narrow."""
    if not (0 < low <= high and math.isfinite(high)):
        return []
    if high / low < 2.5:
        return [tick for tick in nice_ticks(low, high, about) if tick > 0]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for sizes in _LOG_SIZES:
        ticks = [size * 10.0**decade for decade in decades for size in sizes]
        inside = [float(f"{tick:.3g}") for tick in ticks if low <= tick <= high]
        if len(inside) <= about + 2:
            return inside
    return inside[:: math.ceil(len(inside) / about)]


def _moment(nanoseconds: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=round(nanoseconds / 1000))


def _nanoseconds(moment: datetime) -> int:
    return round((moment - datetime.fromtimestamp(0, UTC)) / timedelta(microseconds=1)) * 1000


def time_ticks(low: int, high: int, about: int = 6) -> list[tuple[int, str]]:
    """Returns round UTC moments inside [low, high] with their labels.

    The step is a round count of minutes, days, months or years; a label names the larger unit where it
    changes (``2008``, ``Apr``, ``Jul``), so that each stays short.

    Args:
        low, high: nanoseconds since 1970.
        about: the most ticks wanted.
    """
    if high <= low:
        return [(low, f"{_moment(low):%Y-%m-%d}")]
    span = (high - low) / _SECOND
    for minutes in _CLOCK_STEPS:
        if span / (60 * minutes) <= about:
            return _clock_ticks(low, high, minutes * 60 * _SECOND)
    for days in _DAY_STEPS:
        if span / (86_400 * days) <= about:
            return _day_ticks(low, high, days)
    months = next((step for step in _MONTH_STEPS if span / (2_629_746 * step) <= about), _MONTH_STEPS[-1])
    return _month_ticks(low, high, months)


def _clock_ticks(low: int, high: int, step: int) -> list[tuple[int, str]]:
    ticks = []
    for position in range(-(-low // step), high // step + 1):
        at = position * step
        moment = _moment(at)
        midnight = moment.hour == 0 and moment.minute == 0
        ticks.append((at, f"{moment.day} {moment:%b}" if midnight else f"{moment:%H:%M}"))
    return ticks


def _day_ticks(low: int, high: int, days: int) -> list[tuple[int, str]]:
    step = days * 86_400 * _SECOND
    offset = 4 * 86_400 * _SECOND if days % 7 == 0 else 0  # weeks begin on Mondays; 1970-01-05 was one
    return [(at, f"{_moment(at).day} {_moment(at):%b}") for at in range(low + (offset - low) % step, high + 1, step)]


def _month_ticks(low: int, high: int, months: int) -> list[tuple[int, str]]:
    first = _moment(low)
    index = first.year * 12 + first.month - 1
    index -= index % months
    ticks: list[tuple[int, str]] = []
    while True:
        year, month = divmod(index, 12)
        if year > 9998:
            return ticks
        moment = datetime(max(1, year), month + 1, 1, tzinfo=UTC)
        at = _nanoseconds(moment)
        if at > high:
            return ticks
        if at >= low:
            ticks.append((at, f"{year}" if month == 0 else f"{moment:%b}"))
        index += months


def thin(x: Series, y: Series, points: int = 1500) -> tuple[Series, Series]:
    """Shortens a series for drawing: the lowest and the highest point of each stretch stay.

    The first and the last point stay too. A stretch without any number stays as one NaN, so that a gap
    remains a gap.

    Args:
        x, y: (time,) positions and values; y may hold NaN.
        points: the most points to return, at least 4.

    Returns:
        two arrays of at most ``points`` elements in the order of time; the inputs when they are short.
    """
    if len(y) <= points:
        return x, y
    edges = np.linspace(1, len(y) - 1, max(1, (points - 2) // 2) + 1).astype(np.int64)
    keep = [0]
    for start, stop in pairwise(edges.tolist()):
        part = y[start:stop]
        unknown = np.isnan(part)
        lowest = int(np.where(unknown, np.inf, part).argmin())
        highest = int(np.where(unknown, -np.inf, part).argmax())
        keep += [start + position for position in sorted({lowest, highest})]
    keep.append(len(y) - 1)
    chosen = np.array(keep)
    return x[chosen], y[chosen]


def stretches(x: Series, y: Series, points: int = 400) -> tuple[Series, Series, Series, Series]:
    """Shortens a series that flips faster than a pixel to the mean, lowest and highest of each stretch.

    Returns:
        (start of the stretch, mean, low, high), each of at most ``points`` elements; NaN where a stretch has
        no number.
    """
    edges = np.linspace(0, len(y), min(points, len(y)) + 1).astype(np.int64)[:-1]
    if len(edges) == 0:
        return x[:0], y[:0], y[:0], y[:0]
    known = np.isfinite(y)
    counts = np.add.reduceat(known.astype(np.float64), edges)
    total = np.add.reduceat(np.where(known, y, 0.0), edges)
    mean = np.divide(total, counts, out=np.full(len(edges), np.nan), where=counts > 0)
    low = np.minimum.reduceat(np.where(known, y, np.inf), edges)
    high = np.maximum.reduceat(np.where(known, y, -np.inf), edges)
    low[counts == 0] = np.nan
    high[counts == 0] = np.nan
    return x[edges], mean, low, high
