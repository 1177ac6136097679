"""The interval plot of a comparison: one row for each run, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from regimen.charts import LETTER, Words, Write, nice_ticks, px, svg, value_range

Place = Callable[[float], float]
"""Where a value lies, px."""

_TOP, _BELOW, _RIGHT = 8.0, 26.0, 14.0
_ROW, _STACKED = 40.0, 52.0
_NARROW = 480
"""Below this width a label stands above its row, not before it."""


@dataclass(frozen=True)
class IntervalRow:
    """One row.

    Attributes:
        label: what it is.
        style: of its marks.
        centre: the large dot; NaN: none.
        inner: drawn as whiskers; NaN ends: none.
        outer: drawn as a pale bar behind; NaN ends: none.
        dots: small circles.
    """

    label: str
    style: str
    centre: float
    inner: tuple[float, float]
    outer: tuple[float, float]
    dots: Sequence[float] = ()


def interval_rows(
    words: Words, rows: Sequence[IntervalRow], width: int, *, write: Write, mark: tuple[float, str] | None = None
) -> str:
    """Draws the rows on a scale that holds all their values and zero.

    Args:
        words: title and sentence.
        rows: from top to bottom.
        width: of the picture, px.
        write: writes a value of the axis.
        mark: a value and the style of an upright line through all rows.
    """
    stacked = width < _NARROW
    step = _STACKED if stacked else _ROW
    left = 14.0 if stacked else 26.0 + LETTER * max((len(row.label) for row in rows), default=1)
    floor = _TOP + step * len(rows)
    values = [value for row in rows for value in (row.centre, *row.inner, *row.outer, *row.dots)]
    low, high = value_range([np.array(values, dtype=np.float64)], log=False, include=[0.0])

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (width - left - _RIGHT)

    body = [_axis(low, high, x, floor, width, write)]
    for number, row in enumerate(rows):
        top = _TOP + step * number
        y = top + (0.68 if stacked else 0.5) * step
        if number:
            body.append(f'<path class="grid" d="M{"0" if not stacked else px(left)} {px(top)}H{px(width - _RIGHT)}"/>')
        at = f'x="{px(left)}" y="{px(top + 17)}"' if stacked else f'x="0" y="{px(y)}" dy=".35em"'
        body.append(f'<text class="name" {at}>{escape(row.label)}</text>')
        body.append(_marks(row, x, y))
    if mark is not None and math.isfinite(mark[0]):
        place = px(x(mark[0]))
        body.append(f'<path class="line {escape(mark[1])} upright" d="M{place} {px(_TOP)}V{px(floor)}"/>')
    return svg(words, width, floor + _BELOW, "".join(body))


def _axis(low: float, high: float, x: Place, floor: float, width: int, write: Write) -> str:
    parts, free = [], float("-inf")
    for tick in nice_ticks(low, high, max(3, width // 130)):
        at, label = x(tick), write(tick)
        half = 0.5 * LETTER * len(label)
        parts.append(f'<path class="{"axis" if tick == 0 else "grid"}" d="M{px(at)} {px(_TOP)}V{px(floor)}"/>')
        at = min(max(at, half), width - half)
        if at - half >= free:
            free = at + half + 8
            parts.append(f'<text class="tick mid" x="{px(at)}" y="{px(floor + 18)}">{escape(label)}</text>')
    return "".join(parts)


def _marks(row: IntervalRow, x: Place, y: float) -> str:
    style, parts = escape(row.style), []
    if all(math.isfinite(end) for end in row.outer):
        start, end = x(row.outer[0]), x(row.outer[1])
        parts.append(
            f'<rect class="reach {style}" x="{px(start)}" y="{px(y - 7)}" width="{px(end - start)}" height="14"/>'
        )
    if all(math.isfinite(end) for end in row.inner):
        first, last = px(x(row.inner[0])), px(x(row.inner[1]))
        caps = f"M{first} {px(y - 6)}v12M{last} {px(y - 6)}v12"
        parts.append(f'<path class="whisker {style}" d="M{first} {px(y)}H{last}{caps}"/>')
    parts += [
        f'<circle class="seed {style}" cx="{px(x(dot))}" cy="{px(y)}" r="3.5"/>'
        for dot in row.dots
        if math.isfinite(dot)
    ]
    if math.isfinite(row.centre):
        parts.append(f'<circle class="dot {style}" cx="{px(x(row.centre))}" cy="{px(y)}" r="5.5"/>')
    return "".join(parts)
