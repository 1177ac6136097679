"""Bars of arrays: the unit of numbers is said, rows become a grid, and the checks are those of files."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars
from regimen.bars.arrays import grid_of, times_of
from regimen.errors import ConfigError, DataError, RegimenError

COUNT = 300
TIME = np.datetime64("2024-01-01", "ns") + np.arange(COUNT) * np.timedelta64(1, "h")
CLOSE = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, COUNT)))
COLUMNS: dict[str, Any] = {
    "open": CLOSE,
    "high": CLOSE * 1.01,
    "low": CLOSE * 0.99,
    "close": CLOSE,
    "volume": np.ones(COUNT),
}


@pytest.mark.parametrize(("unit", "times"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_numbers_count_what_their_unit_says(unit: str, times: int) -> None:
    numbers = TIME.astype(np.int64) // times
    np.testing.assert_array_equal(times_of(numbers, unit), TIME)
    np.testing.assert_array_equal(times_of(numbers.tolist(), unit), TIME)
    if unit != "ns":  # which a float cannot hold
        np.testing.assert_array_equal(times_of(numbers.astype(np.float64), unit), TIME)
    assert times_of(np.array([1.5]), "s")[0] == np.datetime64("1970-01-01T00:00:01.5")


def test_dates_of_other_kinds() -> None:
    for times in (TIME.astype("datetime64[s]"), TIME.astype(str).tolist(), pd.DatetimeIndex(TIME, tz="UTC")):
        np.testing.assert_array_equal(times_of(times, None), TIME)
    zoned = pd.DatetimeIndex(TIME, tz="UTC").tz_convert("America/New_York")
    np.testing.assert_array_equal(times_of(zoned, None), TIME)


@pytest.mark.parametrize("write", [lambda each: each, str])
def test_times_that_name_a_zone_are_converted_without_a_warning(write: Any) -> None:
    zone = timezone(timedelta(hours=5))
    times = [write(datetime(2024, 1, 1, 5, tzinfo=zone) + timedelta(hours=row)) for row in range(COUNT)]
    np.testing.assert_array_equal(times_of(times, None), TIME)


def test_one_symbol_is_named_by_a_text() -> None:
    assert Bars.from_arrays(TIME, **COLUMNS, symbols="BTC").symbols == ("BTC",)


@pytest.mark.parametrize(
    ("time", "unit", "line"),
    [
        (TIME.astype(np.int64), None, "time: holds numbers; time_unit='s', 'ms', 'us' or 'ns' says what they count"),
        (np.arange(3.0), None, "time: holds numbers"),
        (TIME.astype(np.int64), "s", "time_unit: must suit the times; row 0 is outside 1677 to 2262"),
        ([0.0, np.nan], "s", "time_unit: must suit the times; row 1"),
        (TIME, "s", r"time_unit: is for numbers, and these times are datetime64\[ns\]: leave it out"),
        (TIME.astype(np.int64), "sec", "time_unit: must be one of s, ms, us, ns; got 'sec'"),
        (["soon"], None, "time: must be times, UTC, or numbers with a time_unit"),
        ([datetime(2024, 1, 1), 3], None, "time: must be .*, not both; row 1 is a number; got 3"),
        ([2**70, 2**70 + 1], None, "time: must be .*; row 0 is a number"),
        (np.ones(3, np.bool_), None, "time: must be times, .*; got 'bool'"),
        (TIME[:, None], None, r"time: must be one time for each bar, of shape \(time,\); got \(300, 1\)"),
        (None, None, "time: must be one time for each bar"),
        ("2024-01-01", None, "time: must be one time for each bar"),
        (np.array(["1600-01-01"], "datetime64[D]"), None, "time: must be within 1677 to 2262; row 0 is not; got '1600"),
    ],
)
def test_1970_is_never_guessed(time: Any, unit: str | None, line: str) -> None:
    with pytest.raises(RegimenError, match=line):
        times_of(time, unit)


def test_numbers_are_no_times_of_bars_themselves() -> None:
    bars = Bars.from_arrays(TIME, **COLUMNS)
    with pytest.raises(DataError, match=r"bars\.time: must be datetime64; Bars\.from_arrays takes numbers"):
        Bars(TIME.astype(np.int64), ("A",), bars.open, bars.high, bars.low, bars.close, bars.volume, 1, bars.calendar)  # type: ignore[arg-type]


def test_rows_become_the_grid_of_their_symbols() -> None:
    grid = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, np.nan]])
    rows, lanes = np.nonzero(~np.isnan(grid))
    shuffled = np.array([3, 0, 2, 1])  # the first row is that of symbol b
    time, symbol, values = TIME[:3][rows][shuffled], np.array(["b", "a"])[lanes][shuffled], grid[rows, lanes][shuffled]
    stamps, names, columns = grid_of(time, symbol, {"close": values})
    assert names == ("b", "a")
    np.testing.assert_array_equal(stamps, TIME[:3])
    np.testing.assert_array_equal(columns["close"], grid)


def test_rows_give_the_bars_of_the_frame_of_the_same_rows() -> None:
    both = {name: np.concatenate([values, values[50:]]) for name, values in COLUMNS.items()}
    time, symbol = np.concatenate([TIME, TIME[50:]]), ["B"] * COUNT + ["A"] * (COUNT - 50)
    frame = pd.DataFrame({"time": pd.DatetimeIndex(time, tz="UTC"), "symbol": symbol, **both})
    assert Bars.from_arrays(time, symbol=symbol, **both).fingerprint == Bars.from_frame(frame).fingerprint


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"high": CLOSE * 0.9}, r"memory \(ohlc\): 300 row"),
        ({"close": np.where(np.arange(COUNT) == 7, np.nan, CLOSE)}, r"memory \(nan_rows\)"),
        ({"open": np.zeros(COUNT)}, r"memory \("),
        ({"close": ["x"] * COUNT}, "close: must be an array of numbers"),
        ({"close": CLOSE[:-1]}, r"bars\.close: must have the shape"),
        ({"symbol": ["A"] * 3}, r"symbol: must have a value for each of the 300 times; got \(3,\)"),
        ({"symbol": ["A"] * COUNT, "time": np.repeat(TIME[::2], 2)}, "symbol: must not have a time twice; row 1"),
        ({"time": TIME[::-1]}, r"bars\.time: must strictly increase"),
        ({"time": TIME[:1]}, "bar_length: must be given for fewer than two bars"),
        ({"source": "mine", "high": CLOSE * 0.9}, r"mine \(ohlc\)"),
    ],
)
def test_one_line_for_each_mistake(change: dict[str, Any], line: str) -> None:
    with pytest.raises(DataError, match=line) as caught:
        Bars.from_arrays(**({"time": TIME} | COLUMNS | change))
    assert "\n" not in str(caught.value)


def test_repairs_are_those_of_files_and_what_is_made_up_need_not_be_checked() -> None:
    high = np.where(np.arange(COUNT) == 7, CLOSE * 0.999, CLOSE * 1.01)
    assert Bars.from_arrays(TIME, **COLUMNS | {"high": high}, repairs={"ohlc": "widen"}).high[7, 0] == CLOSE[7]
    assert Bars.from_arrays(TIME, **COLUMNS | {"high": high}, checked=False).high[7, 0] == high[7]
    checked, made_up = (Bars.from_arrays(TIME, **COLUMNS, checked=checked) for checked in (True, False))
    assert checked.fingerprint == made_up.fingerprint
    with pytest.raises(ConfigError, match=r"^member: is an option of files"):
        Bars.from_arrays(TIME, **COLUMNS, member="a.csv")
