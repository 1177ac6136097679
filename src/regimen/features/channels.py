"""Price channels: where the close stands between the extremes of a window, and how old they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regimen.features.windows import Ring, portion, suffix_dated_extremes, suffix_extremes
from regimen.jit import jit
from regimen.scan import Bar

FAST = 14
AGED = 26
SLOW = 55


class ChannelState(NamedTuple):
    """Extremes of the running blocks of three windows, and the last four fast stochastics."""

    seen: int = 0
    fast_cursor: int = 0
    fast_high: float = -np.inf
    fast_low: float = np.inf
    aged_cursor: int = 0
    aged_high: float = -np.inf
    aged_low: float = np.inf
    high_row: float = 0.0
    low_row: float = 0.0
    slow_cursor: int = 0
    slow_high: float = -np.inf
    slow_low: float = np.inf
    k_1: float = 0.0
    k_2: float = 0.0
    k_3: float = 0.0
    k_4: float = 0.0


@jit
def channel_step(
    state: ChannelState, bar: Bar, fast: Ring, aged: Ring, slow: Ring
) -> tuple[ChannelState, tuple[float, float, float, float]]:
    """Williams %R, slow stochastic %D, Aroon's oscillator and the Donchian position, all in [−1, 1].

    (2c − H − L) / (H − L) with H, L the extremes of 14 bars (Williams' %R, centred); the same twice averaged
    over 3 bars (Lane's slow %D); (age of the lowest low − age of the highest high) / 25 over 26 bars, the
    latest of equals counting; the first formula over 55 bars. A channel without height gives 0.
    """
    close, top, bottom = bar.close, bar.high, bar.low

    k = state.fast_cursor
    fast_high = max(state.fast_high, top)
    fast_low = min(state.fast_low, bottom)
    high, low = fast_high, fast_low
    fast[2 * k] = top
    fast[2 * k + 1] = bottom
    k += 1
    if k == FAST:
        k = 0
        fast_high, fast_low = -np.inf, np.inf
        suffix_extremes(fast, FAST)
    else:
        high = max(high, fast[2 * k])
        low = min(low, fast[2 * k + 1])
    fast_cursor = k
    williams = portion(2.0 * close - high - low, high - low)

    k = state.slow_cursor
    slow_high = max(state.slow_high, top)
    slow_low = min(state.slow_low, bottom)
    high, low = slow_high, slow_low
    slow[2 * k] = top
    slow[2 * k + 1] = bottom
    k += 1
    if k == SLOW:
        k = 0
        slow_high, slow_low = -np.inf, np.inf
        suffix_extremes(slow, SLOW)
    else:
        high = max(high, slow[2 * k])
        low = min(low, slow[2 * k + 1])
    slow_cursor = k
    donchian = portion(2.0 * close - high - low, high - low)

    k = state.aged_cursor
    row = float(k)
    aged_high, aged_low = state.aged_high, state.aged_low
    high_row, low_row = state.high_row, state.low_row
    if top >= aged_high:
        aged_high = top
        high_row = row
    if bottom <= aged_low:
        aged_low = bottom
        low_row = row
    i = 4 * k
    aged[i] = top
    aged[i + 1] = bottom
    high_age = row - high_row
    low_age = row - low_row
    k += 1
    if k == AGED:
        k = 0
        aged_high, aged_low = -np.inf, np.inf
        suffix_dated_extremes(aged, AGED)
    else:
        i += 4
        if aged[i] > aged_high:
            high_age = row + AGED - aged[i + 2]
        if aged[i + 1] < aged_low:
            low_age = row + AGED - aged[i + 3]

    after = ChannelState(
        state.seen + 1,
        fast_cursor,
        fast_high,
        fast_low,
        k,
        aged_high,
        aged_low,
        high_row,
        low_row,
        slow_cursor,
        slow_high,
        slow_low,
        williams,
        state.k_1,
        state.k_2,
        state.k_3,
    )
    if state.seen < SLOW - 1:
        return after, (np.nan, np.nan, np.nan, np.nan)
    slow_d = williams + 2.0 * state.k_1 + 3.0 * state.k_2 + 2.0 * state.k_3 + state.k_4
    return after, (
        williams,
        slow_d * (1.0 / 9.0),
        (low_age - high_age) * (1.0 / (AGED - 1)),
        donchian,
    )
