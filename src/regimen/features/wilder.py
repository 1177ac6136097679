"""Wilder's indicators: RSI, average true range, average directional index.

Wilder's average of n values moves by 1/n of the difference and is seeded with the simple average of the
first n.

Source: J. W. Wilder (1978), *New Concepts in Technical Trading Systems*.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regimen.jit import jit
from regimen.scan import Bar


class RSIState(NamedTuple):
    """Last close, changes seen, Wilder's averages of gains and losses (sums until seeded)."""

    last: float = 0.0
    seen: int = -1
    gain: float = 0.0
    loss: float = 0.0


@jit
def rsi_step(state: RSIState, bar: Bar, period: int, inverse: float) -> tuple[RSIState, float]:
    """RSI = 100 · G / (G + L), Wilder's averages of gains and of losses; 0 when nothing ever moved."""
    change = bar.close - state.last
    up = max(change, 0.0)
    down = up - change
    seen = state.seen
    if seen >= period:
        gain = state.gain + (up - state.gain) * inverse
        loss = state.loss + (down - state.loss) * inverse
    elif seen < 0:
        return RSIState(bar.close, 0, 0.0, 0.0), np.nan
    else:
        seen += 1
        gain = state.gain + up
        loss = state.loss + down
        if seen < period:
            return RSIState(bar.close, seen, gain, loss), np.nan
        gain *= inverse
        loss *= inverse
    moved = gain + loss
    return RSIState(bar.close, seen, gain, loss), 100.0 * gain / moved if moved > 0.0 else 0.0


class ATRState(NamedTuple):
    """Last close, true ranges seen, Wilder's average (a sum until seeded)."""

    last: float = 0.0
    seen: int = -1
    range: float = 0.0


@jit
def true_range(bar: Bar, last: float) -> float:
    """max(high, last close) − min(low, last close)."""
    return max(bar.high, last) - min(bar.low, last)


@jit
def atr_step(state: ATRState, bar: Bar, period: int, inverse: float) -> tuple[ATRState, float]:
    """Wilder's average of the true range; the first bar has none."""
    seen = state.seen
    if seen < 0:
        return ATRState(bar.close, 0, 0.0), np.nan
    spread = true_range(bar, state.last)
    if seen >= period:
        average = state.range + (spread - state.range) * inverse
        return ATRState(bar.close, seen, average), average
    seen += 1
    total = state.range + spread
    if seen < period:
        return ATRState(bar.close, seen, total), np.nan
    return ATRState(bar.close, seen, total * inverse), total * inverse


class ADXState(NamedTuple):
    """The last bar, bars seen, Wilder's sums of movement and range, the average of DX (at first a sum)."""

    high: float = 0.0
    low: float = 0.0
    close: float = 0.0
    seen: int = 0
    plus: float = 0.0
    minus: float = 0.0
    range: float = 0.0
    average: float = 0.0


@jit
def adx_step(state: ADXState, bar: Bar, period: int, inverse: float) -> tuple[ADXState, float]:
    """Wilder's average of DX = 100 |+DI − −DI| / (+DI + −DI); the DIs share the true range, which cancels."""
    seen = state.seen
    if seen == 0:
        return ADXState(bar.high, bar.low, bar.close, 1, 0.0, 0.0, 0.0, 0.0), np.nan
    rise = bar.high - state.high
    fall = state.low - bar.low
    up = rise if rise > fall and rise > 0.0 else 0.0
    down = fall if fall > rise and fall > 0.0 else 0.0
    spread = true_range(bar, state.close)
    plus, minus, ranges, average = state.plus, state.minus, state.range, state.average
    if seen < 2 * period:
        seen += 1
    if seen <= period:
        return ADXState(bar.high, bar.low, bar.close, seen, plus + up, minus + down, ranges + spread, average), np.nan
    plus += up - plus * inverse
    minus += down - minus * inverse
    ranges += spread - ranges * inverse
    total = plus + minus
    moved = ranges > 0.0 and total > 0.0
    dx = 100.0 * abs(plus - minus) / total if moved else 0.0
    if state.seen == 2 * period:
        average += (dx - average) * inverse if moved else 0.0
        return ADXState(bar.high, bar.low, bar.close, seen, plus, minus, ranges, average), average
    average += dx
    if seen < 2 * period:
        return ADXState(bar.high, bar.low, bar.close, seen, plus, minus, ranges, average), np.nan
    average *= inverse
    return ADXState(bar.high, bar.low, bar.close, seen, plus, minus, ranges, average), average
