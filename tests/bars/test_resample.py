"""Longer bars, against pandas and against what they must not depend on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimen.bars import Bars
from regimen.errors import ConfigError

HOUR = np.timedelta64(1, "h")


def walk(count: int = 500, symbols: int = 1, seed: int = 3, holes: float = 0.0, start: str = "2024-01-03T05") -> Bars:
    generator = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.01, (count, symbols)), axis=0))
    opened = close * (1 + generator.normal(0, 0.001, close.shape))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.001,
        "low": np.minimum(opened, close) * 0.999,
        "close": close,
        "volume": generator.uniform(0, 5, close.shape),
    }
    gone = generator.random(close.shape) < holes
    funding = np.where(generator.random(close.shape) < 0.1, 1e-4, np.nan)
    columns = {name: np.where(gone, np.nan, values) for name, values in columns.items()}
    keep = generator.random(count) >= holes
    keep[0] = True
    return Bars.from_arrays(
        (np.datetime64(start, "ns") + np.arange(count) * HOUR)[keep],
        bar_length=3_600_000_000_000,
        symbols=tuple(f"S{i}" for i in range(symbols)),
        extras={
            "funding_rate": funding[keep],
            "sentiment": np.where(gone, np.nan, generator.normal(size=close.shape))[keep],
        },
        **{name: values[keep] for name, values in columns.items()},
        checked=False,
    )


@pytest.mark.parametrize("rule", ["2h", "4h", "1d", "1w"])
@pytest.mark.parametrize("symbols", [1, 3])
@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_resampling_equals_pandas(rule: str, symbols: int, holes: float) -> None:
    bars = walk(symbols=symbols, holes=holes)
    longer = bars.resample(rule)
    frequency = {"2h": "2h", "4h": "4h", "1d": "1D", "1w": "W-MON"}[rule]
    left = {"label": "left", "closed": "left"}
    for symbol in range(symbols):
        columns = {name: getattr(bars, name)[:, symbol] for name in ("open", "high", "low", "close", "volume")}
        extras = {name: values[:, symbol] for name, values in bars.extras.items()}
        frame = pd.DataFrame({**columns, **extras}, index=pd.DatetimeIndex(bars.time))
        groups = frame.resample(frequency, **left)
        oracle = groups.agg({"open": "first", "high": "max", "low": "min", "close": "last", "sentiment": "last"})
        oracle[["volume", "funding_rate"]] = groups[["volume", "funding_rate"]].sum(min_count=1)
        oracle = oracle.loc[groups.size() > 0]
        np.testing.assert_array_equal(longer.time, oracle.index.to_numpy().astype("datetime64[ns]"))
        for name in ("open", "high", "low", "close", "volume"):
            np.testing.assert_allclose(getattr(longer, name)[:, symbol], oracle[name], rtol=1e-14, err_msg=name)
        for name in bars.extras:
            np.testing.assert_allclose(longer.extras[name][:, symbol], oracle[name], rtol=1e-14, err_msg=name)


@given(cut=st.integers(1, 199), symbols=st.integers(1, 2), rule=st.sampled_from(["2h", "3h", "1d"]))
@settings(max_examples=40, deadline=None)
def test_a_long_bar_depends_only_on_the_bars_inside(cut: int, symbols: int, rule: str) -> None:
    bars = walk(200, symbols, holes=0.2)
    cut = min(cut, len(bars) - 1)
    whole, part = bars.resample(rule), bars.window(0, cut).resample(rule)
    done = part.time + np.timedelta64(part.bar_length, "ns") <= bars.time[cut]
    np.testing.assert_array_equal(part.close[done], whole.close[: len(part)][done])
    np.testing.assert_array_equal(part.volume[done], whole.volume[: len(part)][done])


@given(first=st.sampled_from(["2h", "4h"]), then=st.sampled_from(["8h", "1d"]))
@settings(max_examples=10, deadline=None)
def test_two_steps_equal_one(first: str, then: str) -> None:
    bars = walk(300, 2, holes=0.2)
    steps, once = bars.resample(first).resample(then), bars.resample(then)
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(steps, name), getattr(once, name))
    np.testing.assert_allclose(steps.volume, once.volume, rtol=1e-13)


def test_partial_bars_stay_or_go() -> None:
    bars = walk(100, start="2024-01-03T05")
    assert len(bars.resample("4h")) == 26  # 05..07 is a partial bar, and so is the last
    whole = bars.resample("4h", partial="drop")
    assert len(whole) == 24
    assert whole.time[0] == np.datetime64("2024-01-03T08")


def test_a_split_inside_a_long_bar_is_no_move() -> None:
    """The first two hours are quoted before a 2:1 split, the last two after it."""
    bars = Bars.from_arrays(
        np.datetime64("2024-01-01", "ns") + np.arange(4) * HOUR,
        open=[100, 102, 50, 51],
        high=[103, 104, 52, 53],
        low=[99, 101, 49, 50],
        close=[102, 100, 51, 52],
        volume=[10, 10, 20, 20],
        extras={"adjustment": [1, 1, 2, 2]},
        checked=False,
    ).resample("4h")
    found = [getattr(bars, name)[0, 0] for name in ("open", "high", "low", "close", "volume")]
    assert found == [50, 53, 49, 52, 80]
    assert bars.extras["adjustment"][0, 0] == 2


@pytest.mark.parametrize("rule", ["1h", "90min", "30min", "x", "0h", "-1h"])
def test_impossible_rules_are_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match="resample"):
        walk().resample(rule)


def test_a_calendar_follows_its_bars() -> None:
    times = pd.bdate_range("2024-01-01", periods=60)
    hours = np.concatenate([day.to_datetime64() + np.arange(14, 21) * HOUR for day in times]).astype("datetime64[ns]")
    price = np.full(len(hours), 10.0)
    bars = Bars.from_arrays(hours, open=price, high=price, low=price, close=price, checked=False)
    assert (bars.calendar.name, bars.calendar.session_bars) == ("sessions", 7)
    assert bars.resample("2h").calendar.session_bars == 4
    assert bars.resample("1d").periods_per_year == pytest.approx(365 * 5 / 7)  # no holiday among them


def session_hours(zone: str, opens: str, closes: str, first: str, last: str, freq: str = "1h") -> Bars:
    """Bars from one local time of the day to another, on weekdays; a negative opening is the evening before."""
    starts = [
        pd.date_range(day + pd.Timedelta(opens), day + pd.Timedelta(closes), freq=freq, inclusive="left")
        for day in pd.bdate_range(first, last)
    ]
    local = pd.DatetimeIndex(np.concatenate([start.to_numpy() for start in starts]))
    time = local.tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dropna().tz_convert("UTC").tz_localize(None)
    price = 100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.001, len(time))))
    return Bars.from_arrays(
        time.to_numpy(), open=price, high=price, low=price, close=price, volume=np.ones(len(time)), checked=False
    )


MARKETS = {
    "currencies": ("America/New_York", "-7h", "17h", "1h"),
    "futures with an hour's pause": ("America/New_York", "-6h", "17h", "30min"),
    "Sydney": ("Australia/Sydney", "10h", "16h", "1h"),
    "Auckland": ("Pacific/Auckland", "10h", "17h", "1h"),
    "New York": ("America/New_York", "9h30min", "16h", "30min"),
}


@pytest.mark.parametrize("market", sorted(MARKETS))
def test_a_day_is_a_session_and_a_week_has_five(market: str) -> None:
    """Both changes of the clocks lie inside; the oracle is the local date of the session that each bar belongs to."""
    zone, opens, closes, freq = MARKETS[market]
    bars = session_hours(zone, opens, closes, "2021-01-04", "2022-06-24", freq)
    days = bars.resample("1d")
    np.testing.assert_array_equal(days.time, pd.bdate_range("2021-01-04", "2022-06-24").to_numpy())
    local = pd.DatetimeIndex(bars.time, tz="UTC").tz_convert(zone).tz_localize(None)
    session = (local + pd.Timedelta("0s") - min(pd.Timedelta(opens), pd.Timedelta("0s"))).floor("1D")
    frame = pd.DataFrame({"close": bars.close[:, 0], "volume": bars.volume[:, 0]}).groupby(session)
    np.testing.assert_array_equal(days.close[:, 0], frame["close"].last())
    np.testing.assert_array_equal(days.volume[:, 0], frame["volume"].sum())
    assert days.periods_per_year == pytest.approx(365 * 5 / 7)
    weeks = bars.resample("1w")
    np.testing.assert_array_equal(weeks.time, pd.date_range("2021-01-04", "2022-06-20", freq="7D").to_numpy())
    np.testing.assert_array_equal(weeks.close[:-1, 0], days.close[4::5, 0][: len(weeks) - 1])


def test_a_session_that_ends_after_its_date_in_utc_is_cut_there() -> None:
    """20:00 in New York is 01:00 UTC: a bar of the date would be known before its last hour."""
    bars = session_hours("America/New_York", "4h", "20h", "2021-01-04", "2021-02-26")
    assert bars.calendar.day_end is None
    np.testing.assert_array_equal(bars.resample("1d").time, np.unique(bars.time.astype("datetime64[D]")))


@pytest.mark.parametrize("market", sorted(MARKETS))
def test_a_session_knows_nothing_of_what_follows_it(market: str) -> None:
    """The same bars cut anywhere give the same days before the cut, and none ends after its stamp and a day."""
    zone, opens, closes, freq = MARKETS[market]
    bars = session_hours(zone, opens, closes, "2021-02-01", "2021-04-30", freq)
    whole = bars.resample("1d")
    last = np.array([bars.time[bars.close[:, 0] == close][-1] for close in whole.close[:, 0]])
    assert (last + np.timedelta64(bars.bar_length, "ns") <= whole.time + np.timedelta64(whole.bar_length, "ns")).all()
    for cut in range(len(bars) // 2, len(bars), 37):
        part = bars.window(0, cut).resample("1d")
        np.testing.assert_array_equal(part.close[:-1], whole.close[: len(part) - 1])
        np.testing.assert_array_equal(part.time, whole.time[: len(part)])
