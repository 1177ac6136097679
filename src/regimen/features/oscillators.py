"""Oscillators: MACD, the stochastic with Williams' %R, the commodity channel index.

Sources: G. Appel (2005), *Technical Analysis* (MACD); G. Lane (1984), "Lane's stochastics"; L. Williams
(1973), *How I Made One Million Dollars* (%R); D. Lambert (1980), "Commodity channel index".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regimen.features.rolling import Extreme, Mean, Ring, rolling_max, rolling_mean, rolling_min
from regimen.jit import jit
from regimen.scan import Bar


class MACDState(NamedTuple):
    """Bars seen, sums or averages of the fast, slow and signal lines."""

    seen: int = 0
    fast: float = 0.0
    slow: float = 0.0
    signal: float = 0.0


@jit
def macd_step(
    state: MACDState,
    bar: Bar,
    n_fast: int,
    n_slow: int,
    n_signal: int,
    k_fast: float,
    k_slow: float,
    k_signal: float,
) -> tuple[MACDState, tuple[float, float, float]]:
    """MACD = EMA(fast) − EMA(slow), its EMA, and their difference; both EMAs are seeded at the same bar."""
    seen = state.seen
    if seen >= n_slow + n_signal - 1:
        fast = state.fast + (bar.close - state.fast) * k_fast
        slow = state.slow + (bar.close - state.slow) * k_slow
        line = fast - slow
        signal = state.signal + (line - state.signal) * k_signal
        return MACDState(seen, fast, slow, signal), (line, signal, line - signal)
    seen += 1
    fast, slow, signal = state.fast, state.slow, state.signal
    if seen <= n_slow:
        slow += bar.close
        if seen > n_slow - n_fast:
            fast += bar.close
        if seen < n_slow:
            return MACDState(seen, fast, slow, signal), (np.nan, np.nan, np.nan)
        fast /= n_fast
        slow /= n_slow
    else:
        fast += (bar.close - fast) * k_fast
        slow += (bar.close - slow) * k_slow
    signal += fast - slow
    if seen < n_slow + n_signal - 1:
        return MACDState(seen, fast, slow, signal), (np.nan, np.nan, np.nan)
    signal /= n_signal
    line = fast - slow
    return MACDState(seen, fast, slow, signal), (line, signal, line - signal)


class StochasticState(NamedTuple):
    """Rolling extremes, %K values seen, and the last two of them."""

    top: Extreme = Extreme()
    bottom: Extreme = Extreme()
    first: float = np.nan
    second: float = np.nan


@jit
def stochastic_step(
    state: StochasticState, bar: Bar, highs: Ring, high_suffix: Ring, lows: Ring, low_suffix: Ring
) -> tuple[StochasticState, tuple[float, float, float]]:
    """%K = 100 (C − L) / (H − L), %D its mean over 3 bars, and Williams' %R = −100 (H − C) / (H − L)."""
    top, high = rolling_max(state.top, bar.high, highs, high_suffix)
    bottom, low = rolling_min(state.bottom, bar.low, lows, low_suffix)
    spread = high - low
    scale = 0.0 if spread == 0.0 else 100.0 / spread
    k = scale * (bar.close - low)
    d = (state.first + state.second + k) * (1.0 / 3.0)
    return StochasticState(top, bottom, state.second, k), (k, d, scale * (bar.close - high))


class CCIState(NamedTuple):
    """The window of typical prices."""

    window: Mean = Mean()


@jit
def cci_step(
    state: CCIState, bar: Bar, values: Ring, sums: Ring, length: int, inverse: float
) -> tuple[CCIState, float]:
    """CCI = (TP − SMA) / (0.015 · mean |TP − SMA|), TP = (H + L + C) / 3; 0 when the window is flat."""
    price = (bar.high + bar.low + bar.close) / 3.0
    window, mean = rolling_mean(state.window, price, values, sums, inverse)
    if mean != mean:
        return CCIState(window), mean
    # Four sums side by side: additions that do not wait for each other.
    a = b = c = d = 0.0
    for j in range(0, length - 3, 4):
        a += abs(values[j] - mean)
        b += abs(values[j + 1] - mean)
        c += abs(values[j + 2] - mean)
        d += abs(values[j + 3] - mean)
    for j in range(length - length % 4, length):
        a += abs(values[j] - mean)
    deviation = ((a + b) + (c + d)) * inverse
    return CCIState(window), (price - mean) / (0.015 * deviation) if deviation > 0.0 else 0.0
