"""Rolling aggregates against brute force, at every window length and through every wrap of the ring."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.features.rolling import (
    Extreme,
    Mean,
    Moments,
    Total,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_moments,
    rolling_sum,
)
from regimen.seeding import generator

LENGTHS = [1, 2, 3, 7, 20]


def rows(length: int, count: int = 3) -> list[np.ndarray]:
    return [np.zeros(length) for _ in range(count)]


@pytest.mark.parametrize("length", LENGTHS)
def test_aggregates_equal_brute_force(length: int) -> None:
    values = generator(length, "rolling").normal(1e6, 1.0, 100)
    inverse = 1.0 / length
    total, mean, moments, top, bottom = Total(), Mean(), Moments(), Extreme(), Extreme()
    r_total, r_mean, r_moments, r_top, r_bottom = (rows(length) for _ in range(5))
    for i, x in enumerate(values):
        total, s = rolling_sum(total, x, *r_total[:2])
        mean, m = rolling_mean(mean, x, *r_mean[:2], inverse)
        moments, m2, variance = rolling_moments(moments, x, *r_moments, inverse)
        top, high = rolling_max(top, x, *r_top[:2])
        bottom, low = rolling_min(bottom, x, *r_bottom[:2])
        got = np.array([s, m, m2, variance, high, low])
        if i < length - 1:
            assert np.isnan(got).all()
            continue
        w = values[i - length + 1 : i + 1]
        expected = [w.sum(), w.mean(), w.mean(), w.var(), w.max(), w.min()]
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-12)


def test_equal_values_have_a_variance_of_exactly_zero_after_any_past() -> None:
    state, rings = Moments(), rows(5)
    values = [1e12, -3.0, 7.7, *[60_000.1] * 12]
    spreads = []
    for x in values:
        state, mean, variance = rolling_moments(state, x, *rings, 0.2)
        spreads.append((mean, variance))
    assert all(pair == (60_000.1, 0.0) for pair in spreads[7:])
