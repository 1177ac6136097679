"""Dots over two axes, with lines between some of them: trials of a search, and the best of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from regimen.charts.axes import log_ticks
from regimen.charts.frame import Words, Write, frame_for, grid, labels_below, px, svg, ticks_below, value_range

_RADIUS = 4.5


@dataclass(frozen=True)
class Dot:
    """One dot: its place, its style, and what a pointer over it reads."""

    x: float
    y: float
    style: str
    title: str = ""


def scatter(
    words: Words,
    dots: Sequence[Dot],
    width: int,
    height: int,
    *,
    write: Write,
    line: Sequence[tuple[float, float]] = (),
    log: bool = False,
    labels: Sequence[str] | None = None,
) -> str:
    """Draws dots, the last on top, and a line under them; what is no number is left out.

    Args:
        words: title and sentence.
        dots: in their order.
        width, height: of the picture, px.
        write: writes a value of either axis.
        line: points that are joined, in their order.
        log: a logarithmic x axis; all x are positive.
        labels: names of the places 0, 1, … of the x axis, in place of numbers.
    """

    def at(x: float) -> float:
        return math.log(x) if log else x

    known = [dot for dot in dots if math.isfinite(dot.x) and math.isfinite(dot.y)]
    joined = [(x, y) for x, y in line if math.isfinite(x) and math.isfinite(y)]
    xs = [at(x) for x in (*(dot.x for dot in known), *(x for x, _ in joined))]
    ys = np.array([*(dot.y for dot in known), *(y for _, y in joined)], dtype=np.float64)
    if labels is not None:
        ends = (-0.5, len(labels) - 0.5)
    else:
        ends = value_range([np.array(xs, dtype=np.float64)], log=False, include=[]) if xs else (0.0, 1.0)
    frame = frame_for(width, height, ends, value_range([ys], log=False, include=[]), write, log=False)
    body = [grid(frame, write, None)]
    if labels is not None:
        body.append(labels_below(frame, [(float(place), label) for place, label in enumerate(labels)]))
    elif log and xs:
        about = max(2, width // 110)
        ticks = log_ticks(math.exp(min(xs)), math.exp(max(xs)), about)
        body.append(labels_below(frame, [(math.log(tick), write(tick)) for tick in ticks]))
    else:
        body.append(labels_below(frame, ticks_below(frame, is_time=False)))
    if len(joined) > 1:
        path = "L".join(f"{px(frame.at_x(at(x)))} {px(frame.at_y(y))}" for x, y in joined)
        body.append(f'<path class="line reference" d="M{path}"/>')
    for dot in known:
        place = f'cx="{px(frame.at_x(at(dot.x)))}" cy="{px(frame.at_y(dot.y))}" r="{_RADIUS}"'
        title = f"<title>{escape(dot.title)}</title>" if dot.title else ""
        body.append(f'<circle class="dot {escape(dot.style)}" {place}>{title}</circle>')
    return svg(words, width, height, "".join(body))
