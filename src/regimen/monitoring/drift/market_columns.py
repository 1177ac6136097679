"""Two columns that see what features without a scale cannot: how far the price goes in a bar."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    return np.stack([np.abs(np.log(close / previous_close)), np.log(high / low)], axis=-1)
