"""Windows of sums and extremes against loops over the window, to the bit: through every wrap, ties and constants."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from regimen.features.windows import (
    DatedExtremes,
    Extremes,
    PairSums,
    dated_extremes,
    extremes,
    pair_sums,
)
from regimen.seeding import generator

LENGTHS = [1, 2, 3, 7, 26]
Column = NDArray[np.float64]


def columns(length: int) -> tuple[Column, Column]:
    """Rough values, then few values that tie, then one value."""
    random = generator(length, "windows")
    rough = random.normal(0.0, 10.0 ** random.uniform(-6, 6, 90))
    ties = random.integers(-2, 3, 60).astype(float)
    high = np.concatenate([rough, ties, np.full(60, 0.1)])
    return high, high - np.concatenate([np.abs(random.normal(size=90)), random.integers(0, 2, 60), np.zeros(60)])


def sum_of(values: Column, t: int, length: int) -> float:
    """The sum in the order of its additions: the new block from its start, what is left of the old from its end."""
    start = t - t % length
    newer = older = 0.0
    for x in values[start : t + 1]:
        newer += x
    for x in values[t + 1 - length : start][::-1]:
        older += x
    return newer + older


@pytest.mark.parametrize("length", LENGTHS)
def test_sums_equal_a_loop(length: int) -> None:
    first, second = columns(length)
    state, ring = PairSums(), np.zeros(2 * (length + 1))
    for t, (a, b) in enumerate(zip(first, second, strict=True)):
        state, one, other = pair_sums(state, a, b, ring, length)
        if t >= length - 1:
            assert (one, other) == (sum_of(first, t, length), sum_of(second, t, length)), t


@pytest.mark.parametrize("length", LENGTHS)
def test_extremes_equal_a_loop(length: int) -> None:
    top, bottom = columns(length)
    plain, dated = Extremes(), DatedExtremes()
    ring, dated_ring = np.zeros(2 * length), np.zeros(4 * length)
    for t, (high, low) in enumerate(zip(top, bottom, strict=True)):
        plain, highest, lowest = extremes(plain, high, low, ring, length)
        dated, *both = dated_extremes(dated, high, low, dated_ring, length)
        if t >= length - 1:
            latest_first = slice(t, t - length if t >= length else None, -1)
            assert (highest, lowest) == (top[latest_first].max(), bottom[latest_first].min()), t
            assert both == [highest, lowest, top[latest_first].argmax(), bottom[latest_first].argmin()], t
