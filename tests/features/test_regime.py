"""Regime columns against TA-Lib, pandas and scalar loops."""

from __future__ import annotations

import numpy as np
import pandas as pd
import talib
from scipy.stats import norm, rankdata

from regimen.bars import Bars
from regimen.features.regime import FEATURES


def test_directional_movement_equals_talib_once_its_start_is_forgotten(market: Bars, agree) -> None:
    columns = [getattr(market, name)[:, 0] for name in ("high", "low", "close")]
    plus, minus = talib.PLUS_DI(*columns, 14), talib.MINUS_DI(*columns, 14)
    expected = {
        "directional_strength_14": talib.ADX(*columns, 14) / 100,
        "directional_14": (plus - minus) / (plus + minus),
    }
    agree(FEATURES, market, expected, start=600)


def test_directional_movement_from_its_first_row_equals_pandas(market: Bars, agree) -> None:
    high, low = pd.Series(market.high[:, 0]), pd.Series(market.low[:, 0])
    rise, fall = high.diff(), -low.diff()
    plus = rise.where((rise > fall) & (rise > 0), 0.0)[1:].ewm(alpha=1 / 14).mean()
    minus = fall.where((fall > rise) & (fall > 0), 0.0)[1:].ewm(alpha=1 / 14).mean()
    direction = ((plus - minus) / (plus + minus)).fillna(0.0)
    expected = {
        "directional_strength_14": direction.abs().ewm(alpha=1 / 14).mean(),
        "directional_14": direction,
    }
    agree(FEATURES, market, {name: np.append(np.nan, x) for name, x in expected.items()})


def test_dynamics_equal_pandas(market: Bars, agree) -> None:
    price = pd.Series(np.log(market.close[:, 0]))
    r = price.diff().fillna(0.0)
    ten = price.diff(10).fillna(0.0)
    path = np.array([r[max(t - 19, 0) : t + 1].abs().sum() for t in range(len(r))])
    short, long = r.pow(2).ewm(span=120).mean(), ten.pow(2).ewm(span=120).mean()
    # The library's means start at zero; without their weight they rank the same once 2·(9/11)^t is nothing.
    variance = np.zeros(len(r))
    for t in range(len(r)):
        before = variance[t - 1] if t else 0.0
        variance[t] = before + 2 / 11 * (r[t] ** 2 - before)
    rank = np.full(len(r), np.nan)
    for t in range(119, len(r)):
        rank[t] = (2 * rankdata(variance[t - 119 : t + 1])[-1] - 1) / 120 - 1
    expected = {
        "efficiency_20": price.diff(20).abs() / path,
        "variance_ratio_10": (long - 10 * short) / (long + 10 * short),
        "autocorrelation_60": (r * r.shift().fillna(0.0)).ewm(span=60).mean() / r.pow(2).ewm(span=60).mean(),
        "volatility_rank_120": rank,
    }
    agree(FEATURES, market, {name: np.asarray(x) for name, x in expected.items()})


def test_turbulence_equals_the_hamilton_filter(market: Bars, agree) -> None:
    """The filter in matrix form, with the densities themselves instead of their ratio."""
    r = pd.Series(np.log(market.close[:, 0])).diff().fillna(0.0)
    scale = np.sqrt(r.pow(2).ewm(span=120).mean())
    stay = np.array([[0.98, 0.02], [0.05, 0.95]])
    belief, found = np.array([0.7, 0.3]), np.zeros(len(r))
    for t in range(len(r)):
        z = r[t] / scale[t] if scale[t] > 0 else 0.0
        belief = (belief @ stay) * norm.pdf(z, scale=np.sqrt([0.5, 2.5]))
        belief /= belief.sum()
        found[t] = belief[1]
    agree(FEATURES, market, {"turbulence": found})


def test_range_position_equals_a_scalar_loop(market: Bars, agree) -> None:
    price = np.log(market.close[:, 0])
    names = ("rescaled_range_120", "drawdown_120", "extreme_order_120")
    rows = {name: np.full(len(price), np.nan) for name in names}
    for t in range(120, len(price)):
        window = price[t - 120 : t + 1][::-1]  # the latest first, so that argmax takes the latest of equals
        sigma = np.sqrt(np.mean(np.diff(window) ** 2))
        rows["rescaled_range_120"][t] = np.log(np.ptp(window) / sigma) / np.log(120)
        rows["drawdown_120"][t] = (window[0] - window.max()) / (sigma * np.sqrt(120))
        rows["extreme_order_120"][t] = (window.argmax() - window.argmin()) / 120
    agree(FEATURES, market, rows)
