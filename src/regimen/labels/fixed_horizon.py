"""Fixed-horizon labels: the sign of the return over the next bars, with a dead band in volatilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.jit import jit
from regimen.labels.config import FixedHorizonConfig
from regimen.labels.labels import Labels, check_reach, labels_of
from regimen.labels.volatility import Values, adjusted_prices, trailing_volatility


@jit
def _fixed(
    open: Values, volatility: Values, horizon: int, band: float, lag: int
) -> tuple[NDArray[np.int8], NDArray[np.int64], Values]:
    times, symbols = open.shape
    y = np.full((times, symbols), -1, dtype=np.int8)
    t_end = np.full((times, symbols), -1, dtype=np.int64)
    forward = np.full((times, symbols), np.nan)
    for t in range(times - lag - horizon):
        for s in range(symbols):
            entry, leave, sigma = open[t + lag, s], open[t + lag + horizon, s], volatility[t, s]
            if not (entry > 0.0 and leave > 0.0 and sigma > 0.0):
                continue
            r = leave / entry - 1.0
            threshold = band * sigma
            y[t, s] = 2 if r > threshold else (0 if r < -threshold else 1)
            t_end[t, s] = t + lag + horizon
            forward[t, s] = r
    return y, t_end, forward


def label_fixed_horizon(config: FixedHorizonConfig, bars: Bars) -> Labels:
    """y = BUY, SELL or HOLD as open[t+lag+h] / open[t+lag] − 1 is above, below or within ±dead_band·σ_t·√h.

    Timing: σ_t and the decision use bars <= t; the return starts at the open of ``t + entry_lag``, where an
    order decided at t fills, and ends where an order decided ``horizon`` bars later fills. t_end = t +
    entry_lag + horizon.

    The horizon counts positions of the time axis. A row is undefined when the symbol has no bar at t, at
    the entry or at the exit, when the trailing volatility is zero or still warming up, and in the last
    ``entry_lag + horizon`` rows. Prices are multiplied by ``adjustment`` where the bars have that column.

    Raises:
        ConfigError: the horizon or ``volatility_bars`` is longer than the data; no row has a label.
    """
    check_reach(config.horizon, config.entry_lag, config.volatility_bars, len(bars))
    prices = adjusted_prices(bars)
    volatility = trailing_volatility(prices.close, config.volatility_bars)
    band = config.dead_band * float(np.sqrt(config.horizon))
    y, t_end, forward = _fixed(prices.open, volatility, config.horizon, band, config.entry_lag)
    return labels_of(y, t_end, forward, config.horizon)
