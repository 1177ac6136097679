"""Bars written and read back, adjusted, fingerprinted, joined with other files; the bundled samples."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.bars import Bars, Calendar, DataConfig
from regimen.errors import ConfigError, DataError
from regimen.readers import load_with_report

HOUR = 3_600_000_000_000


def some_bars(count: int = 50, symbols: int = 2, seed: int = 1, extras: bool = True) -> Bars:
    generator = np.random.default_rng(seed)
    close = generator.uniform(10, 11, (count, symbols))
    gone = generator.random(close.shape) < 0.2
    gone[:2] = False
    close[gone] = np.nan
    return Bars(
        time=np.datetime64("2024-01-01", "ns") + np.arange(count) * np.timedelta64(HOUR, "ns"),
        symbols=tuple(f"S{i}" for i in range(symbols)),
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=np.where(gone, np.nan, 1.5),
        bar_length=HOUR,
        calendar=Calendar("sessions", 7.5),
        extras={"my column": np.where(gone, np.nan, close * 2), "count": np.ones_like(close)} if extras else {},
    )


@given(count=st.integers(2, 40), symbols=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_written_bars_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, count: int, symbols: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("bars") / "a.parquet"
    bars = some_bars(count, symbols, seed)
    bars.write(path)
    again = Bars.read(path)
    assert again.fingerprint == bars.fingerprint
    assert again.symbols == bars.symbols
    assert again.calendar == bars.calendar
    assert set(again.extras) == set(bars.extras)


def test_the_written_file_is_plain_parquet_for_others(tmp_path: Path) -> None:
    bars = some_bars()
    bars.write(tmp_path / "a.parquet")
    frame = pd.read_parquet(tmp_path / "a.parquet")
    assert list(frame.columns[:7]) == ["timestamp", "symbol", "open", "high", "low", "close", "volume"]
    assert len(frame) == 100


def test_writing_where_it_cannot_be_done(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must end in \.parquet"):
        some_bars().write(tmp_path / "a.csv")
    with pytest.raises(DataError, match="must be writable"):
        some_bars().write(tmp_path / "no" / "a.parquet")


def test_a_frame_holds_the_bars_that_exist() -> None:
    bars = some_bars()
    frame = bars.to_frame()
    assert len(frame) == bars.present.sum()
    assert str(frame["timestamp"].dt.tz) == "UTC"
    assert len(some_bars(symbols=1).to_frame()) == 50


@pytest.mark.parametrize("change", ["close", "volume", "time", "symbol", "extra", "calendar", "length"])
def test_the_fingerprint_sees_every_change(change: str) -> None:
    from dataclasses import replace

    bars = some_bars()
    close, volume, extra = bars.close.copy(), bars.volume.copy(), bars.extras["count"].copy()
    close[1, 0] += 1e-9
    volume[1, 0] += 1e-9
    extra[3, 0] = np.nan
    changed = {
        "close": replace(bars, close=close),
        "volume": replace(bars, volume=volume),
        "time": replace(bars, time=bars.time + np.timedelta64(1, "ns")),
        "symbol": replace(bars, symbols=("S0", "T1")),
        "extra": replace(bars, extras={**bars.extras, "count": extra}),
        "calendar": replace(bars, calendar=Calendar("24/7")),
        "length": replace(bars, bar_length=HOUR * 2),
    }[change]
    assert changed.fingerprint != bars.fingerprint
    assert some_bars().fingerprint == bars.fingerprint


def test_adjusted_prices_keep_the_first_scale_and_see_no_future() -> None:
    price = np.array([100.0, 102.0, 51.0, 50.0, 25.0])
    adjustment = np.array([0.5, 0.5, 1.0, 1.0, 2.0])
    bars = Bars.from_arrays(
        np.datetime64("2024-01-01", "ns") + np.arange(5) * np.timedelta64(1, "D"),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=np.full(5, 8.0),
        extras={"adjustment": adjustment},
        checked=False,
    )
    adjusted = bars.adjusted()
    np.testing.assert_allclose(adjusted.close[:, 0], [100, 102, 102, 100, 100])
    np.testing.assert_allclose(adjusted.volume[:, 0], [8, 8, 4, 4, 2])
    np.testing.assert_array_equal(bars.window(0, 3).adjusted().close, adjusted.close[:3])
    with pytest.raises(DataError, match="adjustment"):
        adjusted.window(0, 2).__class__.from_arrays(
            bars.time, open=price, high=price, low=price, close=price, checked=False
        ).adjusted()


@pytest.mark.parametrize("name", ["sp500", "nasdaq"])
def test_the_samples_are_those_that_ship_with_arch(name: str) -> None:
    pytest.importorskip("arch.data", reason="arch is not installed")
    import importlib

    oracle = importlib.import_module(f"arch.data.{name}").load()
    bars = Bars.sample(name)
    assert bars.shape == (5031, 1)
    assert bars.symbols == (name,)
    assert bars.calendar.name == "sessions"
    assert str(bars.time[0])[:10] == "1999-01-04"
    np.testing.assert_array_equal(bars.close[:, 0], oracle["Close"])
    np.testing.assert_array_equal(bars.extras["adj_close"][:, 0], oracle["Adj Close"])


def test_a_sample_does_not_import_its_package() -> None:
    import subprocess

    code = "import sys; from regimen.bars import Bars; Bars.sample('sp500'); print('arch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "needs the package arch" in done.stderr:
        pytest.skip("arch is not installed")
    assert done.stdout.strip() == "False"


def test_samples_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="sp500, nasdaq"):
        Bars.sample("ftse")
    monkeypatch.setattr("regimen.readers.samples.find_spec", lambda _name: None)
    with pytest.raises(DataError, match="pip install --no-deps arch"):
        Bars.sample("sp500")


def _price_file(folder: Path, count: int = 48) -> str:
    path = folder / "bars.parquet"
    time = pd.date_range("2024-01-01", periods=count, freq="1h", tz="UTC")
    pd.DataFrame({"timestamp": time, "open": 10.5, "high": 11.5, "low": 9.5, "close": 10.5, "volume": 1.0}).to_parquet(
        path
    )
    return str(path)


def test_extras_fall_into_the_bar_that_holds_their_stamp(tmp_path: Path) -> None:
    stamps = pd.to_datetime(
        [
            "2023-12-31 23:59",
            "2024-01-01 00:00:00.017",
            "2024-01-01 07:59:59",
            "2024-01-01 08:00",
            "2024-01-01 08:30",
            "2024-02-01",
        ],
        utc=True,
        format="ISO8601",
    )
    pd.DataFrame({"timestamp": stamps, "funding_rate": [0.09, 0.01, 0.02, 0.03, 0.04, 0.09]}).to_parquet(
        tmp_path / "f.parquet"
    )
    config = DataConfig.of(path=_price_file(tmp_path), extras={"funding_rate": str(tmp_path / "f.parquet")})
    loaded = load_with_report(config)
    column = loaded.bars.extras["funding_rate"][:, 0]
    expected = np.full(48, np.nan)
    expected[[0, 7, 8]] = [0.01, 0.02, 0.07]  # funding adds up
    np.testing.assert_allclose(column, expected, rtol=1e-15)
    assert "4 of 6 values" in loaded.report.assumptions[-1]


def test_other_extras_keep_the_last_value_and_wait_for_their_delay(tmp_path: Path) -> None:
    (tmp_path / "oi.csv").write_text(
        "date,oi_open,oi_close\n2024-01-01 00:10:00,1,5\n2024-01-01 00:20:00,2,6\n2024-01-01 03:00:00,3,7\n"
    )
    file = {"path": str(tmp_path / "oi.csv"), "column": "oi_close", "delay": "2h"}
    bars = load_with_report(DataConfig.of(path=_price_file(tmp_path), extras={"open_interest": file})).bars
    expected = np.full(48, np.nan)
    expected[[2, 5]] = [6.0, 7.0]
    np.testing.assert_array_equal(bars.extras["open_interest"][:, 0], expected)
    with pytest.raises(DataError, match=r"data\.extras\.open_interest\.column"):
        load_with_report(DataConfig.of(path=_price_file(tmp_path), extras={"open_interest": str(tmp_path / "oi.csv")}))


def test_a_factor_file_steps_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "factors.csv").write_text(
        "20240101,0.9,0.5,1\n20240110,0.9,0.5,100\n20240120,0.95,1,50\n20501231,1,1,0\n"
    )
    time = pd.date_range("2024-01-01", periods=30, freq="1D", tz="UTC")
    frame = pd.DataFrame({"timestamp": time, "open": 10.5, "high": 11.5, "low": 9.5, "close": 10.5, "volume": 1.0})
    frame.to_parquet(tmp_path / "d.parquet")
    bars = Bars.read(tmp_path / "d.parquet", adjust=str(tmp_path / "factors.csv"))
    steps = bars.extras["adjustment"][:, 0]
    np.testing.assert_allclose(steps[[0, 9, 10, 19, 20, 29]], [0.45, 0.45, 0.95, 0.95, 1, 1])
    (tmp_path / "short.csv").write_text("20240110,0.9,0.5,1\n")
    with pytest.raises(DataError, match="must reach the last bar"):
        Bars.read(tmp_path / "d.parquet", adjust=str(tmp_path / "short.csv"))
    with pytest.raises(DataError, match="adjusted closes"):
        Bars.read(tmp_path / "d.parquet", adjust="adj_close")


def test_one_source_is_needed() -> None:
    with pytest.raises(ConfigError, match="exactly one"):
        DataConfig.of()
    with pytest.raises(ConfigError, match="exactly one"):
        DataConfig.of(path="a.csv", sample="sp500")


def test_slices_are_half_open(tmp_path: Path) -> None:
    bars = Bars.read(_price_file(tmp_path), start="2024-01-01T05", end="2024-01-02")
    assert (str(bars.time[0])[:13], str(bars.time[-1])[:13], len(bars)) == (
        "2024-01-01T05",
        "2024-01-01T23",
        19,
    )
    with pytest.raises(DataError, match="leave none"):
        Bars.read(_price_file(tmp_path), start="2030-01-01")
    with pytest.raises(DataError, match=r"data\.end"):
        Bars.read(_price_file(tmp_path), end="tomorrow")
    with pytest.raises(DataError, match="ISO"):
        bars.between("tomorrow")
