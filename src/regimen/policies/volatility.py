"""Trailing realised volatility: what a volatility target divides by."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.errors import DataError
from regimen.jit import jit


def realised_volatility(close: NDArray[np.float64], window: int, periods_per_year: float) -> NDArray[np.float64]:
    """Returns ``std(last window simple returns, ddof=1) x √periods_per_year`` of each symbol.

    *Timing:* row t uses closes up to and including bar t, each value the last ``window + 1`` closes only; so
    a live series that keeps that many gives the same bits as the batch.

    Args:
        close: (time, symbol) prices; NaN where a symbol has no bar. A return then spans the gap.
        window: number of returns, at least 2.
        periods_per_year: bars in a year, `Bars.periods_per_year`.

    Returns:
        (time, symbol), annual; NaN until ``window`` returns are known and where there is no bar.

    Raises:
        DataError: ``close`` is not (time, symbol), or the window is too short.
    """
    if close.ndim != 2:
        raise DataError("close", "must be (time, symbol)", close.shape)
    if window < 2:
        raise DataError("volatility_window", "must be at least 2", window)
    result = np.full(close.shape, np.nan)
    for symbol in range(close.shape[1]):
        _fill(np.ascontiguousarray(close[:, symbol]), window, math.sqrt(periods_per_year), result, symbol)
    return result


@jit
def _fill(close: NDArray[np.float64], window: int, factor: float, out: NDArray[np.float64], symbol: int) -> None:
    ring = np.empty(window)
    count = 0
    last = np.nan
    for t in range(len(close)):
        price = close[t]
        if not np.isfinite(price):
            continue
        if np.isfinite(last):
            ring[count % window] = price / last - 1.0
            count += 1
        last = price
        if count < window:
            continue
        # Oldest first, in two passes: the sum is of these returns only, so nothing older leaves a rounding
        # error.
        mean = 0.0
        for i in range(window):
            mean += ring[(count + i) % window]
        mean /= window
        square = 0.0
        for i in range(window):
            deviation = ring[(count + i) % window] - mean
            square += deviation * deviation
        out[t, symbol] = math.sqrt(square / (window - 1)) * factor
