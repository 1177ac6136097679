"""Statistics of a window: Bollinger bands, returns, volatility, volume; and the on-balance volume.

Every standard deviation divides by n, as TA-Lib's does; times √(n/(n−1)) it is the sample's.

Sources: J. Bollinger (2001), *Bollinger on Bollinger Bands*; J. Granville (1963), *New Key to Stock Market
Profits*.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regimen.features.rolling import Moments, Ring, rolling_moments
from regimen.jit import jit
from regimen.scan import Bar


class BollingerState(NamedTuple):
    """The window of closes."""

    window: Moments = Moments()


@jit
def bollinger_step(
    state: BollingerState, bar: Bar, values: Ring, sums: Ring, squares: Ring, inverse: float, width: float
) -> tuple[BollingerState, tuple[float, float, float]]:
    """SMA ± width standard deviations, and (upper − lower) / SMA."""
    window, mean, variance = rolling_moments(state.window, bar.close, values, sums, squares, inverse)
    band = width * np.sqrt(variance)
    upper = mean + band
    lower = mean - band
    return BollingerState(window), (upper, lower, (upper - lower) / mean)


class OBVState(NamedTuple):
    """Last close (NaN at first) and the balance."""

    last: float = np.nan
    balance: float = 0.0


@jit
def obv_step(state: OBVState, bar: Bar) -> tuple[OBVState, float]:
    """Adds the volume when the close rises, takes it off when it falls; starts at the first bar's volume."""
    if bar.volume != bar.volume:
        return state, np.nan
    if state.last != state.last:
        return OBVState(bar.close, bar.volume), bar.volume
    # Selections instead of branches: up and down alternate too often to be predicted.
    risen = bar.volume if bar.close > state.last else 0.0
    fallen = bar.volume if bar.close < state.last else 0.0
    balance = state.balance + (risen - fallen)
    return OBVState(bar.close, balance), balance


class VolumeState(NamedTuple):
    """The window of volumes."""

    window: Moments = Moments()


@jit
def volume_step(
    state: VolumeState, bar: Bar, values: Ring, sums: Ring, squares: Ring, inverse: float
) -> tuple[VolumeState, tuple[float, float]]:
    """Volume over its SMA (0 if that is 0), its standard deviation; bars without volume change nothing."""
    if bar.volume != bar.volume:
        return state, (np.nan, np.nan)
    window, mean, variance = rolling_moments(state.window, bar.volume, values, sums, squares, inverse)
    ratio = 0.0 if mean == 0.0 else bar.volume / mean
    return VolumeState(window), (ratio, np.sqrt(variance))


class ReturnsState(NamedTuple):
    """Where the next close goes, and how many were seen."""

    cursor: int = 0
    seen: int = 0


@jit
def returns_step(
    state: ReturnsState, bar: Bar, closes: Ring, a: int, b: int, c: int, d: int
) -> tuple[ReturnsState, tuple[float, float, float, float]]:
    """C_t / C_{t−n} − 1 for four horizons n; the ring is as long as the longest."""
    length = len(closes)
    at = state.cursor
    oldest = closes[at]
    near = closes[at - a if at >= a else at - a + length]
    middle = closes[at - b if at >= b else at - b + length]
    far = closes[at - c if at >= c else at - c + length]
    closes[at] = bar.close
    seen = state.seen
    nothing = np.nan
    first = bar.close / near - 1.0 if seen >= a else nothing
    second = bar.close / middle - 1.0 if seen >= b else nothing
    third = bar.close / far - 1.0 if seen >= c else nothing
    fourth = bar.close / oldest - 1.0 if seen >= d else nothing
    cursor = at + 1
    if cursor == length:
        cursor = 0
    return ReturnsState(cursor, min(seen + 1, d)), (first, second, third, fourth)


class VolatilityState(NamedTuple):
    """Last close (NaN at first) and the window of returns."""

    last: float = np.nan
    window: Moments = Moments()


@jit
def volatility_step(
    state: VolatilityState, bar: Bar, values: Ring, sums: Ring, squares: Ring, inverse: float
) -> tuple[VolatilityState, float]:
    """Standard deviation of the simple returns of one bar; per bar, not annualised."""
    if state.last != state.last:
        return VolatilityState(bar.close, state.window), np.nan
    change = bar.close / state.last - 1.0
    window, _, variance = rolling_moments(state.window, change, values, sums, squares, inverse)
    return VolatilityState(bar.close, window), np.sqrt(variance)
