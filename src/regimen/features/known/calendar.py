"""The calendar of a bar, and of bars to come: the hour of the day and of the week, as points on a circle."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np

from regimen.features.feature import Feature
from regimen.features.known.columns import calendar_columns
from regimen.jit import jit
from regimen.scan import Bar

CALENDAR = "calendar"
"""The group of its columns."""

DAY, WEEK = 86_400_000_000_000, 604_800_000_000_000  # in ns
MONDAY = 345_600_000_000_000
"""1970 began on a Thursday: its first Monday, in ns."""


class CalendarState(NamedTuple):
    """The start of the symbol's last bar, and the smallest step between two of its bars so far; 0 before there is."""

    seen: int = 0
    last: int = 0
    step: int = 0


@jit
def calendar_step(
    state: CalendarState, bar: Bar, ahead: float
) -> tuple[CalendarState, tuple[float, float, float, float]]:
    """Sine and cosine of the hour of the day and of the hour of the week, UTC, of the bar ``ahead`` bars later.

    That is ``ahead`` times the smallest step between two bars of the symbol so far: by the clock, so that a closed
    market (a night, a weekend) counts as if it were open.
    """
    gap = bar.time - state.last
    step = gap if state.seen == 1 or (state.seen > 1 and gap < state.step) else state.step
    after = CalendarState(state.seen + 1, bar.time, step)
    if state.seen == 0 and ahead > 0.0:
        return after, (np.nan, np.nan, np.nan, np.nan)
    time = bar.time + int(ahead) * step
    day = 2.0 * pi * ((time % DAY) / DAY)
    week = 2.0 * pi * (((time - MONDAY) % WEEK) / WEEK)
    return after, (sin(day), cos(day), sin(week), cos(week))


def calendar(ahead: Sequence[int]) -> tuple[Feature, ...]:
    """Returns the calendar so many bars ahead, 0 being the bar itself; four columns each."""
    return tuple(
        Feature(
            names=calendar_columns([bars]),
            group=CALENDAR,
            step=calendar_step,
            state=CalendarState(),
            params=(float(bars),),
            warmup=min(bars, 1),
            about="Hour of the day and of the week as points on a circle, so many bars ahead by the clock.",
        )
        for bars in ahead
    )
