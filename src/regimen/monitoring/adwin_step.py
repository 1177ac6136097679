"""The exponential histogram of ADWIN, compiled: a value goes in, the oldest buckets go out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

ROWS = 40
"""Rows of the histogram; a bucket of row i holds 2^i values, so that no stream fills them."""
BUCKETS = 5
"""Buckets that a row keeps; one more, and its two oldest become one of the next row."""


@jit
def insert(sums: Floats, squares: Floats, filled: Counts, value: float) -> None:
    """Adds a bucket of one value, in place.

    Args:
        sums, squares: (row, bucket) sums of values, and of squared deviations from each bucket's mean.
        filled: (row,) buckets in use, the oldest first.
        value: what comes in.
    """
    total = value
    spread = 0.0
    for row in range(ROWS):
        sums[row, filled[row]] = total
        squares[row, filled[row]] = spread
        filled[row] += 1
        if filled[row] <= BUCKETS or row == ROWS - 1:
            return
        gap = sums[row, 0] - sums[row, 1]
        total = sums[row, 0] + sums[row, 1]
        spread = squares[row, 0] + squares[row, 1] + gap * gap / (2.0 * 2.0**row)
        for bucket in range(BUCKETS - 1):
            sums[row, bucket] = sums[row, bucket + 2]
            squares[row, bucket] = squares[row, bucket + 2]
        sums[row, BUCKETS - 1 :] = 0.0
        squares[row, BUCKETS - 1 :] = 0.0
        filled[row] -= 2


@jit
def shrink(sums: Floats, squares: Floats, filled: Counts, least: int, delta: float) -> bool:
    """Drops the oldest buckets as long as two parts of the window have different means; whether any went."""
    changed = False
    while _differ(sums, squares, filled, least, delta):
        row = ROWS - 1
        while filled[row] == 0:
            row -= 1
        for bucket in range(BUCKETS):
            sums[row, bucket] = sums[row, bucket + 1]
            squares[row, bucket] = squares[row, bucket + 1]
        sums[row, BUCKETS] = 0.0
        squares[row, BUCKETS] = 0.0
        filled[row] -= 1
        changed = True
    return changed


@jit
def _differ(sums: Floats, squares: Floats, filled: Counts, least: int, delta: float) -> bool:
    """Whether some cut between two buckets has parts whose means differ."""
    count = 0.0
    total = 0.0
    for row in range(ROWS):
        count += filled[row] * 2.0**row
        total += sums[row].sum()
    if count < 2 * least or count < 2.0:
        return False
    mean = total / count
    spread = 0.0
    for row in range(ROWS):
        for bucket in range(filled[row]):
            away = sums[row, bucket] / 2.0**row - mean
            spread += squares[row, bucket] + 2.0**row * away * away
    weight = math.log(2.0 * math.log(count) / delta)
    first = 0.0
    part = 0.0
    for row in range(ROWS - 1, -1, -1):
        for bucket in range(filled[row]):
            first += 2.0**row
            part += sums[row, bucket]
            rest = count - first
            if first < least or rest < least or rest < 1.0:
                continue
            inverse = 1.0 / first + 1.0 / rest
            bound = math.sqrt(2.0 * inverse * spread / count * weight) + 2.0 / 3.0 * inverse * weight
            if abs(part / first - (total - part) / rest) > bound:
                return True
    return False
