"""Triple-barrier labels: which is met first, a barrier above, one below, or the end of the horizon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.jit import jit
from regimen.labels.config import TripleBarrierConfig
from regimen.labels.labels import BUY, HOLD, SELL, Labels, check_reach, labels_of
from regimen.labels.volatility import Prices, Values, adjusted_prices, trailing_volatility

_TIES = {"hold": HOLD, "lower": SELL, "upper": BUY}


@jit
def _barriers(
    open: Values,
    high: Values,
    low: Values,
    close: Values,
    volatility: Values,
    horizon: int,
    upper: float,
    lower: float,
    tie: int,
    band: float,
    lag: int,
) -> tuple[NDArray[np.int8], NDArray[np.int64], Values]:
    times, symbols = open.shape
    y = np.full((times, symbols), -1, dtype=np.int8)
    t_end = np.full((times, symbols), -1, dtype=np.int64)
    forward = np.full((times, symbols), np.nan)
    for t in range(times - lag - horizon):
        for s in range(symbols):
            start = t + lag
            entry, sigma = open[start, s], volatility[t, s]
            if not (entry > 0.0 and sigma > 0.0):
                continue
            top, bottom = entry * (1.0 + upper * sigma), entry * (1.0 - lower * sigma)
            end = start + horizon
            k = start
            # A missing bar is NaN and touches nothing.
            while k < end and not (high[k, s] >= top or low[k, s] <= bottom):
                k += 1
            leave = open[k, s]  # the price when the bar opens beyond a barrier, and at the end of the horizon
            if k == end:
                if not leave > 0.0:
                    continue
                r = leave / entry - 1.0
                outcome = 1
                if band >= 0.0:
                    outcome = 2 if r > band * sigma else (0 if r < -band * sigma else 1)
            elif leave >= top:
                outcome = 2
            elif leave <= bottom:
                outcome = 0
            elif high[k, s] >= top and low[k, s] <= bottom:
                outcome = tie
                leave = close[k, s] if tie == 1 else (top if tie == 2 else bottom)
            elif high[k, s] >= top:
                outcome, leave = 2, top
            else:
                outcome, leave = 0, bottom
            y[t, s] = outcome
            t_end[t, s] = k
            forward[t, s] = leave / entry - 1.0
    return y, t_end, forward


def label_triple_barrier(config: TripleBarrierConfig, bars: Bars) -> Labels:
    """y = BUY or SELL as entry·(1 + upper·σ_t) or entry·(1 − lower·σ_t) is met first, entry = open[t+lag].

    Timing: σ_t uses bars <= t. The path is the highs and lows of the bars ``t + entry_lag`` to ``t +
    entry_lag + horizon − 1``; then the position closes at the next open. t_end is the bar of the touch, or
    ``t + entry_lag + horizon``.

    A bar that opens beyond a barrier has met that one first, and the exit is its open. A bar that opens
    between both and touches both is decided by ``tie``; under ``hold`` the forward return ends at that
    bar's close. Missing bars on the way touch nothing. A row is undefined when the symbol has no bar at t
    or at the entry, when it meets no barrier and has no bar at the end of the horizon, when the trailing
    volatility is zero or still warming up, and in the last ``entry_lag + horizon`` rows (also where a
    barrier was met there: to keep only the rows that moved fast would bias the end of the data). A lower
    barrier at or below a price of zero is never met. Prices are multiplied by ``adjustment`` where the bars
    have that column.

    Raises:
        ConfigError: the horizon or ``volatility_bars`` is longer than the data; no row has a label.

    Source: López de Prado, Advances in Financial Machine Learning (2018), chapter 3; the entry is the next
    open (there: the close of the event), the path is high and low (there: closes).
    """
    check_reach(config.horizon, config.entry_lag, config.volatility_bars, len(bars))
    prices: Prices = adjusted_prices(bars)
    volatility = trailing_volatility(prices.close, config.volatility_bars)
    band = -1.0 if config.vertical_band is None else config.vertical_band * float(np.sqrt(config.horizon))
    y, t_end, forward = _barriers(
        *prices,
        volatility,
        config.horizon,
        config.upper,
        config.lower,
        _TIES[config.tie],
        band,
        config.entry_lag,
    )
    return labels_of(y, t_end, forward, config.horizon)
