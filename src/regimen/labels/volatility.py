"""The scale of a label: adjusted prices and their trailing volatility, from bars <= t only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.jit import jit

Values = NDArray[np.float64]
_NO_FACTOR: Values = np.empty((0, 0))
_NO_FACTOR.flags.writeable = False  # like every column of `Bars`, so that one compiled version serves both


class Prices(NamedTuple):
    """Adjusted prices, each (time, symbol) float64; all four are NaN where the symbol has no usable bar."""

    open: Values
    high: Values
    low: Values
    close: Values


@jit
def _adjust(
    open: Values, high: Values, low: Values, close: Values, factor: Values
) -> tuple[Values, Values, Values, Values]:
    times, symbols = close.shape
    scaled = factor.shape[0] == times
    o, h, lo, c = np.empty_like(close), np.empty_like(close), np.empty_like(close), np.empty_like(close)
    for t in range(times):
        for s in range(symbols):
            f = factor[t, s] if scaled else 1.0
            a, b, d, e = open[t, s] * f, high[t, s] * f, low[t, s] * f, close[t, s] * f
            # A comparison with NaN is false, so a missing price fails here as a price of zero does.
            if a > 0.0 and d > 0.0 and e > 0.0 and b < np.inf and a < np.inf and e < np.inf and d < np.inf:
                o[t, s], h[t, s], lo[t, s], c[t, s] = a, b, d, e
            else:
                o[t, s], h[t, s], lo[t, s], c[t, s] = np.nan, np.nan, np.nan, np.nan
    return o, h, lo, c


def adjusted_prices(bars: Bars) -> Prices:
    """Returns open, high, low, close times the ``adjustment`` column where the bars have one.

    A bar with a price that is missing, not positive or infinite is missing as a whole (NaN): a return from
    or to such a price means nothing.
    """
    factor = bars.extras.get("adjustment", _NO_FACTOR)
    return Prices(*_adjust(bars.open, bars.high, bars.low, bars.close, factor))


@jit
def _volatility(close: Values, window: int) -> Values:
    times, symbols = close.shape
    out = np.empty((times, symbols))
    keep = 1.0 - 2.0 / (window + 1.0)
    for s in range(symbols):
        last = np.nan
        total, weight, seen = 0.0, 0.0, 0
        for t in range(times):
            price = close[t, s]
            if np.isnan(price):
                out[t, s] = np.nan
                continue
            if not np.isnan(last):
                r = price / last - 1.0
                total = keep * total + r * r
                weight = keep * weight + 1.0
                seen += 1
            last = price
            out[t, s] = np.sqrt(total / weight) if seen >= window else np.nan
    return out


def trailing_volatility(close: Values, window: int) -> Values:
    """Exponentially weighted volatility of one bar: sqrt(Σ wᵢ rᵢ² / Σ wᵢ), wᵢ = (1 − 2/(window+1))^(age).

    Timing: row t uses closes <= t. The mean return is taken as zero (its own sampling error is larger than
    the mean of any bar-to-bar return), so nothing is subtracted and nothing cancels. A missing bar is
    skipped: the next return spans the gap and counts once.

    Args:
        close: (time, symbol) prices, positive or NaN.
        window: span of the weights in bars of the symbol.

    Returns:
        (time, symbol) float64, per bar, as a fraction; NaN where the symbol has no bar, and until ``window``
        returns have been seen.
    """
    return _volatility(close, window)
