"""A strip of dots on one axis: the scores of several seeds, with their centre and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from regimen.charts.axes import nice_ticks
from regimen.charts.frame import LETTER, Words, Write, px, svg, value_range

_RADIUS = 5.5
_MIDDLE, _FLOOR, _HEIGHT = 40.0, 72.0, 96.0
_LANES = (0, -1, 1, -2, 2)
_MARGIN = 22.0


@dataclass(frozen=True)
class Strip:
    """What a strip shows.

    Attributes:
        values: one dot each.
        own: position of the dot that is drawn heavier; None: no dot.
        centre: drawn as an upright line.
        interval: of the centre, drawn as a band.
    """

    values: Sequence[float]
    own: int | None
    centre: float
    interval: tuple[float, float]


def _lanes(places: Sequence[float]) -> list[int]:
    """For each dot a lane above or below the line, so that dots that would touch are told apart."""
    ends = dict.fromkeys(_LANES, float("-inf"))
    lanes = [0] * len(places)
    for position in sorted(range(len(places)), key=lambda position: places[position]):
        free = [lane for lane in _LANES if places[position] - ends[lane] >= 2 * _RADIUS]
        lanes[position] = free[0] if free else min(_LANES, key=lambda lane: ends[lane])
        ends[lanes[position]] = places[position]
    return lanes


def dot_strip(words: Words, strip: Strip, width: int, *, write: Write) -> str:
    """Draws the strip on a scale that holds all its values and zero.

    Args:
        words: title and sentence.
        strip: what is drawn; no value is NaN.
        width: of the picture, px.
        write: writes a value of the axis.
    """
    low, high = value_range([np.array([*strip.values, *strip.interval])], log=False, include=[0.0])

    def x(value: float) -> float:
        return _MARGIN + (value - low) / (high - low) * (width - 2 * _MARGIN)

    body, free = [], float("-inf")
    for tick in nice_ticks(low, high, max(3, width // 110)):
        label = write(tick)
        half = 0.5 * LETTER * len(label)
        at = min(max(x(tick), half), width - half)
        body.append(f'<path class="{"axis" if tick == 0 else "grid"}" d="M{px(x(tick))} 6V{px(_FLOOR)}"/>')
        if at - half >= free:
            free = at + half + 8
            body.append(f'<text class="tick mid" x="{px(at)}" y="{px(_FLOOR + 17)}">{escape(label)}</text>')
    start, end = x(strip.interval[0]), x(strip.interval[1])
    body.append(f'<path class="fill random" d="M{px(start)} 10H{px(end)}V{px(_FLOOR - 4)}H{px(start)}Z"/>')
    body.append(f'<path class="line centre" d="M{px(x(strip.centre))} 10V{px(_FLOOR - 4)}"/>')
    places = [x(value) for value in strip.values]
    lanes = _lanes(places)
    # The own dot comes last and lies on top.
    for position in sorted(range(len(places)), key=lambda position: position == strip.own):
        style = "policy" if position == strip.own else "other"
        y = _MIDDLE + 2 * _RADIUS * lanes[position]
        body.append(f'<circle class="dot {style}" cx="{px(places[position])}" cy="{px(y)}" r="{px(_RADIUS)}"/>')
    return svg(words, width, _HEIGHT, "".join(body))
