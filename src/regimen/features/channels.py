"""Price channels: where the close stands between the extremes of a window, and how old they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from regimen.features.windows import DatedExtremes, Extremes, Ring, dated_extremes, extremes, portion
from regimen.jit import jit
from regimen.scan import Bar

FAST = 14
AGED = 26
SLOW = 55


class ChannelState(NamedTuple):
    """Extremes of the running blocks of three windows, and the last four fast stochastics."""

    seen: int = 0
    fast: Extremes = Extremes()
    aged: DatedExtremes = DatedExtremes()
    slow: Extremes = Extremes()
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
    close = bar.close
    fast_state, high, low = extremes(state.fast, bar.high, bar.low, fast, FAST)
    williams = portion(2.0 * close - high - low, high - low)
    slow_state, high, low = extremes(state.slow, bar.high, bar.low, slow, SLOW)
    donchian = portion(2.0 * close - high - low, high - low)
    aged_state, _, _, high_age, low_age = dated_extremes(state.aged, bar.high, bar.low, aged, AGED)
    after = ChannelState(state.seen + 1, fast_state, aged_state, slow_state, williams, state.k_1, state.k_2, state.k_3)
    if state.seen < SLOW - 1:
        return after, (np.nan, np.nan, np.nan, np.nan)
    slow_d = williams + 2.0 * state.k_1 + 3.0 * state.k_2 + 2.0 * state.k_3 + state.k_4
    return after, (
        williams,
        slow_d * (1.0 / 9.0),
        (low_age - high_age) * (1.0 / (AGED - 1)),
        donchian,
    )
