"""Charts as SVG text: pure functions, no library, no script.

Colours, dashes and fonts come from the page: a chart only names them (``policy``, ``hold``, ``random``,
``flat``, ``reference`` ...), so it follows the reader's dark or light scheme and prints well. Text is 13 px
in the chart's own units; `responsive` draws a chart at three widths, of which the page shows the one
that fits, so that the text is never much smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from regimen.charts.axes import stretches, thin
from regimen.charts.frame import (
    Frame,
    Words,
    Write,
    frame_for,
    grid,
    labels_below,
    px,
    svg,
    ticks_below,
    value_range,
)

Series = NDArray[np.float64]

WIDTHS = {"wide": 1000, "middle": 640, "narrow": 350}
"""The widths that a page shows on a desktop, a tablet and a phone, in CSS pixels."""

_POINTS_PER_PIXEL = 1.5


@dataclass(frozen=True, eq=False)
class Line:
    """One line: (time,) positions (nanoseconds since 1970, or plain numbers) and values, NaN for a gap."""

    style: str
    x: Series
    y: Series


@dataclass(frozen=True, eq=False)
class Ribbon:
    """A filled range between two lines over the same positions."""

    style: str
    x: Series
    low: Series
    high: Series


def responsive(draw: Callable[[int], str]) -> str:
    """Draws a chart at each of the three widths; the page's style sheet shows one of them."""
    return "".join(f'<div class="chart {size}">{draw(width)}</div>' for size, width in WIDTHS.items())


def _path(frame: Frame, x: Series, y: Series) -> str:
    across, down = frame.x(x), frame.y(y)
    parts, pen = [], "M"
    for a, d in zip(across.tolist(), down.tolist(), strict=True):
        if not math.isfinite(d):
            pen = "M"
            continue
        parts.append(f"{pen}{a:.1f} {d:.1f}")
        pen = "L"
    path = "".join(parts)  # as `px` writes each number, for tens of thousands of them
    for after in " LM":
        path = path.replace(f".0{after}", after)
    return path.removesuffix(".0")


def _ribbon(frame: Frame, x: Series, low: Series, high: Series) -> str:
    """A closed shape between two lines; what is unknown at either side is left out."""
    known = np.isfinite(frame.y(low)) & np.isfinite(frame.y(high))
    if not known.any():
        return ""
    x, low, high = x[known], low[known], high[known]
    return _path(frame, x, high) + "L" + _path(frame, x[::-1], low[::-1])[1:] + "Z"


def line_chart(
    words: Words,
    lines: Sequence[Line],
    width: int,
    height: int,
    *,
    write: Write,
    bands: Sequence[Ribbon] = (),
    log: bool = False,
    is_time: bool = True,
    fill: str | None = None,
    heavy: float | None = None,
    include: Sequence[float] = (),
    marks: Sequence[float] = (),
) -> str:
    """Draws lines, and bands behind them, over a time or number axis.

    Args:
        words: title and sentence.
        lines: drawn in order, the last on top; each is thinned to 1.5 points a pixel, extremes kept.
        width, height: of the picture, px.
        write: writes a value of the y axis.
        bands: filled ranges.
        log: a logarithmic y axis; values at or below zero are left out.
        is_time: x counts nanoseconds since 1970; else plain numbers.
        fill: style of the line whose area down to zero is filled.
        heavy: the y value whose grid line is drawn as an axis.
        include: y values that must lie inside the range.
        marks: x values inside the range that get a vertical line.
    """
    points = int(_POINTS_PER_PIXEL * width)
    lines = [Line(line.style, *thin(line.x, line.y, points)) for line in lines]
    edges = [edge for band in bands for edge in (band.low, band.high)]
    clocks = [*(line.x for line in lines), *(band.x for band in bands)]
    xs = np.concatenate([np.zeros(0), *(at[[0, -1]] for at in clocks if len(at))])
    x_range = (float(xs.min()), float(xs.max())) if len(xs) else (0.0, 1.0)
    y_range = value_range([*(line.y for line in lines), *edges], log=log, include=include)
    frame = frame_for(width, height, x_range, y_range, write, log)
    body = [grid(frame, write, heavy), labels_below(frame, ticks_below(frame, is_time=is_time))]
    body += [
        f'<path class="fill {escape(band.style)}" d="{_ribbon(frame, band.x, band.low, band.high)}"/>' for band in bands
    ]
    for mark in marks:
        if x_range[0] <= mark <= x_range[1]:
            body.append(f'<path class="mark dashed" d="M{px(frame.at_x(mark))} {px(frame.top)}V{px(frame.floor)}"/>')
    for line in lines:
        if line.style == fill:
            area = _ribbon(frame, line.x, line.y, np.zeros_like(line.y))
            body.append(f'<path class="fill {escape(line.style)}" d="{area}"/>')
        body.append(f'<path class="line {escape(line.style)}" d="{_path(frame, line.x, line.y)}"/>')
    return svg(words, width, height, "".join(body))


def step_area(words: Words, style: str, x: Series, y: Series, width: int, height: int, *, write: Write) -> str:
    """Draws what is held for a while, such as an exposure: a stepped area around zero.

    A series with more steps than the picture can show is drawn as the mean of each stretch, with its lowest
    and highest value as a pale band behind.
    """
    points = width // 2
    at, mean, low, high = stretches(x, y, points)
    end = float(x[-1]) if len(x) else 1.0
    y_range = value_range([low, high], log=False, include=[0.0])
    frame = frame_for(width, height, (float(x[0]) if len(x) else 0.0, end), y_range, write, log=False)

    def steps(values: Series) -> tuple[Series, Series]:
        return np.append(np.repeat(at, 2)[1:], end), np.repeat(values, 2)

    body = [grid(frame, write, 0.0), labels_below(frame, ticks_below(frame, is_time=True))]
    if len(at):
        if len(y) > points:
            across, lowest = steps(low)
            body.append(f'<path class="fill {style} pale" d="{_ribbon(frame, across, lowest, steps(high)[1])}"/>')
        across, level = steps(mean)
        body.append(f'<path class="fill {style}" d="{_ribbon(frame, across, level, np.zeros_like(level))}"/>')
        body.append(f'<path class="line thin {style}" d="{_path(frame, across, level)}"/>')
    return svg(words, width, height, "".join(body))


def bars(
    words: Words,
    labels: Sequence[tuple[float, str]],
    groups: Sequence[tuple[str, Sequence[float]]],
    width: int,
    height: int,
    *,
    write: Write,
    mark: tuple[float, str] | None = None,
) -> str:
    """Draws upright bars side by side; several groups are stacked, each sign away from zero.

    Args:
        words: title and sentence.
        labels: (position, text) below the bars: 0 is the left edge of the first bar, 0.5 its middle. Labels
            that would collide are left out.
        groups: (style, one value for each bar), all equally long; NaN draws nothing.
        width, height: of the picture, px.
        write: writes a value of the y axis.
        mark: the position of a vertical line, and its style.
    """
    stack = np.array([values for _, values in groups], dtype=np.float64)
    stack = np.where(np.isfinite(stack), stack, 0.0)
    many = max(1, stack.shape[1])
    total = [np.where(stack > 0, stack, 0.0).sum(axis=0), np.where(stack < 0, stack, 0.0).sum(axis=0)]
    y_range = value_range(total, log=False, include=[0.0])
    frame = frame_for(width, height, (0.0, float(many)), y_range, write, log=False)
    slot = (frame.width - frame.left - frame.right) / many
    gap = min(0.25 * slot, 6.0)
    body = [grid(frame, write, 0.0), labels_below(frame, labels)]
    up, down = np.zeros(many), np.zeros(many)
    for (style, _), values in zip(groups, stack, strict=True):
        shapes = []
        for position, value in enumerate(values.tolist()):
            if value == 0:
                continue
            edge = up if value > 0 else down
            start, stop = frame.at_y(edge[position]), frame.at_y(edge[position] + value)
            edge[position] += value
            shapes.append(
                f"M{px(frame.left + slot * position + gap / 2)} {px(start)}h{slot - gap:.2f}"
                f"V{px(stop)}h{gap - slot:.2f}Z"
            )
        body.append(f'<path class="bar {escape(style)}" d="{"".join(shapes)}"/>')
    if mark is not None:
        x = px(frame.at_x(mark[0]))
        body.append(f'<path class="line {escape(mark[1])}" d="M{x} {px(frame.top)}V{px(frame.floor)}"/>')
    return svg(words, width, height, "".join(body))
