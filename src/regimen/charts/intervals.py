"""Interval plots for the cells of a table: dots with whiskers on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from regimen.charts.axes import nice_ticks
from regimen.charts.frame import Words, Write, px, svg, value_range


@dataclass(frozen=True)
class IntervalScale:
    """One scale that the interval plots of a table share: a header with ticks, a row for each interval."""

    low: float
    high: float
    width: int = 180

    @classmethod
    def around(cls, values: Sequence[float | None], width: int = 180) -> IntervalScale:
        """The scale that holds all known values and zero."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        low, high = value_range([np.array(known, dtype=np.float64)], log=False, include=[0.0])
        return cls(low, high, width)

    def _x(self, value: float) -> float:
        return 14 + (value - self.low) / (self.high - self.low) * (self.width - 28)

    def _lines(self, height: int, top: int = 0) -> str:
        return "".join(
            f'<path class="{"axis" if tick == 0 else "grid"}" d="M{px(self._x(tick))} {top}V{height}"/>'
            for tick in nice_ticks(self.low, self.high, 3)
        )

    def header(self, words: Words, write: Write) -> str:
        """The tick labels."""
        labels = "".join(
            f'<text class="tick mid" x="{px(self._x(tick))}" y="14">{escape(write(tick))}</text>'
            for tick in nice_ticks(self.low, self.high, 3)
        )
        return svg(words, self.width, 24, labels + self._lines(24, 19))

    def row(self, words: Words, style: str, ends: tuple[float | None, float | None], middle: float | None) -> str:
        """A dot with its whiskers; only what is known is drawn."""
        height, half = 44, 22
        body = self._lines(height)
        low, high = ends
        if low is not None and high is not None:
            body += (
                f'<path class="whisker {escape(style)}" '
                f'd="M{px(self._x(low))} {half}H{px(self._x(high))}'
                f'M{px(self._x(low))} {half - 5}v10M{px(self._x(high))} {half - 5}v10"/>'
            )
        if middle is not None:
            body += f'<circle class="dot {escape(style)}" cx="{px(self._x(middle))}" cy="{half}" r="5"/>'
        return svg(words, self.width, height, body)
