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
    bars = Bars.from_arrays(hours, open=price, high=price, low=price, close=price)
    assert (bars.calendar.name, bars.calendar.session_bars) == ("sessions", 7)
    assert bars.resample("2h").calendar.session_bars == 4
    assert bars.resample("1d").periods_per_year == 252
