"""Two columns that see what features without a scale cannot: how far the price goes in a bar."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from regimen.jit import jit

Floats = NDArray[np.float64]

MARKET_COLUMNS = ("absolute_return", "range")
"""Names of the last axis of `market_columns`."""


def market_columns(previous_close: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Returns ``|log(close / previous close)|`` and ``log(high / low)`` of bars, (..., 2).

    The standard features have no scale: where the volatility doubles they look as before, and what an order costs and
    may lose does not. So a drift alarm watches these two beside the features.

    Args:
        previous_close, high, low, close: prices, of one shape; what is missing is NaN and stays so.
    """
    columns = [np.ascontiguousarray(each).reshape(-1) for each in (previous_close, high, low, close)]
    return watched_rows(np.empty((len(columns[0]), 0)), *columns).reshape(*np.shape(close), 2)


def watched_rows(features: Floats, previous_close: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Returns (row, feature + 2) features and `market_columns` beside each other.

    Args:
        features: (row, feature).
        previous_close, high, low, close: (row,) prices.
    """
    out = np.empty((len(close), features.shape[1] + 2))
    _fill(features, previous_close, high, low, close, out)
    return out


@jit
def _fill(features: Floats, previous: Floats, high: Floats, low: Floats, close: Floats, out: Floats) -> None:
    at = features.shape[1]
    for row in range(len(close)):
        for k in range(at):
            out[row, k] = features[row, k]
        out[row, at] = abs(math.log(close[row] / previous[row]))
        out[row, at + 1] = math.log(high[row] / low[row])
