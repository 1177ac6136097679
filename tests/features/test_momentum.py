"""Momentum columns against pandas, numpy and TA-Lib."""

from __future__ import annotations

import numpy as np
import pandas as pd
import talib
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

from regimen.bars import Bars
from regimen.features.momentum import FEATURES


def test_returns_and_trend_equal_pandas_and_numpy(market: Bars, agree) -> None:
    price = pd.Series(np.log(market.close[:, 0]))
    scale = np.sqrt(price.diff().pow(2).ewm(span=60).mean())
    expected = {f"return_{k}": ((price - price.shift(k)) / (scale * np.sqrt(k))) for k in (1, 5, 20, 60)}
    expected["acceleration_20"] = (price - 2 * price.shift(10) + price.shift(20)) / (scale * np.sqrt(20))
    trend = np.full(len(price), np.nan)
    for row, window in enumerate(sliding_window_view(price.to_numpy(), 60)):
        trend[row + 59] = np.corrcoef(window - window.mean(), np.arange(60))[0, 1]
    agree(FEATURES, market, {name: column.to_numpy() for name, column in expected.items()} | {"trend_60": trend})


def test_macd_and_true_strength_equal_pandas_and_scipy(market: Bars, agree) -> None:
    high, low, close = market.high[:, 0], market.low[:, 0], market.close[:, 0]
    series = pd.Series(close)
    macd = series.ewm(span=12, adjust=False).mean() - series.ewm(span=26, adjust=False).mean()
    signal = macd.ewm(span=9, adjust=False).mean()
    true_range = np.fmax(high, series.shift()) - np.fmin(low, series.shift())
    atr = true_range.ewm(alpha=1 / 14, adjust=False).mean()

    def smooth(x: np.ndarray, span: int) -> np.ndarray:
        g = 2 / (span + 1)
        return lfilter([g], [1, g - 1], x)

    change = np.diff(close)
    with np.errstate(invalid="ignore"):  # the first change may be 0
        strength = smooth(smooth(change, 40), 20) / smooth(smooth(np.abs(change), 40), 20)
    expected = {
        "macd_26": (macd / atr).to_numpy(),
        "macd_histogram_26": ((macd - signal) / atr).to_numpy(),
        "true_strength_40": np.append(np.nan, strength),
    }
    agree(FEATURES, market, expected)


def test_rsi_equals_talib_once_its_start_is_forgotten(market: Bars, agree) -> None:
    # TA-Lib starts from the mean of 14 changes: (13/14)^400 is 1e-13.
    expected = {"rsi_centred_14": talib.RSI(market.close[:, 0], 14) / 50 - 1}
    agree(FEATURES, market, expected, start=500)


def test_rsi_from_its_first_row_equals_pandas(market: Bars, agree) -> None:
    change = pd.Series(market.close[:, 0]).diff()
    up = change.clip(lower=0).ewm(alpha=1 / 14).mean()
    down = (-change).clip(lower=0).ewm(alpha=1 / 14).mean()
    agree(FEATURES, market, {"rsi_centred_14": (2 * up / (up + down) - 1).to_numpy()})
