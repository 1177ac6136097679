"""Technical columns against TA-Lib."""

from __future__ import annotations

import numpy as np
import talib

from regimen.bars import Bars
from regimen.features.technical import FEATURES


def test_channels_and_oscillators_equal_talib(market: Bars, agree) -> None:
    o, h, l, c = (getattr(market, name)[:, 0] for name in ("open", "high", "low", "close"))  # noqa: E741
    _, slow_d = talib.STOCH(h, l, c, 14, 3, 0, 3, 0)
    upper, lower = talib.MAX(h, 55), talib.MIN(l, 55)
    height = np.where(h > l, h - l, np.inf)
    expected = {
        "williams_centred_14": talib.WILLR(h, l, c, 14) / 50 + 1,
        "stochastic_14": slow_d / 50 - 1,
        "aroon_25": talib.AROONOSC(h, l, 25) / 100,
        "donchian_55": (2 * c - upper - lower) / (upper - lower),
        "ultimate_28": talib.ULTOSC(h, l, c, 7, 14, 28) / 50 - 1,
        "candle_body": (c - o) / height,
        "candle_shadow": ((np.minimum(o, c) - l) - (h - np.maximum(o, c))) / height,
    }
    agree(FEATURES, market, expected)


def test_bands_equal_talib(market: Bars, agree) -> None:
    h, l, c = (getattr(market, name)[:, 0] for name in ("high", "low", "close"))  # noqa: E741
    # TA-Lib takes the variance of prices about zero; about one of them it loses no digits.
    upper, middle, lower = talib.BBANDS(c / c.mean() - 1, 20, 2, 2, 0)
    band = (upper - lower) / 2
    true_range = talib.TRANGE(h, l, c) / c.mean()
    keltner = np.convolve(true_range, np.full(20, 1.5 / 20))[: len(c)]
    expected = {
        "bollinger_20": (c / c.mean() - 1 - middle) / band,
        "squeeze_20": (band - keltner) / (band + keltner),
        "commodity_channel_20": talib.CCI(h, l, c, 20) / 100,
    }
    agree(FEATURES, market, expected)
