"""Momentum: how far and how steadily the price has moved, in units of its own recent movement."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from regimen.features.feature import Feature
from regimen.features.windows import FLAT, Ring, blend, contrast, gain, log_price, share
from regimen.jit import jit
from regimen.scan import Bar

WINDOW = 60
SCALE_GAIN = gain(60.0)
TIME_SPREAD = WINDOW * (WINDOW**2 - 1) / 12.0  # Σ (i − mean i)²
MIDDLE = (WINDOW - 1) / 2.0


class DriftState(NamedTuple):
    """Log closes of one window, their sums about a reference, and the scale of one return."""

    seen: int = 0
    cursor: int = 0
    reference: float = 0.0
    sum: float = 0.0
    square: float = 0.0
    dated: float = 0.0
    last: float = 0.0
    power: float = 0.0
    weight: float = 0.0


@jit
def lagged(ring: Ring, cursor: int, lag: int) -> float:
    """Returns the log close of ``lag`` bars before the one that is about to be written at the cursor."""
    row = cursor - lag
    if row < 0:
        row += WINDOW
    price: float = ring[4 * row]
    return price


@jit
def drift_step(
    state: DriftState, bar: Bar, ring: Ring
) -> tuple[DriftState, tuple[float, float, float, float, float, float]]:
    """Scaled returns ``ln(c_t / c_{t−k}) / (σ √k)``, acceleration, and the correlation of ln c with time.

    σ² is the exponential mean of squared log returns (span 60, this bar included). Timing: bars <= t. Rows of
    the ring: log close, Σ d, Σ d², Σ i d, with d the log close less the reference (the last close of the
    finished block, which keeps the cancellation in the variance small) and i the row. A constant price gives
    0.
    """
    price = log_price(bar.close)
    k = state.cursor
    if state.seen == 0:
        power, weight = 0.0, 0.0
        reference = price
    else:
        r = price - state.last
        power = blend(state.power, r * r, SCALE_GAIN)
        weight = blend(state.weight, 1.0, SCALE_GAIN)
        reference = state.reference
    lag_5 = lagged(ring, k, 5)
    lag_10 = lagged(ring, k, 10)
    lag_20 = lagged(ring, k, 20)
    lag_60 = ring[4 * k]
    ring[4 * k] = price
    d = price - reference
    newer = state.sum + d
    newer_square = state.square + d * d
    newer_dated = state.dated + k * d
    i = 4 * (k + 1)
    total = newer + ring[i + 1]
    square = newer_square + ring[i + 2]
    dated = newer_dated + ring[i + 3] + WINDOW * newer - (k + 1) * total
    k += 1
    if k == WINDOW:
        k = 0
        reference = price
        newer = newer_square = newer_dated = 0.0
        for row in range(WINDOW - 1, -1, -1):
            i = 4 * row
            d = ring[i] - price
            ring[i + 1] = ring[i + 5] + d
            ring[i + 2] = ring[i + 6] + d * d
            ring[i + 3] = ring[i + 7] + row * d
    after = DriftState(state.seen + 1, k, reference, newer, newer_square, newer_dated, price, power, weight)
    if state.seen < WINDOW:
        return after, (np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
    unit = math.sqrt(weight / power) if power > 0.0 else 0.0
    spread = square - total * total * (1.0 / WINDOW)
    trend = 0.0
    if spread > FLAT * square:
        trend = min(max((dated - MIDDLE * total) / math.sqrt(spread * TIME_SPREAD), -1.0), 1.0)
    return after, (
        (price - state.last) * unit,
        (price - lag_5) * (unit * 5.0**-0.5),
        (price - lag_20) * (unit * 20.0**-0.5),
        (price - lag_60) * (unit * 60.0**-0.5),
        (price - 2.0 * lag_10 + lag_20) * (unit * 20.0**-0.5),
        trend,
    )


FAST_GAIN = gain(12.0)
SLOW_GAIN = gain(26.0)
SIGNAL_GAIN = gain(9.0)
WILDER_GAIN = 1.0 / 14.0
LONG_GAIN = gain(40.0)
SHORT_GAIN = gain(20.0)
OSCILLATOR_WARMUP = 100
STILL = 1e-10
"""An average range below this share of the price is no movement at all: MACD is then 0."""


class OscillatorState(NamedTuple):
    """Exponential means of the close, of its changes, and of the true range."""

    seen: int = 0
    last: float = 0.0
    fast: float = 0.0
    slow: float = 0.0
    signal: float = 0.0
    range: float = 0.0
    up: float = 0.0
    down: float = 0.0
    change: float = 0.0
    change_twice: float = 0.0
    path: float = 0.0
    path_twice: float = 0.0


@jit
def oscillator_step(state: OscillatorState, bar: Bar) -> tuple[OscillatorState, tuple[float, float, float, float]]:
    """MACD and its histogram in average true ranges, Wilder's RSI and the true strength index in [−1, 1].

    The means of the close start at the first close; all others at zero. A market that stands still gives 0.
    """
    close = bar.close
    if state.seen == 0:
        return (
            OscillatorState(1, close, close, close, 0.0, bar.high - bar.low, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            (np.nan, np.nan, np.nan, np.nan),
        )
    last = state.last
    fast = blend(state.fast, close, FAST_GAIN)
    slow = blend(state.slow, close, SLOW_GAIN)
    macd = fast - slow
    signal = blend(state.signal, macd, SIGNAL_GAIN)
    atr = blend(state.range, max(bar.high, last) - min(bar.low, last), WILDER_GAIN)
    change = close - last
    up = blend(state.up, max(change, 0.0), WILDER_GAIN)
    down = blend(state.down, max(-change, 0.0), WILDER_GAIN)
    once = blend(state.change, change, LONG_GAIN)
    twice = blend(state.change_twice, once, SHORT_GAIN)
    path = blend(state.path, abs(change), LONG_GAIN)
    path_twice = blend(state.path_twice, path, SHORT_GAIN)
    after = OscillatorState(state.seen + 1, close, fast, slow, signal, atr, up, down, once, twice, path, path_twice)
    if state.seen < OSCILLATOR_WARMUP:
        return after, (np.nan, np.nan, np.nan, np.nan)
    unit = 1.0 / atr if atr > STILL * close else 0.0
    return after, (macd * unit, (macd - signal) * unit, contrast(up, down), share(twice, path_twice))


FEATURES: tuple[Feature, ...] = (
    Feature(
        names=("return_1", "return_5", "return_20", "return_60", "acceleration_20", "trend_60"),
        group="momentum",
        step=drift_step,
        state=DriftState(),
        rings=(4 * (WINDOW + 1),),
        warmup=WINDOW,
        about="Log returns over 1, 5, 20, 60 bars and their change, in sigmas; correlation with time.",
    ),
    Feature(
        names=("macd_26", "macd_histogram_26", "rsi_centred_14", "true_strength_40"),
        group="momentum",
        step=oscillator_step,
        state=OscillatorState(),
        warmup=OSCILLATOR_WARMUP,
        about="MACD and histogram in average true ranges; RSI and true strength index in [−1, 1].",
    ),
)
