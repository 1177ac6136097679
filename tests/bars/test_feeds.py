"""A feed that stood still, repeated itself or made a bar on a closed day is found under a name of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig, Finding
from regimen.errors import DataError
from regimen.readers import check

OHLCV = ["open", "high", "low", "close", "volume"]


def market(freq: str = "1h", count: int = 1000, seed: int = 6, tick: float = 0.01) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    close = 100 + np.cumsum(generator.normal(0, 0.1, count))
    opened = np.concatenate(([100.0], close[:-1])) + generator.normal(0, 0.02, count)
    wick = np.abs(generator.normal(0, 0.05, (2, count)))
    frame = pd.DataFrame({"timestamp": pd.date_range("2021-01-04", periods=count, freq=freq, tz="UTC")})
    frame["open"] = opened
    frame["high"] = np.maximum(opened, close) + wick[0]
    frame["low"] = np.minimum(opened, close) - wick[1]
    frame["close"] = close
    frame[OHLCV[:4]] = (frame[OHLCV[:4]] / tick).round() * tick
    return frame.assign(volume=generator.integers(1, 400, count).astype(float))


def look(frame: pd.DataFrame, folder: Path, **options: Any) -> dict[str, Finding]:
    frame.to_parquet(folder / "bars.parquet")
    config = DataConfig.of(path=str(folder / "bars.parquet"), **options)
    return {finding.name: finding for finding in check(config).findings}


def copied(frame: pd.DataFrame, start: int, to: int, count: int, columns: list[str] = OHLCV) -> pd.DataFrame:
    frame.loc[to : to + count - 1, columns] = frame.loc[start : start + count - 1, columns].to_numpy()
    return frame


@pytest.mark.parametrize("freq", ["1min", "1h", "B"])
@pytest.mark.parametrize("volume", [0.0, 7.0, np.nan])
def test_a_constant_price_refuses(freq: str, volume: float, tmp_path: Path) -> None:
    frame = market(freq, 300).assign(open=0.9, high=0.9, low=0.9, close=0.9, volume=volume)
    found = look(frame, tmp_path)["constant_price"]
    assert (found.severity, found.count, found.repair) == ("refuse", 300, "")
    with pytest.raises(DataError, match=r"\(constant_price\).*does not move"):
        Bars.read(tmp_path / "bars.parquet")
    closes = look(frame[["timestamp", "close"]], tmp_path, close_only=True)
    assert closes["constant_price"].severity == "refuse"


def test_a_price_that_moves_at_the_end_alone_is_constant_for_training_too(tmp_path: Path) -> None:
    frame = market(count=2000)
    frame.loc[:1994, OHLCV[:4]] = 100.0
    assert look(frame, tmp_path)["constant_price"].severity == "refuse"


def test_a_close_that_never_moves_within_a_range_is_constant_too(tmp_path: Path) -> None:
    found = look(market().assign(open=100.0, high=101.0, low=99.0, close=100.0), tmp_path)
    assert found["constant_price"].severity == "refuse"


def test_a_symbol_that_stands_still_in_a_panel_is_said(tmp_path: Path) -> None:
    still = market(seed=7).assign(symbol="B", open=5.0, high=5.0, low=5.0, close=5.0)
    found = look(pd.concat([market().assign(symbol="A"), still], ignore_index=True), tmp_path)
    assert set(found) == {"constant_price"}
    assert (found["constant_price"].severity, found["constant_price"].count) == ("warn", 1000)
    assert found["constant_price"].stamps[0].endswith(" B")


def test_a_price_that_stands_still_for_long_is_said(tmp_path: Path) -> None:
    ended = market()
    ended.loc[600:, OHLCV[:4]] = ended.loc[599, "close"]
    found = look(ended, tmp_path)
    assert set(found) == {"still_price"}
    assert (found["still_price"].severity, found["still_price"].count) == ("warn", 400)
    assert "longest stretch is 400 bar(s)" in found["still_price"].sentence
    weekends = market(count=1000)  # two days of seven
    flat = weekends["timestamp"].dt.day_of_week >= 5
    weekends.loc[flat, OHLCV[:4]] = np.nan
    weekends["close"] = weekends["close"].ffill()
    weekends = weekends.assign(**{name: weekends[name].fillna(weekends["close"]) for name in OHLCV[:3]})
    assert "still_price" not in look(weekends, tmp_path)


@pytest.mark.parametrize(
    ("freq", "count", "start", "to", "block"),
    [
        ("1h", 1000, 240, 264, 24),
        ("1min", 3000, 0, 1440, 1440),
        ("B", 500, 100, 300, 5),
        ("1min", 120_000, 0, 50_000, 60),
    ],
    ids=["a day of hours", "a day of minutes", "a week of days", "an hour of a long file"],
)
def test_a_block_that_is_sent_again_is_found(
    freq: str, count: int, start: int, to: int, block: int, tmp_path: Path
) -> None:
    frame = market(freq, count)
    assert "repeated_rows" not in look(frame, tmp_path)
    found = look(copied(frame, start, to, block), tmp_path)["repeated_rows"]
    assert found.severity == "warn"
    assert to <= found.rows[0] <= to + block // 3
    assert 0.6 * block <= found.count <= block
    if count <= 100_000:
        since = str(frame["timestamp"][start])[:16].removesuffix(" 00:00")
        assert (found.rows[0], found.count, since in found.sentence) == (to, block, True)


@pytest.mark.parametrize("tick", [0.01, 0.1])
def test_the_less_a_row_says_the_longer_a_block_must_be(tick: float, tmp_path: Path) -> None:
    frame = market(tick=tick).assign(volume=np.nan)
    assert "repeated_rows" not in look(frame, tmp_path)
    found = "repeated_rows" in look(copied(frame, 100, 500, 6, OHLCV[:4]), tmp_path)
    assert found == (tick == 0.01)
    assert look(copied(frame, 100, 500, 48, OHLCV[:4]), tmp_path)["repeated_rows"].count >= 48


def test_a_coarse_price_does_not_repeat_itself(tmp_path: Path) -> None:
    """A price of a few ticks comes back to the same values all the time; that says nothing about the feed."""
    generator = np.random.default_rng(2)
    steps = generator.integers(0, 2, 20_000) * 2 - 1
    close = 0.00020 + 0.00001 * np.abs(np.cumsum(steps) % 20 - 10)
    time = pd.date_range("2022-01-01", periods=len(close), freq="1h", tz="UTC")
    frame = pd.DataFrame({"timestamp": time, "close": close.round(5)})
    assert "repeated_rows" not in look(frame, tmp_path, close_only=True)
    flat = frame.assign(open=frame["close"], high=frame["close"], low=frame["close"], volume=1.0)
    flat["volume"] = generator.integers(1, 4, len(flat)).astype(float)  # a lot or two at one price
    assert "repeated_rows" not in look(flat, tmp_path)


def test_stale_bars_are_found_by_their_volume(tmp_path: Path) -> None:
    frame = market()
    for row in (301, 302, 303):
        frame.loc[row, OHLCV] = frame.loc[300, OHLCV]
    found = look(frame, tmp_path)
    assert set(found) == {"stale_bars"}
    assert (found["stale_bars"].severity, found["stale_bars"].rows) == ("warn", (301, 302, 303))
    frame.loc[301:303, "volume"] = 0.0
    assert "stale_bars" not in look(frame, tmp_path)


def test_a_stray_saturday_is_found_and_what_is_regular_is_not(tmp_path: Path) -> None:
    days = market("D", 400)
    weekday = days["timestamp"].dt.day_of_week
    saturday = days.index[weekday == 5][20]
    stocks = days[(weekday < 5) | (days.index == saturday)].reset_index(drop=True)
    found = look(stocks, tmp_path)
    assert (found["stray_weekend"].severity, found["stray_weekend"].count) == ("warn", 1)
    assert found["stray_weekend"].stamps == (str(days["timestamp"][saturday])[:10],)
    sunday_to_thursday = days[~weekday.isin([4, 5])].reset_index(drop=True)
    assert "stray_weekend" not in look(sunday_to_thursday, tmp_path)
    assert "stray_weekend" not in look(days, tmp_path)


def test_a_stray_saturday_in_hours_is_told_from_friday_evening(tmp_path: Path) -> None:
    frame = market("1h", 4000)
    day, hour = frame["timestamp"].dt.day_of_week, frame["timestamp"].dt.hour
    open_now = (day < 5) & hour.between(9, 23)
    friday_evening = (day == 5) & (hour == 0) & (frame["timestamp"].dt.day < 5)  # a few, just after Friday's last bar
    one = frame["timestamp"].dt.strftime("%Y-%m-%d") == "2021-03-20"
    assert "stray_weekend" not in look(frame[open_now | friday_evening].reset_index(drop=True), tmp_path)
    found = look(frame[open_now | friday_evening | (one & hour.between(9, 17))].reset_index(drop=True), tmp_path)
    assert (found["stray_weekend"].count, found["stray_weekend"].stamps[0]) == (9, "2021-03-20 09:00:00")
    currency = (day < 4) | ((day == 4) & (hour < 22)) | ((day == 6) & (hour >= 22))
    assert "stray_weekend" not in look(frame[currency].reset_index(drop=True), tmp_path)
    found = look(frame[currency | (one & (hour == 12))].reset_index(drop=True), tmp_path)
    assert found["stray_weekend"].stamps == ("2021-03-20 12:00:00",)
