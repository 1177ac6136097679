"""Forms without a header that are known: LEAN's files, whose day stands in their name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import DataError

COUNT = 90
NAME = "20210503_aaausd_minute_trade.csv"
CLOSE = np.round(30.0 * np.exp(np.cumsum(np.random.default_rng(2).normal(0.0, 1e-3, COUNT))), 2)


def day_of_lean(folder: Path, name: str = NAME, first: int = 0) -> Path:
    """A day's trades by the minute: milliseconds since midnight and a bar, in an archive that has the day's name."""
    rows = [f"{first + 60_000 * minute},{c},{c + 0.5},{c - 0.5},{c},1.5" for minute, c in enumerate(CLOSE.tolist())]
    with zipfile.ZipFile(folder / "day.zip", "w") as archive:
        archive.writestr(name, "\n".join(rows))
    return folder / "day.zip"


def test_milliseconds_of_the_day_that_the_name_says(tmp_path: Path) -> None:
    path = day_of_lean(tmp_path)
    with pytest.raises(DataError, match=r"data\.zone.*LEAN writes the exchange's clock"):
        Bars.read(path)
    coin, stock = Bars.read(path, zone="UTC"), Bars.read(path, zone="America/New_York")
    minutes = np.arange(COUNT) * np.timedelta64(1, "m")
    np.testing.assert_array_equal(coin.time, np.datetime64("2021-05-03T00:00", "ns") + minutes)
    np.testing.assert_array_equal(stock.time, np.datetime64("2021-05-03T04:00", "ns") + minutes)
    np.testing.assert_array_equal(coin.close[:, 0], CLOSE)


def test_the_day_may_be_given(tmp_path: Path) -> None:
    path = day_of_lean(tmp_path, "trade.csv")
    columns = ["time", "open", "high", "low", "close", "volume"]
    with pytest.raises(DataError, match=r"has no header.*data\.columns="):
        Bars.read(path)
    with pytest.raises(DataError, match=r"data\.date: must be given for times of day"):
        Bars.read(path, columns=columns, time_unit="ms_of_day")
    with pytest.raises(DataError, match=r"data\.date: must be a day as 2017-12-17"):
        Bars.read(path, columns=columns, time_unit="ms_of_day", date="May")
    bars = Bars.read(path, columns=columns, time_unit="ms_of_day", date="2021-05-04")
    assert bars.time[0] == np.datetime64("2021-05-04T00:00")


def test_a_time_beyond_the_day_is_refused(tmp_path: Path) -> None:
    path = day_of_lean(tmp_path, first=86_400_000 - 60_000 * (COUNT - 1))
    with pytest.raises(DataError, match="must have times of 0 to 86,399,999 ms of the day; got 86400000"):
        Bars.read(path, zone="UTC")
