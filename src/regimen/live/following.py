"""Which bar may come after the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimen.bars import DAY
from regimen.errors import DataError
from regimen.live.events import BarEvent
from regimen.live.state import NEVER, utc

if TYPE_CHECKING:
    from regimen.bars import Calendar

CLOCK = 2 * 3_600_000_000_000
"""Nanoseconds that a bar may close after its arrival: the clocks of two machines differ."""


def is_even(calendar: Calendar, bar_length: int) -> bool:
    """Whether all bars of a market begin whole bars apart."""
    return calendar.name == "24/7" and bar_length <= DAY


def require_next(event: BarEvent, last: int, bar_length: int, even: bool) -> None:
    """Raises `DataError` unless a bar is later than the last one, has closed, and begins where bars do.

    Args:
        event: the bar.
        last: start of the last one, nanoseconds since 1970; `NEVER` before the first.
        bar_length: nanoseconds.
        even: whether all bars begin whole bars apart.
    """
    if event.time <= last:
        raise DataError("time", f"must be after the last bar, {utc(last)}", utc(event.time))
    if event.time + bar_length > event.at + CLOCK:
        raise DataError("time", "must be of a bar that has closed by now", utc(event.time))
    if even and last != NEVER and (event.time - last) % bar_length:
        rule = f"must be whole bars of {bar_length // 10**9} seconds after the last one, {utc(last)}"
        raise DataError("time", rule, utc(event.time))
