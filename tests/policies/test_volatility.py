"""Trailing volatility against numpy, and what it may not see."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.errors import DataError
from regimen.policies import RunningVolatility, realised_volatility


def _prices(rows: int = 400, symbols: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (rows, symbols)), axis=0))


@pytest.mark.parametrize("window", [2, 20, 21])
def test_equals_numpy(window: int) -> None:
    close = _prices()
    returns = close[1:] / close[:-1] - 1.0
    expected = np.full(close.shape, np.nan)
    for t in range(window, len(close)):
        expected[t] = returns[t - window : t].std(axis=0, ddof=1) * np.sqrt(252)
    np.testing.assert_allclose(realised_volatility(close, window, 252), expected, rtol=1e-12)


def test_a_missing_bar_is_skipped_and_has_no_value() -> None:
    close = _prices(60, 1)
    whole = realised_volatility(close, 10, 252)
    gap = np.insert(close, 30, np.nan, axis=0)
    got = realised_volatility(gap, 10, 252)
    assert np.isnan(got[30])
    np.testing.assert_array_equal(np.delete(got, 30, axis=0), whole)


def test_the_last_window_alone_gives_the_same_bits() -> None:
    close = _prices()
    whole = realised_volatility(close, 20, 365)
    for t in (20, 137, 399):
        np.testing.assert_array_equal(realised_volatility(close[t - 20 : t + 1], 20, 365)[-1], whole[t])


def test_poisoning_the_future_changes_nothing() -> None:
    close = _prices()
    poisoned = close.copy()
    poisoned[200:] = 1e6 * np.random.default_rng(1).random((200, 3))
    first, second = realised_volatility(close, 20, 252), realised_volatility(poisoned, 20, 252)
    np.testing.assert_array_equal(first[:200], second[:200])
    assert not np.array_equal(first[200:], second[200:])


def test_bad_input_is_one_line() -> None:
    with pytest.raises(DataError, match=r"close: must be \(time, symbol\)"):
        realised_volatility(np.ones(5), 2, 252)
    with pytest.raises(DataError, match="volatility_bars: must be at least 2; got 1"):
        realised_volatility(np.ones((5, 1)), 1, 252)


def test_bar_by_bar_equals_the_whole_series() -> None:
    close = _prices(60, 3)
    close[20:24, 1] = np.nan
    close[:7, 2] = np.nan
    running = RunningVolatility(3, 10, 252)
    np.testing.assert_array_equal([running.push(row) for row in close], realised_volatility(close, 10, 252))
    with pytest.raises(DataError, match="volatility_bars"):
        RunningVolatility(1, 1, 252)


def test_a_running_one_goes_on_from_its_state() -> None:
    close = _prices(80)
    whole, second = RunningVolatility(3, 10, 252), RunningVolatility(3, 10, 252)
    for row in close[:43]:
        whole.push(row)
    second.restore(whole.state())
    for row in close[43:]:
        np.testing.assert_array_equal(second.push(row), whole.push(row))
    with pytest.raises(DataError, match="volatility state: rings: must be that of 3 symbols and 11 returns"):
        RunningVolatility(3, 11, 252).restore(whole.state())
