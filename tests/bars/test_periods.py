"""Bars a year: counted over the length on the clock, whatever the calendar would say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, Calendar
from regimen.bars.calendar import DAY
from regimen.bars.config import DataConfig
from regimen.errors import ConfigError, DataError
from regimen.readers.loading import load

HOUR = DAY // 24
MINUTE = HOUR // 60
YEAR = 365 * DAY


def bars_at(time: object, **options: object) -> Bars:
    stamps = np.asarray(time, dtype="datetime64[ns]")
    price = 10.0 * np.exp(np.cumsum(np.random.default_rng(9).normal(0.0, 1e-4, len(stamps))))
    return Bars.from_arrays(stamps, open=price, high=price, low=price, close=price, **options, checked=False)  # type: ignore[arg-type]


def sessions(first: str, last: str, hours: np.ndarray, without: tuple[str, ...] = ()) -> np.ndarray:
    days = pd.bdate_range(first, last).difference(pd.DatetimeIndex(without)).to_numpy().astype("datetime64[ns]")
    return (days[:, None] + hours.astype("timedelta64[ns]")).ravel()


def brute_force(time: np.ndarray, bar_length: int) -> float:
    """Bars over the length on the clock, in years of 365 days."""
    return len(time) / ((int(time[-1] - time[0]) + bar_length) / YEAR)


def thinned(time: np.ndarray, kept: float) -> np.ndarray:
    chosen = np.random.default_rng(3).random(len(time)) < kept
    chosen[:2] = True  # one step of a whole bar at least
    return time[chosen]


ALWAYS = pd.date_range("2021-01-01", "2022-06-30 23:00", freq="1h").to_numpy().astype("datetime64[ns]")
MINUTES = pd.date_range("2022-01-01", "2022-02-28 23:59", freq="1min").to_numpy().astype("datetime64[ns]")
STOCK = sessions("2021-01-01", "2021-12-31", np.arange(14 * 60 + 30, 21 * 60) * MINUTE)
MARCH = (np.datetime64("2021-03-01") > ALWAYS) | (np.datetime64("2021-04-01") <= ALWAYS)
SIX_DAYS = pd.bdate_range("2019-01-01", "2022-12-31", freq="C", weekmask="Sun Mon Tue Wed Thu Fri")
HOLE = (np.datetime64("2021-02-01") > ALWAYS) | (np.datetime64("2022-02-01") <= ALWAYS)


@pytest.mark.parametrize(
    ("time", "length"),
    [
        (ALWAYS, HOUR),
        (ALWAYS[MARCH], HOUR),
        (ALWAYS[HOLE], HOUR),
        (thinned(MINUTES, 0.15), MINUTE),
        (thinned(STOCK, 0.4), MINUTE),
        (sessions("2020-12-01", "2022-11-30", np.arange(-4, 42) * HOUR // 2), HOUR // 2),  # 22:00 to 21:00 UTC
        (sessions("2020-12-01", "2022-11-30", np.arange(-1, 6) * HOUR), HOUR),  # Sydney
        (SIX_DAYS, DAY),  # currencies with a bar of Sunday evening
        (pd.date_range("2019-01-07", periods=60, freq="7D"), 7 * DAY),
        (pd.date_range("2019-01-01", periods=48, freq="MS"), 31 * DAY),
        (pd.date_range("2000-01-01", periods=40, freq="QS"), 92 * DAY),
    ],
    ids=[
        "all",
        "month off",
        "year off",
        "coin",
        "stock",
        "overnight",
        "sydney",
        "sundays",
        "weeks",
        "months",
        "quarters",
    ],
)
def test_bars_a_year_are_those_that_are_there(time: np.ndarray, length: int) -> None:
    stamps = np.asarray(time, dtype="datetime64[ns]")
    bars = bars_at(stamps, bar_length=length)
    assert bars.periods_per_year == pytest.approx(brute_force(stamps, length), rel=0.025)


def test_whole_weeks_are_counted_so_that_no_end_cuts_one() -> None:
    """From a Monday to a Friday 17 months later a week is 5 days of 7, not 5 of 5."""
    hours = np.arange(14, 21) * HOUR
    assert bars_at(sessions("2021-01-04", "2022-06-03", hours)).periods_per_year == pytest.approx(7 * 5 / 7 * 365)
    assert bars_at(ALWAYS).periods_per_year == 8760


@pytest.mark.parametrize(("first", "last"), [("2021-01-04", "2021-01-15"), ("2021-02-03", "2021-07-09")])
def test_a_part_of_a_year_that_agrees_with_the_calendar_takes_its_number(first: str, last: str) -> None:
    """Its holidays may lie elsewhere; two weeks say nothing at all."""
    assert bars_at(sessions(first, last, np.arange(1) * HOUR)).periods_per_year == 252


def panel(*symbols: np.ndarray) -> Bars:
    times = np.unique(np.concatenate(symbols))
    price = np.full((len(times), len(symbols)), np.nan)
    for column, mine in enumerate(symbols):
        price[np.searchsorted(times, mine), column] = 10.0
    names = tuple(f"S{column}" for column in range(len(symbols)))
    return bars_at_grid(times, price, names)


def bars_at_grid(times: np.ndarray, price: np.ndarray, names: tuple[str, ...]) -> Bars:
    return Bars.from_arrays(times, open=price, high=price, low=price, close=price, symbols=names, checked=False)


def test_a_rare_symbol_does_not_decide_for_the_others() -> None:
    rare = sessions("2020-01-01", "2021-12-31", np.array([9, 15]) * HOUR)
    often = sessions("2021-11-01", "2021-12-31", np.arange(90) * 5 * MINUTE + 9 * HOUR)
    found = panel(rare, *[often] * 20)
    assert found.periods_per_year == pytest.approx(252 * 90, rel=0.05)
    assert found.calendar.session_bars == 90


def test_a_panel_counts_the_times_of_all_its_symbols() -> None:
    """The joint account has a row for each of them: twenty stocks beside a coin do not make it shorter."""
    coin = ALWAYS
    stock = sessions("2021-01-01", "2022-06-30", np.arange(14, 21) * HOUR)
    assert panel(coin, *[stock] * 20).periods_per_year == pytest.approx(8760)


def test_listings_one_after_the_other_are_one_market() -> None:
    days = sessions("2010-01-01", "2019-12-31", np.zeros(1, dtype=np.int64))
    staggered = [days[start:] for start in range(0, 2000, 100)]
    assert panel(*staggered).periods_per_year == pytest.approx(5 / 7 * 365, rel=0.01)


def test_a_window_and_a_selection_keep_the_value_of_their_series() -> None:
    bars = bars_at(thinned(MINUTES, 0.2))
    assert bars.window(5000, 5100).periods_per_year == bars.periods_per_year
    assert bars.between("2022-02-01", "2022-02-03").periods_per_year == bars.periods_per_year
    both = panel(ALWAYS, sessions("2021-01-01", "2022-06-30", np.arange(14, 21) * HOUR))
    assert both.select("S1").periods_per_year == both.periods_per_year


def test_a_window_written_and_read_keeps_it_too(tmp_path: Path) -> None:
    part = bars_at(thinned(MINUTES, 0.2)).window(5000, 5100)
    part.write(tmp_path / "part.parquet")
    again = Bars.read(tmp_path / "part.parquet")
    assert again.periods_per_year == part.periods_per_year
    assert again.calendar == part.calendar


def test_the_config_overrides_the_count(tmp_path: Path) -> None:
    bars_at(ALWAYS).write(tmp_path / "a.parquet")
    data = DataConfig.of(path=str(tmp_path / "a.parquet"), resample="4h", periods_per_year=2000)
    assert load(data).periods_per_year == 2000
    for wrong in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match="periods_per_year"):
            DataConfig.of(path="a.parquet", periods_per_year=wrong)
    with pytest.raises(DataError, match=r"bars\.periods_per_year"):
        replace(bars_at(ALWAYS), periods_per_year=-1.0)


@pytest.mark.parametrize(("length", "periods"), [(28, 13), (31, 12), (61, 6), (91, 4), (365, 1)])
def test_what_is_expected_of_months_is_a_whole_number(length: int, periods: int) -> None:
    assert Calendar("sessions").periods_per_year(length * DAY) == periods


@pytest.mark.parametrize(
    "name", ["equity/spy-1h-us-lean-raw", "fx/eurusd-1h-dukascopy-ask", "crypto/dogeusdt-1h-binance-spot"]
)
def test_real_files_have_what_a_count_finds(shared_data: Path, name: str) -> None:
    bars = Bars.read(shared_data / f"{name}.parquet", repairs={"splits": "keep"})
    for rule in (None, "4h", "1d"):
        found = bars if rule is None else bars.resample(rule)
        assert found.periods_per_year == pytest.approx(brute_force(found.time, found.bar_length), rel=0.02)


def uneven_panel() -> Bars:
    """Four years of a stock, and a coin that joins it for the last two."""
    days = np.arange("2018-01-01", "2022-01-01", dtype="datetime64[D]")
    weekday = (days.astype(int) + 3) % 7 < 5
    coin = days >= np.datetime64("2020-01-01")
    days, weekday, coin = (each[weekday | coin] for each in (days, weekday, coin))
    price = np.where(np.stack([weekday, coin], axis=1), 10.0, np.nan)
    return Bars.from_arrays(
        days, open=price, high=price, low=price, close=price, symbols=("STOCK", "COIN"), checked=False
    )


def test_a_long_window_of_an_uneven_panel_is_counted_anew() -> None:
    bars = uneven_panel()
    join = int(np.searchsorted(bars.time, np.datetime64("2020-01-01")))
    assert bars.periods_per_year == pytest.approx(313, rel=0.01)
    assert bars.window(0, join).periods_per_year == pytest.approx(261, rel=0.01)
    assert bars.window(join, len(bars)).periods_per_year == pytest.approx(365, rel=0.001)
    assert bars.window(join, join + 60).periods_per_year == bars.periods_per_year  # too short to say
    assert bars.between(end="2020-01-01").periods_per_year == pytest.approx(261, rel=0.01)


def test_a_window_keeps_bars_a_year_that_were_said_and_those_of_an_even_series() -> None:
    bars = uneven_panel()
    said = replace(bars, periods_per_year=252.0)
    assert said.window(600, len(bars)).periods_per_year == 252.0
    alone = bars.select("STOCK").window(0, 500)
    even = Bars.from_arrays(
        alone.time, open=alone.open, high=alone.high, low=alone.low, close=alone.close, checked=False
    )
    assert even.window(100, 400).periods_per_year == even.periods_per_year
