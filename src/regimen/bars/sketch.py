"""What a series is known by: a sketch of its price path, which tells a market whatever its file looks like.

A fingerprint changes with a name, a unit, a column or one bar more. The moves of a market do not: two series are of
one market where the moves of the coarser one, day by day, are found again in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regimen.bars.bars import Bars
from regimen.bars.calendar import HOUR
from regimen.reprs import many, short

TOLERANCE = 0.1
"""Two moves are alike when they differ by less than this part of the usual (median) move."""
SHARE = 0.5
"""Part of the common days that must move alike; for n of them 1/√n more, so that chance cannot do it."""
OVERLAP = 0.1
"""Part of the shorter one's days, and of the smaller one's symbols, that must be common."""

_ROWS, _VALUES = 16_384, 1_000_000
"""A sketch holds no more rows, and no more levels over all symbols; a single series takes 128 kB, a panel 4 MB."""
_FEWEST, _MOST = 8, 256
"""Moves that are compared: with fewer nothing is said, more say no more."""
_STALE = 120
"""Hours after which a close says nothing of the price any more: a holiday and its weekend."""
_DAY, _WEEK = 24, 168
_STEPS = (_DAY, _WEEK, 4 * _WEEK, 1)
"""Hours of the moves that are compared: days; longer ones, in which a rounded price or a clock that is minutes off
weigh less; the hours of a series that is too short to have days."""
_SHIFTS = 36
"""Clocks up to this many hours apart are tried: a zone, a day's stamp at its other end."""


@dataclass(frozen=True, eq=False)
class Sketch:
    """Log closes at the ends of hours: all days, and all hours of as many weeks as there is room for.

    The weeks are those with the smallest hash, so that two series of one market keep the same ones.

    Attributes:
        hours: (row,) int32, hours since 1970 by whose end the close was known, UTC; increasing.
        levels: (row, symbol) float32, logarithm of the last close; NaN before a symbol's first and after its last bar.
        bar: length of a bar in hours, at least 1.
    """

    hours: NDArray[np.int32]
    levels: NDArray[np.float32]
    bar: int

    def __repr__(self) -> str:
        return short(self, f"{many(len(self.hours), 'hour')}, {many(self.levels.shape[1], 'symbol')}")

    @classmethod
    def of(cls, bars: Bars) -> Sketch:
        """Sketches a series."""
        length = bars.bar_length
        stamps = bars.time.astype(np.int64)
        # months are not all of one length: a bar of more than a day ends where the next one begins
        ends = np.append(stamps[1:], stamps[-1] + length) if length > _DAY * HOUR else stamps + length
        hours = -(-ends // HOUR)
        rows = np.flatnonzero(np.append(np.diff(hours) != 0, True))
        rows = rows[_chosen(hours[rows], min(_ROWS, max(_VALUES // len(bars.symbols), _MOST)))]
        return cls(hours[rows].astype(np.int32), _known(bars)[rows].astype(np.float32), max(1, round(length / HOUR)))

    @classmethod
    def from_bytes(cls, content: bytes) -> Sketch:
        """Reads what `to_bytes` wrote."""
        rows, symbols, bar = np.frombuffer(content, dtype="<i4", count=3).tolist()
        hours = np.frombuffer(content, dtype="<i4", count=rows, offset=12)
        levels = np.frombuffer(content, dtype="<f4", offset=12 + 4 * rows).reshape(rows, symbols)
        return cls(hours, levels, bar)

    def to_bytes(self) -> bytes:
        """Rows, symbols and bar, then hours and levels, little-endian."""
        head = np.array([*self.levels.shape, self.bar], dtype="<i4")
        return head.tobytes() + self.hours.astype("<i4").tobytes() + self.levels.astype("<f4").tobytes()

    @property
    def symbols(self) -> int:
        """How many symbols it holds."""
        return int(self.levels.shape[1])

    @property
    def span(self) -> tuple[int, int]:
        """First and last hour."""
        return int(self.hours[0]), int(self.hours[-1])

    def at(self, hours: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns (hour, symbol) levels, as known by the end of the hours; NaN where the last close is too old."""
        rows = np.searchsorted(self.hours, hours, side="right") - 1
        stale = (rows < 0) | (hours - self.hours[rows] > max(_STALE, self.bar)) | (hours > self.hours[-1])
        return np.where(stale[..., None], np.float32(np.nan), self.levels[rows])

    @cached_property
    def _whole_weeks(self) -> NDArray[np.int64]:
        weeks, counts = np.unique(_week(self.hours), return_counts=True)
        return weeks[counts > _WEEK // _DAY]

    def whole(self, hours: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether all bars of the hours' weeks are kept, and not their days' closes alone."""
        return np.isin(_week(hours), self._whole_weeks) if self.bar < _DAY else np.ones(hours.shape, dtype=np.bool_)


def shared(left: Sketch, right: Sketch) -> float:
    """Returns the share of their common days on which two series move alike; 0 where they are not of one market.

    Their clocks may be up to 36 hours apart, and one may be quoted upside down. Of panels it is the share of the
    best symbol, where enough of the smaller one's symbols are found in the larger.
    """
    fine, coarse = sorted((left, right), key=lambda each: (each.bar, -each.symbols, -len(each.hours)))
    common = min(fine.span[1], coarse.span[1]) - max(fine.span[0], coarse.span[0])
    shorter = min(fine.span[1] - fine.span[0], coarse.span[1] - coarse.span[0])
    if common <= 0 or common < OVERLAP * shorter:
        return 0.0
    return next((share for step in _STEPS if (share := _agreement(fine, coarse, step)) > 0.0), 0.0)


def _week(hours: NDArray[Any]) -> NDArray[np.int64]:
    return (hours.astype(np.int64) - 1) // _WEEK


def _chosen(hours: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """The rows that are kept: days before hours, weeks by their hash (multiples of the golden ratio: evenly spread)."""
    order = np.lexsort((_week(hours) * 2_654_435_769 % 2**32, ~_ends(hours, _DAY)))
    return np.sort(order[:room])


def _ends(hours: NDArray[Any], step: int) -> NDArray[np.bool_]:
    """Which hours are the last ones of a step."""
    return np.append(np.diff((hours.astype(np.int64) - 1) // step) != 0, True)


def _known(bars: Bars) -> NDArray[np.float64]:
    """(time, symbol) logarithms of the last known close, from a symbol's first to its last bar."""
    there = np.isfinite(bars.close) & (bars.close > 0)
    position = np.where(there, np.arange(len(bars))[:, None], -1)
    before, after = np.maximum.accumulate(position), np.maximum.accumulate(position[::-1])[::-1]
    levels = np.log(np.where(there, bars.close, np.nan))
    filled = np.take_along_axis(levels, np.maximum(before, 0), axis=0)
    known: NDArray[np.float64] = np.where((before >= 0) & (after >= 0), filled, np.nan)
    return known


def _shifts(fine: Sketch, coarse: Sketch) -> NDArray[np.int64]:
    """The differences of their clocks that are tried, in hours."""
    if fine.bar % _DAY == 0:
        days = max(coarse.bar // _DAY, 1)
        return np.arange(-days, days + 1) * _DAY
    return np.arange(-_SHIFTS, _SHIFTS + 1)


def _agreement(fine: Sketch, coarse: Sketch, step: int) -> float:
    """Compares moves of at least so many hours: the share of those alike; 0 where markets differ, or none can tell."""
    shifts = _shifts(fine, coarse)
    ends = coarse.hours[_ends(coarse.hours, step)].astype(np.int64)
    ends = ends[(ends >= fine.span[0] + shifts[0]) & (ends <= fine.span[1] + shifts[-1])]
    whole = fine.whole(ends)
    ends = ends[whole] if whole.sum() > _FEWEST else ends
    if len(ends) <= _FEWEST:
        return 0.0
    most = _MOST if fine.symbols * coarse.symbols <= _MOST else _MOST // 4
    kept = np.linspace(1, len(ends) - 1, min(most, len(ends) - 1)).astype(np.int64)
    begins, ends = ends[kept - 1], ends[kept]
    ours = coarse.at(ends) - coarse.at(begins)
    theirs = fine.at(ends + shifts[:, None]) - fine.at(begins + shifts[:, None])
    shares = [share for symbol in range(coarse.symbols) if (share := _alike(ours[:, symbol], theirs)) > 0.0]
    enough = len(shares) >= max(1.0, OVERLAP * min(coarse.symbols, fine.symbols))
    return max(shares) if enough else 0.0


def _alike(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """The largest share of a symbol's moves that another's repeat, at any shift; 0 where chance could do it.

    Args:
        ours: (move,) of one symbol.
        theirs: (shift, move, symbol).
    """
    moved = np.isfinite(ours) & (ours != 0)
    if moved.sum() < _FEWEST:
        return 0.0
    ours, theirs = ours[moved, None], theirs[:, moved]
    near = TOLERANCE * np.median(np.abs(ours))
    count = np.isfinite(theirs).sum(axis=1)
    with np.errstate(invalid="ignore"):
        alike = np.maximum((np.abs(theirs - ours) < near).sum(axis=1), (np.abs(theirs + ours) < near).sum(axis=1))
    share = alike / np.maximum(count, 1)
    enough = (count >= _FEWEST) & (share >= SHARE + 1.0 / np.sqrt(np.maximum(count, 1)))
    return float(share[enough].max(initial=0.0))
