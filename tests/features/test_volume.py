"""Volume columns against pandas, numpy and TA-Lib."""

from __future__ import annotations

import numpy as np
import pandas as pd
import talib

from regimen.bars import Bars
from regimen.features import FeatureSet
from regimen.features.volume import FEATURES


def test_activity_equals_pandas(traded: Bars, agree) -> None:
    v, c = pd.Series(traded.volume[:, 0]), pd.Series(traded.close[:, 0])
    change = c.diff().fillna(0.0)
    r = c.pct_change().fillna(0.0)

    def mean(x: pd.Series, span: int) -> pd.Series:
        return x.ewm(span=span).mean()

    impact = mean(change.abs(), 5) / mean(v, 5) * (mean(v, 60) / mean(change.abs(), 60))
    covariance = mean(v * r, 60) - mean(v, 60) * mean(r, 60)
    spread = mean(v**2, 60) - mean(v, 60) ** 2
    expected = {
        "volume_1_20": (v - mean(v, 20)) / (v + mean(v, 20)),
        "volume_5_60": (mean(v, 5) - mean(v, 60)) / (mean(v, 5) + mean(v, 60)),
        "volume_concentration_60": 1 - mean(v, 60) ** 2 / mean(v**2, 60),
        "illiquidity_5_60": (impact - 1) / (impact + 1),
        "volume_return_60": covariance / np.sqrt(spread * (mean(r**2, 60) - mean(r, 60) ** 2)),
        "force_index_13": mean(change * v, 13) / mean(change.abs() * v, 13),
    }
    agree(FEATURES, traded, {name: column.to_numpy() for name, column in expected.items()})


def test_flow_equals_numpy(traded: Bars, agree) -> None:
    h, l, c, v = (getattr(traded, name)[:, 0] for name in ("high", "low", "close", "volume"))  # noqa: E741
    before = np.append(np.nan, c[:-1])
    located = np.where(h > l, ((c - l) - (h - c)) / np.where(h > l, h - l, 1.0), 0.0)
    true_range = np.fmax(h, before) - np.fmin(l, before)
    rows = {name: np.full(len(c), np.nan) for name in ("on_balance_20", "chaikin_20", "vwap_gap_20")}
    for t in range(20, len(c)):
        w = slice(t - 19, t + 1)
        weight = v[w] / v[w].sum()
        rows["on_balance_20"][t] = weight @ np.sign(c[w] - before[w])
        rows["chaikin_20"][t] = weight @ located[w]
        vwap = weight @ ((h[w] + l[w] + c[w]) / 3)
        rows["vwap_gap_20"][t] = (c[t] - vwap) / (true_range[w].mean() * np.sqrt(20))
    agree(FEATURES, traded, rows)


def test_money_flow_equals_talib(traded: Bars, agree) -> None:
    columns = (getattr(traded, name)[:, 0] for name in ("high", "low", "close", "volume"))
    agree(FEATURES, traded, {"money_flow_20": talib.MFI(*columns, 20) / 50 - 1})


def test_without_volume_every_column_is_defined(quoted: Bars) -> None:
    assert np.isnan(quoted.volume).all()
    features = FeatureSet(FEATURES)
    values = features.compute(quoted).values[features.warmup :, 0, :]
    assert (values == 0.0).all()
