"""Which bar may come after the last one."""

from __future__ import annotations

import numpy as np
import pytest

from regimen.bars import Bars
from regimen.errors import DataError
from regimen.live import NEVER, BarEvent, is_even, require_next

HOUR = 3_600_000_000_000
AT = 1000 * HOUR


def event(time: int) -> BarEvent:
    return BarEvent(time, np.ones((5, 1)), {}, AT)


def test_the_next_bar_may_come_and_after_an_outage_a_later_one() -> None:
    require_next(event(100 * HOUR), NEVER, HOUR, True)
    require_next(event(101 * HOUR), 100 * HOUR, HOUR, True)
    require_next(event(105 * HOUR), 100 * HOUR, HOUR, True)
    require_next(event(100 * HOUR + 1), 100 * HOUR, HOUR, False)
    require_next(event(AT + HOUR), AT, HOUR, True)  # clocks differ


@pytest.mark.parametrize(
    ("time", "message"),
    [
        (100 * HOUR, "time: must be after the last bar, 1970-01-05T04:00:00"),
        (99 * HOUR, "time: must be after the last bar"),
        (100 * HOUR + HOUR // 2, "time: must be whole bars of 3600 seconds after the last one"),
        (AT + 2 * HOUR, "time: must be of a bar that has closed by now"),
    ],
)
def test_a_bar_that_does_not_follow_is_refused(time: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_next(event(time), 100 * HOUR, HOUR, True)


def test_bars_are_even_where_a_market_trades_all_week() -> None:
    hours = np.datetime64("2021-01-04", "ns") + np.arange(200) * np.timedelta64(1, "h")
    weekdays = hours[np.is_busday(hours.astype("datetime64[D]"))]
    for stamps, even in ((hours, True), (weekdays, False)):
        prices = np.linspace(10.0, 20.0, len(stamps))
        bars = Bars.from_arrays(stamps, open=prices, high=prices, low=prices, close=prices, checked=False)
        assert is_even(bars.calendar, bars.bar_length) is even
