"""When bars come: holes in the calendar's own units, weekends that a feed fills, a count that is not the calendar's."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, DataConfig, Finding
from regimen.readers import check


def series(time: pd.DatetimeIndex, seed: int = 2) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    close = 1.1 * np.exp(np.cumsum(generator.normal(0, 0.0005, len(time))))
    opened = np.concatenate(([1.1], close[:-1]))
    high, low = np.maximum(opened, close) * 1.0002, np.minimum(opened, close) * 0.9998
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": generator.uniform(5, 9, len(time))}
    return pd.DataFrame({"timestamp": time, **columns})


def found(frame: pd.DataFrame, folder: Path, **options: Any) -> dict[str, Finding]:
    frame.to_parquet(folder / "bars.parquet")
    report = check(DataConfig.of(path=str(folder / "bars.parquet"), **options))
    return {finding.name: finding for finding in report.findings}


def currencies(first: str, last: str, freq: str) -> tuple[pd.DataFrame, np.ndarray]:
    """A feed that goes on over weekends, and which rows are theirs (17:00 to 17:00 in New York)."""
    time = pd.date_range(first, last, freq=freq, tz="UTC")
    local = time.tz_convert("America/New_York").tz_localize(None) + pd.Timedelta("7h")
    return series(time), np.asarray(local.day_of_week >= 5)


def filled(frame: pd.DataFrame, weekend: np.ndarray) -> pd.DataFrame:
    frame = frame.copy()
    last = frame["close"].where(~weekend).ffill()
    for name in ("open", "high", "low", "close"):
        frame.loc[weekend, name] = last[weekend]
    frame.loc[weekend, "volume"] = 0.0
    return frame


@pytest.mark.parametrize("freq", ["1h", "15min"])
def test_weekends_that_a_feed_fills_are_found_and_can_be_dropped(freq: str, tmp_path: Path) -> None:
    frame, weekend = currencies("2021-02-01", "2021-07-09 20:00", freq)
    frame = filled(frame, weekend)
    finding = found(frame, tmp_path)["flat_weekends"]
    assert (finding.severity, finding.count) == ("warn", weekend.sum())
    path = str(tmp_path / "bars.parquet")
    assert "bars_a_year" not in found(frame, tmp_path)
    whole = Bars.read(path)
    assert whole.calendar.name == "24/5"
    a_day = pd.Timedelta("1D") // pd.Timedelta(freq)
    assert whole.periods_per_year == pytest.approx(365 * a_day, rel=0.01)  # what the rows are, until they are dropped
    bars = Bars.read(path, repairs={"flat_weekends": "drop"})
    assert len(bars) == (~weekend).sum()
    assert bars.periods_per_year == pytest.approx(260 * a_day, rel=0.01)
    assert not found(frame, tmp_path, repairs={"flat_weekends": "drop"})


def test_days_without_a_trade_on_weekends_are_found_too(tmp_path: Path) -> None:
    frame = series(pd.date_range("2021-02-01", "2021-07-30", freq="1D"))
    weekend = np.asarray(frame["timestamp"].dt.day_of_week >= 5)
    assert found(filled(frame, weekend), tmp_path)["flat_weekends"].count == weekend.sum()
    assert Bars.read(tmp_path / "bars.parquet").calendar.name == "sessions"


def test_a_coin_without_trades_has_no_weekend(tmp_path: Path) -> None:
    frame, _ = currencies("2021-02-01", "2021-07-09 20:00", "1h")
    still = np.random.default_rng(8).random(len(frame)) < 0.7
    still[0] = False
    assert "flat_weekends" not in found(filled(frame, still), tmp_path)
    assert Bars.read(tmp_path / "bars.parquet").calendar.name == "24/7"


def test_a_weekend_of_trades_is_a_weekend_of_a_coin(tmp_path: Path) -> None:
    frame, _ = currencies("2021-02-01", "2021-07-09 20:00", "1h")
    assert not found(frame, tmp_path)


@pytest.mark.parametrize(
    ("time", "count", "expected"),
    [
        (pd.bdate_range("2020-01-01", "2022-12-30", freq="C", weekmask="Sun Mon Tue Wed Thu Fri"), "313", "252"),
        (pd.bdate_range("2018-01-01", "2018-12-31").union(pd.bdate_range("2020-01-01", "2020-12-31")), "173", "252"),
    ],
    ids=["Sunday bars", "a year off"],
)
def test_a_count_that_is_not_the_calendars_is_found(
    time: pd.DatetimeIndex, count: str, expected: str, tmp_path: Path
) -> None:
    finding = found(series(time), tmp_path)["bars_a_year"]
    assert finding.severity == "warn"
    assert f"{count} bars a year by count, where the calendar sessions expects {expected}" in finding.sentence
    assert "bars_a_year" not in found(series(time), tmp_path, periods_per_year=300)


def test_minutes_that_are_left_out_are_found(tmp_path: Path) -> None:
    time = pd.date_range("2021-03-01", "2021-04-20", freq="1min", tz="UTC")
    kept = np.random.default_rng(4).random(len(time)) < 0.3
    sentence = found(series(time[kept]), tmp_path)["bars_a_year"].sentence
    assert "expects 525,600" in sentence


def test_a_panel_that_is_uneven_says_both_counts(tmp_path: Path) -> None:
    rare = series(pd.bdate_range("2020-01-01", "2021-12-31") + pd.Timedelta("9h")).assign(symbol="RARE")
    hours = [
        day + pd.Timedelta(minutes=5 * k + 540) for day in pd.bdate_range("2021-10-01", "2021-12-31") for k in range(60)
    ]
    often = series(pd.DatetimeIndex(hours)).assign(symbol="OFTEN")
    sentence = found(pd.concat([rare, often]), tmp_path)["bars_a_year"].sentence
    assert "over their whole length" in sentence


@pytest.mark.parametrize(("skipped", "told"), [(1, ""), (2, "2 session(s)"), (5, "5 session(s)"), (7, "7 session(s)")])
def test_holes_of_days_are_counted_in_sessions(skipped: int, told: str, tmp_path: Path) -> None:
    """From a Wednesday: the weekend inside a hole is no missing bar."""
    days = pd.bdate_range("2021-01-04", "2022-03-31")
    frame = series(days.delete(range(40 + 2, 40 + 2 + skipped)))
    holes = found(frame, tmp_path)
    assert ("gaps" in holes) == bool(told)
    if told:
        assert f"1 hole(s), about {told} missing; the longest is {told} after 2021-03-02" in holes["gaps"].sentence


def test_holes_of_hours_are_counted_in_bars_and_sessions(tmp_path: Path) -> None:
    time = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=h) for day in pd.bdate_range("2021-01-04", "2022-03-31") for h in range(14, 21)]
    )
    frame = series(time.delete(range(7 * 40 + 5, 7 * 43 + 2)))  # two hours, two sessions, two hours
    assert "about 18 bar(s) (2.6 session(s)) missing" in found(frame, tmp_path)["gaps"].sentence


def test_a_week_that_currencies_miss_has_five_days(tmp_path: Path) -> None:
    frame, weekend = currencies("2021-02-01", "2021-07-09 20:00", "1h")
    open_only = frame[~weekend].reset_index(drop=True)
    off = (open_only["timestamp"] >= "2021-04-04 21:00+00:00") & (open_only["timestamp"] < "2021-04-09 21:00+00:00")
    sentence = found(open_only[~off], tmp_path)["gaps"].sentence
    missing = int(sentence.split("about ")[1].split(" bar")[0].replace(",", ""))
    assert missing == pytest.approx(off.sum(), abs=6)


@pytest.mark.parametrize("freq", ["YS", "YE", "QS", "QE", "MS", "ME"])
@pytest.mark.parametrize("calendar", ["sessions", "24/7"])
def test_months_and_years_of_other_lengths_are_no_holes(freq: str, calendar: str, tmp_path: Path) -> None:
    frame = series(pd.date_range("1930-01-01", "2020-12-31", freq=freq, tz="UTC"))
    assert "gaps" not in found(frame, tmp_path, calendar=calendar)
    assert found(frame.drop(index=40), tmp_path, calendar=calendar)["gaps"].count == 1


def test_usual_times_of_tiny_bars_need_little_memory(tmp_path: Path) -> None:
    """A day has 86 million milliseconds: what is counted are the stamps, not those."""
    frame = series(pd.date_range("2024-01-01 14:30", "2024-01-01 20:59", freq="min", tz="UTC")).drop(index=[40, 41])
    frame.to_parquet(tmp_path / "bars.parquet")
    tracemalloc.start()
    report = check(DataConfig.of(path=str(tmp_path / "bars.parquet"), bar_length="1ms", calendar="sessions"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.findings
    assert peak < 50e6
