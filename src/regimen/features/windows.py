"""Compiled parts of the standard steps: bounded ratios, exponential means, windows of sums or extremes.

Three conventions hold in every standard step:

- **Contrast.** Two non-negative magnitudes a and b are compared by ``(a − b) / (a + b) = tanh(½ ln(a / b))``:
  the log ratio, bounded in [−1, 1], free of units, and 0 where both are 0.
- **Exponential means start at zero** and carry their total weight ``w = 1 − (1 − g)ᵗ`` beside them, so ``mean
  / w`` is the exact weighted mean of the bars so far (pandas: ``ewm(adjust=True)``). In a contrast or a ratio
  of two means of the same gain the weight cancels and is not kept.
- **A scale includes the bar that it scales.** So no ratio can exceed a bound that its window sets, whatever
  jump comes.

A window of n rows and m sums lives in one ring of ``(n + 1) · m`` floats, row after row. Rows of the running
block hold plain values; when the block of n is complete each row is replaced by the sum of itself and all
later rows. A window's sum is then "suffix sum of what is left of the old block" plus "sum of the new block":
two additions, and nothing is ever subtracted, so it cannot drift and a spike leaves no trace. The last row
stays 0 and ends the suffix.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Ring = NDArray[np.float64]

SMALLEST_PRICE = 1e-300
"""Logarithms are taken of at least this, so that a broken price cannot put a NaN into a state."""
FLAT = 1e-12
"""A variance below this share of the mean square is rounding error: the series counts as constant."""


def gain(span: float) -> float:
    """Returns the gain ``2 / (span + 1)`` of an exponential mean of that span."""
    return 2.0 / (span + 1.0)


@jit
def contrast(a: float, b: float) -> float:
    """Returns ``(a − b) / (a + b)`` of two non-negative numbers, and 0 where both are 0."""
    total = a + b
    return (a - b) / total if total > 0.0 else 0.0


@jit
def share(part: float, whole: float) -> float:
    """Returns ``part / whole``, and 0 where the whole is not positive."""
    return part / whole if whole > 0.0 else 0.0


@jit
def portion(part: float, whole: float) -> float:
    """Like `share`, cut at ±1, which only bars whose close or open lies outside high and low exceed."""
    return min(max(part / whole, -1.0), 1.0) if whole > 0.0 else 0.0


@jit
def blend(mean: float, x: float, g: float) -> float:
    """Returns the exponential mean after one more value."""
    return mean + g * (x - mean)


@jit
def sign(x: float) -> float:
    """Returns −1, 0 or 1."""
    if x > 0.0:
        return 1.0
    return -1.0 if x < 0.0 else 0.0


@jit
def log_price(price: float) -> float:
    """Returns the natural logarithm of a price, finite for every finite price."""
    return math.log(max(price, SMALLEST_PRICE))


@jit
def known_volume(volume: float) -> float:
    """Returns the volume, and 0 where it is missing or negative."""
    return volume if volume > 0.0 else 0.0


@jit
def suffix_sums(ring: Ring, rows: int, columns: int) -> None:
    """Turns each row of a complete block into the sum of itself and all later rows, in place."""
    for start in range((rows - 1) * columns - columns, -1, -columns):
        for j in range(start, start + columns):
            ring[j] += ring[j + columns]


@jit
def suffix_extremes(ring: Ring, rows: int) -> None:
    """Turns rows (high, low) of a complete block into the extremes of themselves and all later rows."""
    high = ring[2 * rows - 2]
    low = ring[2 * rows - 1]
    for i in range(2 * rows - 4, -1, -2):
        high = max(high, ring[i])
        low = min(low, ring[i + 1])
        ring[i] = high
        ring[i + 1] = low


@jit
def suffix_dated_extremes(ring: Ring, rows: int) -> None:
    """Like `suffix_extremes` for rows (high, low, row of high, row of low); the latest of equals counts."""
    last = 4 * rows - 4
    high = ring[last]
    low = ring[last + 1]
    high_row = float(rows - 1)
    low_row = high_row
    ring[last + 2] = high_row
    ring[last + 3] = low_row
    for row in range(rows - 2, -1, -1):
        i = 4 * row
        if ring[i] > high:
            high = ring[i]
            high_row = float(row)
        if ring[i + 1] < low:
            low = ring[i + 1]
            low_row = float(row)
        ring[i] = high
        ring[i + 1] = low
        ring[i + 2] = high_row
        ring[i + 3] = low_row


class PairSums(NamedTuple):
    """Two sums of a running block; put it into the feature's own state."""

    cursor: int = 0
    first: float = 0.0
    second: float = 0.0


@jit
def pair_sums(state: PairSums, first: float, second: float, ring: Ring, rows: int) -> tuple[PairSums, float, float]:
    """Adds a row of two values; returns the state and both sums over the last ``rows`` rows, fewer at first.

    The ring is of ``2 (rows + 1)`` floats. ``rows`` should be a constant, which the compiler puts into the code.
    """
    i = 2 * state.cursor
    ring[i] = first
    ring[i + 1] = second
    newer_first = state.first + first
    newer_second = state.second + second
    whole_first = newer_first + ring[i + 2]
    whole_second = newer_second + ring[i + 3]
    cursor = state.cursor + 1
    if cursor == rows:
        cursor = 0
        newer_first = newer_second = 0.0
        suffix_sums(ring, rows, 2)
    return PairSums(cursor, newer_first, newer_second), whole_first, whole_second


class Extremes(NamedTuple):
    """The highest and the lowest value of a running block; put it into the feature's own state."""

    cursor: int = 0
    high: float = -np.inf
    low: float = np.inf


@jit
def extremes(state: Extremes, top: float, bottom: float, ring: Ring, rows: int) -> tuple[Extremes, float, float]:
    """Adds a row of (high, low); returns the state and the extremes of the last ``rows`` rows.

    They are of no use before there are so many. The ring is of ``2 rows`` floats; ``rows`` should be a constant.
    """
    newer_high = max(state.high, top)
    newer_low = min(state.low, bottom)
    high, low = newer_high, newer_low
    ring[2 * state.cursor] = top
    ring[2 * state.cursor + 1] = bottom
    cursor = state.cursor + 1
    if cursor == rows:
        cursor = 0
        newer_high, newer_low = -np.inf, np.inf
        suffix_extremes(ring, rows)
    else:
        high = max(high, ring[2 * cursor])
        low = min(low, ring[2 * cursor + 1])
    return Extremes(cursor, newer_high, newer_low), high, low


class DatedExtremes(NamedTuple):
    """Like `Extremes`, with the rows of the block that they stand in."""

    cursor: int = 0
    high: float = -np.inf
    low: float = np.inf
    high_row: float = 0.0
    low_row: float = 0.0


@jit
def dated_extremes(
    state: DatedExtremes, top: float, bottom: float, ring: Ring, rows: int
) -> tuple[DatedExtremes, float, float, float, float]:
    """Like `extremes`, and returns after both how many bars ago they were; the latest of equals counts.

    The ring is of ``4 rows`` floats; ``rows`` should be a constant.
    """
    row = float(state.cursor)
    newer_high, newer_low = state.high, state.low
    high_row, low_row = state.high_row, state.low_row
    if top >= newer_high:
        newer_high = top
        high_row = row
    if bottom <= newer_low:
        newer_low = bottom
        low_row = row
    i = 4 * state.cursor
    ring[i] = top
    ring[i + 1] = bottom
    high, low = newer_high, newer_low
    high_age = row - high_row
    low_age = row - low_row
    cursor = state.cursor + 1
    if cursor == rows:
        cursor = 0
        newer_high, newer_low = -np.inf, np.inf
        suffix_dated_extremes(ring, rows)
    else:
        i += 4
        if ring[i] > high:
            high = ring[i]
            high_age = row + rows - ring[i + 2]
        if ring[i + 1] < low:
            low = ring[i + 1]
            low_age = row + rows - ring[i + 3]
    return DatedExtremes(cursor, newer_high, newer_low, high_row, low_row), high, low, high_age, low_age
