"""Vendors' files with their faults, as text: what each asks for first, and the options that load it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig
from regimen.errors import DataError
from regimen.readers import load_with_report


def market(count: int, seed: int = 1, start: float = 30.0) -> pd.DataFrame:
    """A random walk in cents in which nothing is wrong."""
    random = np.random.default_rng(seed)
    close = np.round(start * np.exp(np.cumsum(random.normal(0.0, 0.004, count))), 2)
    opened = np.append(start, close[:-1])
    high, low = np.maximum(opened, close) + 0.05, np.minimum(opened, close) - 0.05
    return pd.DataFrame(
        {"open": opened, "high": high, "low": low, "close": close, "volume": random.integers(50, 150, count)}
    )


def hours(frame: pd.DataFrame, form: str = "%Y-%m-%d %H:%M:%S", start: str = "2021-03-01") -> pd.DataFrame:
    frame.insert(0, "date", pd.date_range(start, periods=len(frame), freq="1h").strftime(form))
    return frame


def days(frame: pd.DataFrame, start: str = "2015-03-02") -> pd.DataFrame:
    frame.insert(0, "date", pd.bdate_range(start, periods=len(frame)).strftime("%Y-%m-%d"))
    return frame


def newest_first_of_two_volumes() -> str:
    """CryptoDataDownload: a line of text, newest row first, AM and PM, two volumes."""
    frame = hours(market(120), "%Y-%m-%d %I-%p").rename(columns={"volume": "volume_usd"})
    frame.insert(6, "volume_btc", frame["volume_usd"] / frame["close"])
    return "Times are UTC,https://example.com\n" + frame.iloc[::-1].to_csv(index=False)


def swapped_volumes() -> str:
    """The same vendor later: an epoch before the date, and rows whose two volumes stand in each other's column."""
    frame = hours(market(200, start=0.6)).rename(columns={"date": "Date"})
    units, money = frame.pop("volume") * 1000.0, frame["close"]
    money = units * money
    swapped = np.arange(len(frame)) % 3 == 1
    frame["Volume XRP"], frame["Volume USD"] = np.where(swapped, money, units), np.where(swapped, units, money)
    frame.insert(0, "Unix", pd.to_datetime(frame["Date"]).astype("datetime64[s]").astype(np.int64))
    return frame.iloc[::-1].to_csv(index=False)


def empty_beginning() -> str:
    """Yahoo, of a coin that came late: half of the rows hold a date and nothing else."""
    frame = days(market(160)).assign(adj_close=1.0)
    frame.loc[:79, frame.columns[1:]] = np.nan
    return frame.to_csv(index=False)


def empty_end() -> str:
    """A last row of which only the open was written; it is a row, and no footer."""
    frame = hours(market(80))
    frame.loc[79, ["high", "low", "close", "volume"]] = np.nan
    return frame.to_csv(index=False)


def relisted_closes() -> str:
    """Closes alone, of a coin that died and of another that got its name a month later."""
    old, new = hours(market(150)), hours(market(100, seed=2, start=900.0), start="2021-04-07")
    return pd.concat([old, new])[["date", "close"]].rename(columns={"date": "open_time"}).to_csv(index=False)


def negative_beginning() -> str:
    """Prices below zero, as adjusting by differences leaves them, up to a day from which they are right."""
    frame = days(market(200))
    frame.loc[:99, ["open", "high", "low", "close"]] -= 90.0
    return frame.rename(columns={"date": ""}).to_csv(index=False)


def scaled_split() -> str:
    """LEAN: ten-thousandths, and a split of 2:1."""
    frame = days(market(300, start=200.0))
    frame["date"] = frame["date"].str.replace("-", "") + " 00:00"
    before = np.arange(300) < 150
    for name in ("open", "high", "low", "close"):
        frame[name] = np.round(frame[name] * np.where(before, 2, 1) * 10_000).astype(int)
    frame["volume"] = frame["volume"] // np.where(before, 2, 1)
    return frame.to_csv(index=False, header=False)


def headerless_turnover() -> str:
    """NSE: no header, all cells quoted, six digits for a day, the turnover before the volume."""
    frame = days(market(90, start=1000.0))
    frame["date"] = pd.to_datetime(frame["date"]).dt.strftime("%d%m%y")
    frame.insert(5, "turnover", frame["close"] * frame["volume"])
    return frame.assign(trades=12).to_csv(index=False, header=False, quoting=1)


def low_above_open() -> str:
    """Yahoo, of a stock that hardly traded: highs below the open."""
    frame = days(market(120))
    frame.loc[[0, 1, 60], "high"] = frame.loc[[0, 1, 60], "open"] * 0.97
    frame.loc[[0, 1, 60], "low"] = frame.loc[[0, 1, 60], "open"] * 0.96
    return frame.to_csv(index=False)


# file: (text, the option that it asks for, the options that load it, rows)
FILES: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "coinbase.csv": (
        newest_first_of_two_volumes(),
        "data.volume_column",
        {"volume_column": "volume_btc", "repairs": {"sort": True}},
        120,
    ),
    "swapped.csv": (
        swapped_volumes(),
        "data.volume_column",
        {"volume_column": "Volume XRP", "repairs": {"sort": True, "swapped_volume": "swap"}},
        200,
    ),
    "empty_beginning.csv": (empty_beginning(), "data.repairs.nan_rows", {"repairs": {"nan_rows": "drop"}}, 80),
    "empty_end.csv": (empty_end(), "data.repairs.nan_rows", {"repairs": {"nan_rows": "drop"}}, 79),
    "relisted.csv": (
        relisted_closes(),
        "data.close_only",
        {"close_only": True, "repairs": {"relisted": "cut_after"}},
        150,
    ),
    "negative.csv": (negative_beginning(), "data.repairs.nonpositive", {"start": "2015-07-20"}, 100),
    "aaa.csv": (scaled_split(), "data.price_scale", {"price_scale": 0.0001, "repairs": {"splits": "adjust"}}, 300),
    "headerless.csv": (
        headerless_turnover(),
        "data.columns",
        {
            "columns": ["date", "open", "high", "low", "close", "turnover", "volume", "trades"],
            "time_format": "%d%m%y",
        },
        90,
    ),
    "thin.csv": (low_above_open(), "data.repairs.ohlc", {"repairs": {"ohlc": "widen"}}, 120),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_asks_for_the_option_that_decides(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name][0])
    with pytest.raises(DataError) as caught:
        Bars.read(tmp_path / name)
    assert FILES[name][1] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_loads_with_its_options(name: str, tmp_path: Path) -> None:
    text, _, options, rows = FILES[name]
    (tmp_path / name).write_text(text)
    bars = load_with_report(DataConfig.of(path=str(tmp_path / name), **options)).bars
    assert bars.shape == (rows, 1)
    assert (np.diff(bars.time.astype(np.int64)) > 0).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()


def test_repairs_are_counted(tmp_path: Path) -> None:
    def applied(name: str) -> dict[str, int]:
        text, _, options, _ = FILES[name]
        (tmp_path / name).write_text(text)
        report = load_with_report(DataConfig.of(path=str(tmp_path / name), **options)).report
        return {repair.name: repair.count for repair in report.applied}

    assert applied("empty_beginning.csv") == {"nan_rows": 80}
    assert applied("swapped.csv") == {"sort": 199, "swapped_volume": 67}
    assert applied("relisted.csv") == {"relisted": 100}
    assert applied("aaa.csv") == {"splits": 1}
    assert applied("thin.csv") == {"ohlc": 3}


def test_ends_on_an_exchanges_clock_without_a_volume(tmp_path: Path) -> None:
    """Backtrader's index: date and time apart, the end of each bar in Berlin, across the change of its clock."""
    starts = pd.date_range("2021-03-26 08:00", "2021-03-29 15:55", freq="5min", tz="Europe/Berlin")
    starts = starts[(starts.day_of_week < 5) & (starts.hour >= 9)]
    ends = starts + pd.Timedelta("5min")
    frame = market(len(starts), start=3500.0).assign(volume=0, OpenInterest=0)
    frame.insert(0, "Time", ends.strftime("%H:%M:%S"))
    frame.insert(0, "Date", ends.strftime("%Y-%m-%d"))
    frame.to_csv(tmp_path / "index.txt", index=False)
    bars = Bars.read(tmp_path / "index.txt", zone="Europe/Berlin", stamp="end", volume_column="none")
    np.testing.assert_array_equal(bars.time, starts.tz_convert("UTC").tz_localize(None).to_numpy().astype("M8[ns]"))
    assert np.isnan(bars.volume).all()


@pytest.fixture
def whole_market(tmp_path: Path) -> Path:
    """pystock: an archive of three files; two days of sixty symbols, newest first, with a fault of every kind."""
    frames = []
    for number in range(60):
        frame = days(market(2, seed=number)).assign(adj_close=1.0)
        frame.insert(0, "symbol", f"S{number:02}")
        frames.append(frame.iloc[::-1])
    frames[3]["close"] = np.nan
    frames[5]["low"] = 0.0
    frames[7]["high"] = frames[7]["open"] * 0.9
    frames.append(frames[9])
    with tarfile.open(tmp_path / "market.tar.gz", "w:gz") as archive:
        for name, text in {
            "symbols.txt": "S00\tAn Inc\n",
            "prices.csv": pd.concat(frames).to_csv(index=False),
            "reports.csv": "symbol,date,amend\nS00,2015-03-02,True\n",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return tmp_path / "market.tar.gz"


def test_two_days_of_a_whole_market(whole_market: Path) -> None:
    with pytest.raises(DataError, match=r"holds 3 files; .*data\.member.*prices\.csv"):
        Bars.read(whole_market)
    with pytest.raises(DataError, match=r"data\.member: must be one of the files of market\.tar\.gz: symbols\.txt"):
        Bars.read(whole_market, member="price.csv")
    repairs = {"sort": True, "nan_rows": "drop", "nonpositive": "drop", "ohlc": "widen", "duplicates": "drop"}
    bars = Bars.read(whole_market, member="prices.csv", bar_length="1d", repairs={**repairs, "splits": "keep"})
    assert bars.shape == (2, 60)
    gone = [symbol for symbol, there in zip(bars.symbols, bars.present.any(axis=0), strict=True) if not there]
    assert gone == ["S03", "S05", "S09"]
    at = bars.symbols.index("S07")
    assert (bars.high[:, at] == np.maximum(bars.open, bars.close)[:, at]).all()
