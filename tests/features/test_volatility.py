"""Volatility columns against pandas and numpy, written from the papers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from regimen.bars import Bars
from regimen.features.volatility import FEATURES


def contrast(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.tanh(0.5 * np.log(a / b))


def rolling(x: np.ndarray, f, n: int = 20) -> np.ndarray:
    return np.append(np.full(n - 1, np.nan), f(sliding_window_view(x, n), axis=1))


def test_realised_variance_equals_pandas(market: Bars, agree) -> None:
    r = pd.Series(np.log(market.close[:, 0])).diff()
    v_5, v_20, v_120 = (r.pow(2).ewm(span=n).mean() for n in (5, 20, 120))
    level = np.sqrt(v_5).ewm(span=60).mean()
    power = r.pow(2).ewm(span=60).mean()
    down = r.clip(upper=0).pow(2).ewm(span=60).mean()
    up = r.clip(lower=0).pow(2).ewm(span=60).mean()
    neighbours = (r.abs() * r.abs().shift().where(r.index > 1, 0.0)).ewm(span=60).mean()
    expected = {
        "volatility_5_20": contrast(v_5, v_20),
        "volatility_20_120": contrast(v_20, v_120),
        "volatility_of_volatility_60": 1 - level**2 / v_5.ewm(span=60).mean(),
        "downside_60": (down - up) / power,
        "jump_share_60": 1 - np.pi / 2 * neighbours / power,
    }
    agree(FEATURES, market, {name: column.to_numpy() for name, column in expected.items()})


def test_range_estimators_equal_their_papers(market: Bars, agree) -> None:
    o, h, l, c = (getattr(market, name)[:, 0] for name in ("open", "high", "low", "close"))  # noqa: E741
    before = np.append(np.nan, c[:-1])
    u, d, b = np.log(h / o), np.log(l / o), np.log(c / o)
    close = rolling(np.log(c / before) ** 2, np.mean)
    parkinson = rolling(np.log(h / l) ** 2, np.mean) / (4 * np.log(2))
    garman = rolling(0.5 * np.log(h / l) ** 2 - (2 * np.log(2) - 1) * b**2, np.mean)
    rogers = rolling(u * (u - b) + d * (d - b), np.mean)
    k = 0.34 / (1.34 + 21 / 19)
    gaps = rolling(np.log(o / before), lambda x, axis: np.var(x, axis=axis, ddof=1))
    bodies = rolling(b, lambda x, axis: np.var(x, axis=axis, ddof=1))
    true_range = np.fmax(h, before) - np.fmin(l, before)
    true_range[0] = np.nan
    expected = {
        "parkinson_20": contrast(parkinson, close),
        "garman_klass_20": contrast(garman, parkinson),
        "rogers_satchell_20": contrast(rogers, garman),
        "yang_zhang_20": contrast(gaps + k * bodies + (1 - k) * rogers, rogers),
        "true_range_20": contrast(true_range, rolling(true_range, np.mean)),
    }
    agree(FEATURES, market, expected)
