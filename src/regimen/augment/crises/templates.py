"""Four crises as they were: what a path of each must have in common with the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from regimen.augment.crises.falls import PriceJumps

HOUR, MINUTE = 3_600_000_000_000, 60_000_000_000
TemplateName = Literal["covid-2020", "luna-2022", "ftx-2022", "flash-crash"]


@dataclass(frozen=True)
class Template:
    """A crisis as it was measured, by closes of one length of bar.

    Attributes:
        name: what a config calls it.
        step: nanoseconds of the bars that it was measured on.
        steps: from the peak to the trough.
        drawdown: of the trough, as a share of the peak.
        volatility: standard deviation of the log returns between the two, per step.
        jumps: the large returns among them.
        rebound: share of the log fall that was regained in as many steps after the trough; 0: the path goes on from the
            trough.
        turnover: money traded in a step of the fall, as a multiple of that in the 30 days before.
        correlation: mean correlation of hourly returns between two coins.
        known: when all of this had happened, UTC.
    """

    name: TemplateName
    step: int
    steps: int
    drawdown: float
    volatility: float
    jumps: PriceJumps
    rebound: float
    turnover: float
    correlation: float
    known: np.datetime64

    @property
    def length(self) -> int:
        """Steps of the whole crisis: the fall, and as many after it where there is a rebound."""
        return self.steps * (2 if self.rebound else 1)

    def bars(self, bar_length: int) -> int:
        """Returns how many bars of a length the crisis lasts."""
        return -(-self.length * self.step // bar_length)


TEMPLATES: dict[TemplateName, Template] = {
    "covid-2020": Template(
        name="covid-2020",
        step=HOUR,
        steps=174,
        drawdown=0.5486,
        volatility=0.0240,
        jumps=PriceJumps(0.046, -0.0847, 0.0700, 0.0066),
        rebound=0.53,
        turnover=1.4,
        correlation=0.94,
        known=np.datetime64("2020-03-20T08:00", "ns"),
    ),
    "luna-2022": Template(
        name="luna-2022",
        step=HOUR,
        steps=161,
        drawdown=0.9917,
        volatility=0.1085,
        jumps=PriceJumps(0.174, -0.1529, 0.2172, 0.0215),
        rebound=0.0,
        turnover=2.0,
        correlation=0.80,
        known=np.datetime64("2022-05-11T13:00", "ns"),
    ),
    "ftx-2022": Template(
        name="ftx-2022",
        step=HOUR,
        steps=114,
        drawdown=0.2655,
        volatility=0.0108,
        jumps=PriceJumps(0.096, -0.0182, 0.0272, 0.0048),
        rebound=0.17,
        turnover=1.8,
        correlation=0.74,
        known=np.datetime64("2022-11-14T16:00", "ns"),
    ),
    "flash-crash": Template(
        name="flash-crash",
        step=MINUTE,
        steps=63,
        drawdown=0.1924,
        volatility=0.0100,
        jumps=PriceJumps(0.095, -0.0298, 0.0094, 0.0044),
        rebound=0.53,
        turnover=9.7,
        correlation=0.67,
        known=np.datetime64("2021-12-04T06:31", "ns"),
    ),
}
"""Measured by ``regimen bench crises``, which prints these figures beside those of the data:

``covid-2020``: Bitcoin, 5 to 13 March 2020, hourly (Binance spot). ``luna-2022``: the coin LUNA, 4 to 11 May 2022,
hourly, until the day on which it first traded below a dollar; it fell on to 0.00005 by the 13th, so there is no
rebound, and its turnover is that of Bitcoin at the time. ``ftx-2022``: Bitcoin, 5 to 9 November 2022, hourly.
``flash-crash``: Bitcoin, 4 December 2021, 04:24 to 05:27, by the minute. Correlations are those of the coins with
hourly closes at the time (18 or 19; Bitcoin and BNB in 2020; over the three days around the flash crash).
"""
