"""Trailing realised volatility: what a volatility target divides by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

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
        raise DataError("volatility_bars", "must be at least 2", window)
    result = np.full(close.shape, np.nan)
    _fill(np.ascontiguousarray(close), window, math.sqrt(periods_per_year), result)
    return result


class RunningVolatility:
    """`realised_volatility` of bars that come one at a time; each value equals that of the whole series, bit for bit.

    Args:
        symbols: number of symbols.
        window: number of returns, at least 2.
        periods_per_year: bars in a year.

    Raises:
        DataError: the window is too short.
    """

    def __init__(self, symbols: int, window: int, periods_per_year: float) -> None:
        if window < 2:
            raise DataError("volatility_bars", "must be at least 2", window)
        self._factor = math.sqrt(periods_per_year)
        self._rings, self._counts = np.zeros((symbols, window)), np.zeros(symbols, np.int64)
        self._last = np.full(symbols, np.nan)

    def push(self, close: NDArray[np.float64]) -> NDArray[np.float64]:
        """Takes the closes (symbol,) of a bar, NaN where a symbol has none; returns the volatilities (symbol,)."""
        volatilities = np.empty(len(self._last))
        _push(close, self._factor, self._rings, self._counts, self._last, volatilities)
        return volatilities

    def adopt(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remembers in these arrays from now on, as they are: they have the names and the shapes of `state`."""
        self._rings, self._counts, self._last = arrays["rings"], arrays["counts"], arrays["last"]

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Returns copies of all that it remembers, by name."""
        return {"rings": self._rings.copy(), "counts": self._counts.copy(), "last": self._last.copy()}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Goes on from a `state`, bit for bit.

        Raises:
            DataError: it is of another window, or of another number of symbols.
        """
        for name, own in (("rings", self._rings), ("counts", self._counts), ("last", self._last)):
            if name not in state or state[name].shape != own.shape:
                rule = f"must be that of {len(own)} symbols and {self._rings.shape[1]} returns"
                raise DataError(f"volatility state: {name}", rule)
            own[...] = state[name]


@jit
def _step(
    price: float,
    factor: float,
    rings: NDArray[np.float64],
    counts: NDArray[np.int64],
    last: NDArray[np.float64],
    symbol: int,
) -> float:
    """Takes one close and returns the volatility, NaN while it is not known."""
    window = rings.shape[1]
    if not np.isfinite(price):
        return np.nan
    if np.isfinite(last[symbol]):
        rings[symbol, counts[symbol] % window] = price / last[symbol] - 1.0
        counts[symbol] += 1
    last[symbol] = price
    count = counts[symbol]
    if count < window:
        return np.nan
    # Oldest first, in two passes: the sum is of these returns only, so nothing older leaves a rounding error.
    mean = 0.0
    for i in range(window):
        mean += rings[symbol, (count + i) % window]
    mean /= window
    square = 0.0
    for i in range(window):
        deviation = rings[symbol, (count + i) % window] - mean
        square += deviation * deviation
    return math.sqrt(square / (window - 1)) * factor


@jit
def _push(
    closes: NDArray[np.float64],
    factor: float,
    rings: NDArray[np.float64],
    counts: NDArray[np.int64],
    last: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    for symbol in range(len(out)):
        out[symbol] = _step(closes[symbol], factor, rings, counts, last, symbol)


@jit
def _fill(close: NDArray[np.float64], window: int, factor: float, out: NDArray[np.float64]) -> None:
    rings, counts = np.empty((close.shape[1], window)), np.zeros(close.shape[1], np.int64)
    last = np.full(close.shape[1], np.nan)
    for symbol in range(close.shape[1]):
        for t in range(close.shape[0]):
            out[t, symbol] = _step(close[t, symbol], factor, rings, counts, last, symbol)
