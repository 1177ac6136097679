"""Return and risk against closed forms and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from regimen import metrics

RETURNS = np.array([0.10, -0.05, 0.0, 0.02, -0.08])


def test_compounds_by_hand() -> None:
    expected = 1.10 * 0.95 * 1.0 * 1.02 * 0.92 - 1.0
    assert metrics.total_return(RETURNS) == pytest.approx(expected, rel=1e-13)
    assert metrics.annual_return(RETURNS, 12.0) == pytest.approx((1.0 + expected) ** (12.0 / 5.0) - 1.0, rel=1e-12)


@pytest.mark.parametrize(
    ("bars", "periods", "known"),
    [
        (300, 525_600.0, False),
        (13, 365.0, False),
        (14, 365.0, True),
        (9, 252.0, False),
        (10, 252.0, True),
        (1, 12.0, True),
    ],
)
def test_less_than_two_weeks_are_not_compounded_to_a_year(bars: int, periods: float, known: bool) -> None:
    gain = np.full(bars, 1.02 ** (1 / bars) - 1.0)
    assert math.isfinite(metrics.annual_return(gain, periods)) == known


def test_a_gain_beyond_the_largest_number_is_nan() -> None:
    doubling = np.ones(2000)
    assert math.isnan(metrics.total_return(doubling))
    assert math.isnan(metrics.annual_return(np.ones(60), 8760.0 * 4))
    assert math.isnan(metrics.annual_return(np.ones(2000), 8760.0))


def test_sharpe_is_mean_over_sample_deviation() -> None:
    # By hand: mean −0.002, Σ(r − mean)² = 0.019280, so s² = 0.004820 with ddof 1.
    assert metrics.sharpe(RETURNS) == pytest.approx(-0.002 / math.sqrt(0.004820), rel=1e-12)
    assert metrics.annual_sharpe(RETURNS, 252.0) == pytest.approx(metrics.sharpe(RETURNS) * math.sqrt(252.0), rel=1e-14)
    assert metrics.volatility(RETURNS, 252.0) == pytest.approx(math.sqrt(0.004820 * 252.0), rel=1e-12)


def test_sortino_divides_by_all_bars() -> None:
    # By hand: downside² = (0.05² + 0.08²) / 5 = 0.00178.
    assert metrics.sortino(RETURNS, 252.0) == pytest.approx(-0.002 / math.sqrt(0.00178) * math.sqrt(252.0), rel=1e-12)


def test_hit_rate_and_profit_factor_leave_out_still_bars() -> None:
    assert metrics.hit_rate(RETURNS) == 0.5
    assert metrics.profit_factor(RETURNS) == pytest.approx(0.12 / 0.13, rel=1e-12)


def test_moments_are_scipys_raw_ones() -> None:
    values = np.random.default_rng(3).standard_t(5, 4000) + 0.3
    assert metrics.skewness(values) == pytest.approx(stats.skew(values), rel=1e-10)
    assert metrics.kurtosis(values) == pytest.approx(stats.kurtosis(values, fisher=False), rel=1e-10)


@pytest.mark.parametrize("returns", [np.zeros(50), np.full(50, 0.001), np.array([0.01]), np.array([])])
def test_no_variance_or_no_history_is_nan_and_never_infinite(returns: np.ndarray) -> None:
    for value in (metrics.sharpe(returns), metrics.skewness(returns), metrics.kurtosis(returns)):
        assert math.isnan(value)
    assert math.isnan(metrics.hit_rate(np.zeros(3)))
    assert math.isnan(metrics.profit_factor(np.full(3, 0.01)))
    assert math.isnan(metrics.sortino(np.full(3, 0.01), 252.0))


def test_ruin_stays_ruin() -> None:
    ruined = np.array([0.1, -1.0, 0.5])
    assert metrics.total_return(ruined) == -1.0
    assert metrics.annual_return(ruined, 252.0) == -1.0


def test_nan_is_not_swallowed() -> None:
    broken = np.array([0.01, math.nan, 0.02])
    for value in (metrics.total_return(broken), metrics.sharpe(broken), metrics.volatility(broken, 252.0)):
        assert math.isnan(value)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, st.integers(2, 40), elements=st.floats(-0.5, 0.5).map(lambda r: round(r, 9))),
    st.floats(0.1, 10.0),
)
def test_the_sharpe_ratio_does_not_depend_on_leverage(returns: np.ndarray, scale: float) -> None:
    before, after = metrics.sharpe(returns), metrics.sharpe(returns * scale)
    assert (math.isnan(before) and math.isnan(after)) or after == pytest.approx(before, rel=1e-6, abs=1e-9)


def test_standard_error_of_sharpe_against_simulation() -> None:
    # Student-t with 10 degrees of freedom, shifted: SR 0.2, raw kurtosis 4. 4,000 samples of 400.
    random, true = np.random.default_rng(11), 0.2
    samples = random.standard_t(10, (4000, 400)) / math.sqrt(10 / 8) + true
    found = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    assert metrics.sharpe_standard_error(true, 400, 0.0, 4.0) == pytest.approx(float(found.std()), rel=0.04)
    # With skew the third moment matters: exponential returns, skew 2, kurtosis 9, SR 1.
    samples = random.exponential(1.0, (4000, 400))
    found = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    assert metrics.sharpe_standard_error(1.0, 400, 2.0, 9.0) == pytest.approx(float(found.std()), rel=0.06)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000])
@pytest.mark.parametrize("kind", ["fat tails", "constant", "with a NaN"])
def test_moments_are_the_single_functions_bit_for_bit(count: int, kind: str) -> None:
    returns = 0.01 * np.random.default_rng(count).standard_t(4, count) + 1e-3
    if kind == "constant":
        returns[:] = 0.1
    elif kind == "with a NaN" and count:
        returns[count // 2] = np.nan
    found = metrics.moments(returns)
    expected = [metrics.deviation(returns), metrics.skewness(returns), metrics.kurtosis(returns)]
    np.testing.assert_array_equal([found.deviation, found.skewness, found.kurtosis], expected)
    np.testing.assert_array_equal(found.sharpe, metrics.sharpe(returns))


@pytest.mark.parametrize("worst", [-0.02, -1.0])
def test_logarithms_that_are_known_already_change_no_bit(worst: float) -> None:
    rng = np.random.default_rng(0)
    returns = rng.normal(1e-4, 0.01, 4001)
    returns[7] = worst
    turnover = np.where(rng.random(4001) < 0.3, rng.random(4001), 0.0)
    logs = metrics.log_growth(returns)
    assert (logs is None) == (worst <= -1.0)
    assert metrics.total_return(returns, logs) == metrics.total_return(returns)
    assert metrics.annual_return(returns, 252.0, logs) == metrics.annual_return(returns, 252.0)
    extra = metrics.break_even_bps(returns, turnover, logs), metrics.break_even_bps(returns, turnover)
    np.testing.assert_array_equal(*extra)
