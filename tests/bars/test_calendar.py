"""What annualises: the calendar that the stamps show, and how many bars make a year."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from regimen.bars import Bars, Calendar, trading_day, trading_days
from regimen.bars.calendar import DAY, infer_calendar

HOUR = DAY // 24


@pytest.mark.parametrize(
    ("name", "length", "periods"),
    [
        ("24/7", HOUR, 8760),
        ("24/7", DAY, 365),
        ("24/5", HOUR, 6240),
        ("24/5", DAY, 260),
        ("sessions", DAY, 252),
        ("sessions", 7 * DAY, 52.18),
        ("sessions", 2 * DAY, 156.5),
        ("24/5", 7 * DAY, 52.18),
    ],
)
def test_bars_in_a_year(name: str, length: int, periods: float) -> None:
    calendar = Calendar(name)  # type: ignore[arg-type]
    assert calendar.periods_per_year(length) == pytest.approx(periods, abs=0.05)


def test_two_day_bars_of_sessions_are_counted() -> None:
    """Twenty years of business days in bins of two days: the count a year, holidays aside, is the formula's."""
    days = pd.bdate_range("2000-01-01", "2019-12-31").to_numpy().astype("datetime64[ns]")
    price = np.ones(len(days))
    bars = Bars.from_arrays(
        days, open=price, high=price, low=price, close=price, bar_length=DAY, checked=False
    ).resample("2d")
    assert len(bars) / 20 == pytest.approx(bars.periods_per_year, rel=0.01)


def _late_in_new_york(time: pd.DatetimeIndex) -> np.ndarray:
    """A winter of extended hours, 4:00 to 20:00 in New York: Friday's last bar is a Saturday's in UTC."""
    day = (time.hour >= 9) & (time.day_of_week < 5)
    evening = (time.hour == 0) & (time.day_of_week > 0) & (time.day_of_week < 6)
    return np.asarray((time < "2023-03-01") & (day | evening))


@pytest.mark.parametrize(
    ("keep", "length", "name"),
    [
        (lambda t: t.day_of_week < 7, HOUR, "24/7"),
        (lambda t: t.day_of_week < 5, HOUR, "24/5"),
        (lambda t: (t.day_of_week < 5) & (t.hour >= 14) & (t.hour < 21), HOUR, "sessions"),
        (lambda t: (t.hour == 0) & (t.day_of_week != 4) & (t.day_of_week != 5), DAY, "sessions"),  # Sunday to Thursday
        (lambda t: (t.hour == 0) & ((t.day_of_week < 5) | (t.day == 1)), DAY, "sessions"),  # a Saturday now and then
        (lambda t: t.hour == 0, DAY, "24/7"),
        (lambda t: (t.hour == 0) & (t.day_of_week > 0) & (t.day_of_week < 6), DAY, "sessions"),
        (_late_in_new_york, HOUR, "sessions"),
        (lambda t: (t.day_of_week < 5) & (t.hour % 4 == 2), 4 * HOUR, "24/5"),
        (lambda t: (t.day_of_week < 5) & t.hour.isin((14, 18)), 4 * HOUR, "sessions"),
    ],
)
def test_the_calendar_is_read_off_the_stamps(keep: object, length: int, name: str) -> None:
    time = pd.date_range("2023-01-01", "2024-12-31", freq="1h")
    assert callable(keep)
    stamps = time[keep(time)].to_numpy().astype("datetime64[ns]")
    assert infer_calendar(stamps, length).name == name


@pytest.mark.parametrize("day_end", [None, 17, 13])
def test_the_trading_day_of_one_stamp_is_that_of_many(day_end: int | None) -> None:
    """Over both changes of New York's clock, and before 1970."""
    hours = np.concatenate([np.arange(24 * 400) * HOUR + 1_700_000_000 * 10**9, np.arange(-48, 48) * HOUR])
    expected = trading_days(hours, day_end)
    assert [trading_day(int(stamp), day_end) for stamp in hours] == expected.tolist()
