"""Rolling sums, moments and extremes that never drift: nothing is ever subtracted from a running total.

A window of n values is cut where the ring wraps: the older part is read from an array of suffix aggregates,
filled once when a block of n bars is complete, and the newer part is a running aggregate. Both only ever
add, so the result does not depend on how long the series is, and a spike leaves no trace once it has left
the window. The amortised cost is O(1) a bar. (The method is the queue made of two stacks, as used for
sliding-window aggregation: Tangwongsan, Hirzel, Schneider, Wu 2015, "General incremental sliding-window
aggregation".)

Moments are taken about a value inside the window (the last one of the finished block), which bounds the
cancellation in ``E[d²] − E[d]²`` by a factor n: at n = 50 about 1e-14 relative, at any price level.

The ring arrays belong to the feature: give each the window's length in ``Feature.rings``. Values must be
finite.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Ring = NDArray[np.float64]


class Total(NamedTuple):
    """State of a rolling sum; put it into the feature's own state."""

    cursor: int = 0
    seen: int = 0
    sum: float = 0.0


@jit
def rolling_sum(state: Total, x: float, values: Ring, sums: Ring) -> tuple[Total, float]:
    """Adds one value; returns the state and the sum of the last n, NaN before the n-th. Two rings of n."""
    length = len(values)
    c = state.cursor
    values[c] = x
    if c == length - 1:
        total = 0.0
        for j in range(length - 1, -1, -1):
            total += values[j]
            sums[j] = total
        return Total(0, length, 0.0), total
    newer = state.sum + x
    total = newer + sums[c + 1]
    if state.seen < length:
        return Total(c + 1, state.seen + 1, newer), np.nan
    return Total(c + 1, length, newer), total


class Mean(NamedTuple):
    """State of a rolling mean; put it into the feature's own state."""

    cursor: int = 0
    seen: int = 0
    shift: float = 0.0
    sum: float = 0.0


@jit
def rolling_mean(state: Mean, x: float, values: Ring, sums: Ring, inverse: float) -> tuple[Mean, float]:
    """Adds one value; returns the state and the mean of the last n, NaN before the n-th. Two rings of n.

    ``inverse`` is 1/n. The mean of n equal values is exactly that value.
    """
    length = len(values)
    c = state.cursor
    values[c] = x
    if c == length - 1:
        total = 0.0
        for j in range(length - 1, -1, -1):
            total += values[j] - x
            sums[j] = total
        return Mean(0, length, x, 0.0), x + total * inverse
    shift = x if state.seen == 0 else state.shift
    newer = state.sum + (x - shift)
    if state.seen < length:
        return Mean(c + 1, state.seen + 1, shift, newer), np.nan
    return Mean(c + 1, length, shift, newer), shift + (newer + sums[c + 1]) * inverse


class Moments(NamedTuple):
    """State of a rolling mean and variance; put it into the feature's own state."""

    cursor: int = 0
    seen: int = 0
    shift: float = 0.0
    sum: float = 0.0
    square: float = 0.0


@jit
def rolling_moments(
    state: Moments, x: float, values: Ring, sums: Ring, squares: Ring, inverse: float
) -> tuple[Moments, float, float]:
    """Adds one value; returns the state, the mean and the population variance of the last n values.

    Both are NaN before the n-th value. Three rings of n; ``inverse`` is 1/n. The variance is exactly 0.0
    when the n values are equal, and never negative. Multiply by n/(n−1) for the sample variance.
    """
    length = len(values)
    c = state.cursor
    values[c] = x
    if c == length - 1:
        total = 0.0
        square = 0.0
        for j in range(length - 1, -1, -1):
            d = values[j] - x
            total += d
            square += d * d
            sums[j] = total
            squares[j] = square
        mean = total * inverse
        return Moments(0, length, x, 0.0, 0.0), x + mean, max((square - total * mean) * inverse, 0.0)
    shift = x if state.seen == 0 else state.shift
    d = x - shift
    newer = state.sum + d
    newer_square = state.square + d * d
    if state.seen < length:
        return Moments(c + 1, state.seen + 1, shift, newer, newer_square), np.nan, np.nan
    total = newer + sums[c + 1]
    square = newer_square + squares[c + 1]
    mean = total * inverse
    return (
        Moments(c + 1, length, shift, newer, newer_square),
        shift + mean,
        max((square - total * mean) * inverse, 0.0),
    )


class Extreme(NamedTuple):
    """State of a rolling maximum or minimum; put it into the feature's own state.

    ``best`` starts from the last value of the finished block, which stays in the window until the next one.
    """

    cursor: int = 0
    seen: int = 0
    best: float = 0.0


@jit
def rolling_max(state: Extreme, x: float, values: Ring, suffix: Ring) -> tuple[Extreme, float]:
    """Adds one value; returns the state and the maximum of the last n (NaN before that). Two rings of n."""
    length = len(values)
    c = state.cursor
    values[c] = x
    if c == length - 1:
        best = x
        for j in range(length - 1, -1, -1):
            best = max(best, values[j])
            suffix[j] = best
        return Extreme(0, length, x), best
    newer = max(state.best, x)
    if state.seen < length:
        return Extreme(c + 1, state.seen + 1, newer), np.nan
    return Extreme(c + 1, length, newer), max(newer, suffix[c + 1])


@jit
def rolling_min(state: Extreme, x: float, values: Ring, suffix: Ring) -> tuple[Extreme, float]:
    """Like `rolling_max` for the minimum."""
    length = len(values)
    c = state.cursor
    values[c] = x
    if c == length - 1:
        best = x
        for j in range(length - 1, -1, -1):
            best = min(best, values[j])
            suffix[j] = best
        return Extreme(0, length, x), best
    newer = min(state.best, x)
    if state.seen < length:
        return Extreme(c + 1, state.seen + 1, newer), np.nan
    return Extreme(c + 1, length, newer), min(newer, suffix[c + 1])
