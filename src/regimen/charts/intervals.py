"""Interval plots for the cells of a table: dots with whiskers on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from regimen.charts.axes import nice_ticks
from regimen.charts.frame import LETTER, Words, Write, px, svg, value_range

_ROW = 20.0


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


def dot_ranges(
    words: Words,
    rows: Sequence[tuple[str, float | None, tuple[float | None, float | None], str]],
    width: int,
    *,
    write: Write = lambda value: f"{value:g}".replace("-", "−"),
) -> str:
    """Draws named dots with their intervals below each other on one scale that holds zero.

    Args:
        words: title and sentence.
        rows: name, value, ends of its interval, style; what is None is not drawn.
        width: of the picture, px.
        write: writes a value of the axis.
    """
    left = min(0.45 * width, 16 + LETTER * max((len(name) for name, *_ in rows), default=1))
    known = [value for _, middle, ends, _ in rows for value in (middle, *ends) if value is not None]
    low, high = value_range([np.array(known, dtype=np.float64)], log=False, include=[0.0])
    floor = 8 + _ROW * len(rows)

    def x(value: float) -> str:
        return px(left + (value - low) / (high - low) * (width - left - 24))

    body = []
    for tick in nice_ticks(low, high, max(2, int((width - left) // 110))):
        style = "axis" if tick == 0 else "grid"
        body.append(f'<path class="{style}" d="M{x(tick)} 4V{px(floor)}"/>')
        body.append(f'<text class="tick mid" x="{x(tick)}" y="{px(floor + 18)}">{escape(write(tick))}</text>')
    letters = max(4, int((left - 16) // LETTER))
    for number, (name, middle, (start, end), style) in enumerate(rows):
        at = 8 + _ROW * number + _ROW / 2
        shown = name if len(name) <= letters else f"{name[: letters - 1]}…"
        body.append(f'<text class="tick end" x="{px(left - 10)}" y="{px(at)}" dy=".35em">{escape(shown)}</text>')
        if start is not None and end is not None:
            body.append(f'<path class="whisker {escape(style)}" d="M{x(start)} {px(at)}H{x(end)}"/>')
        if middle is not None:
            body.append(f'<circle class="dot {escape(style)}" cx="{x(middle)}" cy="{px(at)}" r="4"/>')
    return svg(words, width, floor + 28, "".join(body))
