"""GARCH(1,1) on a path whose law is known: its numbers, its forecasts, and nothing of the future in it."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.runs.families.quantiles.garch import garch_deviations

OMEGA, ALPHA, BETA, UNIT = 0.05, 0.08, 0.87, 0.01


def path(bars: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns of a GARCH(1,1), and the true variance of the next one, in units of UNIT²."""
    rng = np.random.default_rng(seed)
    z, after = np.zeros(bars), np.zeros(bars)
    variance = OMEGA / (1.0 - ALPHA - BETA)
    for t in range(bars):
        z[t] = np.sqrt(variance) * rng.normal()
        variance = OMEGA + ALPHA * z[t] ** 2 + BETA * variance
        after[t] = variance
    return UNIT * z, after


def test_the_deviations_are_those_of_the_law() -> None:
    returns, after = path(12_000)
    said = garch_deviations(returns, slice(500, 10_000), (1, 6))
    assert np.isnan(said[:500]).all()
    mean, total = after.copy(), np.zeros(len(after))
    for k in range(6):
        total += mean
        if k == 0:
            np.testing.assert_allclose(said[600:, 0], UNIT * np.sqrt(total[600:]), rtol=0.08)
        mean = OMEGA + (ALPHA + BETA) * mean
    np.testing.assert_allclose(said[600:, 1], UNIT * np.sqrt(total[600:]), rtol=0.08)


def test_what_comes_after_the_slice_changes_no_number_of_it_and_no_earlier_row() -> None:
    returns, _ = path(3_000)
    changed = returns.copy()
    changed[2_500:] *= 5.0
    first, second = (garch_deviations(each, slice(0, 2_000), (1, 24)) for each in (returns, changed))
    assert np.array_equal(first[:2_500], second[:2_500])
    assert (second[2_500:, 0] > first[2_500:, 0]).mean() > 0.9


def test_far_ahead_it_is_the_mean_variance_by_bars() -> None:
    returns, _ = path(6_000, seed=3)
    said = garch_deviations(returns, slice(0, 6_000), (1, 400))
    long_run = np.sqrt(np.mean(returns**2) * 400)
    assert np.median(said[1_000:, 1]) == pytest.approx(long_run, rel=0.1)
    assert np.ptp(said[1_000:, 1]) < 0.4 * long_run
