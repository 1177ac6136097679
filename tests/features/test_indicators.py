"""The 27 indicators against TA-Lib, against exact two-pass arithmetic, and on degenerate markets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.features import FeatureSet
from regimen.features.indicators import INDICATORS
from regimen.seeding import generator

Column = NDArray[np.float64]
NAMES = [
    "rsi_7",
    "rsi_14",
    "rsi_21",
    "macd",
    "macd_signal",
    "macd_hist",
    "bb_upper_20",
    "bb_lower_20",
    "bb_width_20",
    "bb_upper_50",
    "bb_lower_50",
    "bb_width_50",
    "atr_14",
    "obv",
    "stoch_k",
    "stoch_d",
    "cci_20",
    "adx_14",
    "williams_r_14",
    "volume_sma_ratio",
    "volume_std",
    "return_5d",
    "return_10d",
    "return_20d",
    "return_50d",
    "volatility_20d",
    "volatility_50d",
]
MINUTE = 60_000_000_000


def simulated(count: int, seed: int = 0, price: float = 60_000.0, quiet: float = 1e-4, night: float = 0.0) -> Bars:
    """A random walk with a tick of 0.01 and heavy-tailed volumes; each bar opens ``night`` away from the last close."""
    random = generator(seed, "indicators")
    close = np.round(price * np.exp(np.cumsum(random.normal(0.0, quiet, count))), 2)
    open_ = np.concatenate([close[:1], close[:-1]])
    if night:
        open_ = np.round(open_ * np.exp(random.normal(0.0, night, count)), 2)
    high = np.maximum(open_, close) + np.round(np.abs(random.normal(0.0, quiet, count)) * price, 2)
    low = np.minimum(open_, close) - np.round(np.abs(random.normal(0.0, quiet, count)) * price, 2)
    volume = np.exp(random.normal(0.0, 2.0, count))
    volume[random.random(count) < 1e-3] *= 1e4
    time = (np.arange(count) * MINUTE).astype("datetime64[ns]")
    return Bars.from_arrays(
        time, open=open_, high=high, low=low, close=close, volume=volume, bar_length=MINUTE, checked=False
    )


def flat(count: int, price: float, volume: float) -> Bars:
    level = np.full(count, price)
    return Bars.from_arrays(
        np.arange(count) * MINUTE,
        open=level, high=level, low=level, close=level, volume=np.full(count, volume), bar_length=MINUTE,
        time_unit="ns", checked=False,
    )  # fmt: skip


def bitcoin(folder: Path, start: int, stop: int) -> Bars:
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "crypto" / "btcusdt-1m-binance-spot.parquet").slice(start, stop - start)
    columns = {name: table.column(name).to_numpy() for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_arrays(table.column(0).to_numpy(), bar_length=MINUTE, **columns, checked=False)


def stock(folder: Path, symbol: str) -> Bars:
    import pandas as pd

    frame = pd.read_parquet(folder / "panel" / "sp500-daily-panel-2001-2021.parquet")
    frame = frame[frame["symbol"] == symbol].dropna()
    columns = {name: frame[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    return Bars.from_arrays(
        frame["timestamp"].dt.tz_localize(None).to_numpy(), bar_length=86_400_000_000_000, **columns, checked=False
    )


def talib_columns(bars: Bars) -> dict[str, Column]:
    talib = pytest.importorskip("talib")
    h, lo, c, v = (np.ascontiguousarray(x[:, 0]) for x in (bars.high, bars.low, bars.close, bars.volume))
    found = {f"rsi_{n}": talib.RSI(c, n) for n in (7, 14, 21)}
    found["macd"], found["macd_signal"], found["macd_hist"] = talib.MACD(c, 12, 26, 9)
    for n in (20, 50):
        upper, middle, lower = talib.BBANDS(c, n, 2.0, 2.0)
        found |= {f"bb_upper_{n}": upper, f"bb_lower_{n}": lower, f"bb_width_{n}": (upper - lower) / middle}
        found[f"volatility_{n}d"] = talib.STDDEV(talib.ROCP(c, 1), n)
    found["atr_14"] = talib.ATR(h, lo, c, 14)
    found["obv"] = talib.OBV(c, v)
    found["stoch_k"], found["stoch_d"] = talib.STOCHF(h, lo, c, 14, 3)
    found["cci_20"] = talib.CCI(h, lo, c, 20)
    found["adx_14"] = talib.ADX(h, lo, c, 14)
    found["williams_r_14"] = talib.WILLR(h, lo, c, 14)
    found["volume_sma_ratio"] = v / talib.SMA(v, 20)
    found["volume_std"] = talib.STDDEV(v, 20)
    return found | {f"return_{n}d": talib.ROCP(c, n) for n in (5, 10, 20, 50)}


def scale_of(name: str, bars: Bars) -> float:
    """What a difference of 1e-9 is relative to: the range of an oscillator, the level of price or volume."""
    if name.startswith(("rsi", "stoch", "cci", "adx", "williams")):
        return 100.0
    if name.startswith(("bb_upper", "bb_lower", "macd", "atr")):
        return float(bars.close.max())
    if name == "obv":
        return float(np.abs(np.cumsum(bars.volume)).max())
    if name == "volume_std":
        return float(bars.volume.max())
    if name == "volume_sma_ratio":
        return 20.0  # its largest possible value
    return 1.0


def assert_equal_to_talib(bars: Bars) -> None:
    frame = FeatureSet.indicators().compute(bars)
    for name, expected in talib_columns(bars).items():
        got = frame.column(name)[:, 0]
        warm = np.isfinite(expected)
        assert np.isfinite(got[warm]).all(), name
        np.testing.assert_allclose(got[warm], expected[warm], rtol=0, atol=1e-9 * scale_of(name, bars), err_msg=name)


def test_names_are_the_27_of_the_specification_in_its_order() -> None:
    assert list(FeatureSet.indicators().names) == NAMES


@pytest.mark.parametrize(
    "bars", [simulated(20_000), simulated(5_000, 1, 40.0, 0.01, night=0.008)], ids=["a coin", "a stock"]
)
def test_equal_talib_on_a_simulated_market(bars: Bars) -> None:
    assert_equal_to_talib(bars)


def test_equal_talib_on_bitcoin_minutes(shared_data: Path) -> None:
    assert_equal_to_talib(bitcoin(shared_data, 500_000, 700_000))


@pytest.mark.parametrize("symbol", ["CVX", "CTAS"])
def test_equal_talib_on_daily_stocks(shared_data: Path, symbol: str) -> None:
    assert_equal_to_talib(stock(shared_data, symbol))


def test_first_values_stand_where_talib_has_them() -> None:
    bars = simulated(300)
    frame = FeatureSet.indicators().compute(bars)
    for name, expected in talib_columns(bars).items():
        first = int(np.isfinite(frame.column(name)[:, 0]).argmax())
        # TA-Lib holds %K back until %D exists; everything else starts at the same bar.
        assert first == (13 if name == "stoch_k" else int(np.isfinite(expected).argmax())), name


@pytest.mark.parametrize("feature", INDICATORS, ids=lambda feature: feature.names[0])
def test_warmup_is_the_first_row_with_every_column(feature) -> None:
    frame = FeatureSet(INDICATORS).compute(simulated(120))
    complete = np.isfinite([frame.column(name)[:, 0] for name in feature.names]).all(axis=0)
    assert int(complete.argmax()) == feature.warmup
    assert complete[feature.warmup :].all()


def windows(values: Column, length: int) -> Column:
    return np.asarray(sliding_window_view(values, length), dtype=np.longdouble)


@pytest.mark.parametrize("length", [20, 50])
def test_windows_equal_two_pass_arithmetic_after_a_million_bars(length: int) -> None:
    """No drift, no trace of a volume spike: extended precision, two passes over each of the last windows."""
    bars = simulated(1_000_000, quiet=2e-6)
    columns = [f"bb_upper_{length}", f"bb_lower_{length}", f"volatility_{length}d"]
    columns += ["volume_std"] if length == 20 else []
    frame = FeatureSet.indicators().select(columns).compute(bars)
    tail = 20_000
    close = bars.close[:, 0]
    change = (close[1:] / close[:-1] - 1.0)[-tail - length + 1 :]
    close, volume = close[-tail - length + 1 :], bars.volume[-tail - length + 1 :, 0]
    mean, spread = windows(close, length).mean(axis=1), windows(close, length).std(axis=1)
    expected = {columns[0]: mean + 2 * spread, columns[1]: mean - 2 * spread}
    expected[columns[2]] = windows(change, length).std(axis=1)
    if length == 20:
        expected["volume_std"] = windows(volume, length).std(axis=1)
    for name, wanted in expected.items():
        np.testing.assert_allclose(
            frame.column(name)[-tail:, 0], wanted.astype(np.float64), rtol=1e-12, atol=0, err_msg=name
        )


def test_a_flat_market_gives_finite_values_by_talibs_conventions() -> None:
    values = FeatureSet.indicators().compute(flat(200, 60_000.07, 3.3))
    assert np.isfinite(values.values[50:]).all()
    for name in (
        "rsi_14",
        "stoch_k",
        "cci_20",
        "adx_14",
        "williams_r_14",
        "volume_std",
        "volatility_20d",
        "bb_width_20",
    ):
        assert (values.column(name)[50:] == 0.0).all(), name
    assert (values.column("volume_sma_ratio")[50:] == 1.0).all()
    assert (FeatureSet.indicators().compute(flat(200, 1.0, 0.0)).column("volume_sma_ratio")[50:] == 0.0).all()


def test_bars_without_volume_leave_the_volume_columns_as_they_were() -> None:
    bars = simulated(300)
    holes = np.zeros(300, dtype=bool)
    holes[100:110] = True
    volume = np.where(holes[:, None], np.nan, bars.volume)
    columns = ["obv", "volume_sma_ratio", "volume_std"]
    columns_of = FeatureSet.indicators().select(columns)

    def with_volume(rows: NDArray[np.bool_], volume: Column) -> Bars:
        kept = {name: getattr(bars, name)[rows] for name in ("open", "high", "low", "close")}
        return Bars.from_arrays(bars.time[rows], volume=volume[rows], bar_length=MINUTE, **kept, checked=False)

    got = columns_of.compute(with_volume(np.ones(300, dtype=bool), volume)).values
    assert np.isnan(got[holes]).all()
    without = columns_of.compute(with_volume(~holes, volume)).values
    np.testing.assert_array_equal(got[~holes], without)


def test_a_source_without_volume_is_refused_by_name() -> None:
    bars = simulated(300)
    blind = Bars.from_arrays(
        bars.time, open=bars.open, high=bars.high, low=bars.low, close=bars.close, bar_length=MINUTE, checked=False
    )
    with pytest.raises(DataError, match=r"features\.obv: never has a value on these 300 bars; the bars have no volume"):
        FeatureSet.indicators().compute(blind)
    assert FeatureSet.indicators().select(["rsi_14"]).compute(blind).values.shape == (300, 1, 1)
